"""kill -9 of the real process under load, again and again, beneath one idempotent producer that keeps going."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger

PARTITIONS = 4


@pytest.fixture
def killed(kind, tmp_path):
    with brokers.create(kind, tmp_path) as broker:
        yield broker


def test_no_acknowledged_record_is_lost_duplicated_or_reordered(killed, rng, request):
    book = ledger.Ledger("killed", PARTITIONS)
    admin = AdminClient({"bootstrap.servers": killed.bootstrap})
    admin.create_topics([NewTopic(book.topic, PARTITIONS, 1, config={"segment.bytes": "2097152"})])[book.topic].result()
    load = ledger.Load(killed.bootstrap, book, rng.choice(["none", "lz4"]))
    try:
        for _ in range(request.config.getoption("--kills")):
            load.wait_for_acknowledgements(rng.randrange(1, 15_000))
            killed.kill()
            if rng.random() < 0.25:  # Dying on the way up must do no harm either.
                killed.launch().kill()
            killed.start()
        load.wait_for_acknowledgements(1000)
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
