"""Administration: topics that come, grow, change and go; records deleted; everything described; retention watched."""

from __future__ import annotations

import itertools

from confluent_kafka import Consumer, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)

from consumers import Standalone
from producers import ROLLING, ROLLING_PARTITIONS
from work import CODECS, Site, Work

TIMEOUT_S = 10  # The broker may be down: the round is over then.


def settle(futures) -> None:
    """Waits for every future of an answer; the first error is raised."""
    for future in futures.values():
        future.result(TIMEOUT_S)


class TopicLife(Work):
    """A topic from its creation to its deletion, with something happening to it in between."""

    THINGS = ("create topic", "create partitions", "delete records", "alter topic config", "list offsets", "describe topic",
              "describe topic config", "delete topic", "delete topic under a producer")

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.admin = site.admin()
        self.numbers = itertools.count()

    def round(self) -> None:
        topic = f"{self.name}-{next(self.numbers)}"
        partitions = self.rng.randrange(1, 6)
        settings = {"segment.bytes": "1048576", "file.delete.delay.ms": self.rng.choice(["0", "500", "60000"])}
        settle(self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings)]))
        self.done("create topic")
        producer = self.produce(topic)
        steps = [self.create_partitions, self.delete_records, self.alter_config, self.list_offsets, self.describe]
        for step in self.rng.sample(steps, self.rng.randrange(2, len(steps) + 1)):
            step(topic, partitions)
        under_way = self.rng.random() < 0.5
        if under_way:
            for _ in range(200):
                producer.produce(topic, b"on the way to a topic that goes" * 10)
        settle(self.admin.delete_topics([topic]))
        self.done("delete topic under a producer" if under_way else "delete topic")
        producer.purge()

    def produce(self, topic: str) -> Producer:
        producer = Producer(self.site.client(compression_codec=self.rng.choice(CODECS), enable_idempotence=self.rng.random() < 0.5,
                                             message_timeout_ms=3000))
        for i in range(self.rng.randrange(100)):
            producer.produce(topic, b"%d" % i, b"%d" % (i % 7), headers=[("h", b"v")])
        producer.flush(TIMEOUT_S)
        return producer

    def create_partitions(self, topic: str, partitions: int) -> None:
        settle(self.admin.create_partitions([NewPartitions(topic, partitions + self.rng.randrange(1, 4))]))
        self.done("create partitions")

    def delete_records(self, topic: str, partitions: int) -> None:
        partition = TopicPartition(topic, self.rng.randrange(partitions), -1)
        settle(self.admin.delete_records([partition]))
        self.done("delete records")

    def alter_config(self, topic: str, _: int) -> None:
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
            self.rng.choice([ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET),
                             ConfigEntry("segment.ms", "500", incremental_operation=AlterConfigOpType.SET),
                             ConfigEntry("max.message.bytes", "5000", incremental_operation=AlterConfigOpType.SET),
                             ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
                             ConfigEntry("segment.bytes", "", incremental_operation=AlterConfigOpType.DELETE)])])
        settle(self.admin.incremental_alter_configs([resource]))
        self.done("alter topic config")

    def list_offsets(self, topic: str, partitions: int) -> None:
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.max_timestamp(), OffsetSpec.for_timestamp(1)):
            settle(self.admin.list_offsets({TopicPartition(topic, one): spec for one in range(partitions)}))
        self.done("list offsets")

    def describe(self, topic: str, _: int) -> None:
        settle(self.admin.describe_topics(TopicCollection([topic])))
        self.done("describe topic")
        settle(self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
        self.done("describe topic config")


class ClusterAdministration(Work):
    """What does not belong to one topic: the cluster, settings of the broker, groups and their offsets."""

    THINGS = ("describe cluster", "list topics", "alter broker config", "describe broker config", "list groups", "describe groups",
              "commit for a group without members", "delete group")
    PAUSE_S = 0.2

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.admin: AdminClient = site.admin()
        self.steps = [self.cluster, self.broker_settings, self.groups, self.group_offsets]

    def round(self) -> None:
        self.rng.choice(self.steps)()

    def cluster(self) -> None:
        self.admin.describe_cluster().result(TIMEOUT_S)
        self.done("describe cluster")
        self.admin.list_topics(timeout=TIMEOUT_S)
        self.done("list topics")

    def broker_settings(self) -> None:
        setting = self.rng.choice([("log.retention.ms", "86400000"), ("message.max.bytes", "1048588"),
                                   ("log.segment.delete.delay.ms", "1000"), ("log.flush.interval.messages", "1000000")])
        operation = self.rng.choice([AlterConfigOpType.SET, AlterConfigOpType.DELETE])
        resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[
            ConfigEntry(setting[0], setting[1] if operation == AlterConfigOpType.SET else "", incremental_operation=operation)])
        settle(self.admin.incremental_alter_configs([resource]))
        self.done("alter broker config")
        settle(self.admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]))
        self.done("describe broker config")

    def groups(self) -> None:
        listed = self.admin.list_consumer_groups().result(TIMEOUT_S)
        self.done("list groups")
        names = [one.group_id for one in listed.valid]
        if names:
            settle(self.admin.describe_consumer_groups(names[:20]))
            self.done("describe groups")

    def group_offsets(self) -> None:
        group = f"{self.name}-{self.rng.randrange(5)}"
        offsets = [TopicPartition("rolling-size", one, self.rng.randrange(100)) for one in range(ROLLING_PARTITIONS)]
        # Not by alter_consumer_group_offsets(): librdkafka 2.16 falls over the answer of a coordinator that is stopping.
        standalone = Standalone(self.site, group)
        try:
            if standalone.commit(offsets):
                self.done("commit for a group without members")
        finally:
            standalone.consumer.close()
        if self.rng.random() < 0.5:
            settle(self.admin.delete_consumer_groups([group]))
            self.done("delete group")


class RetentionWatch(Work):
    """Does nothing itself: sees to it that segments roll, expire by size and by time, and that their files go."""

    THINGS = ("segments rolled", "expired in rolling-size", "expired in rolling-time", "files of expired segments removed")
    PAUSE_S = 0.2

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.consumer = Consumer(site.client(group_id=name))
        self.starts: dict[tuple[str, int], int] = {}
        self.segments: set[str] = set()
        self.expired: set[str] = set()

    def round(self) -> None:
        for topic in ROLLING:
            for partition in range(ROLLING_PARTITIONS):
                self.watch_files(topic, partition)
                self.watch_start(topic, partition)

    def watch_files(self, topic: str, partition: int) -> None:
        folder = self.site.broker.data / f"{topic}-{partition}"
        names = {f"{folder.name}/{path.name}" for path in folder.iterdir()}
        segments = {name for name in names if name.endswith(".log")}
        self.done("segments rolled", len(segments - self.segments))
        self.segments |= segments
        mine = {name for name in self.expired if name.startswith(f"{folder.name}/")}
        self.done("files of expired segments removed", len(mine - names))
        self.expired = self.expired - mine | {name for name in names if name.endswith(".log.deleted")}

    def watch_start(self, topic: str, partition: int) -> None:
        start, _ = self.consumer.get_watermark_offsets(TopicPartition(topic, partition), TIMEOUT_S)
        before = self.starts.setdefault((topic, partition), start)
        if start > before:
            self.done(f"expired in {topic}")
        elif start < before:
            self.site.tally.fault(f"the log of {topic}-{partition} began at {before}, and now begins at {start}")
        self.starts[topic, partition] = start

    def close(self) -> None:
        self.consumer.close()
