"""The commands of docs/operations/cluster.md, typed as they stand there: three nodes, one is replaced, a fourth comes and goes, voters change.

The page's addresses are those of a machine of its own, in a network namespace.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess

import pytest
from confluent_kafka.admin import AdminClient

import brokers
import ledger
from cluster import wait_for
from machines import Network, NoNamespaces

PAGE = (brokers.ROOT / "docs" / "operations" / "cluster.md").read_text(encoding="utf-8")
VOTERS = "## Changing the voters"
TOPIC = "orders"
TIMEOUT_S = 120
PARTITIONS = 3


class Desk:
    """A folder with a shell in it, and the nodes that were started there, by id."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.nodes: dict[int, subprocess.Popen[bytes]] = {}
        self._starting: list[int] = []
        tools = folder / "bin"
        tools.mkdir()
        (tools / "weir").symlink_to(brokers.weir_binary())
        for tool in ("reassign-partitions", "cluster"):
            script = tools / f"kafka-{tool}.sh"
            script.write_text(f'#!/bin/sh\nexec "{brokers.ROOT}/tests/peers/kafka" tool {tool} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        self.environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}

    def type(self, command: str) -> None:
        node = int(found[1]) if (found := re.search(r"(?:node-|--id )(\d)", command)) else 0
        if command.startswith("weir start"):
            self._starting.append(node)
            log = open(self.folder / f"log-{node}", "wb")
            self.nodes[node] = subprocess.Popen(command.split(), cwd=self.folder, env=self.environment, stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL)
            return
        self.wait_until_ready()
        if command.startswith("rm -r node-"):
            self.end(node, signal.SIGKILL)
        if command.startswith("kafka-cluster.sh unregister"):
            self.end(node, signal.SIGTERM)
        if "-controller " in command:  # The page says to try again.
            wait_for(command, lambda: self.run(command)[0] == 0, TIMEOUT_S)
            return
        code, out = self.run(command)
        assert code == 0, f"$ {command}\n{out}"
        if "--verify" in command:
            wait_for("the end of the moves", lambda: "in progress" not in self.run(command)[1], TIMEOUT_S)

    def run(self, command: str) -> tuple[int, str]:
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False)
        return done.returncode, done.stdout

    def wait_until_ready(self) -> None:
        for node in self._starting:
            def is_ready(each=node) -> bool:
                log = (self.folder / f"log-{each}").read_bytes()
                assert self.nodes[each].poll() is None, log.decode()
                return b" ready on " in log
            wait_for(f"node {node}", is_ready, TIMEOUT_S)
        self._starting.clear()

    def end(self, node: int, how: signal.Signals) -> None:
        process = self.nodes.pop(node)
        process.send_signal(how)
        code = process.wait(TIMEOUT_S)
        assert how == signal.SIGKILL or code == 0, (self.folder / f"log-{node}").read_text()

    def close(self) -> None:
        for process in self.nodes.values():
            process.kill()
            process.wait()


@pytest.fixture
def desk(tmp_path):
    # With what the page begins with already there: this machine's network is out of reach from the next.
    subprocess.run([brokers.ROOT / "tests" / "peers" / "kafka", "fetch"], check=True, capture_output=True)
    try:
        network = Network(0)
    except NoNamespaces as error:
        pytest.skip(f"no network namespaces here: {error}")
    with network, contextlib.closing(Desk(tmp_path)) as made:
        yield made


def steps(desk: Desk, text: str):
    """Types the commands of each section, and yields its heading when they are done."""
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        for kind, block in blocks:
            if kind == "properties":
                node = re.search(r"^node.id=(\d)$", block, re.MULTILINE)[1]
                (desk.folder / f"node-{node}.properties").write_text(block, encoding="utf-8")
            else:
                for line in block.splitlines():
                    assert line.startswith("$ "), line
                    desk.type(line[2:])
        if blocks:
            desk.wait_until_ready()
            yield section.splitlines()[0]


def replicas(bootstrap: str) -> list[tuple[set[int], set[int]]]:
    """Of each partition, where its replicas are and which are in sync."""
    described = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(TOPIC, timeout=TIMEOUT_S).topics[TOPIC].partitions
    return [(set(one.replicas), set(one.isrs)) for one in described.values()]


def brokers_of(bootstrap: str) -> set[int]:
    return set(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=TIMEOUT_S).brokers)


def test_a_node_is_replaced_and_another_comes_and_goes_under_load(desk):
    bootstrap = "127.0.0.1:19092,127.0.0.1:23092"
    load = None

    def in_sync(nodes: set[int]) -> bool:
        return all(len(where) == 3 and where <= nodes and isr == where for where, isr in replicas(bootstrap))

    try:
        for section in steps(desk, PAGE[:PAGE.index(VOTERS)]):
            if section == "Three nodes":
                desk.type(f"weir topic create {TOPIC} -p {PARTITIONS} --bootstrap 127.0.0.1:19092")
                load = ledger.Load(bootstrap, ledger.Ledger(TOPIC, PARTITIONS), "none", 0.01)
            wait_for("all replicas in sync", lambda: in_sync({1, 2, 3, 4} if section == "Growing" else {1, 2, 3}), TIMEOUT_S)
            if section == "Growing":
                assert any(4 in where for where, _ in replicas(bootstrap))
            load.wait_for_acknowledgements_of_each(20)
        assert section == "Shrinking"
        load.stop()
        wait_for("the fourth to be forgotten", lambda: brokers_of(bootstrap) == {1, 2, 3}, TIMEOUT_S)
        assert load.book.violations(ledger.read_back(bootstrap, TOPIC, PARTITIONS)) == []
    finally:
        if load:
            load.abandon()
    for node in (1, 2):
        desk.end(node, signal.SIGTERM)


def test_voters_are_changed(desk):
    for section in steps(desk, PAGE[PAGE.index(VOTERS):]):
        assert section == VOTERS.removeprefix("## ")
    code, out = desk.run("weir quorum describe -o json --bootstrap 127.0.0.1:21092 | python3 -c 'import json, sys; "
                         "print(sorted(voter[\"id\"] for voter in json.load(sys.stdin)[\"voters\"]))'")
    assert (code, out) == (0, "[2, 3, 4]\n")
