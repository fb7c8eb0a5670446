"""Three nodes, each a broker and a voter of the metadata quorum: controllers die, stand still and come back under somebody who makes topics."""

from __future__ import annotations

import os
import shutil
import signal
import threading

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import commands
from cluster import Cluster, wait_for
from whole import NODES, TIMEOUT_S, controller_of, quorum, wait_until_all_follow


@pytest.fixture
def cluster(kind, tmp_path):
    # A broker that was killed may come back when its session has ended.
    sessions = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with Cluster(tmp_path, [kind] * len(NODES), sessions) as nodes:
        yield nodes.start()


def voters_and_observers(node: brokers.Broker) -> tuple[set[int], set[int]]:
    told = quorum(node)
    if told is None:
        return set(), set()
    return {each["replicaId"] for each in told["currentVoters"]}, {each["replicaId"] for each in told["observers"]}


class TopicMaker:
    """Makes topics one by one, in a thread of its own; what it was told exists must exist for ever."""

    def __init__(self, bootstrap: str) -> None:
        self.made: list[str] = []
        # A node that stands still holds requests for as long as the client lets it.
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "topic.metadata.refresh.interval.ms": 1000, "socket.timeout.ms": 3000,
                                   "log_level": 0})
        self._number = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._number += 1
            name = f"topic-{self._number}"
            future = self._admin.create_topics([NewTopic(name, 1, 1)], request_timeout=3, operation_timeout=3)[name]
            try:
                future.result(10)
            except (KafkaException, TimeoutError):
                continue  # It may or may not be there.
            self.made.append(name)

    def wait_for_more(self, count: int) -> None:
        goal = len(self.made) + count
        wait_for(f"{count} more topics", lambda: len(self.made) >= goal, TIMEOUT_S)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.fixture
def maker(cluster):
    topics = TopicMaker(cluster.bootstrap)
    yield topics
    topics.stop()


def topics_of(node: brokers.Broker) -> set[str]:
    return set(AdminClient({"bootstrap.servers": node.bootstrap}).list_topics(timeout=TIMEOUT_S).topics)


def check_topics(cluster: Cluster, maker: TopicMaker) -> None:
    """Every node knows every topic that somebody was told of."""
    maker.stop()
    wait_until_all_follow(cluster)
    for node in cluster.nodes.values():
        wait_for("every topic on every node", lambda each=node: topics_of(each) >= set(maker.made), TIMEOUT_S)


def test_killed_controllers_lose_no_topic(cluster, maker):
    for _ in range(4):
        maker.wait_for_more(5)
        leader = controller_of(cluster)
        cluster.nodes[leader].kill()
        others = [node for node in NODES if node != leader]
        controller_of(cluster, others, but=leader)
        maker.wait_for_more(3)
        cluster.nodes[leader].launch().wait_until_ready()
        wait_until_all_follow(cluster)
    check_topics(cluster, maker)


def test_controller_that_stands_still_is_replaced_and_steps_down(cluster, maker):
    maker.wait_for_more(5)
    leader = controller_of(cluster)
    os.kill(cluster.nodes[leader].pid, signal.SIGSTOP)
    others = [node for node in NODES if node != leader]
    successor = controller_of(cluster, others, but=leader)
    maker.wait_for_more(3)
    os.kill(cluster.nodes[leader].pid, signal.SIGCONT)
    wait_until_all_follow(cluster)
    assert controller_of(cluster, [leader]) == controller_of(cluster, [successor])
    check_topics(cluster, maker)


def test_rolling_restart_keeps_a_controller(cluster, maker):
    for node in NODES:
        maker.wait_for_more(3)
        cluster.nodes[node].stop()
        maker.wait_for_more(3)
        cluster.nodes[node].launch().wait_until_ready()
        wait_until_all_follow(cluster)
    check_topics(cluster, maker)


def test_without_a_majority_nothing_is_decided(cluster):
    leader = controller_of(cluster)
    others = [node for node in NODES if node != leader]
    for node in others:
        cluster.nodes[node].kill()
    admin = AdminClient({"bootstrap.servers": cluster.nodes[leader].bootstrap, "log_level": 0})
    future = admin.create_topics([NewTopic("lonely", 1, 1)], request_timeout=3, operation_timeout=3)["lonely"]
    with pytest.raises(KafkaException):
        future.result(TIMEOUT_S)
    assert "lonely" not in topics_of(cluster.nodes[leader])
    for node in others:
        cluster.nodes[node].launch()
    for node in others:
        cluster.nodes[node].wait_until_ready()
    wait_until_all_follow(cluster)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic("together", 1, 1)])["together"].result(TIMEOUT_S)


def test_partitions_on_all_nodes_serve_one_client(cluster):
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic("spread", 6, 1)])["spread"].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True})
    sent = [(partition, number) for partition in range(6) for number in range(100)]
    for partition, number in sent:
        producer.produce("spread", f"{partition}:{number}".encode(), partition=partition)
    assert producer.flush(TIMEOUT_S) == 0
    described = admin.list_topics("spread", timeout=TIMEOUT_S).topics["spread"].partitions
    assert {partition.leader for partition in described.values()} == set(NODES)
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "readers", "auto.offset.reset": "earliest"})
    consumer.subscribe(["spread"])
    read: dict[int, list[str]] = {partition: [] for partition in range(6)}

    def all_read() -> bool:
        for message in consumer.consume(1000, timeout=1):
            assert message.error() is None, message.error()
            read[message.partition()].append(message.value().decode())
        return sum(map(len, read.values())) >= len(sent)

    wait_for("every record", all_read, TIMEOUT_S)
    consumer.close()
    assert read == {partition: [f"{partition}:{number}" for number in range(100)] for partition in range(6)}


def add_controller(weir: commands.Weir, node: brokers.Broker) -> None:
    """As soon as the leader takes it: it may just have been elected, or the new one lag."""
    words = ("quorum", "add-controller", "-c", str(node.properties))
    wait_for("the leader to take a new voter", lambda: weir.run(*words).code == 0, TIMEOUT_S)


def test_voters_are_added_removed_and_replaced(kind, tmp_path):
    sessions = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with Cluster(tmp_path, [kind] * 4, sessions, first_voters=3) as cluster:
        cluster.start(1, 2, 3)
        weir = commands.Weir(cluster.bootstrap, tmp_path)
        maker = TopicMaker(cluster.bootstrap)
        try:
            maker.wait_for_more(3)
            # From three to four.
            cluster.start(4)
            wait_for("node 4 observes", lambda: 4 in voters_and_observers(cluster.nodes[1])[1], TIMEOUT_S)
            add_controller(weir, cluster.nodes[4])
            assert voters_and_observers(cluster.nodes[1]) == ({1, 2, 3, 4}, set())
            maker.wait_for_more(3)

            # The leader goes: it commits that without its own vote, and another leads.
            gone = controller_of(cluster)
            weir("quorum", "remove-controller", "--id", str(gone))
            rest = [node for node in (1, 2, 3, 4) if node != gone]
            controller_of(cluster, rest, but=gone)
            maker.wait_for_more(3)
            wait_for("the former leader observes", lambda: voters_and_observers(cluster.nodes[rest[0]]) == (set(rest), {gone}), TIMEOUT_S)

            # A voter loses its disk, and comes back as another replica; its former one is removed in its place.
            lost = next(node for node in rest if node != controller_of(cluster, rest))
            cluster.nodes[lost].kill()
            shutil.rmtree(cluster.nodes[lost].data)
            cluster.nodes[lost].format("--no-initial-controllers").launch().wait_until_ready()
            wait_for("the new replica observes", lambda: lost in voters_and_observers(cluster.nodes[rest[0]])[1], TIMEOUT_S)
            weir("quorum", "remove-controller", "--id", str(lost))
            add_controller(weir, cluster.nodes[lost])
            assert voters_and_observers(cluster.nodes[rest[0]])[0] == set(rest)
            maker.wait_for_more(3)

            # It counts: with it, one of the three may go.
            other = next(node for node in rest if node not in (lost, controller_of(cluster, rest)))
            cluster.nodes[other].kill()
            maker.wait_for_more(3)
            cluster.nodes[other].launch().wait_until_ready()
        finally:
            maker.stop()
        for node in cluster.nodes.values():
            wait_for("every topic on every node", lambda each=node: topics_of(each) >= set(maker.made), TIMEOUT_S)


def test_controllers_join_by_themselves_after_losing_a_disk_too(kind, tmp_path):
    with Cluster(tmp_path, [kind] * 3, {"controller.quorum.auto.join.enable": "true"}, first_voters=1) as cluster:
        cluster.start(1)
        cluster.start(2, 3)

        def directories() -> dict[int, str]:
            told = quorum(cluster.nodes[1])
            return {each["replicaId"]: each["replicaDirectoryId"] for each in told["currentVoters"]} if told else {}

        wait_for("all three vote", lambda: set(directories()) == {1, 2, 3}, TIMEOUT_S)
        before = directories()
        cluster.nodes[3].kill()
        shutil.rmtree(cluster.nodes[3].data)
        cluster.nodes[3].format("--no-initial-controllers").launch().wait_until_ready()
        wait_for("its new disk votes", lambda: directories().get(3) not in (None, before[3]), TIMEOUT_S)
        # The three elect one of them without the first.
        leader = controller_of(cluster)
        cluster.nodes[leader].stop()
        controller_of(cluster, [node for node in NODES if node != leader], but=leader)
