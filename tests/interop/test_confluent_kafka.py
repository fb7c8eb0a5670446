"""confluent-kafka, that is librdkafka, from Python."""

from __future__ import annotations

import confluent_kafka
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)

import corpus
import reference

TIMEOUT_S = reference.TIMEOUT_S


@pytest.fixture(scope="module")
def admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


def error_name(action) -> str:
    with pytest.raises(KafkaException) as caught:
        action()
    return caught.value.args[0].name()


def consumer(bootstrap: str, group: str, **settings: object) -> Consumer:
    config = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
              "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 100,
              "fetch.wait.max.ms": 50}
    config.update({key.replace("_", "."): value for key, value in settings.items()})
    return Consumer(config)


def read(one: Consumer, count: int) -> list[corpus.Record]:
    records: list[corpus.Record] = []

    def poll() -> bool:
        message = one.poll(0.1)
        if message is not None:
            assert message.error() is None, message.error()
            records.append(reference.to_record(message))
        return len(records) >= count

    reference.until(f"reading {count} records", poll)
    return records


def wait_for_balance(members: list[Consumer], total: int) -> None:
    def balanced() -> bool:
        for member in members:
            member.poll(0.02)
        owned = [partition.partition for member in members for partition in member.assignment()]
        even = all(len(member.assignment()) == total // len(members) for member in members)
        return even and sorted(owned) == list(range(total))

    reference.until(f"{total} partitions over {len(members)} members", balanced)


@pytest.mark.parametrize("codec", corpus.CODECS)
@pytest.mark.parametrize("idempotent", [True, False], ids=["idempotent", "plain"])
def test_corpus(cluster, topic_name, codec, idempotent):
    cluster.create_topic(topic_name)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "compression.codec": codec, "linger.ms": 20,
                         "enable.idempotence": idempotent, "acks": "all"})
    offsets = {}

    def delivered(error, message) -> None:
        assert error is None
        offsets[message.partition(), message.value(), message.key()] = message.offset()

    for one in corpus.records():
        producer.produce(topic_name, one.value, one.key, one.partition, on_delivery=delivered,
                         timestamp=one.timestamp, headers=list(one.headers))
    assert producer.flush(TIMEOUT_S) == 0
    for one in corpus.records():
        if one.key is not None:
            assert offsets[one.partition, one.value, one.key] == one.offset
    corpus.verify(reference.read(cluster.bootstrap, topic_name, corpus.PARTITIONS, corpus.COUNT))


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(cluster, topic_name, acks):
    cluster.create_topic(topic_name, 1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": acks, "linger.ms": 0})
    for i in range(20):
        producer.produce(topic_name, f"v{i}")
    assert producer.flush(TIMEOUT_S) == 0
    one = consumer(cluster.bootstrap, topic_name)
    one.subscribe([topic_name])
    assert [record.value for record in read(one, 20)] == [f"v{i}".encode() for i in range(20)]
    one.close()


def test_null_header_value_and_large_record(cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    written = [corpus.Record(0, 0, None, None, (("none", None),), corpus.FIRST_TIMESTAMP),
               corpus.Record(0, 1, b"", bytes(range(256)) * 3900, (), corpus.FIRST_TIMESTAMP)]
    reference.produce(cluster.bootstrap, topic_name, written)
    corpus.verify(reference.read(cluster.bootstrap, topic_name, 1, 2), written)


def test_too_large_a_record_is_refused(cluster, topic_name):
    cluster.create_topic(topic_name, 1, max_message_bytes="10000")
    outcome = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    producer.produce(topic_name, bytes(20000), on_delivery=lambda error, _: outcome.append(error.name()))
    assert producer.flush(TIMEOUT_S) == 0
    assert outcome == ["MSG_SIZE_TOO_LARGE"]


def test_a_topic_is_created_by_use(cluster, topic_name):
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    producer.produce(topic_name, b"first")
    assert producer.flush(TIMEOUT_S) == 0
    assert [one.value for one in reference.read(cluster.bootstrap, topic_name, 1, 1)] == [b"first"]


@pytest.mark.parametrize("assignor", ["range", "roundrobin", "cooperative-sticky"])
def test_group_rebalances(cluster, topic_name, assignor):
    cluster.create_topic(topic_name, 6)
    members: list[Consumer] = []
    for _ in range(3):
        members.append(consumer(cluster.bootstrap, topic_name, partition_assignment_strategy=assignor))
        members[-1].subscribe([topic_name])
        wait_for_balance(members, 6)
    members.pop(0).close()
    wait_for_balance(members, 6)
    for member in members:
        member.close()


def test_static_member_comes_back_without_a_rebalance(cluster, topic_name):
    cluster.create_topic(topic_name, 4)
    first, second = (consumer(cluster.bootstrap, topic_name, group_instance_id=name) for name in ("one", "two"))
    rebalances = []
    first.subscribe([topic_name], on_assign=lambda _, partitions: rebalances.append(partitions))
    second.subscribe([topic_name])
    wait_for_balance([first, second], 4)
    owned, seen = sorted(p.partition for p in second.assignment()), len(rebalances)
    second.close()
    again = consumer(cluster.bootstrap, topic_name, group_instance_id="two")
    again.subscribe([topic_name])
    wait_for_balance([first, again], 4)
    assert sorted(p.partition for p in again.assignment()) == owned
    assert len(rebalances) == seen
    first.close()
    again.close()


def test_commit_and_resume(cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"%d" % i) for i in range(10)])
    first = consumer(cluster.bootstrap, topic_name)
    first.subscribe([topic_name])
    read(first, 4)
    first.commit(offsets=[TopicPartition(topic_name, 0, 4, "note")], asynchronous=False)
    committed = first.committed([TopicPartition(topic_name, 0)], TIMEOUT_S)[0]
    assert (committed.offset, committed.metadata) == (4, "note")
    first.close()
    second = consumer(cluster.bootstrap, topic_name, enable_auto_commit=True)
    second.subscribe([topic_name])
    assert [one.offset for one in read(second, 6)] == list(range(4, 10))
    second.close()
    third = consumer(cluster.bootstrap, topic_name)
    assert third.committed([TopicPartition(topic_name, 0)], TIMEOUT_S)[0].offset == 10
    third.close()


def test_offsets_for_times_and_watermarks(cluster, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records(), "zstd")
    one = consumer(cluster.bootstrap, topic_name)
    times = [TopicPartition(topic_name, 1, corpus.FIRST_TIMESTAMP + 31_000), TopicPartition(topic_name, 2, 1 << 50)]
    found = one.offsets_for_times(times, TIMEOUT_S)
    assert found[0].offset == 10
    assert found[1].offset in (confluent_kafka.OFFSET_END, 100)
    assert one.get_watermark_offsets(TopicPartition(topic_name, 0), TIMEOUT_S) == (0, 100)
    one.close()


def test_topics(admin, topic_name):
    def create() -> None:
        admin.create_topics([NewTopic(topic_name, 3, 1, config={"retention.ms": "12345"})])[topic_name].result(TIMEOUT_S)

    create()
    assert error_name(create) == "TOPIC_ALREADY_EXISTS"
    assert len(admin.list_topics(topic_name).topics[topic_name].partitions) == 3
    admin.create_partitions([NewPartitions(topic_name, 4)])[topic_name].result(TIMEOUT_S)
    described = admin.describe_topics(confluent_kafka.TopicCollection([topic_name]))[topic_name].result(TIMEOUT_S)
    assert [(part.id, part.leader.id, [node.id for node in part.isr]) for part in described.partitions] == \
        [(i, 1, [1]) for i in range(4)]
    admin.delete_topics([topic_name])[topic_name].result(TIMEOUT_S)
    assert error_name(lambda: admin.delete_topics([topic_name])[topic_name].result(TIMEOUT_S)) == "UNKNOWN_TOPIC_OR_PART"
    assert topic_name not in admin.list_topics().topics


@pytest.mark.parametrize(("topic", "error"), [
    (NewTopic("no/slash", 1, 1), "TOPIC_EXCEPTION"), (NewTopic("many-replicas", 1, 5), "INVALID_REPLICATION_FACTOR"),
    (NewTopic("bad-config", 1, 1, config={"retention.ms": "x"}), "INVALID_CONFIG")], ids=lambda value: str(value))
def test_refused_topics(admin, topic, error):
    assert error_name(lambda: admin.create_topics([topic])[topic.topic].result(TIMEOUT_S)) == error


def test_configs(cluster, admin, topic_name):
    cluster.create_topic(topic_name, 1)
    resource = ConfigResource(ResourceType.TOPIC, topic_name, incremental_configs=[
        ConfigEntry("max.message.bytes", "4321", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
    entries = admin.describe_configs([resource])[resource].result(TIMEOUT_S)
    assert entries["max.message.bytes"].value == "4321"
    assert entries["retention.ms"].value == "-1"
    assert entries["cleanup.policy"].value == "delete" and entries["cleanup.policy"].is_default
    broker = ConfigResource(ResourceType.BROKER, "1")
    assert admin.describe_configs([broker])[broker].result(TIMEOUT_S)["node.id"].value == "1"


def test_delete_records_and_list_offsets(cluster, admin, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records(), "lz4")
    partition = TopicPartition(topic_name, 0, 25)
    assert admin.delete_records([partition])[partition].result(TIMEOUT_S).low_watermark == 25
    for spec, expected in ((OffsetSpec.earliest(), 25), (OffsetSpec.latest(), 100), (OffsetSpec.max_timestamp(), 99),
                           (OffsetSpec.for_timestamp(corpus.FIRST_TIMESTAMP + 90_000), 30)):
        asked = TopicPartition(topic_name, 0)
        assert admin.list_offsets({asked: spec})[asked].result(TIMEOUT_S).offset == expected


def test_groups(cluster, admin, topic_name):
    cluster.create_topic(topic_name, 1)
    one = consumer(cluster.bootstrap, topic_name, client_id="reader")
    one.subscribe([topic_name])
    wait_for_balance([one], 1)
    described = admin.describe_consumer_groups([topic_name])[topic_name].result(TIMEOUT_S)
    assert described.state.name == "STABLE" and described.partition_assignor == "range"
    assert [(m.client_id, [p.topic for p in m.assignment.topic_partitions]) for m in described.members] == \
        [("reader", [topic_name])]
    assert error_name(lambda: admin.delete_consumer_groups([topic_name])[topic_name].result(TIMEOUT_S)) == "NON_EMPTY_GROUP"
    one.commit(offsets=[TopicPartition(topic_name, 0, 0)], asynchronous=False)
    one.close()
    offsets = [TopicPartition(topic_name, 0, 7)]
    group = confluent_kafka.ConsumerGroupTopicPartitions(topic_name, offsets)
    admin.alter_consumer_group_offsets([group])[topic_name].result(TIMEOUT_S)
    asked = confluent_kafka.ConsumerGroupTopicPartitions(topic_name)
    listed = admin.list_consumer_group_offsets([asked])[topic_name].result(TIMEOUT_S)
    assert [(part.partition, part.offset) for part in listed.topic_partitions] == [(0, 7)]
    assert topic_name in [group.group_id for group in admin.list_consumer_groups().result(TIMEOUT_S).valid]
    admin.delete_consumer_groups([topic_name])[topic_name].result(TIMEOUT_S)
    assert topic_name not in [group.group_id for group in admin.list_consumer_groups().result(TIMEOUT_S).valid]


def test_cluster(cluster, admin):
    described = admin.describe_cluster().result(TIMEOUT_S)
    assert [(node.id, f"{node.host}:{node.port}") for node in described.nodes] == [(1, cluster.bootstrap)]
    assert len(described.cluster_id) == 22
