"""A full disk: produce fails with a retriable error and reads go on; with room again, writing resumes by itself.

The data directory is a small tmpfs in a mount namespace of the broker's own, which goes when the broker goes. Apache Kafka ends
its process when its only log directory fails, so this holds for weir alone.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger

DISK_BYTES = 48 << 20
BALLAST_BYTES = 16 << 20
PARTITIONS = 2
KAFKA_STORAGE_ERROR = 56


class SmallDiskBroker(brokers.Broker):
    """A broker whose log.dirs is a tmpfs of DISK_BYTES, with a file of BALLAST_BYTES in it that can be deleted."""

    def command(self) -> list[str]:
        script = 'mount -t tmpfs -o size=$1 weir "$2" && head -c $3 /dev/zero > "$2/ballast" && "$4" format -t "$5" -c "$6" && ' \
                 'exec "$4" start "$6"'
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", "--mount", *user, "sh", "-c", script, "sh", str(DISK_BYTES), str(self.data), str(BALLAST_BYTES),
                brokers.weir_binary(), brokers.CLUSTER_ID, str(self.properties)]

    def drop_ballast(self) -> None:
        """The mount is seen by the broker alone; the way in goes through its /proc."""
        pathlib.Path(f"/proc/{self.pid}/root{self.data}/ballast").unlink()


@pytest.fixture
def small_disk(tmp_path):
    broker = SmallDiskBroker("weir", tmp_path)
    broker.data.mkdir()
    return broker


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
        broker.drop_ballast()
        assert producer.flush(ledger.TIMEOUT_S) == 0
        assert book.violations(ledger.read_back(broker.bootstrap, book.topic, PARTITIONS)) == []
        broker.stop()
