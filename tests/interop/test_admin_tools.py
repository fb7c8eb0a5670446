"""Kafka's own tools for operators, and what they print: each option that concerns one node."""

from __future__ import annotations

import functools
import json
import pathlib
import re

import brokers
import corpus
import reference


def run(jvm, name: str, bootstrap: str, *arguments: str) -> tuple[int, str]:
    """The status and all that was printed, of a tool that may fail."""
    done = jvm.run(name, "--bootstrap-server", bootstrap, *arguments)
    return done.status, done.out + done.err


# --- kafka-configs.sh

def configs(jvm, bootstrap, *arguments: str) -> str:
    return jvm.tool("configs", bootstrap, *arguments)


def test_configs_of_one_broker_and_of_all(jvm, bootstrap):
    one, every = ["--entity-type", "brokers", "--entity-name", "1"], ["--entity-type", "brokers", "--entity-default"]
    assert "Completed updating config for broker 1." in configs(jvm, bootstrap, *one, "--alter", "--add-config", "log.retention.ms=123456")
    assert "Completed updating default config for brokers in the cluster." in configs(
        jvm, bootstrap, *every, "--alter", "--add-config", "log.retention.ms=654321,log.roll.ms=7777")
    shown = configs(jvm, bootstrap, *one, "--describe")
    assert "log.retention.ms=123456 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.retention.ms=123456, " \
           "DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=654321" in shown
    assert "log.roll.ms=7777" in configs(jvm, bootstrap, *every, "--describe")
    configs(jvm, bootstrap, *one, "--alter", "--delete-config", "log.retention.ms")
    assert "log.retention.ms=654321" in configs(jvm, bootstrap, *one, "--describe", "--all")
    configs(jvm, bootstrap, *every, "--alter", "--delete-config", "log.retention.ms,log.roll.ms")
    assert "log.roll.ms" not in configs(jvm, bootstrap, *every, "--describe")


def test_configs_that_cannot_be_are_refused(jvm, bootstrap, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    topic = ["--entity-type", "topics", "--entity-name", topic_name, "--alter"]
    broker = ["--entity-type", "brokers", "--entity-name", "1", "--alter"]
    for entity, change, why in ((topic, "no.such=1", "InvalidConfigurationException"),
                                (topic, "segment.bytes=1", "InvalidConfigurationException"),
                                (broker, "node.id=2", "InvalidRequestException")):
        status, printed = run(jvm, "configs", bootstrap, *entity, "--add-config", change)
        assert status == 1 and why in printed, printed


def test_configs_from_a_file(jvm, bootstrap, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 1)
    settings = tmp_path / "settings.properties"
    settings.write_text("retention.ms=1234567\ncleanup.policy=compact\n")
    entity = ["--entity-type", "topics", "--entity-name", topic_name]
    configs(jvm, bootstrap, *entity, "--alter", "--add-config-file", str(settings))
    shown = configs(jvm, bootstrap, *entity, "--describe")
    assert "retention.ms=1234567" in shown and "cleanup.policy=compact" in shown


def test_configs_of_loggers(jvm, bootstrap):
    entity = ["--entity-type", "broker-loggers", "--entity-name", "1"]
    assert "root=INFO sensitive=false synonyms={}" in configs(jvm, bootstrap, *entity, "--describe")
    configs(jvm, bootstrap, *entity, "--alter", "--add-config", "root=WARN")
    assert "root=WARN" in configs(jvm, bootstrap, *entity, "--describe")
    configs(jvm, bootstrap, *entity, "--alter", "--add-config", "root=INFO")
    status, printed = run(jvm, "configs", bootstrap, *entity, "--alter", "--add-config", "no.such.logger=INFO")
    assert status == 1 and "Invalid broker logger(s): no.such.logger" in printed


def test_configs_of_groups_and_client_metrics(jvm, bootstrap, topic_name):
    for kind, setting, word in (("groups", "consumer.session.timeout.ms=50000", "group"),
                                ("client-metrics", "interval.ms=60000", "client-metric")):
        entity = ["--entity-type", kind, "--entity-name", topic_name]
        assert f"Completed updating config for {word} {topic_name}." in configs(jvm, bootstrap, *entity, "--alter", "--add-config", setting)
        assert f"{setting} sensitive=false" in configs(jvm, bootstrap, *entity, "--describe")
        assert topic_name in configs(jvm, bootstrap, "--entity-type", kind, "--describe")
        configs(jvm, bootstrap, *entity, "--alter", "--delete-config", setting.split("=")[0])


def test_configs_of_users(jvm, bootstrap):
    alice = ["--entity-type", "users", "--entity-name", "alice"]
    users = functools.partial(configs, jvm, bootstrap)
    done = "Completed updating config for user alice."
    assert done in users(*alice, "--alter", "--add-config", "SCRAM-SHA-256=[iterations=8192,password=secret]")
    assert done in users(*alice, "--alter", "--add-config", "SCRAM-SHA-512=[password=secret]")
    assert done in users(*alice, "--alter", "--add-config", "producer_byte_rate=1024")

    def shows(entity: list[str], *lines: str) -> None:
        def seen() -> bool:  # Kafka answers a change before its broker shows it.
            printed = users(*entity, "--describe")
            return all(line in printed for line in lines)
        reference.until(f"{lines} of {entity}", seen)

    for entity in (alice, ["--entity-type", "users"]):
        shows(entity, "Quota configs for user-principal 'alice' are producer_byte_rate=1024.0",
              "SCRAM credential configs for user-principal 'alice' are ", "SCRAM-SHA-256=iterations=8192",
              "SCRAM-SHA-512=iterations=4096")
    users(*alice, "--alter", "--delete-config", "SCRAM-SHA-256")
    shows(alice, "are SCRAM-SHA-512=iterations=4096")
    users(*alice, "--alter", "--delete-config", "SCRAM-SHA-512")
    users(*alice, "--alter", "--delete-config", "producer_byte_rate")
    reference.until("there is nothing of alice", lambda: "alice" not in users(*alice, "--describe"))
    status, printed = run(jvm, "configs", bootstrap, *alice, "--alter", "--delete-config", "SCRAM-SHA-512")
    assert status == 1 and "Attempt to delete a user credential that does not exist" in printed, printed
    for entity, change, shown in (
            (["users", "--entity-default", "--entity-type", "clients", "--entity-default"], "consumer_byte_rate=77",
             "Quota configs for the default user-principal, the default client-id are consumer_byte_rate=77.0"),
            (["clients", "--entity-name", "c"], "request_percentage=50",
             "Quota configs for client-id 'c' are request_percentage=50.0"),
            (["ips", "--entity-name", "127.0.0.9"], "connection_creation_rate=100",
             "Quota configs for ip '127.0.0.9' are connection_creation_rate=100.0")):
        users("--entity-type", *entity, "--alter", "--add-config", change)
        shows(["--entity-type", *entity], shown)
        users("--entity-type", *entity, "--alter", "--delete-config", change.split("=")[0])


# --- kafka-acls.sh

def test_acls_without_an_authorizer(jvm, bootstrap):
    rule = ["--allow-principal", "User:alice", "--operation", "Read", "--topic", "t"]
    for arguments in (["--list"], ["--add", *rule], ["--remove", "--force", *rule]):
        status, printed = run(jvm, "acls", bootstrap, *arguments)
        assert status == 1 and "SecurityDisabledException: No Authorizer is configured" in printed, printed


# --- kafka-leader-election.sh, kafka-reassign-partitions.sh

def test_leader_election(jvm, bootstrap, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 2)
    one = ["--topic", topic_name, "--partition", "0"]
    for kind in ("PREFERRED", "UNCLEAN"):
        status, printed = run(jvm, "leader-election", bootstrap, "--election-type", kind, *one)
        assert status == 0 and f"Valid replica already elected for partitions {topic_name}-0" in printed, printed
    orders = tmp_path / "orders.json"
    orders.write_text(json.dumps({"partitions": [{"topic": topic_name, "partition": index} for index in (0, 1)]}))
    status, printed = run(jvm, "leader-election", bootstrap, "--election-type", "PREFERRED", "--path-to-json-file", str(orders))
    assert status == 0 and "Valid replica already elected for partitions" in printed, printed
    status, printed = run(jvm, "leader-election", bootstrap, "--election-type", "PREFERRED", "--topic", "missing", "--partition", "0")
    assert status == 1 and "UnknownTopicOrPartitionException" in printed, printed
    status, printed = run(jvm, "leader-election", bootstrap, "--election-type", "PREFERRED", "--all-topic-partitions")
    assert status == 0, printed


def test_reassign_partitions(jvm, bootstrap, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 2)
    topics, plan = tmp_path / "topics.json", tmp_path / "plan.json"
    topics.write_text(json.dumps({"version": 1, "topics": [{"topic": topic_name}]}))
    generated = jvm.tool("reassign-partitions", bootstrap, "--generate", "--topics-to-move-json-file", str(topics), "--broker-list", "1")
    proposed = generated.split("Proposed partition reassignment configuration\n")[1].splitlines()[0]
    assert sorted(one["partition"] for one in json.loads(proposed)["partitions"]) == [0, 1]
    plan.write_text(proposed)
    done = jvm.tool("reassign-partitions", bootstrap, "--execute", "--reassignment-json-file", str(plan))
    assert "Successfully started partition reassignments" in done or "Successfully started partition reassignment" in done
    verified = jvm.tool("reassign-partitions", bootstrap, "--verify", "--reassignment-json-file", str(plan))
    assert f"Reassignment of partition {topic_name}-0 is completed." in verified
    assert f"Reassignment of partition {topic_name}-1 is completed." in verified
    assert "No partition reassignments found." in jvm.tool("reassign-partitions", bootstrap, "--list")
    assert "None of the specified partition reassignments are active." in jvm.tool(
        "reassign-partitions", bootstrap, "--cancel", "--reassignment-json-file", str(plan))
    for topic, replicas, why in ((topic_name, [9], "Unknown broker id 9"), ("missing", [1], "Topic missing not found."),
                                 (topic_name, [1, 1], "contains multiple entries for 1")):
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": replicas}]}))
        status, printed = run(jvm, "reassign-partitions", bootstrap, "--execute", "--reassignment-json-file", str(plan))
        assert status == 1 and why in printed, printed


def test_throttles_of_a_reassignment_come_and_go(jvm, bootstrap, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 1)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic_name, "partition": 0, "replicas": [1]}]}))
    order = functools.partial(jvm.tool, "reassign-partitions", bootstrap, "--reassignment-json-file", str(plan))
    done = order("--execute", "--throttle", "1000000")
    assert "The inter-broker throttle limit was set to 1000000 B/s" in done

    def throttles() -> tuple[bool, bool]:
        """Of the broker, of the topic."""
        broker = configs(jvm, bootstrap, "--entity-type", "brokers", "--entity-name", "1", "--describe")
        topic = configs(jvm, bootstrap, "--entity-type", "topics", "--entity-name", topic_name, "--describe")
        return ("leader.replication.throttled.rate=1000000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:"
                "leader.replication.throttled.rate=1000000}" in broker, "leader.replication.throttled.replicas=0:1" in topic)

    reference.until("the throttles are there", lambda: throttles() == (True, True))
    assert "is completed." in order("--verify", "--preserve-throttles")
    assert throttles() == (True, True)
    verified = order("--verify")
    assert "Clearing broker-level throttles on broker 1" in verified and f"Clearing topic-level throttles on topic {topic_name}" in verified
    reference.until("the throttles are gone", lambda: throttles() == (False, False))


# --- kafka-features.sh, kafka-metadata-quorum.sh, kafka-cluster.sh

def finalized(shown: str, feature: str) -> str:
    """The level of a feature, of what `features describe` prints."""
    found = re.search(rf"Feature: {re.escape(feature)}\s+SupportedMinVersion: \S+\s+SupportedMaxVersion: \S+\s+"
                      r"FinalizedVersionLevel: (\S+)\s+Epoch: \d+", shown)
    assert found, shown
    return found.group(1)


def test_features(jvm, bootstrap):
    features = functools.partial(jvm.tool, "features", bootstrap)
    shown = features("describe")
    assert (finalized(shown, "group.version"), finalized(shown, "streams.version")) == ("1", "1")
    assert re.fullmatch(r"\d+\.\d+-IV\d+", finalized(shown, "metadata.version"))
    lower = ["downgrade", "--feature", "streams.version=0"]
    assert "streams.version can be downgraded to 0." in features(*lower, "--dry-run")
    assert "streams.version was downgraded to 0." in features(*lower)
    assert finalized(features("describe"), "streams.version") == "0"
    assert "streams.version was upgraded to 1." in features("upgrade", "--feature", "streams.version=1")
    assert "streams.version can be disabled." in features("disable", "--feature", "streams.version", "--dry-run")
    assert "group.version=1" in features("version-mapping").splitlines()
    status, printed = run(jvm, "features", bootstrap, "upgrade", "--feature", "group.version=9")
    assert status == 1 and "Could not upgrade group.version to 9." in printed, printed
    status, printed = run(jvm, "features", bootstrap, "downgrade", "--metadata", "3.9")
    assert status == 1 and "Could not downgrade metadata.version" in printed, printed


def test_metadata_quorum(jvm, bootstrap):
    status = jvm.tool("metadata-quorum", bootstrap, "describe", "--status")
    for line in (r"ClusterId: +\S{22}", r"LeaderId: +1", r"LeaderEpoch: +\d+", r"HighWatermark: +\d+", r"MaxFollowerLag: +0",
                 r"CurrentVoters: +\[\{\"id\": 1, .*\"endpoints\": \[\"CONTROLLER://\S+:\d+\"\]\}\]", r"CurrentObservers: +\[\]"):
        assert re.search(rf"^{line}$", status, re.MULTILINE), status
    replication = jvm.tool("metadata-quorum", bootstrap, "describe", "--replication")
    head = ["NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"]
    assert replication.splitlines()[0].split() == head
    assert re.search(r"^1\s+\S{22}\s+\d+\s+0\s+\d+\s+\d+\s+Leader\s*$", replication, re.MULTILINE)
    readable = jvm.tool("metadata-quorum", bootstrap, "describe", "--replication", "--human-readable")
    assert re.search(r"^1\s+\S{22}\s+\d+\s+0\s+.*\bago\b.*Leader\s*$", readable, re.MULTILINE)


def test_cluster(jvm, bootstrap):
    done = jvm.run("cluster", "cluster-id", "--bootstrap-server", bootstrap)
    assert done.status == 0 and re.fullmatch(r"Cluster ID: \S{22}\n", done.out)
    done = jvm.run("cluster", "list-endpoints", "--bootstrap-server", bootstrap)
    host, port = bootstrap.rsplit(":", 1)
    assert done.status == 0 and re.search(rf"^1\s+{host}\s+{port}\s+null\s+", done.out, re.MULTILINE), done.out
    done = jvm.run("cluster", "list-endpoints", "--bootstrap-server", bootstrap, "--include-fenced-brokers")
    assert done.status == 0 and re.search(rf"^1\s+{host}\s+{port}\s+null\s+unfenced\s+broker", done.out, re.MULTILINE), done.out


# --- kafka-get-offsets.sh, kafka-delete-records.sh, kafka-broker-api-versions.sh

def test_get_offsets_of_some_partitions(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, corpus.PARTITIONS)
    reference.produce(cluster.bootstrap, topic_name, corpus.records())
    def offsets(*arguments: str) -> list[str]:
        return jvm.tool("get-offsets", cluster.bootstrap, *arguments).splitlines()
    assert offsets("--topic", topic_name, "--partitions", "0,2") == [f"{topic_name}:0:100", f"{topic_name}:2:100"]
    assert offsets("--topic-partitions", f"{topic_name}:1", "--time", "-2") == [f"{topic_name}:1:0"]
    assert offsets("--topic-partitions", f"{topic_name}:0-2", "--time", "-1") == [f"{topic_name}:0:100", f"{topic_name}:1:100"]
    assert offsets("--topic", topic_name, "--time", "earliest-local") == [f"{topic_name}:{index}:0" for index in range(3)]
    assert offsets("--topic", topic_name, "--exclude-internal-topics", "--time", "latest") == [f"{topic_name}:{index}:100" for index in range(3)]
    status, printed = run(jvm, "get-offsets", cluster.bootstrap, "--topic", "missing")
    assert status == 1 and "Could not match any topic-partitions" in printed, printed


def test_delete_records_beyond_the_end_is_an_error_of_the_partition(jvm, cluster, topic_name, tmp_path):
    cluster.create_topic(topic_name, 1)
    orders = tmp_path / "orders.json"
    orders.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic_name, "partition": 0, "offset": 7}]}))
    _, printed = run(jvm, "delete-records", cluster.bootstrap, "--offset-json-file", str(orders))
    assert "OffsetOutOfRangeException" in printed, printed
    orders.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic_name, "partition": 0, "offset": -1}]}))
    assert "low_watermark: 0" in run(jvm, "delete-records", cluster.bootstrap, "--offset-json-file", str(orders))[1]


def test_broker_api_versions_of_the_admin_apis(jvm, cluster):
    printed = jvm.tool("api-versions", cluster.bootstrap)
    offered = dict(re.findall(r"\s(\w+)\(\d+\): (\d+(?: to \d+)?) \[usable: \d+\]", printed))
    for name, versions in {"ElectLeaders": "0 to 2", "AlterPartitionReassignments": "0 to 1", "ListPartitionReassignments": "0",
                           "DescribeQuorum": "0 to 2", "UpdateFeatures": "0 to 2", "DescribeProducers": "0", "ListConfigResources": "0 to 1",
                           "DescribeAcls": "1 to 3", "CreateAcls": "1 to 3",
                           "DeleteAcls": "1 to 3", "DescribeUserScramCredentials": "0", "AlterUserScramCredentials": "0",
                           "UnregisterBroker": "0", "DescribeConfigs": "1 to 4", "AlterConfigs": "0 to 2", "IncrementalAlterConfigs": "0 to 1"}.items():
        assert offered.get(name) == versions, f"{name}\n{printed}"


# --- kafka-dump-log.sh

def test_dump_log_of_what_the_broker_wrote(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, b"k%d" % i, b"v%d" % i) for i in range(5)])
    if cluster.process is None:
        return
    segment = cluster.process.data / f"{topic_name}-0" / "00000000000000000000.log"
    def dump(*arguments: str) -> str:
        done = jvm.run("dump-log", *arguments)
        assert done.status == 0, done.err
        return done.out
    printed = dump("--files", str(segment), "--print-data-log")
    assert re.search(r"baseOffset: 0 lastOffset: \d count: \d .* magic: 2 .* isvalid: true", printed)
    assert [re.search(rf"\| offset: {i} .* key: k{i} payload: v{i}", printed) is not None for i in range(5)] == [True] * 5
    assert "| offset:" in dump("--files", str(segment), "--deep-iteration")
    assert "isvalid: true" in dump("--files", str(segment), "--verify-index-only")
    for suffix in ("index", "timeindex"):
        assert "Dumping" in dump("--files", str(segment.with_suffix(f".{suffix}")), "--index-sanity-check")
    metadata = cluster.process.data / "__cluster_metadata-0" / "00000000000000000000.log"
    assert '"type":"FEATURE_LEVEL_RECORD"' in dump("--files", str(metadata), "--cluster-metadata-decoder")


def test_dump_log_of_offsets_producers_and_metadata(jvm, cluster, tmp_path):
    """Files that are written at the end: of a broker that has stopped."""
    with brokers.create(cluster.kind, tmp_path, {"offsets.topic.num.partitions": "1"}) as broker:
        reference.create_topic(broker.bootstrap, "dumped", 1)
        reference.produce(broker.bootstrap, "dumped", [corpus.Record(0, i, b"k", b"v") for i in range(3)])
        jvm.tool("consumer-groups", broker.bootstrap, "--reset-offsets", "--group", "g", "--topic", "dumped", "--to-offset", "2",
                 "--execute")
        broker.stop()

        def dump(path: pathlib.Path, *arguments: str) -> str:
            done = jvm.run("dump-log", "--files", str(path), *arguments)
            assert done.status == 0, done.err
            return done.out

        offsets = dump(broker.data / "__consumer_offsets-0" / "00000000000000000000.log", "--offsets-decoder")
        assert re.search(r'key: \{"type":"1","data":\{"group":"g","topic":"dumped","partition":0\}\} '
                         r'payload: \{"version":"\d","data":\{"offset":2,', offsets), offsets
        producers = dump(broker.data / "dumped-0" / "00000000000000000003.snapshot")
        assert re.search(r"^producerId: \d+ producerEpoch: 0 coordinatorEpoch: -1 .* lastOffset: 2 ", producers, re.MULTILINE)
        log = dump(broker.data / "__cluster_metadata-0" / "00000000000000000000.log", "--cluster-metadata-decoder")
        assert "isvalid: false" not in log
        for record in ("FEATURE_LEVEL_RECORD", "REGISTER_CONTROLLER_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"):
            assert f'"type":"{record}"' in log


# --- kafka-metadata-shell.sh

def test_metadata_shell_reads_the_metadata_log(jvm, cluster, tmp_path):
    with brokers.create(cluster.kind, tmp_path) as broker:
        reference.create_topic(broker.bootstrap, "shelled", 2)
        jvm.tool("configs", broker.bootstrap, "--entity-type", "users", "--entity-name", "alice", "--alter", "--add-config",
                 "producer_byte_rate=1024")
        broker.stop()
        log = broker.data / "__cluster_metadata-0" / "00000000000000000000.log"

        def shows(path: str, *patterns: str) -> None:
            def seen() -> bool:  # The shell looks while it still reads.
                done = jvm.run("metadata-shell", "--snapshot", str(log), "tree", path)
                assert done.status == 0, done.err
                return all(re.search(pattern, done.out) for pattern in patterns)
            reference.until(f"{patterns} in {path}", seen)

        shows("/image/topics/byName/shelled", r"0:\n +PartitionRegistration\(replicas=\[1\]", r"1:\n +PartitionRegistration\(")
        shows("/image/configs", r"TOPIC:shelled:\n +retention.ms:\n +-1\n")
        shows("/image/clientQuotas", r"user\(alice\):\n +producer_byte_rate:\n +1024\.0\n")
        shows("/image/features", r"metadataVersion:\n +Optional\[\d+\.\d+-IV\d+\]", r"finalized_group\.version:\n +1\n")
        shows("/image/cluster/brokers", r"1:\n +BrokerRegistration\(id=1, .*listenerName='PLAINTEXT'")


# --- kafka-client-metrics.sh, kafka-transactions.sh, kafka-log-dirs.sh

def test_client_metrics(jvm, bootstrap, topic_name):
    command = functools.partial(jvm.tool, "client-metrics", bootstrap)
    assert f"Altered client metrics config for {topic_name}." in command(
        "--alter", "--name", topic_name, "--metrics", "org.apache.kafka.", "--interval", "10000", "--match", "client_id=a.*")
    assert topic_name in command("--list").splitlines()
    shown = command("--describe", "--name", topic_name)
    assert "interval.ms=10000" in shown and "match=client_id=a.*" in shown and "metrics=org.apache.kafka." in shown
    assert f"Deleted client metrics config for {topic_name}." in command("--delete", "--name", topic_name)
    assert topic_name not in command("--list").splitlines()


def test_transactions_describe_producers(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(3)])
    shown = jvm.tool("transactions", cluster.bootstrap, "describe-producers", "--topic", topic_name, "--partition", "0")
    assert re.search(r"^\d+\s+0\s+-1\s+[0-2]\s+\d+\s+None\s*$", shown, re.MULTILINE), shown


def test_log_dirs(jvm, cluster, topic_name):
    cluster.create_topic(topic_name, 1)
    reference.produce(cluster.bootstrap, topic_name, [corpus.Record(0, i, None, b"v") for i in range(3)])
    printed = jvm.tool("log-dirs", cluster.bootstrap, "--describe", "--topic-list", topic_name, "--broker-list", "1")
    (broker,) = json.loads(printed.splitlines()[-1])["brokers"]
    (directory,) = broker["logDirs"]
    (partition,) = directory["partitions"]
    assert broker["broker"] == 1 and directory["error"] is None and partition["size"] > 0
    assert (partition["partition"], partition["offsetLag"], partition["isFuture"]) == (f"{topic_name}-0", 0, False)
