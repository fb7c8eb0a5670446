"""The rows of the comparison: what load each one runs, and what is read off it."""

from __future__ import annotations

import dataclasses

GIB = 1 << 30
PARTITIONS = "6"
CLUSTER_NODES = 3


@dataclasses.dataclass(frozen=True)
class Bound:
    """What weir is to reach: metric of weir at most (or at least) factor times the metric of Kafka, or of a floor."""

    metric: str
    factor: float
    against: str = "kafka"  # "kafka", the name of a floor, or "" for an absolute bound.
    at_least: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    mode: str  # produce, consume, paced, round-trips: a mode of weir_bench_load.
    load: dict[str, str]
    metrics: tuple[str, ...]
    bounds: tuple[Bound, ...]
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    preload: dict[str, str] = dataclasses.field(default_factory=dict)
    topic: dict[str, str] = dataclasses.field(default_factory=dict)  # Settings of the topic.
    nodes: int = 1  # That take the load, with as many replicas of each partition.


def produce(name: str, title: str, records: int, record_bytes: int, bounds: tuple[Bound, ...], **load: str) -> Row:
    options = {"count": str(records), "record-bytes": str(record_bytes)}
    options |= {key.replace("_", "-"): value for key, value in load.items()}
    return Row(name, title, "produce", options, ("cpu_s_per_gib", "cpu_s_per_million", "mib_per_s", "rss_mib"), bounds)


def recompress(codec: str) -> Row:
    """Batches come uncompressed and full, and the broker compresses them with the codec's default level."""
    return Row(f"recompress-{codec}", f"produce 1 KiB uncompressed to a topic with compression.type={codec}", "produce",
               {"count": str(1 << 18), "record-bytes": "1024"}, ("cpu_s_per_gib", "mib_per_s"),
               (Bound("cpu_s_per_gib", 1 / 2),), topic={"compression.type": codec})


def members(name: str, title: str, factor: float | None) -> Row:
    return Row(name, f"{title}, from the first join until each has its assignment", "", {}, ("group_cpu_s", "group_rss_mib"),
               (Bound("group_cpu_s", factor),) if factor else ())


def consume(name: str, title: str, records: int, record_bytes: int, consumers: int) -> Row:
    return Row(name, title, "consume", {"count": str(records), "consumers": str(consumers)},
               ("cpu_s_per_gib", "cpu_s_per_million", "mib_per_s"),
               (Bound("cpu_s_per_gib", 1 / 2), Bound("cpu_s_per_gib", 2, "sendfile")),
               preload={"count": str(records), "record-bytes": str(record_bytes)})


def paced(rate: int, cpu_factor: float | None) -> Row:
    return Row(f"paced-{rate}", f"{rate:,} rec/s one by one, 1 KiB, produced and consumed", "paced",
               {"rate": str(rate), "seconds": "8", "record-bytes": "1024"},
               ("cpu_us_per_record", "ack_p50_us", "ack_p99_us", "ack_p999_us", "e2e_p50_us", "e2e_p99_us", "e2e_p999_us"),
               (*((Bound("cpu_us_per_record", cpu_factor),) if cpu_factor else ()),
                Bound("ack_p99_us", 1 / 4), Bound("e2e_p99_us", 1 / 4)))


def on_cluster(row: Row) -> Row:
    """The same on a cluster of three nodes, that hold three replicas of each partition."""
    return dataclasses.replace(row, name=f"cluster-{row.name}", nodes=CLUSTER_NODES,
                               topic={**row.topic, "min.insync.replicas": "2"})


ROWS = (
    produce("produce-1k-full", "produce 1 KiB, full batches", 1 << 20, 1024,
            (Bound("cpu_s_per_gib", 1.4, "recv-crc-write-1m"), Bound("rss_mib", 1 / 8))),
    produce("produce-1k-16k", "produce 1 KiB, 16 KiB batches", 1 << 20, 1024,
            (Bound("cpu_s_per_gib", 1 / 4), Bound("rss_mib", 1 / 8)), batch_bytes="16384", linger_ms="5"),
    produce("produce-100b", "produce 100 B, full batches", 4_000_000, 100,
            (Bound("cpu_s_per_gib", 1 / 3), Bound("rss_mib", 1 / 8))),
    produce("produce-100b-lz4", "produce 100 B, full batches, lz4", 4_000_000, 100,
            (Bound("cpu_s_per_gib", 1 / 8), Bound("rss_mib", 1 / 8)), codec="lz4"),
    produce("produce-1k-zstd", "produce 1 KiB, full batches, zstd", 1 << 20, 1024,
            (Bound("cpu_s_per_gib", 1 / 8), Bound("rss_mib", 1 / 8)), codec="zstd"),
    consume("consume-1k", "consume 1 KiB from the page cache, 1 consumer", 1 << 20, 1024, 1),
    consume("consume-100b", "consume 100 B from the page cache, 1 consumer", 4_000_000, 100, 1),
    consume("consume-1k-5", "consume 1 KiB from the page cache, 5 consumers", 1 << 19, 1024, 5),
    paced(2_000, 1 / 4),
    paced(20_000, 1 / 3),
    Row("one-in-flight", "one request in flight, 100 B", "round-trips", {"seconds": "5"},
        ("cpu_us_per_record", "records_per_s", "ack_p50_us", "ack_p99_us"),
        (Bound("cpu_us_per_record", 1 / 3), Bound("records_per_s", 1.5, at_least=True))),
    Row("fsync", "fsync before each ack (log.flush.interval.messages=1), 1 KiB, 4 producers", "produce",
        {"count": "40000", "record-bytes": "1024", "batch-bytes": "16384", "linger-ms": "5", "clients": "4"},
        ("records_per_s", "mib_per_s", "cpu_s_per_gib"), (Bound("records_per_s", 3, at_least=True),),
        settings={"log.flush.interval.messages": "1"}),
    *(recompress(codec) for codec in ("gzip", "snappy", "lz4", "zstd")),
)

# Measured by starting brokers anew; see startup() in run.
START = Row("start", "start to first acknowledged record, then idle", "", {},
            ("start_ms", "start_cpu_ms", "idle_rss_mib", "idle_cpu_percent"),
            (Bound("start_ms", 1 / 50), Bound("start_cpu_ms", 1 / 100), Bound("idle_rss_mib", 1 / 12),
             Bound("idle_cpu_percent", 0.3, "")))

# Measured on brokers of their own; see scale.py.
SCALE = (
    Row("partitions-10000", "10,000 partitions: made until each takes a record, at rest, restarted until each takes a record", "", {},
        ("create_cpu_s", "idle_rss_mib", "idle_cpu_percent", "restart_cpu_s"),
        (Bound("create_cpu_s", 1 / 10), Bound("idle_rss_mib", 1 / 6), Bound("idle_cpu_percent", 1 / 10),
         Bound("restart_cpu_s", 1 / 20))),
    Row("crash-4gib", "kill -9 with 4 GiB written", "", {}, ("recovery_cpu_s",), (Bound("recovery_cpu_s", 1 / 10),)),
    Row("compact-2gib", "compaction of 2 GiB, 10 % of it live", "", {}, ("compaction_cpu_s", "peak_rss_mib"),
        # 128 MiB are log.cleaner.dedupe.buffer.size; as much as half of it again is for all else.
        (Bound("compaction_cpu_s", 1 / 4), Bound("peak_rss_mib", 192, ""))),
    Row("connections-5000", "5,000 idle connections", "", {}, ("connection_kib",), (Bound("connection_kib", 4, ""),)),
    Row("connections-10000", "10,000 idle connections", "", {}, ("connection_kib",), (Bound("connection_kib", 4, ""),)),
    members("classic-200", "200 members of a classic group", 1 / 4),
    members("classic-1000", "1,000 members of a classic group", None),
    members("consumer-200", "200 members of a group of the consumer protocol (KIP-848)", 1 / 4),
    members("consumer-1000", "1,000 members of a group of the consumer protocol (KIP-848)", None),
)

# Three nodes, each a broker and a controller; three replicas, acks=all. The first take loads; the others are measured on
# clusters of their own; see cluster_rows.py.
CLUSTER = (
    on_cluster(produce("produce-1k-full", "produce 1 KiB, full batches", 1 << 20, 1024,
                       (Bound("cpu_s_per_gib", 1 / 3), Bound("rss_mib", 1 / 8)))),
    on_cluster(paced(2_000, None)),
    Row("cluster-kill", "kill -9 of a node that leads, under 1,000 rec/s; nothing lost, doubled or out of order", "", {},
        ("gap_controller_s", "gap_other_s", "whole_s"),
        (Bound("gap_controller_s", 1.5, ""), Bound("gap_other_s", 1.5, ""), Bound("whole_s", 1 / 8))),
    Row("cluster-idle", "at rest, with 6 partitions", "", {}, ("idle_rss_mib", "idle_cpu_percent"),
        (Bound("idle_rss_mib", 1 / 12), Bound("idle_cpu_percent", 1, ""))),
    Row("cluster-30000-replicas", "10,000 partitions of three replicas each", "", {},
        ("create_s", "create_cpu_s", "idle_rss_mib", "idle_cpu_percent", "failover_s", "crash_restart_s", "crash_restart_cpu_s",
         "stop_s", "clean_restart_s", "clean_restart_cpu_s"),
        tuple(Bound(metric, 1 / 5) for metric in
              ("create_s", "create_cpu_s", "idle_cpu_percent", "crash_restart_s", "crash_restart_cpu_s", "clean_restart_s",
               "clean_restart_cpu_s"))),
)

ALL = (*ROWS, START, *SCALE, *CLUSTER)
# What one run measures together, and a section of the page each.
GROUPS = {"node": (*ROWS, START), "scale": SCALE, "cluster": CLUSTER}

FLOORS = {
    "recv-crc-write-1m": ("recv-crc-write", {"bytes": str(GIB), "chunk": str(1 << 20)}, "cpu_s_per_gib"),
    "recv-crc-write-16k": ("recv-crc-write", {"bytes": str(GIB), "chunk": str(16 << 10)}, "cpu_s_per_gib"),
    "sendfile": ("sendfile", {"bytes": str(2 * GIB), "chunk": str(1 << 20)}, "cpu_s_per_gib"),
    "round-trip-us": ("round-trip", {"count": "50000"}, "us"),
}

FLOOR_TITLES = {
    "recv-crc-write-1m": "recv, hardware crc32c, pwrite in chunks of 1 MiB: CPU s per GiB",
    "recv-crc-write-16k": "the same in chunks of 16 KiB: CPU s per GiB",
    "sendfile": "sendfile from the page cache to a loopback socket: CPU s per GiB",
    "round-trip-us": "100 bytes there and back over loopback TCP: us",
}
UNITS = {
    "cpu_s_per_gib": "broker CPU s per GiB of payload", "cpu_s_per_million": "broker CPU s per million records",
    "mib_per_s": "client throughput, MiB/s", "rss_mib": "resident memory after the load, MiB",
    "cpu_us_per_record": "broker CPU us per record", "records_per_s": "records per second",
    "ack_p50_us": "ack p50, us", "ack_p99_us": "ack p99, us", "ack_p999_us": "ack p99.9, us",
    "e2e_p50_us": "end to end p50, us", "e2e_p99_us": "end to end p99, us", "e2e_p999_us": "end to end p99.9, us",
    "start_ms": "start to first acknowledged record, ms", "start_cpu_ms": "CPU until then, ms",
    "idle_rss_mib": "idle resident memory, MiB", "idle_cpu_percent": "idle CPU, % of a core", "create_cpu_s": "broker CPU until all take records, s",
    "restart_cpu_s": "broker CPU from its start until all take records, s",
    "recovery_cpu_s": "broker CPU from its start until all take records, s",
    "compaction_cpu_s": "broker CPU of the compaction, s", "peak_rss_mib": "peak resident memory, MiB",
    "connection_kib": "broker resident memory per connection, KiB",
    "group_cpu_s": "broker CPU until then, s", "group_rss_mib": "resident memory then, MiB",
    "gap_controller_s": "longest time without an acknowledgement, the active controller killed, s",
    "gap_other_s": "longest time without an acknowledgement, another node killed, s",
    "whole_s": "started again: until every ISR is whole, s",
    "create_s": "until all replicas are in sync and each partition took a record, s",
    "failover_s": "kill -9 of a node: until each partition is led and has an ISR of the others, s",
    "crash_restart_s": "started again: until every ISR is whole, s", "crash_restart_cpu_s": "CPU of all nodes until then, s",
    "stop_s": "a node is stopped: until its process has ended, s",
    "clean_restart_s": "started again after that: until every ISR is whole, s", "clean_restart_cpu_s": "CPU of all nodes until then, s",
}


def quick(row: Row) -> Row:
    """A small version of a row, to try it out; its numbers mean nothing."""
    def smaller(load: dict[str, str]) -> dict[str, str]:
        return {key: str(max(1, int(value) // 8)) if key in ("count", "seconds") else value for key, value in load.items()}

    return dataclasses.replace(row, load=smaller(row.load), preload=smaller(row.preload))


def metrics_of(load: dict, cpu_seconds: float, rss_mib: float, record_bytes: int) -> dict[str, float]:
    """What one run of a load says, from the load generator's JSON and the broker's /proc."""
    records = load["records"]
    payload_gib = load.get("bytes", records * record_bytes) / GIB
    found = {"cpu_us_per_record": cpu_seconds / records * 1e6, "cpu_s_per_million": cpu_seconds / records * 1e6,
             "rss_mib": rss_mib}
    if payload_gib:
        found["cpu_s_per_gib"] = cpu_seconds / payload_gib
    if "seconds" in load:
        found["records_per_s"] = records / load["seconds"]
        found["mib_per_s"] = payload_gib * 1024 / load["seconds"]
    for key, prefix in (("ack", "ack"), ("end_to_end", "e2e")):
        for name in ("p50_us", "p99_us", "p999_us"):
            if key in load:
                found[f"{prefix}_{name}"] = load[key][name]
    return found
