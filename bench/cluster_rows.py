"""The rows of whole clusters that take more than a load: nodes that are killed and come back, nodes at rest, and very many
replicas. A cluster has three nodes, each a broker and a controller, and Kafka's own settings but for what must be three."""

from __future__ import annotations

import pathlib
import shutil
import threading
import time

import brokers
import ledger
import load
import rows
import wire
from cluster import Cluster, wait_for
from confluent_kafka import Producer

SETTINGS = {"offsets.topic.replication.factor": "3"}
TOPIC = "kills"
KILL_PARTITIONS = 6
KILL_RECORDS_PER_S = 1_000
KILLS = 3  # Of the active controller, and as many of others.
SETTLE_S = 3  # Acknowledged by all partitions before and after a kill.
BACKLOG_MAX = 1_000_000  # Records that wait in the producer: partitions that are led must not wait for others.
IDLE_S = 20
MANY_TOPICS = ("many-a", "many-b")
MANY_PARTITIONS = 5_000  # Of each topic: Kafka's controller takes 10,000 records at a time.
WAIT_S = 600  # For a cluster that hangs.
METADATA_LOG = {"topics": [{"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 0}]}]}
PREFERRED = 0


class CheckFailed(Exception):
    """What was acknowledged is not what is there."""


class Book(ledger.Ledger):
    """A ledger that also knows when each partition was acknowledged something."""

    def __init__(self, topic: str, partitions: int) -> None:
        super().__init__(topic, partitions)
        self.times: list[list[float]] = [[] for _ in range(partitions)]
        self.newest = [-1] * partitions  # Number of the last record that was acknowledged.

    def note_delivery(self, partition: int, number: int, error, message) -> None:
        super().note_delivery(partition, number, error, message)
        if error is None:
            self.times[partition].append(time.monotonic())
            self.newest[partition] = number

    def longest_gap_s(self, since: float) -> float:
        """Between two acknowledgements of one partition, of which the later one came after `since`."""
        return max(later - earlier for times in self.times for earlier, later in zip(times, times[1:]) if later > since)


class PacedLoad:
    """Sends so many records a second, to the partitions in turn, in a thread of its own."""

    def __init__(self, bootstrap: str, book: Book) -> None:
        self.book = book
        settings = ledger.producer_settings(bootstrap, "none") | {"queue.buffering.max.messages": BACKLOG_MAX}
        self.producer = Producer(settings)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    def send(self) -> None:
        begin, sent = time.monotonic(), 0
        while not self.stopping.is_set():
            while sent < (time.monotonic() - begin) * KILL_RECORDS_PER_S:
                self.book.send(self.producer, sent % self.book.partitions, b"x" * 1000)
                sent += 1
            self.producer.poll(1 / KILL_RECORDS_PER_S)

    def wait_for_new_records(self) -> None:
        """Returns when each partition has acknowledged what is sent from now on for some seconds."""
        goals = [sent + SETTLE_S * KILL_RECORDS_PER_S // self.book.partitions for sent in self.book.sent]
        wait_for("acknowledgements of all partitions",
                 lambda: self.book.errors or all(newest >= goal for newest, goal in zip(self.book.newest, goals)), WAIT_S)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        if self.producer.flush(ledger.TIMEOUT_S):
            raise CheckFailed("records were neither acknowledged nor refused")

    def abandon(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.producer.purge()


def ask(cluster: Cluster, name: str, version: int, body: dict) -> dict:
    connection = wire.Connection(cluster.living()[0].address)
    answer = connection.ask(name, version, body)
    connection.close()
    if answer is None:
        raise ConnectionResetError(f"{name} was not answered")
    return answer


def active_controller(cluster: Cluster) -> int:
    described = ask(cluster, "DescribeQuorum", 1, METADATA_LOG)
    return described["topics"][0]["partitions"][0]["leaderId"]


def elect_preferred_leaders(cluster: Cluster) -> None:
    """Each node leads again what it led first."""
    def led_as_preferred() -> bool:
        ask(cluster, "ElectLeaders", 2, {"electionType": PREFERRED, "topicPartitions": None, "timeoutMs": 10_000})
        known = cluster.partitions(TOPIC)
        return len(known) == KILL_PARTITIONS and all(one.leader == one.replicas[0] for one in known.values())

    wait_for("the preferred leaders", led_as_preferred, WAIT_S)


def kill_and_restart(cluster: Cluster, sending: PacedLoad, node: int) -> tuple[float, float]:
    """Under load: the longest time without an acknowledgement, and from the start until all replicas are in sync."""
    elect_preferred_leaders(cluster)
    sending.wait_for_new_records()
    killed = time.monotonic()
    cluster.nodes[node].kill()
    sending.wait_for_new_records()
    gap = sending.book.longest_gap_s(killed)
    begin = time.monotonic()
    cluster.nodes[node].launch()
    await_in_sync(cluster, [TOPIC], KILL_PARTITIONS, rows.CLUSTER_NODES)
    whole = time.monotonic() - begin
    cluster.nodes[node].wait_until_ready()
    return gap, whole


def await_in_sync(cluster: Cluster, topics: list[str], partitions: int, in_sync: int) -> None:
    names = [word for topic in topics for word in ("--topic", topic)]
    bootstrap = ",".join(node.bootstrap for node in cluster.living())
    load.run("await-in-sync", {"bootstrap": bootstrap, "partitions": str(partitions), "in-sync": str(in_sync)}, *names)


def check(cluster: Cluster, book: Book) -> None:
    violations = book.violations(ledger.read_back(cluster.bootstrap, book.topic, book.partitions))
    if book.acknowledged_count() != sum(book.sent):
        violations.append(f"{sum(book.sent) - book.acknowledged_count()} records were never acknowledged")
    if violations:
        raise CheckFailed(f"{len(violations)} violations: " + "; ".join(violations[:3]))


def kill(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    """The longest of several kills; the check is of all of them together."""
    found = {"gap_controller_s": 0.0, "gap_other_s": 0.0, "whole_s": 0.0}
    with Cluster(directory, [kind] * rows.CLUSTER_NODES, SETTINGS) as cluster:
        cluster.start().make_topic(TOPIC, KILL_PARTITIONS, rows.CLUSTER_NODES, {"min.insync.replicas": "2"})
        sending = PacedLoad(cluster.bootstrap, Book(TOPIC, KILL_PARTITIONS))
        try:
            for _ in range(1 if quick else KILLS):
                for metric in ("gap_controller_s", "gap_other_s"):
                    active = active_controller(cluster)
                    node = active if metric == "gap_controller_s" else active % rows.CLUSTER_NODES + 1
                    gap, whole = kill_and_restart(cluster, sending, node)
                    found[metric] = max(found[metric], gap)
                    found["whole_s"] = max(found["whole_s"], whole)
            sending.stop()
        except BaseException:
            sending.abandon()
            raise
        check(cluster, sending.book)
    shutil.rmtree(directory)
    return found


def rest(cluster: Cluster, seconds: float) -> dict[str, float]:
    time.sleep(seconds)  # What starting set in motion ends before idleness is measured.
    before = cluster.cpu_seconds()
    time.sleep(seconds)
    return {"idle_cpu_percent": (cluster.cpu_seconds() - before) / seconds * 100, "idle_rss_mib": cluster.status("VmRSS") / 1024}


def idle(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    with Cluster(directory, [kind] * rows.CLUSTER_NODES, SETTINGS) as cluster:
        cluster.start().make_topic(TOPIC, KILL_PARTITIONS, rows.CLUSTER_NODES)
        found = rest(cluster, IDLE_S / (10 if quick else 1))
    shutil.rmtree(directory)
    return found


class Many:
    """A cluster with very many replicas."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self.cluster, self.partitions = cluster, partitions

    def create(self) -> dict[str, float]:
        options = {"bootstrap": self.cluster.bootstrap, "partitions": str(self.partitions)}
        before, begin = self.cluster.cpu_seconds(), time.monotonic()
        for topic in MANY_TOPICS:
            load.run("create-topic", options | {"topic": topic, "replicas": str(rows.CLUSTER_NODES)})
        for topic in MANY_TOPICS:
            load.run("produce", options | {"topic": topic, "count": str(self.partitions), "record-bytes": "100"})
        return {"create_s": time.monotonic() - begin, "create_cpu_s": self.cluster.cpu_seconds() - before}

    def await_in_sync(self, in_sync: int) -> None:
        await_in_sync(self.cluster, list(MANY_TOPICS), self.partitions, in_sync)

    def kill(self, node: brokers.Broker) -> dict[str, float]:
        begin = time.monotonic()
        node.kill()
        self.await_in_sync(rows.CLUSTER_NODES - 1)
        return {"failover_s": time.monotonic() - begin}

    def stop(self, node: brokers.Broker) -> dict[str, float]:
        begin = time.monotonic()
        node.stop(timeout_s=WAIT_S)
        found = {"stop_s": time.monotonic() - begin}
        self.await_in_sync(rows.CLUSTER_NODES - 1)
        return found

    def restart(self, node: brokers.Broker, after: str) -> dict[str, float]:
        before, begin = self.cluster.cpu_seconds(), time.monotonic()
        node.launch()
        self.await_in_sync(rows.CLUSTER_NODES)
        found = {f"{after}_restart_s": time.monotonic() - begin, f"{after}_restart_cpu_s": self.cluster.cpu_seconds() - before}
        node.wait_until_ready()
        return found


def many_replicas(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    with Cluster(directory, [kind] * rows.CLUSTER_NODES, SETTINGS) as cluster:
        many = Many(cluster.start(), MANY_PARTITIONS // (20 if quick else 1))
        found = many.create() | rest(cluster, IDLE_S / (10 if quick else 1))
        node = cluster.nodes[active_controller(cluster) % rows.CLUSTER_NODES + 1]
        found |= many.kill(node)
        found |= many.restart(node, "crash")
        found |= many.stop(node)
        found |= many.restart(node, "clean")
    shutil.rmtree(directory)
    return found


MEASURES = {"cluster-kill": kill, "cluster-idle": idle, "cluster-30000-replicas": many_replicas}
