"""Three nodes that hold three replicas of each partition, under an idempotent producer that waits for all: nodes die, stand still, go and come back empty."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

import ledger
from cluster import Cluster, log_bytes, wait_for

NODES = (1, 2, 3)
PARTITIONS = 6
REPLICAS = 3
TOPIC = "replicated"
TIMEOUT_S = 60


@pytest.fixture
def cluster(kind, tmp_path):
    settings = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "min.insync.replicas": "2",
                "replica.lag.time.max.ms": "5000", "offsets.topic.replication.factor": "3"}
    with Cluster(tmp_path, [kind] * len(NODES), settings) as nodes:
        nodes.start().make_topic(TOPIC, PARTITIONS, REPLICAS, {"segment.bytes": "2097152"})
        yield nodes


@pytest.fixture
def load(cluster, rng):
    sending = ledger.Load(cluster.bootstrap, ledger.Ledger(TOPIC, PARTITIONS), rng.choice(["none", "lz4"]))
    yield sending
    sending.abandon()


def check(cluster: Cluster, load: ledger.Load) -> None:
    """Nothing is lost, doubled or out of order, and the replicas are the same to the byte."""
    load.stop()
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    book = load.book
    assert book.violations(ledger.read_back(cluster.bootstrap, TOPIC, PARTITIONS)) == []
    assert book.acknowledged_count() == sum(book.sent)
    cluster.stop()
    for partition in range(PARTITIONS):
        first, *others = (log_bytes(node, TOPIC, partition) for node in cluster.nodes.values())
        assert first
        assert all(other == first for other in others), f"the replicas of partition {partition} differ"


def test_killed_nodes_lose_nothing(cluster, load, rng, request):
    for _ in range(max(1, request.config.getoption("--kills") // 3)):
        load.wait_for_acknowledgements(rng.randrange(1, 15_000))
        # Of two there is no majority of anything left, until one is back.
        killed = rng.sample(NODES, 2 if rng.random() < 0.25 else 1)
        for node in killed:
            cluster.nodes[node].kill()
        if len(killed) == 1:
            load.wait_for_acknowledgements(rng.randrange(1, 5_000))
        for node in killed:
            cluster.nodes[node].launch()
        for node in killed:
            cluster.nodes[node].wait_until_ready()
        if rng.random() < 0.5:
            cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    load.wait_for_acknowledgements(1000)
    check(cluster, load)


def test_node_that_stands_still_is_done_without(cluster, load):
    load.wait_for_acknowledgements(1000)
    leader = cluster.partitions(TOPIC)[0].leader
    os.kill(cluster.nodes[leader].pid, signal.SIGSTOP)
    # It led some of the partitions: acknowledgements on all of them need other leaders and a smaller ISR.
    goals = [len(one) + 500 for one in load.book.acknowledged]
    wait_for("acknowledgements on all partitions",
             lambda: all(len(one) >= goal for one, goal in zip(load.book.acknowledged, goals)), TIMEOUT_S)
    os.kill(cluster.nodes[leader].pid, signal.SIGCONT)
    load.wait_for_acknowledgements(1000)
    check(cluster, load)


def test_rolling_restart_under_load(cluster, load):
    for node in NODES:
        load.wait_for_acknowledgements(2000)
        cluster.nodes[node].stop()
        load.wait_for_acknowledgements(2000)
        cluster.nodes[node].launch().wait_until_ready()
        cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    check(cluster, load)


def test_node_that_lost_its_disk_is_filled_again(cluster, load, rng):
    load.wait_for_acknowledgements(20_000)
    node = cluster.nodes[rng.choice(NODES)]
    node.kill()
    shutil.rmtree(node.data)
    load.wait_for_acknowledgements(1000)
    node.format().launch().wait_until_ready()
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    check(cluster, load)


def refusal(cluster: Cluster, topic: str, acks: str) -> str | None:
    """What a producer that does not try again is told; None when its record was taken."""
    told: list[str | None] = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": acks, "retries": 0, "message.timeout.ms": 10_000, "log_level": 0})
    producer.produce(topic, b"x", partition=0, on_delivery=lambda error, _: told.append(error and error.name()))
    assert producer.flush(TIMEOUT_S) == 0
    return told[0]


def end_offset(cluster: Cluster, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "looks", "log_level": 0})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=TIMEOUT_S)[1]
    finally:
        consumer.close()


def test_too_small_an_isr_takes_nothing_for_all_and_shows_nothing(cluster):
    topic = "strict"
    cluster.make_topic(topic, 1, REPLICAS, {"min.insync.replicas": str(REPLICAS)})
    assert refusal(cluster, topic, "all") is None
    killed = next(node for node in NODES if node != cluster.partitions(topic)[0].leader)
    cluster.nodes[killed].kill()
    wait_for("an ISR of two", lambda: len(cluster.partitions(topic)[0].isrs) == 2, TIMEOUT_S)
    assert refusal(cluster, topic, "all") == "NOT_ENOUGH_REPLICAS"
    assert refusal(cluster, topic, "1") is None
    assert end_offset(cluster, topic) == 1
    cluster.nodes[killed].launch().wait_until_ready()
    cluster.wait_until_in_sync(topic, 1, REPLICAS)
    wait_for("the record that few had", lambda: end_offset(cluster, topic) == 2, TIMEOUT_S)
    assert refusal(cluster, topic, "all") is None
