"""Three nodes that hold three replicas of each partition, under an idempotent producer that waits for all: nodes die,
go and come back empty."""

from __future__ import annotations

import shutil

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

import brokers
import commands
from cluster import Cluster, wait_for
from whole import NODES, PARTITIONS, REPLICAS, SETTINGS, TIMEOUT_S, TOPIC, Whole, controller_of, quorum
from wire import Connection

INVALID_VOTER_KEY = 125


@pytest.fixture
def whole(kind, tmp_path, rng):
    """Under as much load as its client makes."""
    with Whole(kind, tmp_path, pause_s=0, codec=rng.choice(["none", "lz4"])) as one:
        yield one


def test_killed_nodes_lose_nothing(whole, rng, request):
    cluster, load = whole.cluster, whole.load
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
    whole.check()


def test_rolling_restart_under_load(whole):
    cluster, load = whole.cluster, whole.load
    for node in NODES:
        load.wait_for_acknowledgements(2000)
        cluster.nodes[node].stop()
        load.wait_for_acknowledgements(2000)
        cluster.nodes[node].launch().wait_until_ready()
        cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    whole.check()


def test_node_that_lost_its_disk_is_filled_again(whole, rng):
    cluster, load = whole.cluster, whole.load
    load.wait_for_acknowledgements(20_000)
    node = cluster.nodes[rng.choice(NODES)]
    node.kill()
    shutil.rmtree(node.data)
    load.wait_for_acknowledgements(1000)
    node.format().launch().wait_until_ready()
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    whole.check()


def vote_for(asked: brokers.Broker, lost: dict, candidate: dict, epoch: int) -> dict:
    """What a node answers that is asked, as the replica that it was, for a vote in an epoch to come."""
    partition = {"partitionIndex": 0, "replicaEpoch": epoch, "replicaId": candidate["replicaId"],
                 "replicaDirectoryId": candidate["replicaDirectoryId"], "voterDirectoryId": lost["replicaDirectoryId"],
                 "lastOffsetEpoch": epoch - 1, "lastOffset": 1 << 40}
    request = {"voterId": lost["replicaId"], "topics": [{"topicName": "__cluster_metadata", "partitions": [partition]}]}
    connection = Connection(asked.controller_address)
    try:
        return connection.ask("Vote", 2, request)["topics"][0]["partitions"][0]
    finally:
        connection.close()


@pytest.mark.parametrize("role", ["controller", "broker"])
def test_voter_that_lost_its_disk_votes_again_when_it_is_a_voter_again(kind, tmp_path, role):
    """Its replicas are filled at once. Its promises as a voter are lost with the disk, and so it is another voter from then on."""
    with Whole(kind, tmp_path, first_voters=len(NODES)) as whole:
        nodes = whole.cluster.nodes
        controller = controller_of(whole.cluster)
        lost = controller if role == "controller" else next(node for node in NODES if node != controller)
        others = [node for node in NODES if node != lost]
        nodes[lost].kill()
        shutil.rmtree(nodes[lost].data)
        whole.load.wait_for_acknowledgements_of_each(20)
        nodes[lost].format("--no-initial-controllers").start()
        wait_for("the new replica observes", lambda: lost in [each["replicaId"] for each in (quorum(nodes[others[0]]) or {}).get("observers", [])],
                 TIMEOUT_S)
        whole.cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
        told = quorum(nodes[others[0]])
        voters = {each["replicaId"]: each for each in told["currentVoters"]}
        refused = vote_for(nodes[lost], voters[lost], voters[others[1]], told["leaderEpoch"] + 1)
        assert (refused["errorCode"], refused["voteGranted"]) == (INVALID_VOTER_KEY, False)
        weir = commands.Weir(",".join(nodes[node].bootstrap for node in others), tmp_path)
        for words in (("remove-controller", "--id", str(lost)), ("add-controller", "-c", str(nodes[lost].properties))):
            wait_for(f"weir quorum {words[0]}", lambda command=words: weir.run("quorum", *command).code == 0, TIMEOUT_S)
        whole.load.wait_for_acknowledgements_of_each(20)
        whole.check()


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


@pytest.fixture
def cluster(kind, tmp_path):
    with Cluster(tmp_path, [kind] * len(NODES), SETTINGS) as nodes:
        yield nodes.start()


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
