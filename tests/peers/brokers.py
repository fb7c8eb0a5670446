"""Starts and stops one real broker process, weir or Apache Kafka, from one and the same server.properties.

The suites of tests/interop and tests/fault and the benchmarks all get their brokers here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import kafka_jars
import machines

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
KINDS = ("weir", "kafka")
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class BrokerError(Exception):
    """The process did not do what was asked; the message ends with its log's last lines."""


def weir_binary() -> str:
    candidates = [os.environ.get("WEIR_BINARY"), ROOT / "build" / "weir", ROOT / "build" / "release" / "weir"]
    for candidate in candidates:
        if candidate and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return str(candidate)
    raise BrokerError("no weir binary: run `make`, or name one in $WEIR_BINARY")


# Not where the kernel takes the ports of outgoing connections from: one of those would have a port that was free a moment ago.
PORTS = range(10000, 19000)


def free_ports(count: int) -> list[int]:
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            port = random.SystemRandom().choice(PORTS)
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


def server_properties(directory: pathlib.Path, overrides: dict[str, str | None] | None = None) -> str:
    """A combined broker and controller on free ports, as Kafka's own config/server.properties has it; None leaves a setting out."""
    port, controller, http = free_ports(3)
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(directory / "data"),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "weir.http.listener": f"127.0.0.1:{http}",
    }
    settings.update(overrides or {})
    return "".join(f"{key}={value}\n" for key, value in settings.items() if value is not None)


def _die_with_parent() -> None:
    """In the child: a test run that is killed leaves no broker behind."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker:
    """One broker process and its directory. The directory outlives the process, and another kind can open it."""

    def __init__(self, kind: str, directory: pathlib.Path, overrides: dict[str, str | None] | None = None,
                 machine: machines.Machine | None = None) -> None:
        if kind not in KINDS:
            raise ValueError(f"broker kind {kind!r} is none of {KINDS}")
        self.kind = kind
        self.machine = machine
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.properties = self.directory / "server.properties"
        if not self.properties.exists():
            self.properties.write_text(server_properties(self.directory, overrides), encoding="utf-8")
        self.log = self.directory / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def setting(self, key: str) -> str:
        for line in self.properties.read_text(encoding="utf-8").splitlines():
            if line.startswith(key + "="):
                return line[len(key) + 1:]
        raise KeyError(key)

    @property
    def bootstrap(self) -> str:
        return self.setting("advertised.listeners").removeprefix("PLAINTEXT://")

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.bootstrap.rsplit(":", 1)
        return host, int(port)

    @property
    def controllers(self) -> str:
        """Where the controllers listen, of a quorum with fixed voters."""
        return ",".join(voter.split("@", 1)[1] for voter in self.setting("controller.quorum.voters").split(","))

    @property
    def controller_address(self) -> tuple[str, int]:
        """Where this node's controller listens."""
        listeners = dict(one.split("://", 1) for one in self.setting("listeners").split(","))
        host, port = listeners[self.setting("controller.listener.names")].rsplit(":", 1)
        return host, int(port)

    @property
    def data(self) -> pathlib.Path:
        """The log directory, as this process reaches it."""
        path = pathlib.Path(self.setting("log.dirs"))
        return self.machine.seen(path) if self.machine else path

    @property
    def pid(self) -> int:
        if self.process is None:
            raise BrokerError("the broker is not running")
        return self.process.pid

    def as_kind(self, kind: str) -> Broker:
        """The same directory and settings, to be opened by another kind of broker."""
        return Broker(kind, self.directory, machine=self.machine)

    def _on_machine(self, command: list[str]) -> list[str]:
        return [*self.machine.enter, *command] if self.machine else command

    def format(self, *options: str) -> Broker:
        words = ["-t", CLUSTER_ID, "-c", str(self.properties), *options]
        if self.kind == "weir":
            command = [weir_binary(), "format", *words]
        else:
            command = kafka_jars.tool("storage", "format", *words)
        done = subprocess.run(self._on_machine(command), capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise BrokerError(f"{self.kind} format failed: {done.stdout}{done.stderr}")
        return self

    def command(self) -> list[str]:
        if self.kind == "weir":
            return [weir_binary(), "start", str(self.properties)]
        return kafka_jars.java(kafka_jars.BROKER_FLAGS, "kafka.Kafka", str(self.properties),
                               log_config="log4j2-broker.yaml")

    def launch(self, outlives_us: bool = False) -> Broker:
        """Starts the process without waiting for it. It dies with the thread that calls this, if not told otherwise."""
        command = self._on_machine(self.command())
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=self.directory, start_new_session=True,
                                            preexec_fn=None if outlives_us else _die_with_parent)
        return self

    def start(self, outlives_us: bool = False) -> Broker:
        """Starts the process and returns when it says that it is ready."""
        return self.launch(outlives_us).wait_until_ready()

    def wait_until_ready(self) -> Broker:
        ready = b" ready on " if self.kind == "weir" else b"Kafka Server started"
        deadline = time.monotonic() + START_TIMEOUT_S
        while ready not in self._new_log():
            if self.process.poll() is not None:
                raise BrokerError(f"{self.kind} ended with {self.process.returncode} at its start\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerError(f"{self.kind} was not ready in {START_TIMEOUT_S} s\n{self.log_tail()}")
            time.sleep(0.005)
        return self

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Controlled shutdown; an error where the process had ended before or does not end."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is not None:
            raise BrokerError(f"{self.kind} had ended with {process.returncode}\n{self.log_tail()}")
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise BrokerError(f"{self.kind} did not end in {timeout_s:g} s\n{self.log_tail()}") from None
        if process.returncode not in (0, 128 + signal.SIGTERM):  # A JVM ends with 143 after SIGTERM.
            raise BrokerError(f"{self.kind} ended with {process.returncode}\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL: no shutdown, no flush."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.wait()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def status(self, key: str) -> int:
        """A value of /proc/PID/status in KiB, e.g. VmRSS or VmHWM."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise KeyError(key)

    def cpu_seconds(self) -> float:
        """User and system time of all threads of the process so far, ended ones included."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def live_threads_cpu_seconds(self) -> float:
        """As cpu_seconds(), to the nanosecond, but without threads that ended: for a process that has only begun."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text(encoding="utf-8").split()[0]) for one in tasks) / 1e9

    def _new_log(self) -> bytes:
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read()

    def log_tail(self, lines: int = 40) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def create(kind: str, directory: pathlib.Path, overrides: dict[str, str] | None = None) -> Broker:
    """A formatted and started broker in a fresh directory."""
    return Broker(kind, directory, overrides).format().start()
