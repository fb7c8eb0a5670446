"""kafka-python."""

from __future__ import annotations

import concurrent.futures

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import TopicAlreadyExistsError

import corpus
import reference


def read(consumer: KafkaConsumer, count: int) -> list[corpus.Record]:
    records: list[corpus.Record] = []

    def poll() -> bool:
        for messages in consumer.poll(timeout_ms=100).values():
            records.extend(corpus.Record(one.partition, one.offset, one.key, one.value, tuple(one.headers), one.timestamp)
                           for one in messages)
        return len(records) >= count

    reference.until(f"reading {count} records", poll)
    return records


def member(bootstrap: str, topic: str, assignor: type = RangePartitionAssignor) -> KafkaConsumer:
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, auto_offset_reset="earliest",
                             enable_auto_commit=False, heartbeat_interval_ms=100, session_timeout_ms=6000,
                             partition_assignment_strategy=[assignor])
    # One that joins before it knows the topic's partitions assigns nothing, and joins again.
    reference.until("the topic is known", lambda: consumer.partitions_for_topic(topic))
    return consumer


@pytest.mark.parametrize("codec", corpus.CODECS)
def test_corpus(cluster, topic_name, codec):
    cluster.create_topic(topic_name)
    producer = KafkaProducer(bootstrap_servers=cluster.bootstrap, linger_ms=20, acks="all",
                             compression_type=None if codec == "none" else codec)
    sent = [producer.send(topic_name, one.value, one.key, list(one.headers), one.partition, one.timestamp)
            for one in corpus.records()]
    producer.flush(reference.TIMEOUT_S)
    assert [one.get(reference.TIMEOUT_S).offset for one in sent] == [one.offset for one in corpus.records()]
    producer.close()
    consumer = KafkaConsumer(topic_name, bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest")
    corpus.verify(read(consumer, corpus.COUNT))
    consumer.close()
    corpus.verify(reference.read(cluster.bootstrap, topic_name, corpus.PARTITIONS, corpus.COUNT))


@pytest.mark.parametrize("assignor", [RangePartitionAssignor, RoundRobinPartitionAssignor,
                                      CooperativeStickyAssignor])
def test_group_rebalances(cluster, topic_name, assignor):
    cluster.create_topic(topic_name, 4)
    members: list[KafkaConsumer] = []

    def balanced() -> bool:
        # All at once and not for too short: kafka-python forgets an assignment that comes just when a poll() ends.
        with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(lambda one: one.poll(timeout_ms=500), members))
        owned = sorted(part.partition for one in members for part in one.assignment())
        return owned == list(range(4)) and all(len(one.assignment()) == 4 // len(members) for one in members)

    for _ in range(2):
        members.append(member(cluster.bootstrap, topic_name, assignor))
        reference.until("balance with one more", balanced)
    members.pop(0).close()
    reference.until("balance with one less", balanced)
    members[0].close()


def test_commit_and_resume(cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(6)])
    partition = TopicPartition(topic_name, 0)
    first = member(cluster.bootstrap, topic_name)
    read(first, 6)
    first.commit({partition: OffsetAndMetadata(2, "note", -1)})
    assert first.committed(partition) == 2
    first.close()
    second = member(cluster.bootstrap, topic_name)
    assert read(second, 4)[0].offset == 2
    second.close()


def test_positions(cluster, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records(), "gzip")
    partition = TopicPartition(topic_name, 0)
    consumer = KafkaConsumer(bootstrap_servers=cluster.bootstrap)
    consumer.assign([partition])
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 100}
    assert consumer.offsets_for_times({partition: corpus.FIRST_TIMESTAMP + 31_000})[partition].offset == 11
    consumer.seek(partition, 98)
    assert [one.offset for one in read(consumer, 2)] == [98, 99]
    consumer.close()


def test_admin(cluster, topic_name):
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    admin.create_topics([NewTopic(topic_name, 2, 1, topic_configs={"retention.ms": "-1"})])
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics([NewTopic(topic_name, 2, 1)])
    admin.create_partitions({topic_name: NewPartitions(3)})
    assert len(admin.describe_topics([topic_name])[0]["partitions"]) == 3
    resource = ConfigResource(ConfigResourceType.TOPIC, topic_name, {"max.message.bytes": "5000"})
    admin.alter_configs([resource])
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic_name)])
    assert "5000" in str(described)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(5)])
    partition = TopicPartition(topic_name, 0)
    assert admin.delete_records({partition: 3})[partition]["low_watermark"] == 3
    admin.delete_topics([topic_name])
    assert topic_name not in [one if isinstance(one, str) else one["name"] for one in admin.list_topics()]
    admin.close()
