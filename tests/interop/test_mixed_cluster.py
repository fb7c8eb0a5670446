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


def controllers_known_at(jvm, node) -> set[int]:
    host, port = node.controller_address
    done = jvm.run("cluster", "list-endpoints", "--bootstrap-controller", f"{host}:{port}")
    return {int(one) for one in re.findall(r"^(\d+)\s.*\scontroller\s*$", done.out, re.MULTILINE)}


def test_controller_moves_between_weir_and_kafka(mixed, jvm):
    kinds = {node: broker.kind for node, broker in mixed.nodes.items()}
    for node in mixed.nodes.values():
        wait_for("every controller is registered", lambda one=node: controllers_known_at(jvm, one) == set(mixed.nodes), TIMEOUT_S)
    led_by = set()
    for round_ in range(6):
        leader, lags = wait_for("a leader whom all follow", lambda: _settled(jvm, mixed), TIMEOUT_S)
        assert set(lags) == set(mixed.nodes)
        topic = f"round-{round_}-under-{kinds[leader]}"
        make_topic(mixed, topic, 6)
        produce_and_read(mixed, topic, 6)
        # The leader asks of a new level whether every registered controller and broker supports it.
        for order, done, level in (("downgrade", "downgraded", 0), ("upgrade", "upgraded", 1)):
            printed = jvm.tool("features", mixed.bootstrap, order, "--feature", f"streams.version={level}")
            assert f"streams.version was {done} to {level}." in printed, printed
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
