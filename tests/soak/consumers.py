"""Consumers: groups whose members come and go, commits in each way, and offsets looked up by time."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers import ROLLING, ROLLING_PARTITIONS
from work import Site, Work

REQUEST_TIMEOUT_S = 5


class Standalone:
    """A consumer without members beside it whose commits end: commit() of librdkafka 2.16 that is to wait sometimes waits for ever
    when the coordinator goes at the wrong moment, with no request under way."""

    def __init__(self, site: Site, group: str) -> None:
        self.outcomes: list[object] = []
        settings = site.client(group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
        self.consumer = Consumer(settings, on_commit=lambda error, _: self.outcomes.append(error))

    def commit(self, offsets: list[TopicPartition]) -> bool:
        """True where the broker has taken them."""
        self.outcomes.clear()
        self.consumer.commit(offsets=offsets, asynchronous=True)
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while not self.outcomes and time.monotonic() < deadline:
            self.consumer.poll(0.05)
        return self.outcomes == [None]


class Group(Work):
    """The members of one group, polled in turn."""

    THINGS = ("records read by groups", "rebalances", "members that left", "commits of members",
              "commits by themselves")
    PAUSE_S = 0.01
    MOST_MEMBERS = 3

    def __init__(self, site: Site, name: str, assignor: str) -> None:
        super().__init__(site, name)
        self.assignor = assignor
        self.members: list[Consumer] = []
        self.manual: set[Consumer] = set()

    def join_group(self) -> None:
        by_itself = self.rng.random() < 0.3
        kind = "commits by themselves" if by_itself else "commits of members"
        settings = self.site.client(
            group_id=self.name, auto_offset_reset=self.rng.choice(["earliest", "latest"]), enable_auto_commit=by_itself,
            auto_commit_interval_ms=200, session_timeout_ms=6000, heartbeat_interval_ms=200,
            partition_assignment_strategy=self.assignor, fetch_wait_max_ms=self.rng.choice([10, 200, 1000]),
            fetch_min_bytes=self.rng.choice([1, 20_000]), check_crcs=True)
        member = Consumer(settings, on_commit=lambda error, _: error is None and self.done(kind))
        member.subscribe(list(ROLLING), on_assign=lambda *_: self.done("rebalances"))
        self.members.append(member)
        if not by_itself:
            self.manual.add(member)

    def round(self) -> None:
        if len(self.members) < self.MOST_MEMBERS and self.rng.random() < 0.02 or not self.members:
            self.join_group()
        if len(self.members) > 1 and self.rng.random() < 0.01:
            gone = self.members.pop(self.rng.randrange(len(self.members)))
            self.manual.discard(gone)
            gone.close()
            self.done("members that left")
        for member in self.members:
            read = [one for one in member.consume(500, 0.02) if one.error() is None]
            self.done("records read by groups", len(read))
            if read and member in self.manual and self.rng.random() < 0.2:
                last = read[-1]
                offsets = [TopicPartition(last.topic(), last.partition(), last.offset() + 1, "noted")]
                member.commit(offsets=offsets, asynchronous=True)

    def close(self) -> None:
        for member in self.members:
            member.close()


class Seeker(Work):
    """A consumer without a group that jumps about: old segments, the end, times, committed offsets."""

    THINGS = ("records read after a seek", "offsets for times", "watermarks", "commits without a group's members",
              "committed offsets fetched")

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.standalone = Standalone(site, name)
        self.consumer = self.standalone.consumer

    def round(self) -> None:
        partition = TopicPartition(self.rng.choice(list(ROLLING)), self.rng.randrange(ROLLING_PARTITIONS))
        low, high = self.consumer.get_watermark_offsets(partition, REQUEST_TIMEOUT_S)
        self.done("watermarks")
        past_ms = int(time.time() * 1000) - self.rng.randrange(10_000)
        asked = TopicPartition(partition.topic, partition.partition, past_ms)
        [found] = self.consumer.offsets_for_times([asked], REQUEST_TIMEOUT_S)
        if found.error is None:
            self.done("offsets for times")
        self.consumer.assign([TopicPartition(partition.topic, partition.partition,
                                             found.offset if self.rng.random() < 0.5 else self.rng.randrange(low, high + 1))])
        read = self.consumer.consume(self.rng.randrange(1, 2000), 0.5)
        self.done("records read after a seek", sum(one.error() is None for one in read))
        if self.standalone.commit([TopicPartition(partition.topic, partition.partition, high)]):
            self.done("commits without a group's members")
        [committed] = self.consumer.committed([partition], REQUEST_TIMEOUT_S)
        if committed.error is not None:
            raise KafkaException(committed.error)
        self.done("committed offsets fetched")

    def close(self) -> None:
        self.consumer.close()
