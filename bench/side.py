"""One kind of broker that takes loads, alone or as a cluster, and what each load costs it."""

from __future__ import annotations

import datetime
import pathlib
import shutil
import sys
import time

import brokers
import load
import memory
import report
import rows
from cluster import Cluster

SETTLED = 0.10
WARM_UP_MAX_S = 60  # Of a node; of a cluster a multiple of it.


def say(text: str) -> None:
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


class Side:
    def __init__(self, kind: str, directory: pathlib.Path, settings: dict[str, str], nodes: int) -> None:
        # Deleted topics make room at once, on both sides.
        settings = {"log.segment.delete.delay.ms": "0", **settings}
        self.kind = kind
        self.directory = directory
        self.nodes = nodes
        self.broker: brokers.Broker | Cluster = (brokers.create(kind, directory, settings) if nodes == 1 else
                                                 Cluster(directory, [kind] * nodes, settings).start())
        self.topics = 0
        self.warm = False

    def topic_options(self, topic: str, row: rows.Row) -> dict[str, str]:
        partitions = "1" if row.mode == "round-trips" else rows.PARTITIONS
        return {"bootstrap": self.broker.bootstrap, "topic": topic, "partitions": partitions}

    def create_topic(self, row: rows.Row) -> str:
        self.topics += 1
        topic = f"{row.name}-{self.topics}"
        configs = [word for key, value in row.topic.items() for word in ("--config", f"{key}={value}")]
        load.run("create-topic", self.topic_options(topic, row) | {"replicas": str(self.nodes)}, *configs)
        return topic

    def delete_topic(self, topic: str) -> None:
        load.run("delete-topic", {"bootstrap": self.broker.bootstrap, "topic": topic})

    def run(self, row: rows.Row, topic: str) -> dict[str, float]:
        before = self.broker.cpu_seconds()
        done = load.run(row.mode, self.topic_options(topic, row) | row.load)
        cpu = self.broker.cpu_seconds() - before
        record_bytes = int((row.preload or row.load).get("record-bytes", "100"))
        return rows.metrics_of(done, cpu, self.broker.status("VmRSS") / 1024, record_bytes)

    def measure(self, row: rows.Row, topic: str | None = None) -> dict[str, float]:
        fresh = topic or self.create_topic(row)
        memory.prime(self.directory)
        found = self.run(row, fresh)
        if topic is None:
            self.delete_topic(fresh)
        return found

    def warm_up(self, row: rows.Row, topic: str | None, seconds: float) -> None:
        """Repeats the load until the CPU per record has settled."""
        begin, last = time.monotonic(), float("inf")
        while True:
            cpu = self.measure(row, topic)["cpu_us_per_record"]
            long_enough = self.warm or time.monotonic() - begin >= seconds
            if self.kind == "weir" or (long_enough and abs(cpu - last) <= SETTLED * last):
                break
            if time.monotonic() - begin > WARM_UP_MAX_S * self.nodes:
                say(f"{self.kind} did not settle in {WARM_UP_MAX_S * self.nodes} s: {last:.2f} then {cpu:.2f} us per record")
                break
            last = cpu
        self.warm = True

    def close(self) -> None:
        self.broker.kill()  # The last node of Kafka would wait for a majority.
        shutil.rmtree(self.directory)


def measure_row(row: rows.Row, sides: list[Side], rounds: int, warm_up_s: float) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {side.kind: {} for side in sides}
    topics: dict[str, str | None] = {}
    for side in sides:
        topics[side.kind] = None
        if row.mode == "consume":
            topics[side.kind] = topic = side.create_topic(row)
            load.run("produce", side.topic_options(topic, row) | row.preload)
        side.warm_up(row, topics[side.kind], warm_up_s)
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            for metric, value in side.measure(row, topics[side.kind]).items():
                found[side.kind].setdefault(metric, []).append(value)
    for side in sides:
        if topics[side.kind]:
            side.delete_topic(topics[side.kind])
        found[side.kind].setdefault("peak_rss_mib", []).append(side.broker.status("VmHWM") / 1024)
        say(f"{row.name} {side.kind}: " + ", ".join(f"{metric} {report.number(report.median(found[side.kind][metric]))}"
                                                    for metric in row.metrics))
    return found
