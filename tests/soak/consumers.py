"""Consumers: groups whose members come and go, commits in each way, and offsets looked up by time."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers import ROLLING, ROLLING_PARTITIONS
from work import Site, Work

REQUEST_TIMEOUT_S = 5
LEAVE_TIMEOUT_S = 60
PROGRAM = pathlib.Path(__file__).with_name("group_member.py")
ABORTED = "members whose library aborted"
HUNG = "members whose library did not close"


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


class Member:
    """One member of a group, in a process of its own: librdkafka 2.16 now and then fails an assertion of its own, or does not come
    back from its close, when the coordinator goes at the wrong moment. Only that member is then lost, as one that is killed."""

    def __init__(self, group: Group) -> None:
        self.group = group
        rng = group.rng
        by_itself = rng.random() < 0.3
        settings = group.site.client(
            group_id=group.name, auto_offset_reset=rng.choice(["earliest", "latest"]), enable_auto_commit=by_itself,
            auto_commit_interval_ms=200, session_timeout_ms=6000, heartbeat_interval_ms=200,
            partition_assignment_strategy=group.assignor, fetch_wait_max_ms=rng.choice([10, 200, 1000]),
            fetch_min_bytes=rng.choice([1, 20_000]), check_crcs=True)
        # Closing its input is the wish that it leaves; its output says what it did.
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(PROGRAM), json.dumps(settings), json.dumps(list(ROLLING)), str(rng.randrange(1 << 32))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._count, daemon=True)
        self.reader.start()

    def _count(self) -> None:
        for line in self.process.stdout:
            thing, _, count = line.rstrip("\n").rpartition(" ")
            self.group.done(thing, int(count))

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ask_to_leave(self) -> None:
        self.process.stdin.close()

    def end(self) -> None:
        """After it ended, or was asked to leave."""
        try:
            code = self.process.wait(LEAVE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        self.reader.join()
        errors = self.process.stderr.read()
        self.process.stderr.close()
        self.process.stdout.close()
        if code is None:
            self.group.done(HUNG)
        elif code == -signal.SIGABRT:
            self.group.done(ABORTED)
        elif code == 0:
            self.group.done("members that left")
        else:
            self.group.site.tally.fault(f"a member of {self.group.name} ended with {code}: {errors[-2000:]}")


class Group(Work):
    """The members of one group, which come and go."""

    THINGS = ("records read by groups", "rebalances", "members that left", "commits of members",
              "commits by themselves")
    OPTIONAL_THINGS = (ABORTED, HUNG)
    PAUSE_S = 0.3
    MOST_MEMBERS = 3

    def __init__(self, site: Site, name: str, assignor: str) -> None:
        super().__init__(site, name)
        self.assignor = assignor
        self.members: list[Member] = []

    def round(self) -> None:
        for member in [one for one in self.members if one.has_ended()]:
            self.members.remove(member)
            member.end()
        if len(self.members) < self.MOST_MEMBERS and self.rng.random() < 0.2 or not self.members:
            self.members.append(Member(self))
        if len(self.members) > 1 and self.rng.random() < 0.1:
            gone = self.members.pop(self.rng.randrange(len(self.members)))
            gone.ask_to_leave()
            gone.end()

    def close(self) -> None:
        for member in self.members:
            member.ask_to_leave()
        for member in self.members:
            member.end()


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
