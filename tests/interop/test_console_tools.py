"""Kafka's own console tools."""

from __future__ import annotations

import json
import re

import corpus
import reference


def test_topics(jvm, bootstrap, topic_name):
    jvm.tool("topics", bootstrap, "--create", "--topic", topic_name, "--partitions", "3", "--config", "segment.bytes=2000000")
    assert topic_name in jvm.tool("topics", bootstrap, "--list").splitlines()
    described = jvm.tool("topics", bootstrap, "--describe", "--topic", topic_name)
    assert re.search(r"PartitionCount: 3\s+ReplicationFactor: 1\s+Configs: .*segment.bytes=2000000", described)
    assert re.search(r"Partition: 2\s+Leader: 1\s+Replicas: 1\s+Isr: 1", described)
    jvm.tool("topics", bootstrap, "--alter", "--topic", topic_name, "--partitions", "5")
    assert "PartitionCount: 5" in jvm.tool("topics", bootstrap, "--describe", "--topic", topic_name)
    jvm.tool("topics", bootstrap, "--delete", "--topic", topic_name)
    assert topic_name not in jvm.tool("topics", bootstrap, "--list").splitlines()


def test_creating_a_topic_twice_is_refused_as_by_kafka(jvm, bootstrap, topic_name):
    jvm.tool("topics", bootstrap, "--create", "--topic", topic_name)
    again = jvm.run("topics", "--bootstrap-server", bootstrap, "--create", "--topic", topic_name)
    assert again.status == 1
    assert f"Topic '{topic_name}' already exists." in again.out


def test_console_producer_and_consumer(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    lines = ["h1:a,h2:b\tk1\tone", "h3:\tk2\ttwo", "h1:c\tk3\t"]
    jvm.tool("console-producer", cluster.bootstrap, "--topic", topic_name, "--command-property", "compression.type=zstd",
             "--reader-property", "parse.headers=true", "--reader-property", "parse.key=true", stdin="\n".join(lines) + "\n")
    read = jvm.tool("console-consumer", cluster.bootstrap, "--topic", topic_name, "--from-beginning", "--max-messages", "3",
                    "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true",
                    "--formatter-property", "print.offset=true", "--formatter-property", "print.partition=true")
    assert read.splitlines() == ["Partition:0\tOffset:0\th1:a,h2:b\tk1\tone", "Partition:0\tOffset:1\th3:\tk2\ttwo",
                                 "Partition:0\tOffset:2\th1:c\tk3\t"]


def test_console_consumer_in_a_group_goes_on_where_it_stopped(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    arguments = ["--topic", topic_name, "--group", topic_name, "--from-beginning", "--command-property",
                 "auto.commit.interval.ms=100"]
    for words in (["one", "two"], ["three", "four"]):
        jvm.tool("console-producer", cluster.bootstrap, "--topic", topic_name, stdin="\n".join(words) + "\n")
        read = jvm.tool("console-consumer", cluster.bootstrap, *arguments, "--max-messages", "2")
        assert read.splitlines() == words


def test_consumer_groups(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 2)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(5)])
    command = ["--group", topic_name, "--topic", f"{topic_name}:0,1", "--reset-offsets", "--execute"]
    jvm.tool("consumer-groups", cluster.bootstrap, *command, "--to-offset", "2")
    assert topic_name in jvm.tool("consumer-groups", cluster.bootstrap, "--list").splitlines()
    described = jvm.tool("consumer-groups", cluster.bootstrap, "--describe", "--group", topic_name)
    assert re.search(rf"{re.escape(topic_name)}\s+{re.escape(topic_name)}\s+0\s+2\s+5\s+3\s", described)
    state = jvm.tool("consumer-groups", cluster.bootstrap, "--describe", "--group", topic_name, "--state")
    assert re.search(r"\sEmpty\s+0\b", state)
    jvm.tool("consumer-groups", cluster.bootstrap, *command, "--shift-by", "-1")
    assert re.search(r"\s0\s+1\s+5\s+4\s", jvm.tool("consumer-groups", cluster.bootstrap, "--describe", "--group", topic_name))
    jvm.tool("consumer-groups", cluster.bootstrap, "--delete-offsets", "--group", topic_name, "--topic", f"{topic_name}:1")
    assert not re.search(r"\s1\s+0\s+0\s+0\s", jvm.tool("consumer-groups", cluster.bootstrap, "--describe", "--group", topic_name))
    jvm.tool("consumer-groups", cluster.bootstrap, "--delete", "--group", topic_name)
    assert topic_name not in jvm.tool("consumer-groups", cluster.bootstrap, "--list").splitlines()


def test_configs(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    entity = ["--entity-type", "topics", "--entity-name", topic_name]
    jvm.tool("configs", cluster.bootstrap, *entity, "--alter", "--add-config", "max.message.bytes=4321,segment.ms=99999")
    described = jvm.tool("configs", cluster.bootstrap, *entity, "--describe")
    assert "max.message.bytes=4321 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=4321" in described
    assert "segment.ms=99999" in described
    jvm.tool("configs", cluster.bootstrap, *entity, "--alter", "--delete-config", "max.message.bytes")
    assert "max.message.bytes" not in jvm.tool("configs", cluster.bootstrap, *entity, "--describe")
    assert "max.message.bytes=1048588" in jvm.tool("configs", cluster.bootstrap, *entity, "--describe", "--all")
    assert "node.id=1" in jvm.tool("configs", cluster.bootstrap, "--entity-type", "brokers", "--entity-name", "1",
                                   "--describe", "--all")


def test_get_offsets(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, corpus.PARTITIONS)
    reference.produce(cluster.bootstrap, topic_name, corpus.records())
    for time, offset in (("earliest", 0), ("latest", 100), ("max-timestamp", 99), (str(corpus.FIRST_TIMESTAMP + 30_000), 10)):
        offsets = jvm.tool("get-offsets", cluster.bootstrap, "--topic", topic_name, "--time", time)
        assert offsets.splitlines() == [f"{topic_name}:{partition}:{offset}" for partition in range(3)]


def test_delete_records(jvm, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(9)])
    orders = tmp_path / "orders.json"
    orders.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic_name, "partition": 0, "offset": 7}]}))
    assert "low_watermark: 7" in jvm.tool("delete-records", cluster.bootstrap, "--offset-json-file", str(orders))
    assert jvm.tool("get-offsets", cluster.bootstrap, "--topic", topic_name, "--time", "earliest") == f"{topic_name}:0:7\n"


def test_performance_tools(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 3)
    done = jvm.run("producer-perf", "--topic", topic_name, "--num-records", "20000", "--record-size", "100", "--throughput",
                   "-1", "--bootstrap-server", cluster.bootstrap, "--command-property", "compression.type=lz4")
    assert done.status == 0 and "20000 records sent" in done.out, done.err
    done = jvm.run("consumer-perf", "--bootstrap-server", cluster.bootstrap, "--topic", topic_name, "--num-records", "20000")
    assert done.status == 0, done.err
    assert int(done.out.splitlines()[-1].split(", ")[4]) == 20000


def test_api_versions_are_within_those_of_kafka(jvm, cluster):
    printed = jvm.tool("api-versions", cluster.bootstrap)
    assert re.search(r"\(id: 1 rack: null isFenced: false\) ->", printed)
    offered = dict(re.findall(r"\s(\w+)\(\d+\): (\d+(?: to \d+)?) \[usable: \d+\]", printed))
    for name, versions in {"Produce": "0 to 13", "Fetch": "4 to 18", "ListOffsets": "1 to 11", "Metadata": "0 to 13",
                           "OffsetCommit": "2 to 10", "OffsetFetch": "1 to 10", "FindCoordinator": "0 to 6",
                           "JoinGroup": "0 to 9", "SyncGroup": "0 to 5", "CreateTopics": "2 to 7",
                           "InitProducerId": "0 to 5", "ApiVersions": "0 to 4"}.items():
        assert offered.get(name) == versions, f"{name}\n{printed}"


def test_cluster_and_features(jvm, cluster):
    done = jvm.run("cluster", "cluster-id", "--bootstrap-server", cluster.bootstrap)
    assert done.status == 0 and re.search(r"Cluster ID: \S{22}\n", done.out)
    done = jvm.run("features", "--bootstrap-server", cluster.bootstrap, "describe")
    assert done.status == 0 and "Feature: metadata.version" in done.out
