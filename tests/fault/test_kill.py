"""kill -9 of the real process under load, again and again, beneath one idempotent producer that keeps going."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger

PARTITIONS = 4


class Load:
    """Sends without pause in a thread of its own until told to stop."""

    def __init__(self, bootstrap: str, book: ledger.Ledger, codec: str) -> None:
        self.book = book
        self.producer = Producer(ledger.producer_settings(bootstrap, codec))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for partition in range(self.book.partitions):
                self.book.send(self.producer, partition, b"x" * 100)
            self.producer.poll(0)

    def stop(self) -> None:
        """Returns when everything sent is acknowledged or has failed."""
        self._stopping.set()
        self._thread.join()
        left = self.producer.flush(ledger.TIMEOUT_S)
        if left:
            self.book.errors.append(f"{left} records were neither acknowledged nor refused")

    def abandon(self) -> None:
        """Drops what is under way, after a failure."""
        self._stopping.set()
        self._thread.join()
        self.producer.purge()


def wait_for_acknowledgements(book: ledger.Ledger, more: int) -> None:
    waiting = threading.Event()
    goal = book.acknowledged_count() + more
    for _ in range(ledger.TIMEOUT_S * 200):
        if book.acknowledged_count() >= goal or book.errors:
            return
        waiting.wait(0.005)
    raise AssertionError(f"no {more} acknowledgements in {ledger.TIMEOUT_S} s")


@pytest.fixture
def killed(kind, tmp_path):
    with brokers.create(kind, tmp_path) as broker:
        yield broker


def test_no_acknowledged_record_is_lost_duplicated_or_reordered(killed, rng, request):
    book = ledger.Ledger("killed", PARTITIONS)
    admin = AdminClient({"bootstrap.servers": killed.bootstrap})
    admin.create_topics([NewTopic(book.topic, PARTITIONS, 1, config={"segment.bytes": "2097152"})])[book.topic].result()
    load = Load(killed.bootstrap, book, rng.choice(["none", "lz4"]))
    try:
        for _ in range(request.config.getoption("--kills")):
            wait_for_acknowledgements(book, rng.randrange(1, 15_000))
            killed.kill()
            if rng.random() < 0.25:  # Dying on the way up must do no harm either.
                killed.launch().kill()
            killed.start()
        wait_for_acknowledgements(book, 1000)
    except BaseException:
        load.abandon()
        raise
    load.stop()
    assert book.violations(ledger.read_back(killed.bootstrap, book.topic, PARTITIONS)) == []
    assert book.acknowledged_count() == sum(book.sent)
    killed.stop()
    killed.start()
    assert book.violations(ledger.read_back(killed.bootstrap, book.topic, PARTITIONS)) == []
    killed.stop()
