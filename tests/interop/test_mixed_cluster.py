"""One cluster of weir and Apache Kafka: a quorum of both, brokers of both, the controller on either side, and Kafka's tools on all of it."""

from __future__ import annotations

import re

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from cluster import Cluster, wait_for

TIMEOUT_S = 60
RECORDS = 300


@pytest.fixture(params=[["kafka", "weir", "kafka"], ["weir", "kafka", "weir"]], ids="-".join)
def mixed(request, tmp_path):
    sessions = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with Cluster(tmp_path, request.param, sessions) as cluster:
        yield cluster.start()


def quorum(jvm, cluster: Cluster) -> tuple[int, dict[int, int]]:
    """Kafka's tool's word: the leader, and the lag of each voter."""
    up = ",".join(node.bootstrap for node in cluster.nodes.values() if node.alive())
    printed = jvm.tool("metadata-quorum", up, "describe", "--replication")
    rows = re.findall(r"^(\d+)\s+\S+\s+\d+\s+(\d+)\s+\S+\s+\S+\s+(Leader|Follower)", printed, re.MULTILINE)
    leaders = [int(node) for node, _, role in rows if role == "Leader"]
    return (leaders[0] if leaders else -1), {int(node): int(lag) for node, lag, _ in rows}


def produce_and_read(cluster: Cluster, topic: str, partitions: int) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True})
    for number in range(RECORDS):
        producer.produce(topic, str(number).encode(), partition=number % partitions)
    assert producer.flush(TIMEOUT_S) == 0
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": f"readers-of-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    read: list[int] = []

    def all_read() -> bool:
        read.extend(int(message.value()) for message in consumer.consume(RECORDS, timeout=1) if message.error() is None)
        return len(read) >= RECORDS

    wait_for("every record", all_read, TIMEOUT_S)
    consumer.close()
    assert sorted(read) == list(range(RECORDS))


def make_topic(cluster: Cluster, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "topic.metadata.refresh.interval.ms": 500})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(TIMEOUT_S)
    nodes = set(cluster.nodes)

    def led_everywhere() -> bool:
        described = admin.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
        return len(described) == partitions and {partition.leader for partition in described.values()} <= nodes

    wait_for("the topic's leaders", led_everywhere, TIMEOUT_S)


def test_controller_moves_between_weir_and_kafka(mixed, jvm):
    kinds = {node: broker.kind for node, broker in mixed.nodes.items()}
    led_by = set()
    for round_ in range(6):
        leader, lags = wait_for("a leader whom all follow", lambda: _settled(jvm, mixed), TIMEOUT_S)
        assert set(lags) == set(mixed.nodes)
        topic = f"round-{round_}-under-{kinds[leader]}"
        make_topic(mixed, topic, 6)
        produce_and_read(mixed, topic, 6)
        led_by.add(kinds[leader])
        if led_by == {"weir", "kafka"}:
            break
        mixed.nodes[leader].kill()
        wait_for("another leader", lambda dead=leader: quorum(jvm, mixed)[0] not in (-1, dead), TIMEOUT_S)
        mixed.nodes[leader].launch().wait_until_ready()
    assert led_by == {"weir", "kafka"}
    described = jvm.tool("topics", mixed.bootstrap, "--describe", "--topic", "round-0.*")
    assert described.count("Partition: ") == 6, described


def _settled(jvm, cluster: Cluster):
    leader, lags = quorum(jvm, cluster)
    return (leader, lags) if leader != -1 and len(lags) == len(cluster.nodes) and not any(lags.values()) else None


def voters_of(jvm, bootstrap: str) -> set[int]:
    printed = jvm.tool("metadata-quorum", bootstrap, "describe", "--replication")
    return {int(node) for node in re.findall(r"^(\d+)\s.*\s(?:Leader|Follower)\s*$", printed, re.MULTILINE)}


def observers_of(jvm, bootstrap: str) -> set[int]:
    printed = jvm.tool("metadata-quorum", bootstrap, "describe", "--replication")
    return {int(node) for node in re.findall(r"^(\d+)\s.*\sObserver\s*$", printed, re.MULTILINE)}


@pytest.mark.parametrize("kinds", [["kafka", "weir"], ["weir", "kafka"]], ids="-".join)
def test_controller_of_one_kind_takes_the_others_place(jvm, tmp_path, kinds):
    """With Kafka's tool: it becomes a voter, the leader is removed, and so all metadata have moved."""
    with Cluster(tmp_path, kinds, first_voters=1) as cluster:
        first, second = cluster.nodes.values()
        cluster.start(1)
        make_topic(cluster, "before", 2)
        cluster.start(2)
        wait_for("the second node observes", lambda: observers_of(jvm, first.bootstrap) == {2}, TIMEOUT_S)

        def is_added() -> bool:
            # Its leader may find that it lags just now.
            return jvm.run("metadata-quorum", "--bootstrap-server", first.bootstrap, "--command-config", str(second.properties),
                           "add-controller").status == 0

        wait_for("the second node to be a voter", is_added, TIMEOUT_S)
        assert voters_of(jvm, second.bootstrap) == {1, 2}
        directory = re.search(r"^directory\.id=(\S+)$", (first.data / "meta.properties").read_text(), re.MULTILINE)[1]
        jvm.tool("metadata-quorum", second.bootstrap, "remove-controller", "--controller-id", "1", "--controller-directory-id", directory)

        def is_moved() -> bool:
            return quorum(jvm, cluster)[0] == 2 and voters_of(jvm, second.bootstrap) == {2} and observers_of(jvm, second.bootstrap) == {1}

        wait_for("the second node leads alone", is_moved, TIMEOUT_S)
        make_topic(cluster, "after", 2)
        produce_and_read(cluster, "after", 2)
