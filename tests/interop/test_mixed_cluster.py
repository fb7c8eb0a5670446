"""One cluster of weir and Apache Kafka: a quorum of both, brokers of both, the controller on either side, and Kafka's tools on all of it."""

from __future__ import annotations

import json
import re

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import ledger
from cluster import Cluster, log_bytes, wait_for

TIMEOUT_S = 60
RECORDS = 300
PARTITIONS = 6
REPLICAS = 3


@pytest.fixture(params=[["kafka", "weir", "kafka"], ["weir", "kafka", "weir"]], ids="-".join)
def mixed(request, tmp_path):
    settings = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "offsets.topic.replication.factor": "3",
                "min.insync.replicas": "2", "replica.lag.time.max.ms": "5000"}
    # So weir leads first. A follower of Apache Kafka does not vote while it hopes for its leader and is not asked in vain
    # when it hopes no more: when a leader has died, Apache Kafka leads next.
    slow = {"controller.quorum.election.timeout.ms": "10000"}
    with Cluster(tmp_path, request.param, settings, {"kafka": slow}) as cluster:
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


@pytest.fixture
def load():
    started: list[ledger.Load] = []

    def start(cluster: Cluster, topic: str) -> ledger.Load:
        cluster.make_topic(topic, PARTITIONS, REPLICAS)
        started.append(ledger.Load(cluster.bootstrap, ledger.Ledger(topic, PARTITIONS), "none"))
        return started[-1]

    yield start
    for one in started:
        one.abandon()


def check(cluster: Cluster, load: ledger.Load) -> None:
    """Nothing is lost, doubled or out of order, and the replicas of both kinds are the same to the byte."""
    load.stop()
    topic = load.book.topic
    cluster.wait_until_in_sync(topic, PARTITIONS, REPLICAS)
    assert load.book.violations(ledger.read_back(cluster.bootstrap, topic, PARTITIONS)) == []
    assert load.book.acknowledged_count() == sum(load.book.sent)
    for partition in range(PARTITIONS):
        first, *others = (log_bytes(node, topic, partition) for node in cluster.nodes.values())
        assert first
        assert all(other == first for other in others), f"the replicas of partition {partition} differ"


def test_replicas_of_both_kinds_lose_nothing(mixed, load):
    sending = load(mixed, "replicated")
    for node in mixed.nodes.values():
        sending.wait_for_acknowledgements(5_000)
        node.kill()
        sending.wait_for_acknowledgements(5_000)
        node.launch().wait_until_ready()
        mixed.wait_until_in_sync("replicated", PARTITIONS, REPLICAS)
    check(mixed, sending)


def replicas_of(cluster: Cluster, topic: str) -> list[list[int]]:
    return [sorted(one.replicas) for _, one in sorted(cluster.partitions(topic).items())]


def test_partitions_are_reassigned_across(mixed, load, jvm, tmp_path):
    sending = load(mixed, "wanders")
    plan = tmp_path / "plan.json"
    nodes = list(mixed.nodes)
    for goal in ([nodes[0]], [nodes[1]], [nodes[2], nodes[1]], nodes):
        sending.wait_for_acknowledgements(2_000)
        moves = [{"topic": "wanders", "partition": partition, "replicas": goal} for partition in range(PARTITIONS)]
        plan.write_text(json.dumps({"version": 1, "partitions": moves}))
        jvm.tool("reassign-partitions", mixed.bootstrap, "--reassignment-json-file", str(plan), "--execute")
        wait_for(f"all partitions on {goal}", lambda wanted=goal: replicas_of(mixed, "wanders") == [sorted(wanted)] * PARTITIONS, TIMEOUT_S)
    check(mixed, sending)


def test_cluster_of_apache_kafka_moves_to_weir_node_by_node_and_back(tmp_path, load):
    settings = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "offsets.topic.replication.factor": "3",
                "min.insync.replicas": "2"}
    with Cluster(tmp_path, ["kafka"] * REPLICAS, settings) as cluster:
        sending = load(cluster.start(), "moves")
        for kind in ("weir", "kafka"):
            for node in list(cluster.nodes):
                sending.wait_for_acknowledgements(5_000)
                cluster.nodes[node].stop()
                cluster.change_kind(node, kind)
                cluster.nodes[node].launch().wait_until_ready()
                cluster.wait_until_in_sync("moves", PARTITIONS, REPLICAS)
        check(cluster, sending)


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
