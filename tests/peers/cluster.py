"""Several nodes that make one cluster, weir and Apache Kafka in any mix: each a broker and a controller, of a quorum whose voters are fixed if
nobody says otherwise."""

from __future__ import annotations

import base64
import contextlib
import pathlib
import time
import uuid

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic, PartitionMetadata

import brokers
from machines import Machine


class Cluster:
    """Its nodes by id, from 1. Made formatted; start() starts them all. `overrides_of` has the settings of each kind of node. With `first_voters`
    the voters can be changed, and so many of the nodes vote at first. Nodes may have machines of their own, and options of `format`."""

    def __init__(self, directory: pathlib.Path, kinds: list[str], overrides: dict[str, str] | None = None,
                 overrides_of: dict[str, dict[str, str]] | None = None, first_voters: int | None = None,
                 machines: dict[int, Machine] | None = None, format_options: tuple[str, ...] = ()) -> None:
        on = machines or {}
        hosts = [on[i + 1].address if i + 1 in on else "127.0.0.1" for i in range(len(kinds))]
        ports = brokers.free_ports(2 * len(kinds))
        clients = [f"{host}:{port}" for host, port in zip(hosts, ports)]
        controllers = [f"{host}:{port}" for host, port in zip(hosts, ports[len(kinds):])]
        voters = ",".join(f"{i + 1}@{controller}" for i, controller in enumerate(controllers))
        servers = ",".join(controllers)
        quorum = {"controller.quorum.voters": voters} if first_voters is None else {
            "controller.quorum.voters": None, "controller.quorum.bootstrap.servers": servers}
        # An id never begins with the sign of an option.
        directories = ["A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22] for _ in kinds]
        initial = ",".join(f"{i + 1}@{controllers[i]}:{directories[i]}" for i in range(first_voters or 0))
        self.nodes: dict[int, brokers.Broker] = {}
        for i, kind in enumerate(kinds):
            settings = {
                "node.id": str(i + 1),
                "listeners": f"PLAINTEXT://{clients[i]},CONTROLLER://{controllers[i]}",
                "advertised.listeners": f"PLAINTEXT://{clients[i]}",
            } | quorum | (overrides or {}) | (overrides_of or {}).get(kind, {})
            node = brokers.Broker(kind, directory / f"node-{i + 1}", settings, on.get(i + 1))
            options = [] if first_voters is None else ["--initial-controllers", initial] if i < first_voters else ["--no-initial-controllers"]
            self.nodes[i + 1] = node.format(*format_options, *options)

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes.values())

    def change_kind(self, node: int, kind: str) -> None:
        """A stopped node is another kind of broker from now on, with the same settings and data."""
        self.nodes[node] = self.nodes[node].as_kind(kind)

    def start(self, *ids: int) -> Cluster:
        """Those, or all, at once: none is ready without a majority."""
        started = [self.nodes[node] for node in ids] or list(self.nodes.values())
        for node in started:
            node.launch()
        for node in started:
            node.wait_until_ready()
        return self

    def make_topic(self, topic: str, partitions: int, factor: int, config: dict[str, str] | None = None) -> None:
        """Returns when all partitions have a leader and all replicas are in sync."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(topic, partitions, factor, config=config or {})])[topic].result()
        self.wait_until_in_sync(topic, partitions, factor)

    def partitions(self, topic: str) -> dict[int, PartitionMetadata]:
        """As some node has them; none while none answers."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        with contextlib.suppress(KafkaException):
            return admin.list_topics(topic, timeout=10).topics[topic].partitions
        return {}

    def wait_until_in_sync(self, topic: str, partitions: int, factor: int) -> None:
        def whole() -> bool:
            known = self.partitions(topic)
            return len(known) == partitions and all(len(one.isrs) == factor and one.leader != -1 for one in known.values())

        wait_for(f"{factor} replicas in sync of each partition of {topic}", whole)

    def living(self) -> list[brokers.Broker]:
        return [node for node in self.nodes.values() if node.alive()]

    def status(self, key: str) -> int:
        """A value of /proc/PID/status in KiB, e.g. VmRSS, of all living nodes together."""
        return sum(node.status(key) for node in self.living())

    def cpu_seconds(self) -> float:
        """User and system time of all living nodes, each since its start."""
        return sum(node.cpu_seconds() for node in self.living())

    def stop(self) -> None:
        for node in self.nodes.values():
            node.stop()

    def __enter__(self) -> Cluster:
        return self

    def kill(self) -> None:
        for node in self.nodes.values():
            node.kill()

    def __exit__(self, *_) -> None:
        self.kill()


def wait_for(what: str, condition, timeout_s: float = 60):
    """The first true result of `condition`."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(0.02)
    return result


def log_bytes(node: brokers.Broker, topic: str, partition: int) -> bytes:
    """What a stopped node's replica holds: the bytes of its segments, one behind the other."""
    segments = sorted((node.data / f"{topic}-{partition}").glob("*.log"))
    return b"".join(segment.read_bytes() for segment in segments)
