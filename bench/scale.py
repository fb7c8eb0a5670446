"""The rows of scale: what a broker costs with very many partitions, after a crash with much data, to compact much data, with
very many connections, and with very many members in a group."""

from __future__ import annotations

import functools
import pathlib
import shutil
import time

import brokers
import load
import members
import memory
import wire

TOPIC = "scale"
PARTITIONS = 5_000  # Of each of two topics: Kafka's controller takes 10,000 records at a time.
TOPICS = ("scale-a", "scale-b")
IDLE_S = 20
CRASH_BYTES = 4 << 30
CRASH_RECORD_BYTES = 1024
CRASH_PARTITIONS = 6
COMPACT_BYTES = 2 << 30
COMPACT_RECORD_BYTES = 1024
COMPACT_PARTITIONS = 6
COMPACT_VERSIONS = 10  # Of each key: one of them lives.
WAIT_S = 600  # For a broker that hangs.
KIND_TOPIC = 2  # Of a resource whose settings are changed.


def touch(broker: brokers.Broker, topic: str, partitions: int) -> None:
    """Returns when each partition has taken a record: then all are led, and their logs are open."""
    load.run("produce", {"bootstrap": broker.bootstrap, "topic": topic, "partitions": str(partitions), "count": str(partitions),
                         "record-bytes": "100"})


def partitions(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    count = PARTITIONS // (20 if quick else 1)
    broker = brokers.create(kind, directory)
    found = {}
    before = broker.cpu_seconds()
    for topic in TOPICS:
        load.run("create-topic", {"bootstrap": broker.bootstrap, "topic": topic, "partitions": str(count)})
    for topic in TOPICS:
        touch(broker, topic, count)
    found["create_cpu_s"] = broker.cpu_seconds() - before
    idle_s = IDLE_S / (10 if quick else 1)
    time.sleep(idle_s)  # What making them set in motion ends before idleness is measured.
    before = broker.cpu_seconds()
    time.sleep(idle_s)
    found["idle_cpu_percent"] = (broker.cpu_seconds() - before) / idle_s * 100
    found["idle_rss_mib"] = broker.status("VmRSS") / 1024
    broker.stop(timeout_s=300)
    broker.start()
    for topic in TOPICS:
        touch(broker, topic, count)
    found["restart_cpu_s"] = broker.cpu_seconds()
    broker.stop(timeout_s=300)
    shutil.rmtree(directory)
    return found


def crash(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    broker = brokers.create(kind, directory)
    options = {"bootstrap": broker.bootstrap, "topic": TOPIC, "partitions": str(CRASH_PARTITIONS)}
    load.run("create-topic", options)
    records = CRASH_BYTES // CRASH_RECORD_BYTES // (50 if quick else 1)
    load.run("produce", options | {"count": str(records), "record-bytes": str(CRASH_RECORD_BYTES)})
    broker.kill()
    broker.start()
    touch(broker, TOPIC, CRASH_PARTITIONS)
    found = {"recovery_cpu_s": broker.cpu_seconds()}
    broker.stop()
    shutil.rmtree(directory)
    return found


def cleaned_partitions(broker: brokers.Broker) -> int:
    """How many partitions of the topic the cleaner has been through; both brokers keep this file."""
    file = broker.data / "cleaner-offset-checkpoint"
    if not file.exists():
        return 0
    return sum(line.startswith(TOPIC + " ") for line in file.read_text(encoding="utf-8").splitlines())


def compact(kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    broker = brokers.create(kind, directory, {"log.cleaner.backoff.ms": "1000"})
    options = {"bootstrap": broker.bootstrap, "topic": TOPIC, "partitions": str(COMPACT_PARTITIONS)}
    load.run("create-topic", options, "--config", f"segment.bytes={(16 << 20) // (16 if quick else 1)}")
    keys = COMPACT_BYTES // COMPACT_RECORD_BYTES // COMPACT_VERSIONS // (50 if quick else 1)
    keys -= keys % COMPACT_PARTITIONS  # So that a key stays in its partition.
    load.run("produce", options | {"count": str(keys * COMPACT_VERSIONS), "record-bytes": str(COMPACT_RECORD_BYTES),
                                   "keys": str(keys)})
    memory.prime(directory)
    # All is there before the first compaction: else the number of rounds would be left to the clock.
    before = broker.cpu_seconds()
    change = {"name": "cleanup.policy", "configOperation": 0, "value": "compact"}
    resource = {"resourceType": KIND_TOPIC, "resourceName": TOPIC, "configs": [change]}
    answer = wire.Connection(broker.address).ask("IncrementalAlterConfigs", 1, {"resources": [resource]})
    if answer is None or answer["responses"][0]["errorCode"] != 0:
        raise RuntimeError(f"{kind} did not take cleanup.policy: {answer}")
    deadline = time.monotonic() + WAIT_S
    while cleaned_partitions(broker) < COMPACT_PARTITIONS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{kind} did not compact in {WAIT_S} s\n{broker.log_tail()}")
        time.sleep(0.1)
    found = {"compaction_cpu_s": broker.cpu_seconds() - before, "peak_rss_mib": broker.status("VmHWM") / 1024}
    broker.stop()
    shutil.rmtree(directory)
    return found


def connections(count: int, kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    """Each connection has asked once before it rests, as a client's does."""
    broker = brokers.create(kind, directory)
    # Those whose memory is not counted: with the first ones come the pages that all share.
    opened = [connect(broker) for _ in range(100)]
    before = broker.status("VmRSS")
    counted = count // (20 if quick else 1)
    opened += [connect(broker) for _ in range(counted)]
    found = {"connection_kib": (broker.status("VmRSS") - before) / counted}
    for one in opened:
        one.close()
    broker.stop()
    shutil.rmtree(directory)
    return found


def connect(broker: brokers.Broker) -> wire.Connection:
    connection = wire.Connection(broker.address)
    if connection.ask("ApiVersions", 0, {}) is None:
        raise ConnectionResetError(f"{broker.kind} closed a connection")
    return connection


def group(protocol: str, count: int, kind: str, directory: pathlib.Path, quick: bool) -> dict[str, float]:
    size = count // (20 if quick else 1)
    broker = brokers.create(kind, directory)
    load.run("create-topic", {"bootstrap": broker.bootstrap, "topic": TOPIC, "partitions": str(size)})
    members.prepare(broker.address)
    before = broker.cpu_seconds()
    members.run(protocol, broker.address, TOPIC, size, WAIT_S)
    found = {"group_cpu_s": broker.cpu_seconds() - before, "group_rss_mib": broker.status("VmRSS") / 1024}
    broker.stop()
    shutil.rmtree(directory)
    return found


MEASURES = {
    "partitions-10000": partitions,
    "crash-4gib": crash,
    "compact-2gib": compact,
    **{f"connections-{count}": functools.partial(connections, count) for count in (5_000, 10_000)},
    **{f"{protocol}-{count}": functools.partial(group, protocol, count)
       for protocol in ("classic", "consumer") for count in (200, 1_000)},
}
