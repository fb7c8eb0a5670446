"""The balancer of weir's controller, under an idempotent producer that waits for all: a node joins empty, one is drained, one goes for good."""

from __future__ import annotations

import re
import urllib.request

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

import ledger
from cluster import Cluster, log_bytes, wait_for

NODES = (1, 2, 3, 4)
PARTITIONS = 12
REPLICAS = 3
TOPIC = "balanced"
TIMEOUT_S = 90


@pytest.fixture
def cluster(tmp_path):
    """Three nodes of four run; the fourth has never been there."""
    settings = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "min.insync.replicas": "2",
                "offsets.topic.replication.factor": "3", "leader.imbalance.check.interval.seconds": "1",
                "weir.balancer.enable": "true", "weir.balancer.interval.ms": "500", "weir.balancer.moves.max": "3",
                "weir.balancer.broker.failure.ms": "-1"}
    with Cluster(tmp_path, ["weir"] * len(NODES), settings) as nodes:
        nodes.start(1, 2, 3).make_topic(TOPIC, PARTITIONS, REPLICAS, {"segment.bytes": "2097152"})
        yield nodes


@pytest.fixture
def load(cluster, rng):
    sending = ledger.Load(cluster.bootstrap, ledger.Ledger(TOPIC, PARTITIONS), rng.choice(["none", "lz4"]))
    yield sending
    sending.abandon()


def set_broker(cluster: Cluster, broker: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.BROKER, broker, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result()


def replicas_on(cluster: Cluster, node: int) -> int:
    return sum(node in one.replicas for one in cluster.partitions(TOPIC).values())


def leaders_on(cluster: Cluster, node: int) -> int:
    return sum(one.leader == node for one in cluster.partitions(TOPIC).values())


def balancer(cluster: Cluster) -> dict[str, float]:
    """What the active controller says of it on its page of metrics."""
    found: dict[str, float] = {}
    for node in cluster.nodes.values():
        if node.process is None:
            continue
        with urllib.request.urlopen(f"http://{node.setting('weir.http.listener')}/metrics", timeout=10) as page:
            text = page.read().decode()
        if "\nweir_active_controller 1\n" in text:
            found = {name: float(value) for name, value in re.findall(r"^weir_(balancer_\S+) (\S+)$", text, re.MULTILINE)}
    return found


def is_balanced(cluster: Cluster) -> bool:
    return balancer(cluster).get('balancer_state{state="balanced"}') == 1


def has_no_throttles(cluster: Cluster) -> bool:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    places = [ConfigResource(ResourceType.TOPIC, TOPIC)] + [ConfigResource(ResourceType.BROKER, str(node)) for node in NODES]
    # librdkafka asks one broker at a time.
    found = [key for place in places for key, entry in admin.describe_configs([place])[place].result().items()
             if "replication.throttled" in key and not entry.is_default]
    return not found


def check(cluster: Cluster, load: ledger.Load) -> None:
    """Nothing is lost, doubled or out of order, and the replicas are the same to the byte."""
    load.stop()
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    book = load.book
    assert book.violations(ledger.read_back(cluster.bootstrap, TOPIC, PARTITIONS)) == []
    assert book.acknowledged_count() == sum(book.sent)
    placed = {index: one.replicas for index, one in cluster.partitions(TOPIC).items()}
    for node in cluster.nodes.values():
        node.stop()
    for index, replicas in placed.items():
        first, *others = (log_bytes(cluster.nodes[node], TOPIC, index) for node in replicas)
        assert first
        assert all(other == first for other in others), f"the replicas of partition {index} differ"


def test_node_that_joins_is_filled_and_one_that_is_drained_is_emptied(cluster, load):
    load.wait_for_acknowledgements(5000)
    cluster.start(4)
    wait_for("its share of the replicas on the node that joined", lambda: replicas_on(cluster, 4) >= 8, TIMEOUT_S)
    wait_for("its share of the leaders", lambda: leaders_on(cluster, 4) >= 2, TIMEOUT_S)
    wait_for("balance", lambda: is_balanced(cluster), TIMEOUT_S)
    load.wait_for_acknowledgements(5000)
    assert balancer(cluster)["balancer_moves_total"] >= 8
    assert has_no_throttles(cluster)

    set_broker(cluster, "2", "cordoned.log.dirs", "*")
    wait_for("an empty node", lambda: cluster.partitions(TOPIC) and replicas_on(cluster, 2) == 0, TIMEOUT_S)
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    wait_for("the end of all moves", lambda: balancer(cluster).get("balancer_moving_partitions") == 0, TIMEOUT_S)
    load.wait_for_acknowledgements(1000)
    check(cluster, load)


def test_nodes_that_are_killed_while_replicas_move_lose_nothing(cluster, load, rng):
    load.wait_for_acknowledgements(5000)
    cluster.start(4)
    for _ in range(4):
        wait_for("a move, or balance", lambda: balancer(cluster).get("balancer_moving_partitions") or is_balanced(cluster), TIMEOUT_S)
        killed = cluster.nodes[rng.choice(NODES)]
        killed.kill()
        load.wait_for_acknowledgements(rng.randrange(1, 3000))
        killed.launch().wait_until_ready()
    wait_for("balance", lambda: is_balanced(cluster), TIMEOUT_S)
    assert replicas_on(cluster, 4) >= 8
    wait_for("no throttle", lambda: has_no_throttles(cluster), TIMEOUT_S)
    check(cluster, load)


def test_what_a_node_held_that_is_gone_for_good_is_made_anew(cluster, load):
    cluster.start(4)
    wait_for("balance", lambda: is_balanced(cluster) and replicas_on(cluster, 4) >= 8, TIMEOUT_S)
    load.wait_for_acknowledgements(5000)
    cluster.nodes[3].kill()
    load.wait_for_acknowledgements(1000)
    wait_for("a balancer that waits", lambda: balancer(cluster).get('balancer_state{state="waiting"}') == 1, TIMEOUT_S)
    assert replicas_on(cluster, 3) > 0
    for node in (1, 2, 4):
        set_broker(cluster, str(node), "weir.balancer.broker.failure.ms", "1000")
    wait_for("all replicas elsewhere", lambda: cluster.partitions(TOPIC) and replicas_on(cluster, 3) == 0, TIMEOUT_S)
    cluster.wait_until_in_sync(TOPIC, PARTITIONS, REPLICAS)
    del cluster.nodes[3]
    check(cluster, load)
