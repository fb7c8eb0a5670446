"""What is asked of weir and of Apache Kafka side by side: every API in every version, right and wrong."""

from __future__ import annotations

import sys
import pathlib

from differential import Session, unknown_id

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "fault"))

from raw import Batch, record  # noqa: E402

SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
# What Kafka itself answers with UNKNOWN_SERVER_ERROR, or not at all, is not asked: there is nothing to hold ours against.


def versions_that_are_not_served(s: Session) -> None:
    for name in sorted(s.both_serve):
        low, high = s.both_serve[name]
        if name == "ApiVersions":
            continue
        s.ask(name, high + 40)
        if low > 0:
            s.ask(name, low - 1)


def api_versions(s: Session) -> None:
    for name, version in (("good-name", "1.2.3"), ("", "1"), ("-x", "1"), ("x", "1 2"), ("x", "")):
        for at in s.versions("ApiVersions", 3):
            answer = s.connection.ask("ApiVersions", at, {"clientSoftwareName": name, "clientSoftwareVersion": version})
            # What each serves differs while one of them is being built.
            s.exchanges.append(("ApiVersions", at, {"name": name}, {key: answer[key] for key in answer if key != "apiKeys"}))
    for at in (5, 40):
        s.ask("ApiVersions", at, {})


def create_topics(s: Session) -> None:
    for at in s.versions("CreateTopics"):
        def create(topics, only=False):
            s.ask("CreateTopics", at, {"timeoutMs": 30000, "validateOnly": only, "topics": topics})
        name = f"create-{at}"
        good = {"name": name, "numPartitions": 2, "replicationFactor": 1}
        create([good], only=True)
        create([good])
        create([good])
        create([{**good, "name": f"{name}.x", "configs": [{"name": "retention.ms", "value": "1000"}]}])
        create([{**good, "name": f"{name}_x"}])
        for change in ({"name": ""}, {"name": "."}, {"name": "b@d"}, {"name": "x" * 250}, {"numPartitions": 0},
                       {"numPartitions": -2}, {"replicationFactor": 0}, {"replicationFactor": 2}, {"replicationFactor": -2},
                       {"configs": [{"name": "no.such", "value": "1"}]}, {"configs": [{"name": "segment.bytes", "value": "x"}]},
                       {"configs": [{"name": "segment.bytes", "value": "1"}]}, {"configs": [{"name": "cleanup.policy", "value": "x"}]},
                       {"assignments": [{"partitionIndex": 0, "brokerIds": [1]}]}):
            create([{**good, "name": f"{name}-bad", **change}])
        by_hand = {"name": f"{name}-hand", "numPartitions": -1, "replicationFactor": -1}
        for assignments in ([(0, [1])], [(0, [1]), (1, [1])], [(0, [])], [(0, [9])], [(0, [1, 1])], [(1, [1])], [(0, [1]), (2, [1])]):
            create([{**by_hand, "name": f"{name}-h{len(str(assignments))}",
                     "assignments": [{"partitionIndex": index, "brokerIds": ids} for index, ids in assignments]}])
        create([])
        if at >= 4:
            create([{"name": f"{name}-default", "numPartitions": -1, "replicationFactor": -1}])


def delete_topics(s: Session) -> None:
    for at in s.versions("DeleteTopics"):
        s.create(f"delete-{at}")
        s.create(f"delete-{at}-b")
        if at < 6:
            for names in ([f"delete-{at}"], [f"delete-{at}"], ["missing", f"delete-{at}-b"], ["b@d"], []):
                s.ask("DeleteTopics", at, {"timeoutMs": 30000, "topicNames": names})
            continue
        for topics in ([{"name": f"delete-{at}"}], [{"name": "missing"}], [{"name": None, "topicId": s.topic_id(f"delete-{at}-b")}],
                       [{"name": None, "topicId": unknown_id()}], []):
            s.ask("DeleteTopics", at, {"timeoutMs": 30000, "topics": topics})


def create_partitions(s: Session) -> None:
    for at in s.versions("CreatePartitions"):
        s.create(f"grow-{at}", 2)
        def grow(only=False, **topic):
            s.ask("CreatePartitions", at, {"timeoutMs": 30000, "validateOnly": only, "topics": [{"name": f"grow-{at}", "assignments": None, **topic}]})
        grow(count=3, only=True)
        for count in (3, 3, 2, 0, -1):
            grow(count=count)
        grow(name="missing", count=3)
        for assignments in ([[1], [1]], [[9]], [[]], [[1, 1]], []):
            grow(count=4, assignments=[{"brokerIds": ids} for ids in assignments])
        grow(count=4, assignments=[{"brokerIds": [1]}])


def metadata(s: Session) -> None:
    s.create("known", 3)
    known = s.topic_id("known")
    for at in s.versions("Metadata"):
        off = {"allowAutoTopicCreation": False} if at >= 4 else {}
        names = ("known", "b@d", "", "x" * 250) if at < 4 else ("known", "missing", "b@d", "", "x" * 250)
        for name in names:
            s.ask("Metadata", at, {**off, "topics": [{"name": name}]})
        s.ask("Metadata", at, {"topics": [{"name": f"made-when-asked-{at}"}]})
        if at >= 1:
            s.ask("Metadata", at, {**off, "topics": []})
        if at >= 12:
            for topic_id in (known, unknown_id()):
                s.ask("Metadata", at, {**off, "topics": [{"name": None, "topicId": topic_id}]})
        if at >= 8:
            s.ask("Metadata", at, {**off, "topics": [{"name": "known"}], "includeTopicAuthorizedOperations": True})
    s.ask_all("DescribeCluster", {})
    s.ask_all("DescribeCluster", {"includeClusterAuthorizedOperations": True})
    for kind in (1, 2, 3):
        s.ask_all("DescribeCluster", {"endpointType": kind}, first=1)
    s.ask_all("DescribeCluster", {"includeFencedBrokers": True}, first=2)
    for limit in (2000, 2, 1, 0, -1):
        s.ask_all("DescribeTopicPartitions", {"topics": [{"name": "known"}, {"name": "missing"}], "responsePartitionLimit": limit})
    for cursor in ({"topicName": "known", "partitionIndex": 1}, {"topicName": "missing", "partitionIndex": 0},
                   {"topicName": "known", "partitionIndex": -1}, {"topicName": "known", "partitionIndex": 9}):
        s.ask_all("DescribeTopicPartitions", {"topics": [{"name": "known"}], "responsePartitionLimit": 10, "cursor": cursor})


def batch(**fields) -> str:
    return Batch(**fields).encode().hex()


def produce(s: Session) -> None:
    s.create("produced", 2)
    s.create("small", 1, max_message_bytes="200")
    s.create("stamped", 1, message_timestamp_type="LogAppendTime")
    s.create("compacted", 1, cleanup_policy="compact")
    ids = {name: s.topic_id(name) for name in ("produced", "small", "stamped", "compacted")} | {"missing": unknown_id()}
    for at in s.versions("Produce"):
        def send(name, records, acks=-1, partition=0, transaction=None):
            key = {"topicId": ids[name]} if at >= 13 else {"name": name}
            body = {"acks": acks, "timeoutMs": 30000, "topicData": [{**key, "partitionData": [{"index": partition, "records": records}]}]}
            if transaction:
                body["transactionalId"] = transaction
            s.ask("Produce", at, body)
        send("produced", batch())
        send("produced", batch(), acks=1)
        send("produced", batch(records=record(b"a") + record(b"b", 1), count=2))
        for acks in (2, -2):
            send("produced", batch(), acks=acks)
        send("produced", batch(), partition=7)
        send("produced", batch(), partition=-1)
        send("missing", batch())
        send("small", batch(records=record(b"x" * 300)))
        send("stamped", batch())
        send("compacted", batch())
        for wrong in ({"crc": 1}, {"count": 2}, {"count": 0}, {"last_offset_delta": 5}, {"base_offset": 3}, {"timestamp": 32_503_680_000_000},
                      {"producer_id": 5, "producer_epoch": 0, "sequence": 3}, {"attributes": 0x20}):
            send("produced", batch(**wrong))
        if at < 5:  # Later Kafka knows where the log begins, or does not, by where in it the two are noticed.
            send("produced", batch() + batch())


def idempotence(s: Session) -> None:
    s.create("numbered")
    topic = {"topicId": s.topic_id("numbered")}
    wait_for_producer_ids(s)
    s.ask_all("InitProducerId", {"transactionalId": None, "transactionTimeoutMs": 60000})
    s.ask_all("InitProducerId", {"transactionalId": "", "transactionTimeoutMs": 60000})
    producer = s.ask("InitProducerId", 4, {"transactionalId": None, "transactionTimeoutMs": 60000})["producerId"]
    for fields in ({"sequence": 0}, {"sequence": 0}, {"sequence": 1}, {"sequence": 3}, {"sequence": 2}, {"sequence": 0, "producer_epoch": 1},
                   {"sequence": 3, "producer_epoch": 0}, {"sequence": 7, "producer_epoch": 2}, {"sequence": -1}):
        records = batch(**{"producer_id": producer, "producer_epoch": 0, **fields})
        s.ask("Produce", 13, {"acks": -1, "timeoutMs": 30000, "topicData": [{**topic, "partitionData": [{"index": 0, "records": records}]}]})
    for name, partition in (("numbered", 0), ("numbered", 5), ("missing", 0), ("b@d", 0)):
        s.ask_all("DescribeProducers", {"topics": [{"name": name, "partitionIndexes": [partition]}]})


def wait_for_producer_ids(s: Session) -> None:
    """Kafka asks its controller for a block of them when the first one is wanted, and says meanwhile that it loads."""
    while s.connection.ask("InitProducerId", 4, {"transactionalId": None, "transactionTimeoutMs": 60000})["errorCode"] != 0:
        pass


def fill(s: Session, name: str, count: int = 5) -> None:
    for i in range(count):
        records = batch(records=record(b"v%d" % i), timestamp=1_700_000_000_000 + i * 1000)
        s.connection.ask("Produce", 9, {"acks": -1, "timeoutMs": 30000, "topicData": [{"name": name, "partitionData": [{"index": 0, "records": records}]}]})


def fetch(s: Session) -> None:
    s.create("fetched", 2)
    fill(s, "fetched")
    ids = {"fetched": s.topic_id("fetched"), "missing": unknown_id()}
    for at in s.versions("Fetch"):
        def get(name="fetched", partition=0, offset=0, epoch=-1, size=1 << 20, **more):
            key = {"topicId": ids[name]} if at >= 13 else {"topic": name}
            part = {"partition": partition, "fetchOffset": offset, "partitionMaxBytes": size}
            if at >= 9:
                part["currentLeaderEpoch"] = epoch
            s.ask("Fetch", at, {"maxWaitMs": 0, "minBytes": 1, "maxBytes": 1 << 20, "topics": [{**key, "partitions": [part]}], **more})
        for offset in (0, 3, 5, 6, -1):
            get(offset=offset)
        get(size=1)
        get(maxBytes=1)
        get(isolationLevel=1)
        get(partition=9)
        get(name="missing")
        if at >= 9:
            for epoch in (0, 5, -2):
                get(epoch=epoch)
        if at >= 7:
            for session, number in ((0, 5), (77, 1), (77, -1), (0, -1)):
                get(sessionId=session, sessionEpoch=number)
        s.ask("Fetch", at, {"maxWaitMs": 0, "minBytes": 1, "topics": []})


def list_offsets(s: Session) -> None:
    s.create("listed", 2)
    fill(s, "listed")
    for at in s.versions("ListOffsets"):
        def find(timestamp, name="listed", partition=0, epoch=-1, **more):
            part = {"partitionIndex": partition, "timestamp": timestamp}
            if at >= 4:
                part["currentLeaderEpoch"] = epoch
            s.ask("ListOffsets", at, {"replicaId": -1, "topics": [{"name": name, "partitions": [part]}], **more})
        for timestamp in (-1, -2, -3, -4, -5, -6, -7, 0, 1_700_000_002_000, 1_700_000_002_001, 4_000_000_000_000):
            find(timestamp)
        find(-1, partition=1)
        find(-3, partition=1)
        find(-1, partition=9)
        find(-1, name="missing")
        if at >= 2:
            find(-1, isolationLevel=1)
        if at >= 4:
            for epoch in (0, 5):
                find(-1, epoch=epoch)
    for at in s.versions("OffsetForLeaderEpoch"):
        for name, partition, current, epoch in (("listed", 0, -1, 0), ("listed", 0, 0, 0), ("listed", 0, 7, 0), ("listed", 0, -1, 9),
                                                ("listed", 0, -1, -1), ("listed", 9, -1, 0), ("missing", 0, -1, 0)):
            s.ask("OffsetForLeaderEpoch", at, {"topics": [{"topic": name, "partitions": [
                {"partition": partition, "currentLeaderEpoch": current, "leaderEpoch": epoch}]}]})


def delete_records(s: Session) -> None:
    for at in s.versions("DeleteRecords"):
        name = s.create(f"trimmed-{at}")
        fill(s, name)
        compacted = s.create(f"trimmed-{at}-compacted", 1, cleanup_policy="compact")
        for topic, partition, offset in ((name, 0, 2), (name, 0, 2), (name, 0, 1), (name, 0, 9), (name, 0, -2), (name, 0, -1), (name, 4, 0),
                                         ("missing", 0, 0), (compacted, 0, 0)):
            s.ask("DeleteRecords", at, {"timeoutMs": 30000, "topics": [{"name": topic, "partitions": [{"partitionIndex": partition, "offset": offset}]}]})


def find_coordinator(s: Session) -> None:
    wait_for_the_coordinator(s)
    for at in s.versions("FindCoordinator"):
        for kind in ((0,) if at == 0 else (0, 5)):
            keys = {"key": "some-group"} if at < 4 else {"coordinatorKeys": ["some-group", "other"]}
            s.ask("FindCoordinator", at, {**keys, **({"keyType": kind} if at >= 1 else {})})
        s.ask("FindCoordinator", at, {"key": ""} if at < 4 else {"coordinatorKeys": [""]})


def groups(s: Session) -> None:
    s.create("for-groups", 2)
    s.connection.ask("FindCoordinator", 4, {"coordinatorKeys": ["warm"], "keyType": 0})
    join = {"sessionTimeoutMs": 10000, "rebalanceTimeoutMs": 10000, "protocolType": "consumer", "protocols": [{"name": "range", "metadata": "00"}]}

    def joined(at, group):
        member = ""
        body = {key: value for key, value in join.items() if at >= 1 or key != "rebalanceTimeoutMs"}
        answer = s.ask("JoinGroup", at, {**body, "groupId": group, "memberId": member})
        if answer["errorCode"] == 79:
            answer = s.ask("JoinGroup", at, {**body, "groupId": group, "memberId": answer["memberId"]})
        return answer

    wait_for_the_coordinator(s)
    for at in s.versions("JoinGroup"):
        group = f"group-{at}"
        answer = joined(at, group)
        member, generation = answer["memberId"], answer["generationId"]
        body = {key: value for key, value in join.items() if at >= 1 or key != "rebalanceTimeoutMs"}
        for change in ({"groupId": ""}, {"memberId": "nobody"}, {"sessionTimeoutMs": 1}, {"sessionTimeoutMs": 10_000_000},
                       {"protocolType": "", "memberId": ""}, {"protocols": []}, {"protocolType": "connect"}):
            s.ask("JoinGroup", at, {**body, "groupId": group, "memberId": member, **change})
        sync = min(at, s.versions("SyncGroup")[-1])
        assignments = [{"memberId": member, "assignment": "00ff"}]
        named = {"protocolType": "consumer", "protocolName": "range"} if sync >= 5 else {}
        for change in ({"groupId": ""}, {"groupId": "missing"}, {"memberId": "nobody"}, {"generationId": 99}, {}):
            s.ask("SyncGroup", sync, {"groupId": group, "memberId": member, "generationId": generation, "assignments": assignments, **named, **change})
        if sync >= 5:
            s.ask("SyncGroup", sync, {"groupId": group, "memberId": member, "generationId": generation, "protocolType": "x", "protocolName": "range"})
        for version in s.versions("Heartbeat"):
            for change in ({}, {"groupId": ""}, {"groupId": "missing"}, {"memberId": "nobody"}, {"generationId": 99}):
                s.ask("Heartbeat", version, {"groupId": group, "memberId": member, "generationId": generation, **change})
        if at == s.versions("JoinGroup")[-1]:
            committing(s, group, member, generation)
            describing(s, group)
        leave = min(at, s.versions("LeaveGroup")[-1])
        for who in ("nobody", member, member):
            s.ask("LeaveGroup", leave, {"groupId": group, "memberId": who} if leave < 3 else {"groupId": group, "members": [{"memberId": who}]})
        s.ask("LeaveGroup", leave, {"groupId": "missing", "memberId": "x"} if leave < 3 else {"groupId": "missing", "members": [{"memberId": "x"}]})
    for version in s.versions("DeleteGroups"):
        for names in (["group-0"], ["missing"], [""], ["group-1", "group-2"], ["group-3", "group-3"]):
            s.ask("DeleteGroups", version, {"groupsNames": names})
    describing(s, "group-5")


def wait_for_the_coordinator(s: Session) -> None:
    while True:
        answer = s.connection.ask("FindCoordinator", 4, {"coordinatorKeys": ["warm"], "keyType": 0})
        ready = s.connection.ask("Heartbeat", 4, {"groupId": "warm", "memberId": "x", "generationId": 1})
        if answer["coordinators"][0]["errorCode"] == 0 and ready["errorCode"] == 25:
            return


def committing(s: Session, group: str, member: str, generation: int) -> None:
    ids = {"for-groups": s.topic_id("for-groups"), "missing": unknown_id()}
    for at in s.versions("OffsetCommit"):
        def commit(topic="for-groups", partition=0, offset=3, text="m", **change):
            key = {"topicId": ids[topic]} if at >= 10 else {"name": topic}
            s.ask("OffsetCommit", at, {"groupId": group, "memberId": member, "generationIdOrMemberEpoch": generation, "topics": [
                {**key, "partitions": [{"partitionIndex": partition, "committedOffset": offset, "committedMetadata": text}]}], **change})
        commit()
        commit(text=None)
        commit(text="x" * 5000)
        commit(partition=9)
        commit(offset=-1)
        commit(topic="missing")
        for change in ({"groupId": ""}, {"memberId": "nobody"}, {"generationIdOrMemberEpoch": 99}, {"generationIdOrMemberEpoch": -1, "memberId": ""}):
            commit(**change)
        commit(groupId=f"simple-{at}", memberId="", generationIdOrMemberEpoch=-1)
    for at in s.versions("OffsetFetch"):
        for name in (group, "missing", ""):
            for topic, indexes in (("for-groups", [0, 1]), ("for-groups", [9]), ("missing", [0])):
                key = {"topicId": ids[topic]} if at >= 10 else {"name": topic}
                topics = [{**key, "partitionIndexes": indexes}]
                s.ask("OffsetFetch", at, {"groupId": name, "topics": topics} if at < 8 else {"groups": [{"groupId": name, "topics": topics}]})
            if at >= 2:
                s.ask("OffsetFetch", at, {"groupId": name, "topics": None} if at < 8 else {"groups": [{"groupId": name, "topics": None}]})
    for name, topic, partition in (("simple-5", "for-groups", 0), ("simple-5", "for-groups", 0), ("simple-5", "missing", 0), ("missing", "for-groups", 0),
                                   ("", "for-groups", 0), (group, "for-groups", 1), (group, "for-groups", 0)):
        s.ask_all("OffsetDelete", {"groupId": name, "topics": [{"name": topic, "partitions": [{"partitionIndex": partition}]}]})


def describing(s: Session, group: str) -> None:
    for at in s.versions("DescribeGroups"):
        for name in (group, "missing", ""):
            s.ask("DescribeGroups", at, {"groups": [name]})
        if at >= 3:
            s.ask("DescribeGroups", at, {"groups": [group], "includeAuthorizedOperations": True})
    s.ask_all("ListGroups", {})
    s.ask_all("ListGroups", {"statesFilter": ["Empty"]}, first=4)
    s.ask_all("ListGroups", {"statesFilter": ["nonsense"]}, first=4)
    s.ask_all("ListGroups", {"typesFilter": ["classic"]}, first=5)
    s.ask_all("ListGroups", {"typesFilter": ["nonsense"]}, first=5)


def consumer_groups(s: Session) -> None:
    s.create("for-groups", 2)
    wait_for_the_coordinator(s)
    join = {"memberEpoch": 0, "rebalanceTimeoutMs": 60000, "subscribedTopicNames": ["for-groups"], "topicPartitions": []}
    for at in s.versions("ConsumerGroupHeartbeat"):
        group = {"groupId": f"consumers-{at}"}
        for change in ({"groupId": ""}, {"groupId": " "}, {"memberId": ""}, {"memberEpoch": -3}, {"memberEpoch": 5}, {"memberEpoch": -1}, {"memberEpoch": -2},
                       {"rebalanceTimeoutMs": -1}, {"subscribedTopicNames": None}, {"subscribedTopicNames": []}, {"subscribedTopicNames": [""]}, {"topicPartitions": None},
                       {"topicPartitions": [{"topicId": unknown_id(), "partitions": [0]}]}, {"serverAssignor": "no-such"}, {"serverAssignor": ""},
                       {"instanceId": ""}, {"rackId": ""}, {"memberEpoch": -2, "instanceId": "i"}, {"subscribedTopicRegex": "("}, {"subscribedTopicRegex": ""}):
            if at or "subscribedTopicRegex" not in change:
                s.ask("ConsumerGroupHeartbeat", at, {"groupId": f"others-{at}", "memberId": "one", **join, **change})
        member = assigned(s, at, {**group, "memberId": f"first-{at}", **join})
        beat = {**group, "memberId": f"first-{at}", "memberEpoch": member["memberEpoch"]}
        for change in ({}, {"memberEpoch": member["memberEpoch"] + 7}, {"memberId": "nobody"}, {"groupId": "missing"}, {"instanceId": "unknown"},
                       {"topicPartitions": [{"topicId": unknown_id(), "partitions": [0]}]}, {"subscribedTopicNames": ["for-groups"]}):
            s.ask("ConsumerGroupHeartbeat", at, {**beat, **change})
        for version in s.versions("ConsumerGroupDescribe"):
            for names in ([f"consumers-{at}"], ["missing"], [""], [f"consumers-{at}", "missing"]):
                s.ask("ConsumerGroupDescribe", version, {"groupIds": names, "includeAuthorizedOperations": version == 1})
        if at == s.versions("ConsumerGroupHeartbeat")[-1]:
            committing(s, f"consumers-{at}", f"first-{at}", member["memberEpoch"])
        s.ask_all("DescribeGroups", {"groups": [f"consumers-{at}"]})
        s.ask_all("DeleteGroups", {"groupsNames": [f"consumers-{at}"]})
        static = {**group, "memberId": f"static-{at}", "instanceId": "an-instance", **join, "subscribedTopicNames": ["missing"]}
        s.ask("ConsumerGroupHeartbeat", at, static)
        s.ask("ConsumerGroupHeartbeat", at, {**static, "memberId": "another"})
        s.ask("ConsumerGroupHeartbeat", at, {**group, "memberId": f"static-{at}", "instanceId": "an-instance", "memberEpoch": -2})
        s.ask("ConsumerGroupHeartbeat", at, {**static, "memberId": "another"})
        for who in ("nobody", f"first-{at}", f"first-{at}"):
            s.ask("ConsumerGroupHeartbeat", at, {**group, "memberId": who, "memberEpoch": -1})
        s.ask("ConsumerGroupHeartbeat", at, {**group, "memberId": "another", "instanceId": "an-instance", "memberEpoch": -1})
    s.ask_all("ListGroups", {"typesFilter": ["consumer"]}, first=5)
    s.ask_all("ListGroups", {"statesFilter": ["Empty"]}, first=4)


def assigned(s: Session, at: int, body: dict) -> dict:
    """A member with partitions; what came in between depends on when the broker computes an assignment."""
    answer = s.connection.ask("ConsumerGroupHeartbeat", at, body)
    while answer["errorCode"] == 0 and not (answer["assignment"] or {}).get("topicPartitions"):
        answer = s.connection.ask("ConsumerGroupHeartbeat", at, {**body, "memberEpoch": answer["memberEpoch"]})
    return answer


def client_quotas(s: Session) -> None:
    def alter(*entity, ops=(("producer_byte_rate", 1e9),), only=False):
        s.ask_all("AlterClientQuotas", {"validateOnly": only, "entries": [
            {"entity": [{"entityType": kind, "entityName": name} for kind, name in entity],
             "ops": [{"key": key, "value": value or 0.0, "remove": value is None} for key, value in ops]}]})

    def describe(*components, strict=False):
        s.ask_all("DescribeClientQuotas", {"strict": strict, "components": [{"entityType": kind, "matchType": how, "match": name} for kind, how, name in components]})

    for entity in ([("user", "u")], [("user", None)], [("client-id", "c")], [("client-id", None)], [("user", "u"), ("client-id", "c")], [("user", None), ("client-id", None)],
                   [("user", "")], [("client-id", "")], [("ip", "127.0.0.9")], [("ip", None)], [("ip", "no address")], [("group", "g")], [], [("user", "u"), ("user", "v")],
                   [("user", "u"), ("ip", "127.0.0.9")]):
        for ops in ((("producer_byte_rate", 1e9),), (("connection_creation_rate", 5000.0),), (("request_percentage", 5000.5), ("consumer_byte_rate", 1e9)),
                    (("controller_mutation_rate", 1e6),), (("producer_byte_rate", -1.0),), (("producer_byte_rate", 1.5),), (("no_such", 1.0),), ()):
            alter(*entity, ops=ops)
        alter(*entity, only=True)
    for components in ([], [("user", 0, "u")], [("user", 1, None)], [("user", 2, None)], [("client-id", 2, None)], [("user", 2, None), ("client-id", 2, None)], [("ip", 2, None)],
                       [("ip", 0, "127.0.0.9")], [("user", 0, "missing")], [("user", 0, "u"), ("user", 0, "v")], [("user", 2, None), ("ip", 2, None)], [("group", 2, None)],
                       [("user", 7, None)], [("user", 0, "")]):
        for strict in (False, True):
            describe(*components, strict=strict)
    for entity in ([("user", "u")], [("user", None)], [("client-id", "c")], [("ip", "127.0.0.9")], [("user", "missing")]):
        alter(*entity, ops=(("producer_byte_rate", None), ("connection_creation_rate", None), ("request_percentage", None)))
        alter(*entity, ops=(("producer_byte_rate", None),))
        describe()


def describe_configs(s: Session) -> None:
    s.create("configured", 1, retention_ms="12345", cleanup_policy="compact,delete")
    for synonyms in (False, True):
        for kind, name, keys in ((TOPIC, "configured", None), (TOPIC, "configured", ["retention.ms", "nope"]), (TOPIC, "configured", []),
                                 (TOPIC, "missing", None), (TOPIC, "b@d", None), (TOPIC, "", None),
                                 (BROKER, "1", ["log.retention.ms", "log.retention.hours", "num.network.threads", "node.id", "nope"]),
                                 (BROKER, "", None), (BROKER, "2", None), (BROKER, "x", None), (METRICS, "none", None), (METRICS, "", None),
                                 (GROUP, "none", None), (GROUP, "", None), (LOGGER, "1", ["root"]), (LOGGER, "", None), (LOGGER, "2", None),
                                 (LOGGER, "x", None), (1, "x", None), (77, "x", None)):
            s.ask_all("DescribeConfigs", {"includeSynonyms": synonyms, "resources": [{"resourceType": kind, "resourceName": name, "configurationKeys": keys}]})


def broker_settings(s: Session) -> None:
    """All of a broker's settings, but those that only one of the two has, and the files and ports of each."""
    own = {"listeners", "advertised.listeners", "log.dirs", "log.dir", "controller.quorum.voters", "weir.http.listener"}
    for at in s.versions("DescribeConfigs"):
        answer = s.connection.ask("DescribeConfigs", at, {"includeSynonyms": True, "resources": [
            {"resourceType": BROKER, "resourceName": "1", "configurationKeys": None}]})
        configs = [one for one in answer["results"][0]["configs"] if one["name"] not in own and not one["name"].startswith("weir.")]
        s.exchanges.append(("DescribeConfigs", at, {}, {"configs": configs}))


def alter(s: Session, kind: int, name: str, *edits: tuple, only: bool = False) -> None:
    configs = [{"name": edit[0], "value": edit[1], "configOperation": (*edit, SET)[2]} for edit in edits]
    s.ask_all("IncrementalAlterConfigs", {"validateOnly": only, "resources": [{"resourceType": kind, "resourceName": name, "configs": configs}]})


def show(s: Session, kind: int, name: str, keys: list[str] | None = None) -> None:
    s.settle()
    s.ask("DescribeConfigs", 4, {"includeSynonyms": True, "resources": [{"resourceType": kind, "resourceName": name, "configurationKeys": keys}]})


def topic_settings(s: Session) -> None:
    s.create("altered")
    for edits in ([("retention.ms", "5000")], [("retention.ms", None, DELETE)], [("cleanup.policy", "compact", APPEND)], [("cleanup.policy", "compact", APPEND)],
                  [("cleanup.policy", "delete", SUBTRACT)], [("cleanup.policy", None, DELETE)], [("segment.bytes", "1", APPEND)], [("no.such", "1")],
                  [("no.such", None, DELETE)], [("segment.bytes", "x")], [("segment.bytes", "1")], [("segment.bytes", None)], [("compression.type", "x")],
                  [("retention.ms", "1"), ("retention.ms", "2")], [("retention.ms", "1"), ("no.such", "2")], [("min.insync.replicas", "0")],
                  [("leader.replication.throttled.replicas", "0:1")], [("leader.replication.throttled.replicas", "x")], [("remote.storage.enable", "true")],
                  [("cleanup.policy", "nope", APPEND)], [("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")], []):
        alter(s, TOPIC, "altered", *edits)
        show(s, TOPIC, "altered")
    alter(s, TOPIC, "altered", ("retention.ms", "77"), only=True)
    show(s, TOPIC, "altered")
    for name in ("missing", "", "b@d"):
        alter(s, TOPIC, name, ("retention.ms", "5000"))
        alter(s, TOPIC, name)
    for kind in (0, 1, 77):
        alter(s, kind, "x", ("retention.ms", "5000"))
    for configs in ([("retention.ms", "6000")], [("segment.bytes", "x")], [("no.such", "1")], [("retention.ms", None)], []):
        s.ask_all("AlterConfigs", {"resources": [{"resourceType": TOPIC, "resourceName": "altered", "configs": [{"name": name, "value": value} for name, value in configs]}]})
        show(s, TOPIC, "altered")
    for name in ("missing", ""):
        s.ask_all("AlterConfigs", {"resources": [{"resourceType": TOPIC, "resourceName": name, "configs": []}]})
    s.ask_all("AlterConfigs", {"resources": [{"resourceType": LOGGER, "resourceName": "1", "configs": [{"name": "root", "value": "INFO"}]}]})


def other_settings(s: Session) -> None:
    for edits in ([("log.retention.ms", "100000")], [("log.retention.ms", None, DELETE)], [("log.cleaner.threads", "2")], [("log.cleaner.threads", None, DELETE)],
                  [("node.id", "2")], [("my.own", "2")], [("my.own", None, DELETE)], [("num.io.threads", "0")], [("log.retention.ms", "0")],
                  [("log.cleaner.threads", "2", APPEND)], [("log.cleaner.threads", "2", 9)], [("listeners", "PLAINTEXT://:0")], [("min.insync.replicas", "1")],
                  [("min.insync.replicas", None, DELETE)], [("log.cleaner.threads", None)], [("log.segment.bytes", "1")], []):
        for name in ("", "1"):
            if ("listeners", name) != (edits[0][0] if edits else "", "1"):
                alter(s, BROKER, name, *edits)
        show(s, BROKER, "")
    for edits in ([("leader.replication.throttled.rate", "1000000")], [("leader.replication.throttled.rate", "0")],
                  [("leader.replication.throttled.rate", "-1")], [("leader.replication.throttled.rate", None, DELETE)]):
        alter(s, BROKER, "1", *edits)
        show(s, BROKER, "1", ["leader.replication.throttled.rate", "log.retention.ms"])
    for name in ("2", "x", "-1"):
        alter(s, BROKER, name, ("log.retention.ms", "100000"))
    for edits in ([("consumer.session.timeout.ms", "50000")], [("consumer.session.timeout.ms", "5")], [("consumer.session.timeout.ms", "60001")],
                  [("share.record.lock.duration.ms", "14999")], [("share.delivery.count.limit", "11")], [("share.isolation.level", "x")],
                  [("share.auto.offset.reset", "by_duration:PT1H")], [("share.auto.offset.reset", "x")], [("streams.num.standby.replicas", "3")],
                  [("share.partition.max.record.locks", "99")], [("consumer.heartbeat.interval.ms", "16000")], [("no.such", "1")],
                  [("consumer.session.timeout.ms", None, DELETE)]):
        alter(s, GROUP, "a-group", *edits)
        show(s, GROUP, "a-group")
    alter(s, GROUP, "", ("consumer.session.timeout.ms", "50000"))
    for edits in ([("interval.ms", "30000"), ("metrics", "org.apache."), ("match", "client_id=x")], [("interval.ms", "3")], [("interval.ms", "x")],
                  [("match", "foo=x")], [("match", "client_id")], [("match", "client_id=[")], [("metrics", "a,,b")], [("no.such", "x")]):
        alter(s, METRICS, "a-subscription", *edits)
        show(s, METRICS, "a-subscription")
    alter(s, METRICS, "", ("metrics", "*"))
    for edits in ([("root", "WARN")], [("root", "warn")], [("root", "OFF")], [("root", None, DELETE)], [("root", "INFO", APPEND)], [("no.such.logger", "INFO")],
                  [("root", "INFO"), ("root", "WARN")], [("root", "INFO")]):
        alter(s, LOGGER, "1", *edits)
        show(s, LOGGER, "1", ["root"])
    for name in ("2", "x", ""):
        alter(s, LOGGER, name, ("root", "INFO"))
    for kinds in ([], [TOPIC], [GROUP, METRICS], [LOGGER, BROKER], [1], [77]):
        s.ask_all("ListConfigResources", {"resourceTypes": kinds} if kinds else {}, first=1 if kinds else 0)


def elections_and_reassignments(s: Session) -> None:
    s.create("moved", 2)
    for at in s.versions("ElectLeaders"):
        for kind in ((0,) if at == 0 else (0, 1, 5)):
            for name, partition in (("moved", 0), ("moved", 7), ("missing", 0)):
                s.ask("ElectLeaders", at, {**({"electionType": kind} if at else {}), "timeoutMs": 30000, "topicPartitions": [{"topic": name, "partitions": [partition]}]})
            s.ask("ElectLeaders", at, {**({"electionType": kind} if at else {}), "timeoutMs": 30000, "topicPartitions": []})
        s.ask("ElectLeaders", at, {"timeoutMs": 30000, "topicPartitions": [{"topic": "moved", "partitions": [0, 0]}, {"topic": "moved", "partitions": [1]}]})
    for at in s.versions("AlterPartitionReassignments"):
        for name, partition, replicas in (("moved", 0, [1]), ("moved", 0, None), ("moved", 0, []), ("moved", 0, [1, 1]), ("moved", 0, [1, 2]), ("moved", 0, [2]),
                                          ("moved", 0, [-1]), ("moved", 9, [1]), ("missing", 0, [1])):
            for more in ({}, {"allowReplicationFactorChange": False}) if at else ({},):
                s.ask("AlterPartitionReassignments", at, {"topics": [{"name": name, "partitions": [{"partitionIndex": partition, "replicas": replicas}]}], **more})
        s.ask("AlterPartitionReassignments", at, {"topics": []})
        s.ask("AlterPartitionReassignments", at, {"topics": [{"name": "moved", "partitions": []}]})
    for topics in (None, [], [{"name": "moved", "partitionIndexes": [0, 9]}], [{"name": "missing", "partitionIndexes": [0]}]):
        s.ask_all("ListPartitionReassignments", {"topics": topics})


def quorum_and_features(s: Session) -> None:
    metadata_log = {"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 0}]}
    for topics in ([metadata_log], [], [metadata_log, metadata_log], [{"topicName": "x", "partitions": [{"partitionIndex": 0}]}],
                   [{"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 1}]}], [{"topicName": "__cluster_metadata", "partitions": []}]):
        s.ask_all("DescribeQuorum", {"topics": topics})
    for at in s.versions("UpdateFeatures"):
        def update(*updates, only=False):
            keys = ("feature", "maxVersionLevel", "upgradeType") if at else ("feature", "maxVersionLevel")
            s.ask("UpdateFeatures", at, {**({"validateOnly": only} if at else {}), "timeoutMs": 30000, "featureUpdates": [dict(zip(keys, one)) for one in updates]})
        for feature, level, kind in (("group.version", 1, 1), ("group.version", 9, 1), ("group.version", 0, 1), ("group.version", -1, 2), ("group.version", 1, 9),
                                     ("group.version", 1, 0), ("group.version", 0, 2), ("group.version", 1, 2), ("group.version", 1, 1), ("metadata.version", 29, 2),
                                     ("metadata.version", 29, 3), ("metadata.version", 28, 1), ("metadata.version", 31, 1), ("metadata.version", 0, 2),
                                     ("metadata.version", 30, 1), ("kraft.version", 2, 1), ("transaction.version", 3, 1), ("no.such", 1, 1), ("no.such", 0, 2), ("", 1, 1)):
            update((feature, level, kind))
        if at:
            update(("group.version", 0, 2), only=True)
        update()
        update(("group.version", 1, 1), ("no.such", 1, 1))


def log_directories(s: Session) -> None:
    s.create("placed", 2)
    fill(s, "placed")
    answer = None
    for topics in ([], [{"topic": "placed", "partitions": [0, 1]}], [{"topic": "placed", "partitions": [1, 9]}], [{"topic": "placed", "partitions": []}],
                   [{"topic": "missing", "partitions": [0]}], [{"topic": "missing", "partitions": [0]}, {"topic": "placed", "partitions": [0]}], [{"topic": "", "partitions": [0]}]):
        answer = s.ask_all("DescribeLogDirs", {"topics": topics})
    own = answer["results"][0]["logDir"]
    for path in (own, "/no/such/directory", "relative", "", own + "/"):
        for topics in ([{"name": "placed", "partitions": [0]}], [{"name": "placed", "partitions": [9]}], [{"name": "missing", "partitions": [0]}], [{"name": "placed", "partitions": []}], []):
            s.ask_all("AlterReplicaLogDirs", {"dirs": [{"path": path, "topics": topics}]})
    s.ask_all("AlterReplicaLogDirs", {"dirs": []})
    s.ask_all("AlterReplicaLogDirs", {"dirs": [{"path": path, "topics": [{"name": "placed", "partitions": [0]}]} for path in (own, "/no/such/directory")]})
    s.ask_all("DescribeLogDirs", {"topics": [{"topic": "placed", "partitions": [0, 1]}]})


def acls(s: Session) -> None:
    rule = {"resourceType": TOPIC, "resourceName": "t", "principal": "User:a", "host": "*", "operation": 3, "permissionType": 3}
    every = {"resourceTypeFilter": 1, "resourceNameFilter": None, "patternTypeFilter": 1, "principalFilter": None, "hostFilter": None, "operation": 1, "permissionType": 1}
    s.ask_all("DescribeAcls", every)
    for rules in ([rule, rule], [{**rule, "operation": 1}], []):
        s.ask_all("CreateAcls", {"creations": rules})
    for filters in ([every, every], []):
        s.ask_all("DeleteAcls", {"filters": filters})


def controllers_acls(s: Session) -> None:
    acls(s)


def alter_credentials(s: Session) -> None:
    """Of a salted password that is empty Kafka says UNKNOWN_SERVER_ERROR."""
    alice = {"name": "alice", "mechanism": 1, "iterations": 4096, "salt": "01", "saltedPassword": "02" * 32}
    gone = {"name": "alice", "mechanism": 1}
    for deletions, upsertions in (([], [alice]), ([], [{**alice, "iterations": 8192}]), ([], [{**alice, "salt": ""}]),
                                  ([], [{**alice, "name": "bob", "mechanism": 2, "saltedPassword": "03"}]),
                                  ([], [{**alice, "name": ""}]), ([], [{**alice, "mechanism": 3}]), ([], [{**alice, "mechanism": 0}]),
                                  ([], [{**alice, "iterations": 4095}]), ([], [{**alice, "iterations": 16385}]), ([gone], [alice]),
                                  ([], [alice, {**alice, "mechanism": 2}]), ([gone, gone], []), ([], [alice] * 3), ([], [{**alice, "iterations": 1}, alice]),
                                  ([{**gone, "mechanism": 2}], []), ([{**gone, "mechanism": 2}], [alice]), ([{**gone, "name": ""}], []), ([{**gone, "mechanism": 0}], []), ([], [])):
        s.ask_all("AlterUserScramCredentials", {"deletions": deletions, "upsertions": upsertions})


def scram_credentials(s: Session) -> None:
    alter_credentials(s)
    s.settle()
    for users in (None, [], ["alice"], ["alice", "alice"], ["nobody"], [""], ["alice", "nobody", "bob"]):
        s.ask_all("DescribeUserScramCredentials", {"users": users and [{"name": one} for one in users]})
    for _ in range(2):
        s.ask_all("AlterUserScramCredentials", {"deletions": [{"name": "alice", "mechanism": 1}, {"name": "bob", "mechanism": 2}], "upsertions": []})


def controllers_alter_credentials(s: Session) -> None:
    """Kafka's controllers say that they describe credentials too, and do not."""
    alter_credentials(s)


def unregistering(s: Session) -> None:
    for node in (7, -1):
        s.ask_all("UnregisterBroker", {"brokerId": node})


def controllers_describe(s: Session) -> None:
    s.ask_all("DescribeCluster", {})
    s.ask_all("DescribeCluster", {"includeClusterAuthorizedOperations": True})
    for kind in (1, 2, 3):
        s.ask_all("DescribeCluster", {"endpointType": kind}, first=1)
    s.ask_all("DescribeCluster", {"endpointType": 2, "includeFencedBrokers": True, "includeClusterAuthorizedOperations": True}, first=2)
    for kind, name, keys in ((TOPIC, "missing", None), (BROKER, "1", ["log.retention.hours", "node.id", "nope"]), (BROKER, "", ["nope"]),
                             (BROKER, "2", None), (BROKER, "x", None), (LOGGER, "1", ["root"]), (LOGGER, "2", None), (LOGGER, "", None),
                             (METRICS, "none", None), (GROUP, "none", None), (GROUP, "", None), (1, "x", None)):
        s.ask_all("DescribeConfigs", {"includeSynonyms": True, "resources": [{"resourceType": kind, "resourceName": name, "configurationKeys": keys}]})


def controllers_alter_settings(s: Session) -> None:
    """Of brokers Kafka's controllers take anything; weir's refuse what no broker could live with, so that is not asked."""
    s.ask("CreateTopics", 7, {"timeoutMs": 30000, "topics": [{"name": "by-controller", "numPartitions": 1, "replicationFactor": 1}]})
    for kind, name, edit in ((BROKER, "1", ("log.retention.ms", "100000")), (BROKER, "1", ("log.retention.ms", None, DELETE)), (BROKER, "2", ("log.retention.ms", "1")),
                             (BROKER, "x", ("log.retention.ms", "1")), (BROKER, "", ("log.roll.ms", "7")), (BROKER, "", ("log.roll.ms", None, DELETE)),
                             (BROKER, "", ("min.insync.replicas", None, DELETE)), (BROKER, "1", ("min.insync.replicas", "1")),
                             (LOGGER, "1", ("root", "WARN")), (LOGGER, "1", ("root", "warn")), (LOGGER, "1", ("root", "INFO", APPEND)), (LOGGER, "1", ("no.such", "INFO")),
                             (LOGGER, "1", ("root", None, DELETE)), (LOGGER, "2", ("root", "INFO")), (LOGGER, "x", ("root", "INFO")), (LOGGER, "", ("root", "INFO")),
                             (LOGGER, "1", ("root", "INFO")), (TOPIC, "by-controller", ("retention.ms", "5")), (TOPIC, "missing", ("retention.ms", "5")),
                             (TOPIC, "by-controller", ("no.such", "5")), (METRICS, "by-controller", ("interval.ms", "60000")), (METRICS, "", ("interval.ms", "60000")),
                             (GROUP, "by-controller", ("consumer.session.timeout.ms", "50000")), (GROUP, "by-controller", ("no.such", "5")), (1, "x", ("a", "b")), (77, "x", ("a", "b"))):
        alter(s, kind, name, edit, only=True)
        alter(s, kind, name, edit)
        if len(edit) == 2:
            s.ask_all("AlterConfigs", {"validateOnly": kind == BROKER, "resources": [
                {"resourceType": kind, "resourceName": name, "configs": [{"name": edit[0], "value": edit[1]}]}]})
    s.ask_all("IncrementalAlterConfigs", {"resources": []})
    s.ask_all("AlterConfigs", {"resources": []})


def controllers_register(s: Session) -> None:
    s.ask_all("UnregisterBroker", {"brokerId": 7})
    features = [{"name": "metadata.version", "minSupportedVersion": 7, "maxSupportedVersion": 30}]
    listeners = [{"name": "CONTROLLER", "host": "nowhere", "port": 1, "securityProtocol": 0}]
    s.ask_all("ControllerRegistration", {"controllerId": 9, "incarnationId": unknown_id(), "listeners": listeners, "features": features})
    while len(s.connection.ask("DescribeCluster", 1, {"endpointType": 2})["brokers"]) < 2:
        pass
    s.ask_all("DescribeCluster", {"endpointType": 2}, first=1)


OF_CONTROLLERS = [controllers_describe, controllers_alter_settings, controllers_alter_credentials, controllers_acls, controllers_register]
ALL = [versions_that_are_not_served, api_versions, create_topics, delete_topics, create_partitions, metadata, produce, idempotence, fetch, list_offsets,
       delete_records, find_coordinator, groups, consumer_groups, client_quotas, describe_configs, broker_settings, topic_settings, other_settings, elections_and_reassignments,
       quorum_and_features, log_directories, scram_credentials, acls, unregistering, *OF_CONTROLLERS]
