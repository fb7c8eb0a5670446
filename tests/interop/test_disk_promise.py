"""A data directory belongs to either broker: written by one, opened, served and written by the other, opened again by the first."""

from __future__ import annotations

import dataclasses

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

import brokers
import corpus
import ledger
import reference

TIMEOUT_S = reference.TIMEOUT_S
BIG_RECORDS = 60
GROUP = "readers"


def big(i: int) -> corpus.Record:
    """Records of 100 KB: enough of them make the log roll its segments of 1 MiB."""
    return corpus.Record(0, i, b"%d" % i, b"%06d" % i * 17_000, (), corpus.FIRST_TIMESTAMP + i)


@dataclasses.dataclass
class Content:
    """What the directory must hold; grows with each visit."""

    visits: int = 0
    committed: dict[tuple[str, int], int] = dataclasses.field(default_factory=dict)

    def written(self, topic_partitions: int = corpus.PARTITIONS) -> list[corpus.Record]:
        """The corpus once per visit, with the offsets going on."""
        per_visit = corpus.COUNT // topic_partitions
        return [dataclasses.replace(one, offset=one.offset + visit * per_visit)
                for visit in range(self.visits) for one in corpus.records()]


def first_visit(bootstrap: str) -> None:
    for codec in corpus.CODECS:
        reference.create_topic(bootstrap, f"corpus-{codec}", corpus.PARTITIONS)
    reference.create_topic(bootstrap, "segments", 1, {"segment.bytes": "1048576"})
    reference.create_topic(bootstrap, "cut", 1)
    reference.produce(bootstrap, "cut", [corpus.Record(0, i, None, b"v") for i in range(10)])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    cut = TopicPartition("cut", 0, 6)
    assert admin.delete_records([cut])[cut].result(TIMEOUT_S).low_watermark == 6
    reference.create_topic(bootstrap, "deleted", 1)
    admin.delete_topics(["deleted"])["deleted"].result(TIMEOUT_S)


def write(bootstrap: str, content: Content) -> None:
    for codec in corpus.CODECS:
        reference.produce(bootstrap, f"corpus-{codec}", corpus.records(), codec)
    reference.produce(bootstrap, "segments", [big(content.visits * BIG_RECORDS + i) for i in range(BIG_RECORDS)])
    content.visits += 1
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe(["corpus-zstd"])
    reference.until("a record of the group", lambda: consumer.poll(0.1))
    offsets = {("corpus-zstd", partition): content.visits * 10 + partition for partition in range(corpus.PARTITIONS)}
    consumer.commit(offsets=[TopicPartition(topic, partition, offset, f"visit {content.visits}")
                             for (topic, partition), offset in offsets.items()], asynchronous=False)
    consumer.close()
    content.committed |= offsets
    admin = AdminClient({"bootstrap.servers": bootstrap})
    resource = ConfigResource(ResourceType.TOPIC, "cut", incremental_configs=[
        ConfigEntry("max.message.bytes", str(1000 + content.visits), incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
    reference.create_topic(bootstrap, f"visit-{content.visits}", content.visits)


def verify(bootstrap: str, content: Content) -> None:
    for codec in corpus.CODECS:
        read = reference.read(bootstrap, f"corpus-{codec}", corpus.PARTITIONS, corpus.COUNT * content.visits)
        corpus.verify(read, content.written())
    read = reference.read(bootstrap, "segments", 1, BIG_RECORDS * content.visits)
    assert [(one.offset, one.key, one.value) for one in read] == \
        [(big(i).offset, big(i).key, big(i).value) for i in range(BIG_RECORDS * content.visits)]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP)])[GROUP].result(TIMEOUT_S)
    assert {(part.topic, part.partition): (part.offset, part.metadata) for part in listed.topic_partitions} == \
        {key: (offset, f"visit {content.visits}") for key, offset in content.committed.items()}
    resource = ConfigResource(ResourceType.TOPIC, "cut")
    configs = admin.describe_configs([resource])[resource].result(TIMEOUT_S)
    assert (configs["max.message.bytes"].value, configs["retention.ms"].value) == (str(1000 + content.visits), "-1")
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reference"})
    assert consumer.get_watermark_offsets(TopicPartition("cut", 0), TIMEOUT_S) == (6, 10)
    times = [TopicPartition("segments", 0, corpus.FIRST_TIMESTAMP + BIG_RECORDS - 1)]
    assert consumer.offsets_for_times(times, TIMEOUT_S)[0].offset == BIG_RECORDS - 1
    consumer.close()
    topics = {name: len(topic.partitions) for name, topic in admin.list_topics().topics.items()}
    assert "deleted" not in topics
    assert {name: count for name, count in topics.items() if name.startswith("visit-")} == \
        {f"visit-{i}": i for i in range(1, content.visits + 1)}


@pytest.fixture(params=["kafka first", "under test first"])
def order(request) -> list[str]:
    tested = request.config.getoption("--broker")
    return ["kafka", tested, "kafka"] if request.param == "kafka first" else [tested, "kafka", tested]


def test_closed_directory_goes_to_the_other_broker_and_back(order, tmp_path):
    content = Content()
    broker = brokers.Broker(order[0], tmp_path).format()
    for kind in order:
        broker = broker.as_kind(kind)
        with broker.start():
            if content.visits == 0:
                first_visit(broker.bootstrap)
            else:
                verify(broker.bootstrap, content)
            write(broker.bootstrap, content)
            verify(broker.bootstrap, content)
            broker.stop()


def produce_until_killed(broker: brokers.Broker, book: ledger.Ledger, acknowledged: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 1,
                         "batch.num.messages": 100, "compression.codec": "lz4"})
    goal = book.acknowledged_count() + acknowledged
    while book.acknowledged_count() < goal:
        for partition in range(book.partitions):
            book.send(producer, partition, b"x" * 100)
        producer.poll(0)
    broker.kill()
    producer.purge()  # What was not acknowledged may be there or not; this producer says nothing more about it.
    producer.flush(TIMEOUT_S)
    book.errors.clear()


def test_directory_of_a_killed_broker_is_recovered_by_the_other(order, tmp_path):
    book = ledger.Ledger("crashed", 3)
    broker = brokers.Broker(order[0], tmp_path).format()
    for visit, kind in enumerate(order):
        broker = broker.as_kind(kind)
        with broker.start():
            if visit == 0:
                reference.create_topic(broker.bootstrap, book.topic, book.partitions)
            read = ledger.read_back(broker.bootstrap, book.topic, book.partitions)
            assert book.violations(read) == []
            produce_until_killed(broker, book, 20_000)
