"""Reading, writing and administration through one well-known client (librdkafka), for use beside the client under test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import corpus

TIMEOUT_S = 60  # For a broker that hangs; no test asserts a time.


def until(what: str, condition: Callable[[], object]) -> object:
    """Calls condition until it gives something true, and returns that."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
    raise AssertionError(f"never happened: {what}")


def create_topic(bootstrap: str, name: str, partitions: int, config: dict[str, str] | None = None) -> None:
    """A topic whose records do not expire: the corpus has old timestamps."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = NewTopic(name, partitions, 1, config={"retention.ms": "-1", **(config or {})})
    admin.create_topics([topic])[name].result(TIMEOUT_S)


def end_offset(bootstrap: str, name: str, partition: int) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reference"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(name, partition), TIMEOUT_S)[1]
    finally:
        consumer.close()


def produce(bootstrap: str, name: str, records: Iterable[corpus.Record], codec: str = "none") -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "compression.codec": codec, "linger.ms": 20,
                         "enable.idempotence": True})
    errors: list[object] = []
    for one in records:
        producer.produce(name, one.value, one.key, one.partition, timestamp=one.timestamp or 0,
                         headers=list(one.headers), on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(TIMEOUT_S) == 0
    assert not errors


def to_record(message) -> corpus.Record:
    return corpus.Record(message.partition(), message.offset(), message.key(), message.value(),
                         tuple(message.headers() or ()), message.timestamp()[1])


def read(bootstrap: str, name: str, partitions: int, count: int, start: int = 0) -> list[corpus.Record]:
    """Reads count records from offset start of every partition, and checks that nothing follows them."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reference", "enable.auto.commit": False,
                         "enable.partition.eof": True, "check.crcs": True, "fetch.wait.max.ms": 50})
    consumer.assign([TopicPartition(name, partition, start) for partition in range(partitions)])
    read_records: list[corpus.Record] = []
    ended: set[int] = set()
    deadline = time.monotonic() + TIMEOUT_S
    while len(ended) < partitions and time.monotonic() < deadline:
        for message in consumer.consume(1000, 0.1):
            if message.error() is None:
                read_records.append(to_record(message))
            elif message.error().name() == "_PARTITION_EOF":
                ended.add(message.partition())
            else:
                raise AssertionError(message.error())
    consumer.close()
    assert len(read_records) == count
    return read_records
