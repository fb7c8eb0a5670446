"""Machines for nodes on one real one: each with a disk of its own that can be full, or with a network interface of its own whose links can be cut.

A machine is a set of namespaces that a waiting process holds; a broker that has a machine is started in it (brokers.Broker.machine). What is cut
here loses packets without a word, as a switch that fails does: no connection breaks of it, nobody is told.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import subprocess

CLIENT = 0  # Where the test's own clients are, among the machines of a network.
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_NOBODY = "02:00:00:00:ff:ff"


class NoNamespaces(Exception):
    """This real machine gives no namespaces; the message says why."""


class Machine:
    """Held until close(). With `disk`, that directory is a small file system of its own, seen through `root` from outside."""

    def __init__(self, network: bool = False, disk: tuple[pathlib.Path, int] | None = None) -> None:
        self.address = "127.0.0.1"
        as_root = os.geteuid() == 0
        kinds = (["--net"] if network else []) + (["--mount"] if disk else [])
        script = 'if [ -n "$1" ]; then mount -t tmpfs -o size="$2" weir "$1" || exit 1; fi; echo held; exec cat'
        path, size = disk or ("", 0)
        # It reads what never comes, and so ends with this process if not before.
        self._holder = subprocess.Popen(["unshare", *([] if as_root else ["--map-root-user"]), *kinds, "sh", "-c", script, "sh", str(path), str(size)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self._holder.stdout.readline() != b"held\n":
            raise NoNamespaces(self._holder.communicate()[1].decode().strip())
        # The directory in which a process is started is the same on all machines, but for the disk.
        self.enter = ["nsenter", f"--target={self._holder.pid}", *kinds, *([] if as_root else ["--user", "--preserve-credentials"]), "--wd=."]
        self.root = pathlib.Path(f"/proc/{self._holder.pid}/root") if disk else pathlib.Path("/")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def seen(self, path: pathlib.Path) -> pathlib.Path:
        """A file of this machine, as this process reaches it."""
        return self.root / path.relative_to("/")

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Network:
    """Machines by number, from 1, on one switch, and this thread with the threads and processes that it starts beside them as CLIENT, in a
    network namespace of its own until close(). No name is used outside of it, so networks of several tests do not meet."""

    def __init__(self, count: int) -> None:
        if os.geteuid() != 0:
            raise NoNamespaces("needs root")
        self.machines: dict[int, Machine] = {}
        self._former = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        if _LIBC.unshare(_CLONE_NEWNET) != 0:
            error = OSError(ctypes.get_errno(), "unshare")
            os.close(self._former)
            raise NoNamespaces(str(error))
        try:
            self._build(count)
        except BaseException:
            self.close()
            raise

    def _build(self, count: int) -> None:
        numbers = range(1, count + 1)
        self._ip(CLIENT, "link set lo up", f"link add switch address {_mac(CLIENT)} type bridge",
                 f"address add {_address(CLIENT)}/24 dev switch", "link set switch up")
        for number in numbers:
            machine = self.machines[number] = Machine(network=True)
            machine.address = _address(number)
            self._ip(CLIENT, f"link add {_port(number)} type veth peer name lan address {_mac(number)} netns {machine.pid}",
                     f"link set {_port(number)} master switch up")
            self._ip(number, "link set lo up", f"address add {machine.address}/24 dev lan", "link set lan up")
        self.heal()

    def cut(self, one: int, other: int) -> None:
        """Neither hears of the other any more; others hear both."""
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def cut_one_way(self, source: int, target: int) -> None:
        """What `source` sends does not come to `target`; the other way is open."""
        self._lead(source, {target: _NOBODY})

    def join(self, one: int, other: int) -> None:
        """Undoes cuts between the two."""
        self._lead(one, {other: _mac(other)})
        self._lead(other, {one: _mac(one)})

    def unplug(self, number: int) -> None:
        """Pulls the machine's cable, until heal()."""
        self._ip(CLIENT, f"link set {_port(number)} down")

    def heal(self) -> None:
        self._ip(CLIENT, *(f"link set {_port(number)} up" for number in self.machines))
        everybody = [CLIENT, *self.machines]
        for number in everybody:
            self._lead(number, {other: _mac(other) for other in everybody if other != number})

    def _lead(self, source: int, to: dict[int, str]) -> None:
        """Where each target's packets go. Fixed, so that nobody asks around and no answer undoes a cut."""
        interface = "switch" if source == CLIENT else "lan"
        self._ip(source, *(f"neighbour replace {_address(target)} lladdr {mac} dev {interface} nud permanent" for target, mac in to.items()))

    def _ip(self, number: int, *commands: str) -> None:
        """Lines of ip(8), on a machine or where the clients and the switch are."""
        enter = self.machines[number].enter if number != CLIENT else []
        try:
            done = subprocess.run([*enter, "ip", "-batch", "-"], input="\n".join(commands) + "\n", capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise NoNamespaces(str(error)) from None
        if done.returncode != 0:
            raise NoNamespaces(done.stderr.strip())

    def close(self) -> None:
        """The machines must be without brokers."""
        for machine in self.machines.values():
            machine.close()
        if _LIBC.setns(self._former, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(self._former)

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _address(number: int) -> str:
    return f"10.0.0.{number or 254}"


def _mac(number: int) -> str:
    return f"02:00:00:00:00:{number or 254:02x}"


def _port(number: int) -> str:
    return f"port{number}"
