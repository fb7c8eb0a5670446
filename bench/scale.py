"""The rows of scale: what a broker costs with very many partitions, and after a crash with much data."""

from __future__ import annotations

import pathlib
import shutil
import time
from collections.abc import Callable

import brokers

TOPIC = "scale"
PARTITIONS = 5_000  # Of each of two topics: Kafka's controller takes 10,000 records at a time.
TOPICS = ("scale-a", "scale-b")
IDLE_S = 20
CRASH_BYTES = 4 << 30
CRASH_RECORD_BYTES = 1024
CRASH_PARTITIONS = 6

RunLoad = Callable[..., dict]


def touch(run_load: RunLoad, broker: brokers.Broker, topic: str, partitions: int) -> None:
    """Returns when each partition has taken a record: then all are led, and their logs are open."""
    run_load("produce", {"bootstrap": broker.bootstrap, "topic": topic, "partitions": str(partitions), "count": str(partitions),
                         "record-bytes": "100"})


def partitions(kind: str, directory: pathlib.Path, run_load: RunLoad, quick: bool) -> dict[str, float]:
    count = PARTITIONS // (20 if quick else 1)
    broker = brokers.create(kind, directory)
    found = {}
    before = broker.cpu_seconds()
    for topic in TOPICS:
        run_load("create-topic", {"bootstrap": broker.bootstrap, "topic": topic, "partitions": str(count)})
    for topic in TOPICS:
        touch(run_load, broker, topic, count)
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
        touch(run_load, broker, topic, count)
    found["restart_cpu_s"] = broker.cpu_seconds()
    broker.stop(timeout_s=300)
    shutil.rmtree(directory)
    return found


def crash(kind: str, directory: pathlib.Path, run_load: RunLoad, quick: bool) -> dict[str, float]:
    broker = brokers.create(kind, directory)
    options = {"bootstrap": broker.bootstrap, "topic": TOPIC, "partitions": str(CRASH_PARTITIONS)}
    run_load("create-topic", options)
    records = CRASH_BYTES // CRASH_RECORD_BYTES // (50 if quick else 1)
    run_load("produce", options | {"count": str(records), "record-bytes": str(CRASH_RECORD_BYTES)})
    broker.kill()
    broker.start()
    touch(run_load, broker, TOPIC, CRASH_PARTITIONS)
    found = {"recovery_cpu_s": broker.cpu_seconds()}
    broker.stop()
    shutil.rmtree(directory)
    return found


MEASURES = {"partitions-10000": partitions, "crash-4gib": crash}
