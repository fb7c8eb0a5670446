"""What replicas do beside copying, between weir and Apache Kafka in both directions: consumers read from the nearest, throttles hold copies back,
deleted records go everywhere, replicas move between directories, an unclean leader recovers."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import urllib.request
import zlib

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger
import wire
from cluster import Cluster, log_bytes, wait_for

TIMEOUT_S = 60
RECORDS = 500
VALUE = b"v" * 1000
SETTINGS = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "replica.lag.time.max.ms": "5000"}
SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT = 1, 6, 7
DEBUGGER = -2  # Asks any replica.
# Where a pair of nodes is told: who leads, who follows.
PAIRS = pytest.mark.parametrize("kinds", [["weir", "weir"], ["weir", "kafka"], ["kafka", "weir"]], ids="-".join)


def racks(cluster: Cluster) -> Cluster:
    for number, node in cluster.nodes.items():
        with node.properties.open("a", encoding="utf-8") as file:
            file.write(f"broker.rack=rack-{number}\nreplica.selector.class={SELECTOR}\n")
    return cluster


def make_topic(cluster: Cluster, topic: str, *replicas: list[int], **config: str) -> None:
    """A partition for each list of replicas, led by the first of them."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin.create_topics([NewTopic(topic, len(replicas), replica_assignment=list(replicas), config=settings)])[topic].result()
    cluster.wait_until_in_sync(topic, len(replicas), len(replicas[0]))


def fill(cluster: Cluster, topic: str, records: int, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all"})
    for number in range(records):
        while True:
            try:
                producer.produce(topic, b"%d:" % number + VALUE, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(TIMEOUT_S) == 0


def kill(cluster: Cluster) -> None:
    """The last node of a cluster has no majority to tell that it goes: Apache Kafka waits for one."""
    for node in cluster.nodes.values():
        node.kill()


def metric(node: brokers.Broker, name: str) -> float:
    with urllib.request.urlopen(f"http://{node.setting('weir.http.listener')}/metrics", timeout=TIMEOUT_S) as answer:
        page = answer.read().decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)[1])


# ------------------------------------------------------------------------------------------------ the nearest replica

@pytest.fixture
def pair(kinds, tmp_path):
    """Two nodes in racks of their own; partition 0 of `near` is led by the first, partition 1 by the second."""
    with racks(Cluster(tmp_path, kinds, SETTINGS)) as cluster:
        make_topic(cluster.start(), "near", [1, 2], [2, 1])
        fill(cluster, "near", RECORDS)
        yield cluster


def check_follower_served(cluster: Cluster, served_before: dict[int, float], size: int) -> None:
    for number, node in cluster.nodes.items():
        if node.kind == "weir":
            served = metric(node, "weir_fetched_bytes_total") - served_before[number]
            assert served >= size if number == 2 else served == 0, f"node {number} sent {served} bytes to consumers"


def served_bytes(cluster: Cluster) -> dict[int, float]:
    return {number: metric(node, "weir_fetched_bytes_total") for number, node in cluster.nodes.items() if node.kind == "weir"}


@PAIRS
def test_consumers_read_from_the_replica_in_their_rack(pair, jvm):
    before = served_bytes(pair)
    printed = jvm.tool("console-consumer", pair.bootstrap, "--topic", "near", "--partition", "0", "--offset", "earliest",
                       "--max-messages", str(RECORDS), "--timeout-ms", str(TIMEOUT_S * 1000), "--command-property", "client.rack=rack-2")
    assert [int(line.split(":")[0]) for line in printed.splitlines()] == list(range(RECORDS))
    check_follower_served(pair, before, RECORDS * len(VALUE))

    before = served_bytes(pair)
    consumer = Consumer({"bootstrap.servers": pair.bootstrap, "group.id": "near", "client.rack": "rack-2", "enable.auto.commit": False})
    consumer.assign([TopicPartition("near", 0, 0)])
    read: list[int] = []

    def all_read(goal: int) -> bool:
        read.extend(int(one.value().split(b":")[0]) for one in consumer.consume(RECORDS, timeout=1) if one.error() is None)
        return len(read) >= goal

    wait_for("every record", lambda: all_read(RECORDS), TIMEOUT_S)
    # And those that come while it waits for them.
    fill(pair, "near", RECORDS)
    wait_for("every record", lambda: all_read(2 * RECORDS), TIMEOUT_S)
    consumer.close()
    assert read == 2 * list(range(RECORDS))
    check_follower_served(pair, before, 2 * RECORDS * len(VALUE))


def test_reads_from_followers_are_answered_as_by_kafka(tmp_path):
    """Each node is asked for the partition that it follows, in the same words."""
    with racks(Cluster(tmp_path, ["weir", "kafka"], SETTINGS)) as cluster:
        make_topic(cluster.start(), "near", [1, 2], [2, 1])
        answers = []
        for partition, follower in ((1, 1), (0, 2)):
            fill(cluster, "near", 10, partition)
            node = wire.Connection(cluster.nodes[follower].address)
            leader = wire.Connection(cluster.nodes[3 - follower].address)
            wait_for("the follower to have what is committed",
                     lambda: list_offset(node, "near", partition, -1, DEBUGGER)["offset"] == 10 and fetch(node, partition, 0)["highWatermark"] == 10)
            answers.append(questions(node, leader, partition))
            node.close()
            leader.close()
    assert answers[0] == answers[1]
    of_follower = answers[0]
    assert of_follower["above the end"]["errorCode"] == OFFSET_OUT_OF_RANGE
    assert of_follower["before racks"]["errorCode"] == NOT_LEADER_OR_FOLLOWER
    assert of_follower["latest"]["errorCode"] == NOT_LEADER_OR_FOLLOWER
    assert of_follower["to the near one"]["preferredReadReplica"] == "the other" and of_follower["to the near one"]["records"] == 0
    assert of_follower["to this rack"]["preferredReadReplica"] == -1 and of_follower["to this rack"]["records"] > 0


def fetch(node: wire.Connection, partition: int, offset: int, version: int = 12, rack: str = "", epoch: int = -1) -> dict:
    body = {"maxWaitMs": 0, "minBytes": 1, "maxBytes": 1 << 20,
            "topics": [{"topic": "near", "partitions": [{"partition": partition, "fetchOffset": offset, "partitionMaxBytes": 1 << 20,
                                                         "currentLeaderEpoch": epoch}]}]}
    answer = node.ask("Fetch", version, body | ({"rackId": rack} if version >= 11 else {}))
    return answer["responses"][0]["partitions"][0]


def list_offset(node: wire.Connection, topic: str, partition: int, timestamp: int, replica: int = -1) -> dict:
    body = {"replicaId": replica, "topics": [{"name": topic, "partitions": [{"partitionIndex": partition, "timestamp": timestamp}]}]}
    return node.ask("ListOffsets", 7, body)["topics"][0]["partitions"][0]


def questions(node: wire.Connection, leader: wire.Connection, partition: int) -> dict[str, dict]:
    follower = 1 if partition == 1 else 2
    asked = {
        "from the start": fetch(node, partition, 0),
        "at the end": fetch(node, partition, 10),
        "above the end": fetch(node, partition, 11),
        "below the start": fetch(node, partition, -1),
        "before racks": fetch(node, partition, 0, 10),
        "an epoch to come": fetch(node, partition, 0, epoch=9),
        "to the near one": fetch(leader, partition, 0, rack=f"rack-{follower}"),
        "to this rack": fetch(leader, partition, 0, rack=f"rack-{3 - follower}"),
        "to no rack": fetch(leader, partition, 0, rack="rack-9"),
        "too far for the near one": fetch(leader, partition, 11, rack=f"rack-{follower}"),
        "latest": list_offset(node, "near", partition, -1),
        "latest, debugging": list_offset(node, "near", partition, -1, DEBUGGER),
        "earliest, debugging": list_offset(node, "near", partition, -2, DEBUGGER),
    }
    for answer in asked.values():
        del answer["partitionIndex"]
        if "records" in answer:
            answer["records"] = len(answer["records"] or "")
        if answer.get("preferredReadReplica", -1) != -1:
            answer["preferredReadReplica"] = "the other" if answer["preferredReadReplica"] == follower else "itself"
    return asked


# ---------------------------------------------------------------------------------------------------------- throttles

def configs(jvm, cluster: Cluster, entity: str, name: str, *words: str) -> None:
    jvm.tool("configs", cluster.bootstrap, "--entity-type", entity, "--entity-name", name, "--alter", *words)


SLOW_RATE = 1000  # Bytes a second, of replicas that are thousands of times larger: none is copied at it.
THROTTLED = {"leader": 'weir_replication_throttled_total{as="leader"}', "follower": 'weir_replication_throttled_total{as="follower"}'}


@pytest.mark.parametrize(("kinds", "side"), [(["weir", "kafka"], "leader"), (["kafka", "weir"], "follower"), (["weir", "weir"], "both")],
                         ids=["weir-leads", "weir-follows", "both"])
def test_moves_are_throttled_by_kafkas_tool(tmp_path, jvm, kinds, side):
    with Cluster(tmp_path, kinds, SETTINGS) as cluster:
        make_topic(cluster.start(), "moves", [1])
        fill(cluster, "moves", 8 * RECORDS)
        size = 8 * RECORDS * len(VALUE)
        plan = tmp_path / "plan.json"
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "moves", "partition": 0, "replicas": [2]}]}))
        reassign = ["--reassignment-json-file", str(plan)]
        jvm.tool("reassign-partitions", cluster.bootstrap, *reassign, "--execute", "--throttle", str(SLOW_RATE))
        if side != "both":
            # Only weir's own part of it holds the copy back.
            other = {"leader": "follower", "follower": "leader"}[side]
            for node in ("1", "2"):
                configs(jvm, cluster, "brokers", node, "--delete-config", f"{other}.replication.throttled.rate")
        counted = {"leader": [(1, "leader")], "follower": [(2, "follower")], "both": [(2, "follower")]}[side]
        for number, as_what in counted:
            wait_for("the throttle to hold copies back", lambda n=number, what=as_what: metric(cluster.nodes[n], THROTTLED[what]) >= 10, TIMEOUT_S)
        copied = len(log_bytes(cluster.nodes[2], "moves", 0))
        assert copied < size / 2, f"{copied} of {size} bytes were copied"
        assert [one.replicas for one in cluster.partitions("moves").values()] != [[2]]
        # The throttle is lifted, and the move goes on.
        jvm.tool("reassign-partitions", cluster.bootstrap, *reassign, "--execute", "--additional", "--throttle", "1000000000")
        wait_for("the move", lambda: [one.replicas for one in cluster.partitions("moves").values()] == [[2]], TIMEOUT_S)
        assert "Clearing broker-level throttles" in jvm.tool("reassign-partitions", cluster.bootstrap, *reassign, "--verify")


@PAIRS
def test_replicas_in_sync_are_not_throttled(tmp_path, jvm, kinds):
    with Cluster(tmp_path, kinds, SETTINGS) as cluster:
        make_topic(cluster.start(), "synced", [1, 2], min_insync_replicas="2", leader_replication_throttled_replicas="*",
                   follower_replication_throttled_replicas="*")
        for node in ("1", "2"):
            configs(jvm, cluster, "brokers", node, "--add-config",
                    "leader.replication.throttled.rate=1,follower.replication.throttled.rate=1")
        # Every record waits for the follower, which has had an hour's worth at once with the first.
        for _ in range(3):
            fill(cluster, "synced", 10)
        assert len(cluster.partitions("synced")[0].isrs) == 2


# ------------------------------------------------------------------------------------------------------ DeleteRecords

def delete_records(node: brokers.Broker, topic: str, offset: int, timeout_ms: int) -> dict:
    connection = wire.Connection(node.address)
    answer = connection.ask("DeleteRecords", 2, {"timeoutMs": timeout_ms, "topics": [
        {"name": topic, "partitions": [{"partitionIndex": 0, "offset": offset}]}]})
    connection.close()
    return answer["topics"][0]["partitions"][0]


@PAIRS
def test_deleted_records_are_gone_on_all_replicas_when_that_is_told(tmp_path, kinds):
    with Cluster(tmp_path, kinds, SETTINGS) as cluster:
        make_topic(cluster.start(), "deleted", [1, 2])
        fill(cluster, "deleted", RECORDS)
        for offset, goal in ((100, 100), (50, 100), (-1, RECORDS)):
            assert delete_records(cluster.nodes[1], "deleted", offset, TIMEOUT_S * 1000) == {
                "partitionIndex": 0, "lowWatermark": goal, "errorCode": 0}
            for node in cluster.nodes.values():
                connection = wire.Connection(node.address)
                assert list_offset(connection, "deleted", 0, -2, DEBUGGER)["offset"] == goal
                connection.close()


@pytest.mark.parametrize("kind", brokers.KINDS)
def test_deletion_that_a_replica_does_not_take_part_in_times_out(tmp_path, kind):
    # The follower stands still, but has not been missed yet.
    patient = {"broker.session.timeout.ms": "600000", "replica.lag.time.max.ms": "600000"}
    with Cluster(tmp_path, [kind] * 3, SETTINGS | patient) as cluster:
        make_topic(cluster.start(), "deleted", [1, 2, 3])
        fill(cluster, "deleted", RECORDS)
        os.kill(cluster.nodes[3].pid, signal.SIGSTOP)
        answer = delete_records(cluster.nodes[1], "deleted", 100, 1000)
        assert answer["errorCode"] == REQUEST_TIMED_OUT
        os.kill(cluster.nodes[3].pid, signal.SIGCONT)
        assert delete_records(cluster.nodes[1], "deleted", 100, TIMEOUT_S * 1000)["errorCode"] == 0


# -------------------------------------------------------------------------------------------------------- directories

@pytest.mark.parametrize("kinds", [["weir"] * 3, ["weir", "kafka", "weir"]], ids="-".join)
def test_replicas_move_between_directories_while_leaders_change(tmp_path, jvm, kinds):
    nodes = (1, 2, 3)
    with Cluster(tmp_path, kinds, SETTINGS | {"min.insync.replicas": "2"}) as cluster:
        make_topic(two_directories(cluster).start(), "wanders", [1, 2, 3], [2, 3, 1], segment_bytes="2097152", flush_messages="1")
        sending = ledger.Load(cluster.bootstrap, ledger.Ledger("wanders", 2), "none")
        try:
            plan = tmp_path / "plan.json"
            for number, name in enumerate(("b", "a")):
                sending.wait_for_acknowledgements(3_000)
                moves = [{"topic": "wanders", "partition": partition, "replicas": order,
                          "log_dirs": [str(cluster.nodes[node].directory / name) for node in order]}
                         for partition, order in enumerate(([1, 2, 3], [2, 3, 1]))]
                plan.write_text(json.dumps({"version": 1, "partitions": moves}))
                jvm.tool("reassign-partitions", cluster.bootstrap, "--reassignment-json-file", str(plan), "--execute")
                # Who leads follows in the middle of the move, and the other way round.
                changed = cluster.nodes[nodes[number]]
                changed.stop()
                sending.wait_for_acknowledgements(1_000)
                changed.launch().wait_until_ready()
                cluster.wait_until_in_sync("wanders", 2, 3)
                jvm.tool("reassign-partitions", cluster.bootstrap, "--reassignment-json-file", str(plan), "--execute")
                wait_for("all replicas in their directory", lambda goal=name: all(is_in(one, goal) for one in cluster.nodes.values()), TIMEOUT_S)
        except BaseException:
            sending.abandon()
            raise
        sending.stop()
        cluster.wait_until_in_sync("wanders", 2, 3)
        assert sending.book.violations(ledger.read_back(cluster.bootstrap, "wanders", 2)) == []
        kill(cluster)
        for partition in range(2):
            first, *others = (log_of(node, "a", partition) for node in cluster.nodes.values())
            assert first
            assert all(other == first for other in others), f"the replicas of partition {partition} differ"


def two_directories(cluster: Cluster) -> Cluster:
    for node in cluster.nodes.values():
        settings = node.properties.read_text()
        node.properties.write_text(re.sub(r"^log\.dirs=.*$", f"log.dirs={node.directory}/a,{node.directory}/b", settings, flags=re.MULTILINE))
        node.format()
    return cluster


def is_in(node: brokers.Broker, name: str) -> bool:
    """Both replicas are there, and there is no copy of them any more."""
    held = {path.name for path in (node.directory / name).glob("wanders-*")}
    elsewhere = [path.name for other in ("a", "b") for path in (node.directory / other).glob("wanders-*.*-future")]
    return {"wanders-0", "wanders-1"} <= held and not elsewhere


def log_of(node: brokers.Broker, name: str, partition: int) -> bytes:
    return b"".join(one.read_bytes() for one in sorted((node.directory / name / f"wanders-{partition}").glob("*.log")))


# --------------------------------------------------------------------------------------------------- unclean elections

def changes_of(node: brokers.Broker) -> list[dict]:
    """The changes of partitions in the metadata of a node that does not run."""
    segments = sorted(pathlib.Path(node.data / "__cluster_metadata-0").glob("*.log"))
    lines = [line for segment in segments for line in subprocess.run(
        [brokers.weir_binary(), "log", "dump", str(segment), "-o", "json"], capture_output=True, text=True, check=True).stdout.splitlines()]
    records = [json.loads(line) for line in lines]
    return [record["record"] for record in records if record.get("type") == "PartitionChangeRecord"]


@pytest.mark.parametrize("kinds", [["weir", "weir", "weir"], ["kafka", "weir", "kafka"], ["kafka", "kafka", "weir"]], ids="-".join)
def test_leader_of_an_unclean_election_recovers(tmp_path, kinds):
    """The first and the second have the replicas; the third keeps the quorum."""
    with Cluster(tmp_path, kinds, SETTINGS) as cluster:
        make_topic(cluster.start(), "unclean", [1, 2], unclean_leader_election_enable="true", min_insync_replicas="1")
        fill(cluster, "unclean", 10)
        cluster.nodes[2].stop()
        wait_for("an ISR of one", lambda: cluster.partitions("unclean")[0].isrs == [1], TIMEOUT_S)
        # What the second will not have.
        fill(cluster, "unclean", 10)
        cluster.nodes[1].stop()
        cluster.nodes[2].launch()
        cluster.nodes[2].wait_until_ready()
        wait_for("an unclean leader", lambda: cluster.partitions("unclean")[0].leader == 2, TIMEOUT_S)
        cluster.nodes[1].launch().wait_until_ready()
        cluster.wait_until_in_sync("unclean", 1, 2)
        fill(cluster, "unclean", 10)
        kill(cluster)
        states = [change["leaderRecoveryState"] for change in changes_of(cluster.nodes[3]) if change.get("leaderRecoveryState", -1) >= 0]
        assert states == [1, 0], "recovering, then recovered"
        first, second = (log_bytes(cluster.nodes[number], "unclean", 0) for number in (1, 2))
        assert first == second


# ---------------------------------------------------------------------------------------------------------- old records

def old_message(magic: int, offset: int, value: bytes, codec: int = 0) -> bytes:
    """As producers of before record batches sent it."""
    stamp = struct.pack(">q", 1_500_000_000_000 + offset) if magic == 1 else b""
    checked = struct.pack(">bb", magic, codec) + stamp + struct.pack(">ii", -1, len(value)) + value
    return struct.pack(">qiI", offset, 4 + len(checked), zlib.crc32(checked)) + checked


def old_log() -> tuple[bytes, list[bytes]]:
    """Messages of magic 0 and 1, and a compressed one that stands for three."""
    values = [b"value %d" % number for number in range(23)]
    plain = [old_message(number % 2, number, values[number]) for number in range(20)]
    inner = b"".join(old_message(1, number, values[20 + number]) for number in range(3))
    return b"".join(plain) + old_message(1, 22, gzip.compress(inner), codec=1), values


def start_with(cluster: Cluster, segment: pathlib.Path, log: bytes) -> None:
    """All nodes anew, with `log` in the segment of a partition of the first. After a crash all is checked, and the indexes are made anew. Apache Kafka
    may take an old image of the metadata for the newest when it leads the quorum after a crash, and puts the log aside: then once more."""
    for _ in range(5):
        kill(cluster)
        segment.write_bytes(log)
        cluster.start()
        if segment.read_bytes().startswith(log):
            return
    raise AssertionError(f"{segment} is put aside at each start")


@pytest.mark.parametrize("kinds", [["kafka", "weir"], ["weir", "kafka"], ["weir", "weir"]], ids="-".join)
def test_records_of_old_formats_are_replicated_as_they_are(tmp_path, jvm, kinds):
    with Cluster(tmp_path, kinds, SETTINGS) as cluster:
        make_topic(cluster.start(), "old", [1])
        segment = cluster.nodes[1].data / "old-0" / "00000000000000000000.log"
        wait_for("the log", segment.exists, TIMEOUT_S)
        log, values = old_log()
        start_with(cluster, segment, log)
        fill(cluster, "old", 10)
        plan = tmp_path / "plan.json"
        for replicas in ([1, 2], [2]):
            plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "old", "partition": 0, "replicas": replicas}]}))
            jvm.tool("reassign-partitions", cluster.bootstrap, "--reassignment-json-file", str(plan), "--execute")
            wait_for("the move", lambda goal=replicas: sorted(cluster.partitions("old")[0].isrs) == goal
                     and cluster.partitions("old")[0].replicas == goal, TIMEOUT_S)
            if len(replicas) == 2:
                first, second = (log_bytes(node, "old", 0) for node in cluster.nodes.values())
                assert first.startswith(log)
                assert first == second
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "old"})
        consumer.assign([TopicPartition("old", 0, 0)])
        read: list[bytes] = []
        wait_for("every record", lambda: read.extend(one.value() for one in consumer.consume(100, timeout=1) if one.error() is None)
                 or len(read) >= len(values) + 10, TIMEOUT_S)
        consumer.close()
        assert read[:len(values)] == values
