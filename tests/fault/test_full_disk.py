"""A full disk: produce fails with a retriable error and reads go on; with room again, writing resumes by itself.

Apache Kafka ends its process when its only log directory fails, so this holds for weir alone.
"""

from __future__ import annotations

import contextlib
import os
import pathlib

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger
from cluster import wait_for
from machines import Machine, NoNamespaces
from whole import NODES, PARTITIONS as LOADED, TIMEOUT_S, TOPIC, Whole, controller_of, described

DISK_BYTES = 48 << 20
FREE_BYTES = 32 << 20
PARTITIONS = 2
KAFKA_STORAGE_ERROR = 56


def make_disk(directory: pathlib.Path) -> Machine:
    """A machine whose disk, for the data of the node in that directory, has DISK_BYTES."""
    data = directory / "data"
    data.mkdir(parents=True)
    try:
        return Machine(disk=(data, DISK_BYTES))
    except NoNamespaces as error:
        pytest.skip(f"no mount namespaces here: {error}")


def leave_room(node: brokers.Broker, free_bytes: int) -> None:
    """Takes the rest of the node's disk away; 0 fills it."""
    with open(node.data / "ballast", "ab", buffering=0) as ballast:
        room = os.statvfs(node.data)
        with contextlib.suppress(OSError):  # Somebody else took some of it.
            ballast.write(bytes(room.f_bavail * room.f_frsize - free_bytes))


def make_room(node: brokers.Broker) -> None:
    (node.data / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path):
    with make_disk(tmp_path) as machine:
        yield brokers.Broker("weir", tmp_path, machine=machine).format()


def produce_until_refused(bootstrap: str, book: ledger.Ledger) -> list[int]:
    """Fills the disk through a producer that gives up on a record after its first refusal; returns the error codes."""
    codes: list[int] = []
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": False, "retries": 0, "acks": "all",
                         "linger.ms": 1, "batch.num.messages": 100, "max.in.flight": 1, "message.timeout.ms": 60_000})

    def on_delivery(number: int, partition: int):
        def delivered(error, message) -> None:
            if error is None:
                book.acknowledged[partition][number] = message.offset()
            else:
                codes.append(error.code())
        return delivered

    while not codes:
        for partition in range(book.partitions):
            number = book.sent[partition]
            book.sent[partition] += 1
            producer.produce(book.topic, b"%d:" % number + bytes(10_000), partition=partition,
                             on_delivery=on_delivery(number, partition))
        producer.poll(0)
        if len(producer) > 200:
            producer.poll(0.01)
    producer.flush(ledger.TIMEOUT_S)
    return codes


def test_full_disk_refuses_writes_serves_reads_and_recovers_by_itself(small_disk):
    with small_disk.start() as broker:
        leave_room(broker, FREE_BYTES)
        book = ledger.Ledger("filling", PARTITIONS)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic(book.topic, PARTITIONS, 1, config={"segment.bytes": "4194304"})])[book.topic].result()
        assert set(produce_until_refused(broker.bootstrap, book)) == {KAFKA_STORAGE_ERROR}
        assert broker.alive()
        assert book.violations(ledger.read_back(broker.bootstrap, book.topic, PARTITIONS)) == []
        # A producer that waits, as they do by default: it gets through when there is room, with nobody's help.
        producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "retry.backoff.ms": 20})
        for partition in range(PARTITIONS):
            for _ in range(20):
                book.send(producer, partition, bytes(10_000))
        make_room(broker)
        assert producer.flush(ledger.TIMEOUT_S) == 0
        assert book.violations(ledger.read_back(broker.bootstrap, book.topic, PARTITIONS)) == []
        broker.stop()


@pytest.fixture
def whole(tmp_path):
    with contextlib.ExitStack() as stack:
        machines = {node: stack.enter_context(make_disk(tmp_path / f"node-{node}")) for node in NODES}
        # What waits for room must not fill the producer's queue.
        yield stack.enter_context(Whole("weir", tmp_path, machines, pause_s=0.01))


@pytest.mark.parametrize("role", ["controller", "broker"])
def test_full_disk_of_one_node_stops_what_it_leads_alone(whole, role):
    """What it leads waits for room, since it can be read there; what others lead goes on without it, and so does the cluster's metadata."""
    controller = controller_of(whole.cluster)
    full = controller if role == "controller" else next(node for node in NODES if node != controller)
    others = [node for node in NODES if node != full]
    node = whole.cluster.nodes[full]
    leave_room(node, 0)
    led_by_others = [index for index, one in described(whole.cluster.nodes[others[0]], TOPIC).items() if one["leaderId"] != full]
    assert len(led_by_others) < LOADED
    whole.load.wait_for_acknowledgements_of_each(50, led_by_others)
    wait_for("the others to lead the quorum", lambda: controller_of(whole.cluster, others) != full, TIMEOUT_S)
    wait_for("ISRs without the full node", lambda: all(full not in described(whole.cluster.nodes[others[0]], TOPIC)[index]["isrNodes"]
                                                       for index in led_by_others), TIMEOUT_S)
    whole.load.wait_for_acknowledgements_of_each(50, led_by_others)
    assert node.alive()
    make_room(node)
    whole.check()
