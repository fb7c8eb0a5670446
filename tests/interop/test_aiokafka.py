"""aiokafka."""

from __future__ import annotations

import asyncio

import aiokafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

import corpus
import reference


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, reference.TIMEOUT_S))


async def read(consumer: AIOKafkaConsumer, count: int) -> list[corpus.Record]:
    records: list[corpus.Record] = []
    while len(records) < count:
        for messages in (await consumer.getmany(timeout_ms=100)).values():
            records += [corpus.Record(one.partition, one.offset, one.key, one.value, tuple(one.headers), one.timestamp)
                        for one in messages]
    return records


def group_member(bootstrap: str, topic: str, **settings: object) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, auto_offset_reset="earliest",
                            enable_auto_commit=False, heartbeat_interval_ms=100, session_timeout_ms=6000, **settings)


@pytest.mark.parametrize("codec", corpus.CODECS)
def test_corpus(cluster, topic_name, codec):
    cluster.create_topic(topic_name)

    async def scenario() -> list[corpus.Record]:
        async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, linger_ms=20, enable_idempotence=True,
                                    compression_type=None if codec == "none" else codec) as producer:
            sent = [await producer.send(topic_name, one.value, one.key, one.partition, one.timestamp, list(one.headers))
                    for one in corpus.records()]
            assert [(await one).offset for one in sent] == [one.offset for one in corpus.records()]
        async with AIOKafkaConsumer(topic_name, bootstrap_servers=cluster.bootstrap,
                                    auto_offset_reset="earliest") as consumer:
            return await read(consumer, corpus.COUNT)

    corpus.verify(run(scenario()))
    corpus.verify(reference.read(cluster.bootstrap, topic_name, corpus.PARTITIONS, corpus.COUNT))


async def wait_for_balance(members: list[AIOKafkaConsumer], total: int) -> None:
    while True:
        for member in members:
            await member.getmany(timeout_ms=20)
        owned = sorted(part.partition for member in members for part in member.assignment())
        if owned == list(range(total)) and all(len(m.assignment()) == total // len(members) for m in members):
            return


def test_group_rebalances(cluster, topic_name):
    cluster.create_topic(topic_name, 4)

    async def scenario() -> None:
        members = []
        for _ in range(2):
            members.append(group_member(cluster.bootstrap, topic_name))
            await members[-1].start()
            await wait_for_balance(members, 4)
        await members.pop(0).stop()
        await wait_for_balance(members, 4)
        await members[0].stop()

    run(scenario())


def test_commit_and_resume(cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(6)])

    async def scenario() -> None:
        partition = TopicPartition(topic_name, 0)
        async with group_member(cluster.bootstrap, topic_name) as first:
            await read(first, 6)
            await first.commit({partition: (2, "note")})
            assert await first.committed(partition) == 2
        async with group_member(cluster.bootstrap, topic_name) as second:
            assert (await read(second, 4))[0].offset == 2

    run(scenario())


def test_positions(cluster, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records(), "snappy")

    async def scenario() -> None:
        partition = TopicPartition(topic_name, 0)
        async with AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap) as consumer:
            consumer.assign([partition])
            assert await consumer.beginning_offsets([partition]) == {partition: 0}
            assert await consumer.end_offsets([partition]) == {partition: 100}
            found = await consumer.offsets_for_times({partition: corpus.FIRST_TIMESTAMP + 31_000})
            assert found[partition].offset == 11
            consumer.seek(partition, 98)
            assert [one.offset for one in await read(consumer, 2)] == [98, 99]

    run(scenario())


def test_admin(cluster, topic_name):
    async def scenario() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic_name, 2, 1, topic_configs={"retention.ms": "-1"})])
        with pytest.raises(aiokafka.errors.TopicAlreadyExistsError):
            errors = await admin.create_topics([NewTopic(topic_name, 2, 1)])
            raise aiokafka.errors.for_code(errors.topic_errors[0][1])
        await admin.create_partitions({topic_name: NewPartitions(3)})
        assert len((await admin.describe_topics([topic_name]))[0]["partitions"]) == 3
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic_name, {"max.message.bytes": "5000"})])
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic_name)])
        values = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
        assert values["max.message.bytes"] == "5000"
        reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(5)])
        partition = TopicPartition(topic_name, 0)
        assert await admin.delete_records({partition: RecordsToDelete(3)}) == {partition: 3}
        await admin.delete_topics([topic_name])
        assert topic_name not in await admin.list_topics()
        await admin.close()

    run(scenario())
