"""The commands of README.md and docs/guide/, typed one after the other as they stand there, and what the pages say they print."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest

import brokers

TIMEOUT_S = 60
PAGES = sorted(["README.md", *(f"docs/guide/{path.name}" for path in (brokers.ROOT / "docs" / "guide").glob("*.md"))])

# Only other ports, so that the pages' commands run where a node runs already; everything else is as a user has it.
WEIR = """#!/bin/sh
if [ "$1" = start ]; then
  shift
  exec "{binary}" start "$@" --override listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller} \\
    --override controller.quorum.bootstrap.servers=127.0.0.1:{controller} --override weir.http.listener=127.0.0.1:{http}
fi
exec "{binary}" "$@"
"""

SERVER_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=kafka-data
"""

# What has happened before the page, or before one of its commands: (page, start of the command): shell commands.
BEFORE = {
    ("docs/guide/consume.md", "weir consume orders --from -2"): ["weir topic create orders -p 3", "seq 300 | weir produce orders"],
    ("docs/guide/produce.md", "echo hello"): [
        "printf 'k1\\tv1\\n' > monday.tsv; printf 'k2\\tv2\\n' > tuesday.tsv"],
    ("docs/guide/config.md", "weir config set topic orders"): ["weir topic create orders"],
    ("docs/guide/cluster.md", "weir cluster status"): ["weir topic create orders -p 3"],
    ("docs/guide/groups.md", "weir group list"): [
        "weir topic create orders -p 1", "seq 4 | weir produce orders", "weir consume orders --group billing --count 4",
        "seq 2 | weir produce orders"],
    ("docs/guide/groups.md", "weir group reset-offsets billing --topic"): ["seq 2 | weir produce orders"],
    ("docs/guide/log-dump.md", "weir log dump weir-data/orders-0"): [
        "weir topic create orders -p 1", "echo one | weir produce orders", "weir consume orders --group g --count 1"],
    ("docs/guide/topics.md", "weir topic offsets orders"): [
        "for p in 0 0 1 1 2; do echo r | weir produce orders -p $p; done"],
}
# What a machine may lack, and what the test of the installation does.
NEEDS = {"kcat": "kcat", "curl": "curl"}
SKIPPED = ("make run",)


def commands_of(page: str) -> list[tuple[str, list[str]]]:
    """(command, the lines that the page shows below it): of console blocks, in README.md of indented ones."""
    text = (brokers.ROOT / page).read_text(encoding="utf-8")
    if page == "README.md":
        return [(line.strip(), []) for line in re.findall(r"^    (\S.*)$", text, re.MULTILINE)]
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def masked(line: str) -> str:
    """Without what differs from run to run: times, rates, ids, ports and how full a disk is. A rate of nothing has no unit in common with another."""
    line = re.sub(r"[\d.]+ (ns|us|ms|s|B/s|KiB/s|MiB/s)\b", "TIME", line)
    line = re.sub(r"\bid [\w-]{22}\b", "id ID", line)
    line = re.sub(r"\b\d+%", "N%", line)
    # A longer port makes its column wider.
    return re.sub(r" {2,}", "  ", re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", line)).rstrip()


class Desk:
    """A folder with a shell in which `weir` is the one that was built, and a node if the page does not start its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port, self.controller, self.http = brokers.free_ports(3)
        for where in (folder / "bin", folder / "build"):
            where.mkdir()
            script = where / "weir"
            script.write_text(WEIR.format(binary=brokers.weir_binary(), port=self.port, controller=self.controller, http=self.http))
            script.chmod(0o755)
        (folder / "server.properties").write_text(SERVER_PROPERTIES)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, command: str) -> subprocess.Popen[str]:
        command = command.replace("127.0.0.1:9092", f"127.0.0.1:{self.port}").replace("127.0.0.1:9644", f"127.0.0.1:{self.http}")
        environment = os.environ | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "WEIR_BOOTSTRAP": f"127.0.0.1:{self.port}"}
        process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, env=environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.started.append(process)
        return process

    def run(self, command: str) -> list[str]:
        process = self.start(command)
        out = process.communicate(timeout=TIMEOUT_S)[0]
        assert process.returncode == 0, f"$ {command}\n{out}"
        return out.splitlines()

    def start_node(self, command: str) -> tuple[subprocess.Popen[str], list[str]]:
        """A node in the foreground: returns when it says that it is ready, with that line."""
        process = self.start(command)
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if " ready on " in line:
                # Read on, so that the node never waits for the pipe.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return process, [line.rstrip("\n")]
        raise AssertionError(f"$ {command}\n" + "\n".join(lines))

    def run_until_records_come(self, command: str) -> list[str]:
        """A command that follows a topic: it gets a record, then Ctrl-C."""
        process = self.start(command)
        feeding = threading.Event()

        def feed() -> None:
            while not feeding.wait(0.05):
                self.run("echo more | weir produce orders --quiet")

        feeder = threading.Thread(target=feed)
        feeder.start()
        first = process.stdout.readline()
        feeding.set()
        feeder.join()
        os.killpg(process.pid, signal.SIGINT)
        out = first + process.communicate(timeout=TIMEOUT_S)[0]
        assert process.returncode == 0, f"$ {command}\n{out}"
        return out.splitlines()

    def stop_node(self, process: subprocess.Popen[str]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def follows(command: str) -> bool:
    return "weir consume" in command and "--count" not in command and ("--follow" in command or "--group" in command)


def type_command(desk: Desk, command: str) -> list[str]:
    if follows(command):
        return desk.run_until_records_come(command)
    if re.match(r"(\S*/)?weir start", command):
        node, shown = desk.start_node(command)
        desk.stop_node(node)
        return shown
    return desk.run(command)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_do_what_it_says(page, desk):
    commands = commands_of(page)
    node = None if any("weir start" in command for command, _ in commands) else desk.start_node("weir start")[0]
    for command, shown in commands:
        needed = [tool for word, tool in NEEDS.items() if word in command.split() and shutil.which(tool) is None]
        if command in SKIPPED or needed:
            print(f"not run: {command}", *(f"(no {tool} here)" for tool in needed))
            continue
        for (place, beginning), steps in BEFORE.items():
            if place == page and command.startswith(beginning):
                for step in steps:
                    desk.run(step)
        printed = type_command(desk, command)
        if shown:
            assert [masked(line) for line in printed] == [masked(line) for line in shown], f"$ {command}"
    if node is not None:
        desk.stop_node(node)
