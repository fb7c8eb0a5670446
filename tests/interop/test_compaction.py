"""Compaction leaves the same records as Kafka's, batch for batch, and either goes on where the other has left off."""

from __future__ import annotations

import pathlib
import random

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition

import brokers
import corpus
import reference

TIMEOUT_S = reference.TIMEOUT_S
KEYS = 40
# Nothing waits: the cleaner looks all the time, and takes whatever is dirty.
SETTINGS = {"log.cleaner.backoff.ms": "50", "log.segment.delete.delay.ms": "0", "log.flush.offset.checkpoint.interval.ms": "100"}
TOPIC = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "internal.segment.bytes": "8192",
         "delete.retention.ms": "86400000"}


def write(bootstrap: str, topic: str, seed: int, count: int, tombstones: bool, codec: str = "none") -> None:
    """Batches of one to five records, each sent alone, so that two brokers that get the same roll at the same offsets."""
    chance = random.Random(seed)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 10_000, "compression.codec": codec, "enable.idempotence": False})
    sent = 0
    while sent < count:
        for _ in range(chance.randint(1, 5)):
            key = b"key-%d" % chance.randrange(KEYS)
            value = None if tombstones and chance.random() < 0.2 else b"%d-" % sent + b"v" * chance.randrange(200)
            producer.produce(topic, value, key, 0, timestamp=corpus.FIRST_TIMESTAMP + sent)
            sent += 1
        assert producer.flush(TIMEOUT_S) == 0


def folder(broker: brokers.Broker, topic: str) -> pathlib.Path:
    return broker.data / f"{topic}-0"


def segments(broker: brokers.Broker, topic: str) -> list[pathlib.Path]:
    return sorted(folder(broker, topic).glob("*.log"))


def cleaned_before(broker: brokers.Broker, topic: str) -> int | None:
    checkpoint = broker.data / "cleaner-offset-checkpoint"
    for line in checkpoint.read_text().splitlines()[2:] if checkpoint.exists() else []:
        name, partition, offset = line.split()
        if (name, partition) == (topic, "0"):
            return int(offset)
    return None


def wait_until_clean(broker: brokers.Broker, topic: str) -> None:
    """All but the active segment was compacted, and nothing of it is still on its way."""
    def is_clean():
        names = [path.name for path in folder(broker, topic).iterdir()]
        if any(name.endswith((".cleaned", ".swap", ".deleted")) for name in names):
            return False
        return cleaned_before(broker, topic) == int(segments(broker, topic)[-1].stem)
    try:
        reference.until(f"{topic} is clean", is_clean)
    except AssertionError:
        raise AssertionError(f"{topic} of {broker.kind} is not clean: {cleaned_before(broker, topic)}, "
                             f"{sorted(path.name for path in folder(broker, topic).iterdir())}\n{broker.log_tail()}") from None


def read(broker: brokers.Broker, topic: str) -> list[tuple[int, bytes, bytes | None, int]]:
    """Offset, key, value and time of all that is left."""
    end = end_offset(broker, topic)
    if end == 0:
        return []
    return [(one.offset, one.key, one.value, one.timestamp) for one in read_to(broker.bootstrap, topic, end)]


def end_offset(broker: brokers.Broker, topic: str) -> int:
    """A broker that has just started leads nothing yet."""
    ends: list[int] = []

    def is_known():
        try:
            ends.append(reference.end_offset(broker.bootstrap, topic, 0))
        except KafkaException:
            return False
        return True
    reference.until(f"{topic} has a leader", is_known)
    return ends[0]


def read_to(bootstrap: str, topic: str, end: int) -> list[corpus.Record]:
    consumer = reference.Consumer({"bootstrap.servers": bootstrap, "group.id": "reference", "enable.auto.commit": False,
                                   "check.crcs": True, "fetch.wait.max.ms": 50})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[corpus.Record] = []

    def take():
        message = consumer.poll(0.1)
        if message is not None:
            assert not message.error(), message.error()
            found.append(reference.to_record(message))
        return consumer.position([TopicPartition(topic, 0)])[0].offset >= end
    reference.until(f"the end of {topic}", take)
    consumer.close()
    return found


def latest(records: list[tuple[int, bytes, bytes | None, int]]) -> dict[bytes, bytes]:
    values = {key: value for _, key, value, _ in records}
    return {key: value for key, value in values.items() if value is not None}


def written_latest(seeds: list[tuple[int, int]], tombstones: bool) -> dict[bytes, bytes]:
    """What write() with these seeds and counts leaves last of each key."""
    values: dict[bytes, bytes | None] = {}
    for seed, count in seeds:
        chance = random.Random(seed)
        sent = 0
        while sent < count:
            for _ in range(chance.randint(1, 5)):
                key = b"key-%d" % chance.randrange(KEYS)
                values[key] = None if tombstones and chance.random() < 0.2 else b"%d-" % sent + b"v" * chance.randrange(200)
                sent += 1
    return {key: value for key, value in values.items() if value is not None}


def without_leader_epochs(segment: bytes) -> bytes:
    """Brokers begin with different ones, which no checksum covers."""
    out = bytearray(segment)
    at = 0
    while at < len(out):
        out[at + 12:at + 16] = bytes(4)
        at += 12 + int.from_bytes(out[at + 8:at + 12], "big")
    return bytes(out)


def compacted(kind: str, directory: pathlib.Path) -> tuple[dict[str, list], bytes]:
    with brokers.Broker(kind, directory, SETTINGS).format().start() as broker:
        found = {}
        for topic, tombstones, codec in [("plain", False, "none"), ("deletes", True, "none"), ("packed", True, "lz4")]:
            reference.create_topic(broker.bootstrap, topic, 1, TOPIC)
            write(broker.bootstrap, topic, 7, 1_500, tombstones, codec)
            wait_until_clean(broker, topic)
            found[topic] = read(broker, topic)
            assert latest(found[topic]) == written_latest([(7, 1_500)], tombstones)
        broker.stop()
        closed = segments(broker, "plain")[:-1]
        return found, b"".join(without_leader_epochs(path.read_bytes()) for path in closed)


def test_what_stays_is_what_kafka_keeps(request, tmp_path):
    tested, tested_bytes = compacted(request.config.getoption("--broker"), tmp_path / "tested")
    kafka, kafka_bytes = compacted("kafka", tmp_path / "kafka")
    for topic, records in kafka.items():
        assert len(records) < 1_000
        assert tested[topic] == records, topic
    assert tested_bytes == kafka_bytes


@pytest.mark.parametrize("order", [["kafka", "tested", "kafka"], ["tested", "kafka", "tested"]], ids=["kafka first", "under test first"])
def test_compacted_directory_goes_to_the_other_broker_and_back(request, order, tmp_path):
    kinds = [request.config.getoption("--broker") if kind == "tested" else kind for kind in order]
    broker = brokers.Broker(kinds[0], tmp_path, SETTINGS).format()
    seeds: list[tuple[int, int]] = []
    for visit, kind in enumerate(kinds):
        broker = broker.as_kind(kind)
        with broker.start():
            if visit == 0:
                reference.create_topic(broker.bootstrap, "visited", 1, TOPIC)
            assert latest(read(broker, "visited")) == written_latest(seeds, True)
            before = cleaned_before(broker, "visited")
            seeds.append((visit, 600))
            write(broker.bootstrap, "visited", visit, 600, True, "zstd")
            wait_until_clean(broker, "visited")
            assert before is None or cleaned_before(broker, "visited") > before
            assert latest(read(broker, "visited")) == written_latest(seeds, True)
            broker.stop()
