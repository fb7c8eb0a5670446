"""The same requests to two brokers, and what of their answers differs.

A scenario is a function that gets a Session and asks; it runs once against each broker. Every answer is compared with the other
broker's field by field, but for what MAY_DIFFER names. Each entry there was looked at: it says why.
"""

from __future__ import annotations

import base64
from typing import Any, Callable

import wire

# The two are told apart by these, or by when they were asked. What is compared of them is only whether they are there.
IDS_AND_TIMES = {
    "topicId", "clusterId", "memberId", "leader", "replicaDirectoryId", "sessionId", "producerId", "port", "host",
    "timestamp", "logAppendTimeMs", "lastTimestamp", "lastFetchTimestamp", "lastCaughtUpTimestamp", "throttleTimeMs",
    "finalizedFeaturesEpoch", "highWatermark", "logEndOffset", "leaderEpoch", "assignmentEpoch", "incarnationId",
    "logDir", "totalBytes", "usableBytes",
}
# Of these the numbers are the topic's own and must agree, though the name is one of those above.
COMPARED_AFTER_ALL = {("Fetch", "highWatermark"), ("Produce", "baseOffset"), ("Metadata", "leaderEpoch"),
                      ("ListOffsets", "timestamp")}
# Sentences are worded by each; whether there is one is compared.
SENTENCES = {"errorMessage", "batchIndexErrorMessage", "documentation"}
# Not compared at all: (API, field).
KNOWN = {
    ("ConsumerGroupHeartbeat", "memberEpoch"),  # Whether a change joins the assignment that is due depends on when it comes.
    ("Produce", "errorMessage"),  # weir says of every refused batch why, Kafka only where it names the records.
}
# Lists whose order means nothing to Kafka's clients, of every API or of one.
UNORDERED = {"apiKeys": "apiKey", "supportedFeatures": "name", "finalizedFeatures": "name", "topics": None, "responses": None,
             "configs": "name", "configResources": None, "groups": None, "results": None, "members": None, "entity": "entityType", "values": "key", "entries": None,
             "synonyms": None, "replicaElectionResults": None, "activeProducers": None, "brokers": None,
             ("DescribeLogDirs", "partitions"): "partitionIndex"}  # As Kafka's hash table has them: it depends on how many there are.

Exchange = tuple[str, int, dict[str, Any], Any]


class Session:
    """Asks one broker and keeps what was asked and answered."""

    def __init__(self, address: tuple[str, int], versions: dict[str, tuple[int, int]]) -> None:
        self.connection = wire.Connection(address)
        self.both_serve = versions
        self.exchanges: list[Exchange] = []
        self.hidden: dict[str, str] = {}

    def versions(self, api: str, first: int = 0, last: int = 99) -> range:
        """Those that both brokers serve."""
        low, high = self.both_serve.get(api, (1, 0))
        if api == "Produce":
            low = max(low, wire.api(api).versions[0])  # Advertised from 0, for an old client's sake.
        return range(max(low, first), min(high, last) + 1)

    def ask(self, api: str, version: int, body: dict[str, Any] | None = None) -> Any:
        answer = self.connection.ask(api, version, body or {})
        self.exchanges.append((api, version, body or {}, answer))
        return answer

    def ask_all(self, api: str, body: dict[str, Any] | Callable[[int], dict[str, Any]], first: int = 0, last: int = 99) -> Any:
        """Asks in every version that both serve; a body may be made for the version."""
        answer = None
        for version in self.versions(api, first, last):
            answer = self.ask(api, version, body(version) if callable(body) else body)
        return answer

    def topic_id(self, name: str) -> str:
        """Of a topic that was created: Kafka says so before all of it knows the topic."""
        while True:
            answer = self.connection.ask("Metadata", 12, {"topics": [{"name": name}], "allowAutoTopicCreation": False})
            if answer["topics"][0]["errorCode"] == 0:
                return answer["topics"][0]["topicId"]

    def settle(self) -> None:
        """Until the broker has taken in what the controller has decided so far; Kafka answers a change before that."""
        metadata = {"topics": [{"topicName": "__cluster_metadata", "partitions": [{"partitionIndex": 0}]}]}
        decided = self.connection.ask("DescribeQuorum", 0, metadata)["topics"][0]["partitions"][0]["highWatermark"]
        client = {"clientSoftwareName": "differential", "clientSoftwareVersion": "1"}
        while self.connection.ask("ApiVersions", 3, client)["finalizedFeaturesEpoch"] < decided - 1:
            pass

    def create(self, name: str, partitions: int = 1, **configs: str) -> str:
        settings = [{"name": key.replace("_", "."), "value": value} for key, value in configs.items()]
        self.connection.ask("CreateTopics", 7, {"timeoutMs": 30000, "topics": [
            {"name": name, "numPartitions": partitions, "replicationFactor": 1, "configs": settings}]})
        self.topic_id(name)
        for index in range(partitions):
            self._wait_for_the_leader(name, index)
        return name

    def _wait_for_the_leader(self, topic: str, partition: int) -> None:
        """Until it serves by name and by id; Kafka answers the creation before that."""
        topic_id = self.topic_id(topic)
        listing = {"replicaId": -1, "topics": [{"name": topic, "partitions": [{"partitionIndex": partition, "timestamp": -1}]}]}
        fetching = {"maxWaitMs": 0, "minBytes": 0, "topics": [
            {"topicId": topic_id, "partitions": [{"partition": partition, "fetchOffset": 0, "partitionMaxBytes": 1}]}]}
        while True:
            listed = self.connection.ask("ListOffsets", 6, listing)["topics"][0]["partitions"][0]
            fetched = self.connection.ask("Fetch", 13, fetching)["responses"][0]["partitions"][0]
            if listed["errorCode"] == fetched["errorCode"] == 0:
                return

    def close(self) -> None:
        self.connection.close()


def presence(value: Any) -> str:
    if value is None:
        return "null"
    if value in ("", -1, [], wire.ZERO_ID):
        return f"none ({value!r})"
    return "some"


def comparable(api: str, name: str, value: Any) -> Any:
    """The value, without what may differ."""
    if isinstance(value, dict):
        return {key: comparable(api, key, one) for key, one in value.items() if (api, key) not in KNOWN}
    if isinstance(value, list):
        items = [comparable(api, name, one) for one in value]
        list_of = (api, name) if (api, name) in UNORDERED else name
        if list_of not in UNORDERED:
            return items
        by = UNORDERED[list_of]
        return sorted(items, key=lambda one: str(one.get(by)) if by else str(sorted(one.items())) if isinstance(one, dict) else str(one))
    if name in SENTENCES or (name in IDS_AND_TIMES and (api, name) not in COMPARED_AFTER_ALL):
        return presence(value)
    return value


def differences(path: str, ours: Any, theirs: Any) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [one for key in {**theirs, **ours} for one in differences(f"{path}.{key}", ours.get(key, "(absent)"), theirs.get(key, "(absent)"))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [one for i, (a, b) in enumerate(zip(ours, theirs)) for one in differences(f"{path}[{i}]", a, b)]
    return [] if ours == theirs else [f"{path}: {ours!r}, by Kafka {theirs!r}"]


def compare(ours: list[Exchange], theirs: list[Exchange]) -> list[str]:
    """What differs, a line for each field."""
    found = []
    for (api, version, body, answer), (other_api, other_version, _, other) in zip(ours, theirs):
        assert (api, version) == (other_api, other_version), "a scenario must ask both the same"
        lines = differences(api, comparable(api, "", answer), comparable(api, "", other))
        found += [f"{line}\n    asked with version {version}: {str(body)[:400]}" for line in lines]
    if len(ours) != len(theirs):
        found.append(f"{len(ours)} requests, to Kafka {len(theirs)}")
    return found


def served(connection: wire.Connection) -> dict[str, tuple[int, int]]:
    answer = connection.ask("ApiVersions", 4, {"clientSoftwareName": "differential", "clientSoftwareVersion": "1"})
    names = {one.key: one.name for one in wire.schemas().apis}
    return {names[one["apiKey"]]: (one["minVersion"], one["maxVersion"]) for one in answer["apiKeys"]}


def unknown_id() -> str:
    return base64.urlsafe_b64encode(b"\7" * 16).decode().rstrip("=")
