"""A stop in order, and one that is cut short: what was acknowledged is there, and only the first one spares the next start its recovery."""

from __future__ import annotations

import pathlib
import signal
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger

PARTITIONS = 50
WRITTEN = 20
CUT_STOPS = 4
# What weir says. The metadata log is looked through at each start.
RECOVERY = "recovering a segment partition=stopping"


@pytest.fixture
def stopping(kind, tmp_path):
    with brokers.create(kind, tmp_path) as broker:
        yield broker


def create_topic(broker: brokers.Broker) -> ledger.Ledger:
    book = ledger.Ledger("stopping", PARTITIONS)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(book.topic, PARTITIONS, 1)])[book.topic].result()
    return book


def write(broker: brokers.Broker, book: ledger.Ledger) -> None:
    """Into some of the partitions; the others stay as they are."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "acks": "all"})
    for partition in range(WRITTEN):
        book.send(producer, partition, b"x" * 1000)
    assert producer.flush(ledger.TIMEOUT_S) == 0


def snapshots(data: pathlib.Path) -> int:
    """Closing a log that was written to leaves a snapshot of its producers at its end."""
    return sum(1 for _ in data.glob("stopping-*/*.snapshot"))


def kill_while_stopping(broker: brokers.Broker, closed_logs: int) -> None:
    """SIGTERM, and kill -9 once so many logs are being closed, or have been."""
    goal = snapshots(broker.data) + closed_logs
    process = broker.process
    process.send_signal(signal.SIGTERM)
    while process.poll() is None and snapshots(broker.data) < goal:
        time.sleep(0.0005)
    broker.kill()


def test_killed_in_the_middle_of_a_stop_nothing_is_lost(stopping, rng):
    book = create_topic(stopping)
    for _ in range(CUT_STOPS):
        write(stopping, book)
        kill_while_stopping(stopping, rng.randrange(WRITTEN + 1))
        stopping.start()
        assert book.violations(ledger.read_back(stopping.bootstrap, book.topic, PARTITIONS)) == []
    assert book.acknowledged_count() == CUT_STOPS * WRITTEN
    stopping.stop()


def test_the_start_after_a_stop_in_order_recovers_nothing(stopping):
    book = create_topic(stopping)
    write(stopping, book)
    stopping.stop()
    stopping.start()
    assert RECOVERY not in stopping.log_tail(1000)
    write(stopping, book)
    stopping.kill()
    stopping.start()
    if stopping.kind == "weir":
        assert RECOVERY in stopping.log_tail(1000), "or the test shows nothing"
    assert book.violations(ledger.read_back(stopping.bootstrap, book.topic, PARTITIONS)) == []
    stopping.stop()
