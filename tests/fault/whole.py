"""What the fault suites of whole clusters share: three nodes with three replicas of each partition, the load on them, and what must hold when all
is over."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger
from cluster import Cluster, log_bytes, wait_for
from machines import Machine
from wire import Connection

NODES = (1, 2, 3)
PARTITIONS = 6
REPLICAS = 3
TOPIC = "replicated"
TIMEOUT_S = 60
ASKED_TIMEOUT_S = 2  # Of one who may stand still.
PAUSE_S = 0.002
SETTINGS = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "min.insync.replicas": "2",
            "replica.lag.time.max.ms": "5000", "replica.socket.timeout.ms": "2000", "controller.quorum.election.timeout.ms": "500", "offsets.topic.replication.factor": "3"}


class Whole:
    """A cluster under a load, with somebody who reads along."""

    def __init__(self, kind: str, directory: pathlib.Path, machines: dict[int, Machine] | None = None, pause_s: float = PAUSE_S,
                 codec: str = "none", first_voters: int | None = None, format_options: tuple[str, ...] = ()) -> None:
        self.cluster = Cluster(directory, [kind] * len(NODES), SETTINGS, first_voters=first_voters, machines=machines,
                               format_options=format_options)
        self.load: ledger.Load | None = None
        self.watch: ledger.Watch | None = None
        self._pause_s, self._codec = pause_s, codec

    def __enter__(self) -> Whole:
        self.cluster.__enter__()
        try:
            self.cluster.start().make_topic(TOPIC, PARTITIONS, REPLICAS, {"segment.bytes": "2097152"})
            self.load = ledger.Load(self.cluster.bootstrap, ledger.Ledger(TOPIC, PARTITIONS), self._codec, self._pause_s)
            self.watch = ledger.Watch(self.cluster.bootstrap, TOPIC, PARTITIONS)
            self.load.wait_for_acknowledgements_of_each(20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.watch:
            self.watch.stop()
        if self.load:
            self.load.abandon()
        self.cluster.__exit__()

    def topic_led_by(self, leader: int) -> ledger.Ledger:
        """Another topic, of one partition, and a book for it."""
        book = ledger.Ledger("direct", 1)
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap})
        replicas = [leader, *(node for node in NODES if node != leader)]
        admin.create_topics([NewTopic(book.topic, 1, replica_assignment=[replicas])])[book.topic].result(TIMEOUT_S)
        wait_for("its leader to lead it", lambda: described(self.cluster.nodes[leader], book.topic).get(0, {}).get("leaderId") == leader, TIMEOUT_S)
        self.cluster.wait_until_in_sync(book.topic, 1, REPLICAS)
        return book

    def check(self, *others: ledger.Ledger) -> None:
        """When the fault is over: all goes on everywhere, nothing is lost, doubled, out of order, or was shown too early; the voters agree, and the
        replicas are the same to the byte, of other topics with books too. Stops the cluster."""
        self.load.wait_for_acknowledgements_of_each(20)
        wait_until_all_follow(self.cluster)
        self.load.stop()
        self.cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
        self.watch.stop()
        book = self.load.book
        read = ledger.read_back(self.cluster.bootstrap, TOPIC, PARTITIONS)
        assert book.violations(read) == []
        assert self.watch.violations(read) == []
        assert all(self.watch.seen), "somebody reads, or the test shows less than it says"
        assert book.acknowledged_count() == sum(book.sent)
        for other in others:
            assert other.acknowledged_count() > 0
            self.cluster.wait_until_in_sync(other.topic, other.partitions, REPLICAS)
            assert other.violations(ledger.read_back(self.cluster.bootstrap, other.topic, other.partitions)) == []
        *first, last = self.cluster.nodes.values()
        for node in first:
            node.stop()
        last.kill()  # A stop in order would wait in vain for a majority to hand over to.
        for each in (book, *others):
            check_replicas(self.cluster, each.topic, each.partitions)


def check_replicas(cluster: Cluster, topic: str, partitions: int) -> None:
    """Of stopped nodes."""
    for partition in range(partitions):
        first, *others = (log_bytes(node, topic, partition) for node in cluster.nodes.values())
        assert first
        assert all(other == first for other in others), f"the replicas of partition {partition} of {topic} differ"


def quorum(node: brokers.Broker) -> dict | None:
    """What a node tells of the metadata quorum; None while it cannot."""
    connection = Connection(node.address, ASKED_TIMEOUT_S)
    try:
        topics = [{"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 0}]}]
        answer = connection.ask("DescribeQuorum", 2, {"topics": topics})
    except OSError:
        return None
    finally:
        connection.close()
    if not answer or answer["errorCode"] or not answer["topics"]:
        return None
    return answer["topics"][0]["partitions"][0]


def controller_of(cluster: Cluster, asked: Iterable[int] = NODES, but: int | None = None) -> int:
    """The leader of the metadata quorum, as one of the nodes knows it."""
    def found() -> int | None:
        for node in asked:
            told = quorum(cluster.nodes[node])
            if told and told["leaderId"] not in (-1, but):
                return told["leaderId"]
        return None

    return wait_for("a leader of the quorum", found, TIMEOUT_S)


def wait_until_all_follow(cluster: Cluster) -> None:
    def settled() -> bool:
        told = [quorum(cluster.nodes[node]) for node in NODES]
        if None in told or len({(each["leaderId"], each["leaderEpoch"]) for each in told}) != 1:
            return False
        voters = told[0]["currentVoters"]
        return len(voters) == len(NODES) and all(each["logEndOffset"] >= told[0]["highWatermark"] for each in voters)

    wait_for("all voters have what is committed", settled, TIMEOUT_S)


def described(node: brokers.Broker, topic: str) -> dict[int, dict]:
    """The partitions of a topic as one node knows them; none while it does not answer."""
    connection = Connection(node.address, ASKED_TIMEOUT_S)
    try:
        answer = connection.ask("Metadata", 12, {"topics": [{"name": topic}], "allowAutoTopicCreation": False})
    except OSError:
        return {}
    finally:
        connection.close()
    return {one["partitionIndex"]: one for one in answer["topics"][0]["partitions"]} if answer else {}


def other_leader(cluster: Cluster, asked: int, topic: str, former: int) -> int:
    """Waits until a node knows another leader of the topic's only partition than the former one."""
    def found() -> int | None:
        leader = described(cluster.nodes[asked], topic).get(0, {}).get("leaderId", -1)
        return None if leader in (-1, former) else leader

    return wait_for(f"another leader of {topic} than {former}", found, TIMEOUT_S)
