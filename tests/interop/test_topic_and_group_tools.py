"""kafka-topics.sh, kafka-consumer-groups.sh and kafka-groups.sh: groups with members, every way to reset offsets, what is refused."""

from __future__ import annotations

import contextlib
import functools
import re

import corpus
import pytest
import reference
from confluent_kafka import Consumer

FIRST_TIMESTAMP = 1_600_000_000_000  # 2020-09-13T12:26:40Z
RECORDS = 10


@contextlib.contextmanager
def member(bootstrap: str, group: str, topic: str, protocol: str):
    """A member of a group that has read all of the topic and committed that."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "client.id": "reader", "group.protocol": protocol,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        consumer.subscribe([topic])
        read = []

        def all_read() -> bool:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                read.append(message)
            return len(read) == 2 * RECORDS
        reference.until("all records are read", all_read)
        consumer.commit(asynchronous=False)
        yield consumer
    finally:
        consumer.close()


@pytest.fixture
def topic(cluster, topic_name) -> str:
    cluster.create_topic(topic_name, 2)
    reference.produce(cluster.bootstrap, topic_name, [
        corpus.Record(p, i, None, b"v", timestamp=FIRST_TIMESTAMP + 1000 * i) for p in (0, 1) for i in range(RECORDS)])
    return topic_name


@pytest.fixture
def groups(jvm, bootstrap):
    return functools.partial(jvm.tool, "consumer-groups", bootstrap)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_with_a_member(jvm, bootstrap, topic, groups, protocol):
    group = topic
    describe = functools.partial(groups, "--describe", "--group", group)
    with member(bootstrap, group, topic, protocol):
        for partition in (0, 1):
            assert re.search(rf"^{re.escape(group)} +{re.escape(topic)} +{partition} +10 +10 +0 +\S+ +/127\.0\.0\.1 +reader$",
                             describe(), re.MULTILINE)
        assert re.search(r" 1 +0 +10 +10 +0 +\S+ +/127\.0\.0\.1 +reader$", describe("--verbose"), re.MULTILINE)
        assert re.search(r" /127\.0\.0\.1 +reader +2 *$", describe("--members"), re.MULTILINE)
        epoch = "-" if protocol == "classic" else r"\d+"
        target = "-" if protocol == "classic" else rf"{re.escape(topic)}:0,1"
        assert re.search(rf" reader +2 +{epoch} +{re.escape(topic)}:0,1 +{epoch} +{target} *$", describe("--members", "--verbose"),
                         re.MULTILINE)
        strategy = "range" if protocol == "classic" else "uniform"
        assert re.search(rf" {bootstrap} +\(1\) +{strategy} +Stable +1 *$", describe("--state"), re.MULTILINE)
        assert re.search(rf" {strategy} +Stable +{epoch} +{epoch} +1 *$", describe("--state", "--verbose"), re.MULTILINE)
        kind = protocol.capitalize()
        assert re.search(rf"^{re.escape(group)} +{kind} *$", groups("--list", "--type"), re.MULTILINE)
        assert re.search(rf"^{re.escape(group)} +Stable *$", groups("--list", "--state", "stable"), re.MULTILINE)
        assert re.search(rf"^{re.escape(group)} +{kind} +consumer *$", jvm.tool("groups", bootstrap, "--list"), re.MULTILINE)
        # What a group with members refuses; the tool ends with status 0 then.
        reset = groups("--reset-offsets", "--group", group, "--all-topics", "--to-earliest", "--execute")
        assert f"Assignments can only be reset if the group '{group}' is inactive, but the current state is Stable." in reset
        assert "GroupNotEmptyException" in groups("--delete", "--group", group)
        assert "GroupSubscribedToTopicException" in groups("--delete-offsets", "--group", group, "--topic", topic)
    done = jvm.run("consumer-groups", "--bootstrap-server", bootstrap, "--describe", "--group", group)
    assert f"Consumer group '{group}' has no active members." in done.out + done.err


def test_every_way_to_reset_offsets(jvm, bootstrap, topic, groups, tmp_path):
    group = topic

    def reset(*arguments: str, how: str = "--execute") -> dict[int, int]:
        """The new offsets by partition, as printed."""
        printed = groups("--reset-offsets", "--group", group, *arguments, how)
        lines = re.findall(rf"^{re.escape(group)} +{re.escape(topic)} +(\d+) +(\d+) *$", printed, re.MULTILINE)
        return {int(partition): int(offset) for partition, offset in lines}

    def committed() -> dict[int, int]:
        printed = groups("--describe", "--group", group)
        lines = re.findall(rf"^\S+ +{re.escape(topic)} +(\d+) +(\d+) +10 ", printed, re.MULTILINE)
        return {int(partition): int(offset) for partition, offset in lines}

    whole = ["--topic", topic]
    for arguments, offsets in (
            (["--to-latest"], {0: 10, 1: 10}),
            (["--to-earliest"], {0: 0, 1: 0}),
            (["--to-offset", "4"], {0: 4, 1: 4}),
            (["--shift-by", "3"], {0: 7, 1: 7}),
            (["--shift-by", "-2"], {0: 5, 1: 5}),
            (["--to-current"], {0: 5, 1: 5}),
            (["--to-offset", "400"], {0: 10, 1: 10}),  # as far as there is
            (["--to-datetime", "2020-09-13T12:26:43.000Z"], {0: 3, 1: 3}),
            (["--by-duration", "PT1H"], {0: 10, 1: 10})):  # nothing is so young
        assert reset(*whole, *arguments) == offsets, arguments
        assert committed() == offsets, arguments
    assert reset("--topic", f"{topic}:1", "--to-offset", "4") == {1: 4}
    assert reset(*whole, "--to-earliest", how="--dry-run") == {0: 0, 1: 0}
    assert committed() == {0: 10, 1: 4}
    exported = groups("--reset-offsets", "--group", group, "--all-topics", "--to-current", "--export", "--dry-run")
    assert sorted(line.replace('"', "") for line in exported.split()) == [f"{topic},0,10", f"{topic},1,4"]
    plan = tmp_path / "plan.csv"
    plan.write_text(f'"{topic}",0,3\n"{topic}",1,5\n')
    assert reset("--from-file", str(plan)) == {0: 3, 1: 5}
    assert committed() == {0: 3, 1: 5}
    done = jvm.run("consumer-groups", "--bootstrap-server", bootstrap, "--reset-offsets", "--group", group, "--topic",
                   f"{topic}:7", "--to-earliest", "--execute")
    assert f'The partitions "{topic}-7" do not exist' in done.out + done.err


def test_offsets_and_groups_are_deleted(topic, groups):
    group = topic
    groups("--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
    deleted = groups("--delete-offsets", "--group", group, "--topic", f"{topic}:1")
    assert re.search(rf"^{re.escape(topic)} +1 +Successful *$", deleted, re.MULTILINE)
    assert "UnknownTopicOrPartitionException" in groups("--delete-offsets", "--group", group, "--topic", f"{topic}:7")
    shown = groups("--describe", "--group", group, "--offsets")
    assert f"{topic} 0 " in re.sub(" +", " ", shown) and f"{topic} 1 " not in re.sub(" +", " ", shown)
    assert "was successful" in groups("--delete", "--group", group)
    assert group not in groups("--list").splitlines()
    assert "GroupIdNotFoundException" in groups("--delete", "--group", group)
    assert "GroupIdNotFoundException" in groups("--describe", "--group", group)


def test_topics_by_what_is_wrong_with_them(jvm, bootstrap, cluster, topic_name):
    cluster.create_topic(topic_name, 2)
    describe = functools.partial(jvm.tool, "topics", bootstrap, "--describe", "--topic", topic_name)
    assert f"Topic: {topic_name}" in describe("--at-min-isr-partitions")
    for fault in ("--under-replicated-partitions", "--unavailable-partitions", "--under-min-isr-partitions"):
        assert describe(fault) == ""
    assert "retention.ms=-1" in describe("--topics-with-overrides")
    listed = jvm.tool("topics", bootstrap, "--list", "--exclude-internal").splitlines()
    assert topic_name in listed and "__consumer_offsets" not in listed


def test_topics_that_cannot_be_are_refused(jvm, bootstrap, cluster, topic_name):
    cluster.create_topic(topic_name, 2)
    missing = f"{topic_name}-missing"
    for arguments, why in (
            (["--create", "--topic", missing, "--replication-factor", "2"], "Unable to replicate the partition"),
            (["--create", "--topic", "bad/name"], "Topic name is invalid: 'bad/name'"),
            (["--create", "--topic", topic_name.replace(".", "_")], "collides with existing topic"),
            (["--create", "--topic", missing, "--config", "no.such=1"], "Unknown topic config name: no.such"),
            (["--create", "--topic", missing, "--config", "segment.bytes=x"],
             "Invalid value x for configuration segment.bytes: Not a number of type INT"),
            (["--alter", "--topic", topic_name, "--partitions", "1"],
             f"The topic {topic_name} currently has 2 partition(s); 1 would not be an increase."),
            (["--alter", "--topic", topic_name, "--partitions", "2"], "Topic already has 2 partition(s)."),
            (["--alter", "--topic", missing, "--partitions", "2"], f"Topic '{missing}' does not exist as expected"),
            (["--delete", "--topic", missing], f"Topic '{missing}' does not exist as expected"),
            (["--describe", "--topic", missing], f"Topic '{missing}' does not exist as expected")):
        done = jvm.run("topics", "--bootstrap-server", bootstrap, *arguments)
        assert done.status == 1 and why in done.out + done.err, (arguments, done)
    jvm.tool("topics", bootstrap, "--delete", "--topic", missing, "--if-exists")
    jvm.tool("topics", bootstrap, "--create", "--topic", topic_name, "--if-not-exists")


def test_a_topic_with_replicas_as_told(jvm, bootstrap, topic_name):
    jvm.tool("topics", bootstrap, "--create", "--topic", topic_name, "--replica-assignment", "1,1,1")
    assert "PartitionCount: 3" in jvm.tool("topics", bootstrap, "--describe", "--topic", topic_name)
