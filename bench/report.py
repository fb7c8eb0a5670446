"""Writes the results as docs/benchmarks.md: medians, ratios, and whether each bound was reached."""

from __future__ import annotations

import os
import platform
import re
import statistics

import rows

Results = dict[str, dict[str, dict[str, list[float]]]]  # Row, side, metric: one value per round.

FAILED = "failed"  # In place of the metrics of a side: why it has none.

HEAD = """# Benchmarks: weir beside Apache Kafka 4.3.1

`make bench` made this page; `bench/run --group NAME` makes one of its sections anew. Both brokers ran on the same machine, on the
same disk, from the same `server.properties`, under the same load generator (`bench/`, C++ on librdkafka; 6 partitions, acks=all,
idempotent producer). The numbers are medians; what counts is the ratio. CPU is the broker process's user and system time from
`/proc`; resident memory is `VmRSS` (Kafka with its default heap of 1 GiB). Latencies at a fixed rate count from the time at
which a record was due, so that a stall is paid by every record due in it. Kafka was warmed up for every load until its CPU per
record had settled.

weir does not open a compressed batch on a topic that does not need it (no compaction, no recompression); it checks the batch's
header and its checksum. Apache Kafka opens every batch. The rows with lz4 and zstd contain that difference.
"""

SECTIONS = {
    "node": """## One node

Both stayed up and took the loads in turn, {rounds} times each; Kafka was warmed up for at least {warm_up} s at first. The floor is
what a bare loop costs in the same run.
""",
    "scale": """## Very many of something

Each kind alone, once, on a node of its own.
""",
    "cluster": """## Three nodes

Three nodes of either kind on this one machine, each a broker and a controller, with Kafka's default settings: sessions of 9 s,
replicas that lag for 30 s. Each partition has three replicas, `min.insync.replicas` is 2, and producers wait for all (`acks=all`).
CPU and memory are those of the three processes together. The two rows of loads: both clusters stayed up and took the loads in turn,
{rounds} times each, Kafka warm. The rest: each kind alone, once, on a cluster of its own.
""",
}


NOTES = {  # Of rows, where they were measured.
    "cluster-kill": """The node that is killed leads a third of the partitions, and is the active controller in the first of the lines, with {kills} kills, and
not in the second, with as many. The time is the longest of these kills, of the partition that waited longest of all, as its producer
saw it (librdkafka, which connects anew after 5 to 50 ms). Everything that was acknowledged is read back at the end: the row fails
where something is lost, doubled or out of order.
""",
    "cluster-30000-replicas": """The many partitions are those of two topics, {many} of each. They are made when each has a leader, three replicas in sync, and has
acknowledged a record. Then a node is killed, comes back, is stopped, and comes back.
""",
}


def median(values: list[float]) -> float:
    return statistics.median(values)


def number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{os.cpu_count()} CPUs ({models[0] if models else platform.processor()}), Linux {platform.release()}"


def others(load: float) -> str:
    """What the load average before the run says of its numbers."""
    said = f"Load average before that: {load:.1f}."
    if load > os.cpu_count() / 4:
        said += " Others worked on the machine: times and latencies say little; CPU and ratios count."
    return said


def bound_of(bound: rows.Bound, side: dict[str, dict[str, list[float]]], floors: dict[str, list[float]]) -> tuple[str, bool]:
    """The bound in words, and whether weir keeps it."""
    weir = median(side["weir"][bound.metric])
    word = ">=" if bound.at_least else "<="
    if bound.against == "":
        limit, text = bound.factor, f"{word} {number(bound.factor)}"
    elif bound.against == "kafka":
        limit = bound.factor * median(side["kafka"][bound.metric])
        factor = number(bound.factor) if bound.factor >= 1 else f"1/{round(1 / bound.factor)}"
        text = f"{word} {factor} of Kafka"
    else:
        limit = bound.factor * median(floors[bound.against])
        text = f"{word} {number(bound.factor)} x floor ({number(limit)})"
    return text, weir >= limit if bound.at_least else weir <= limit


def row_lines(row: rows.Row, side: dict[str, dict[str, list[float]]], floors: dict[str, list[float]]) -> list[str]:
    failures = "; ".join(f"{kind} **failed**: {of[FAILED]}" for kind, of in side.items() if FAILED in of)
    lines = [f"| **{row.title}** | | | | {failures} |"]
    for metric in row.metrics:
        values = {kind: median(side[kind][metric]) if metric in side.get(kind, {}) else None for kind in ("kafka", "weir")}
        cells = ["-" if value is None else number(value) for value in values.values()]
        ratio = "-"
        if values["kafka"] and values["weir"] is not None:
            ratio = f"{values['weir'] / values['kafka']:.3f}"
        judged = []
        for bound in row.bounds:
            if bound.metric == metric and all(metric in side.get(kind, {}) for kind in ("kafka", "weir")):
                text, kept = bound_of(bound, side, floors)
                judged.append(f"{text}: {'reached' if kept else '**missed**'}")
        lines.append(f"| {rows.UNITS[metric]} | {cells[0]} | {cells[1]} | {ratio} | {'; '.join(judged)} |")
    return lines


def has_failed(results: Results) -> bool:
    return any(FAILED in of for sides in results.values() for of in sides.values())


def sections(measured: list[rows.Row], results: Results, floors: dict[str, list[float]], head: dict[str, object]) -> dict[str, str]:
    """The sections of the groups of which something was measured, by their first lines."""
    made = {}
    for group, text in SECTIONS.items():
        of_group = [row for row in measured if row.name in {one.name for one in rows.GROUPS[group]}]
        if not of_group:
            continue
        notes = [NOTES[row.name].format(**head) for row in of_group if row.name in NOTES]
        lines = ["\n".join([text.format(**head), *notes]), f"Machine: {machine()}. Started {head['date']}. {others(head['load'])}", "",
                 "| work | Apache Kafka | weir | weir / Kafka | to be reached |", "|---|---|---|---|---|"]
        for row in of_group:
            lines += row_lines(row, results[row.name], floors)
        if floors and group == "node":
            lines += ["", "| the floor, in the same run | |", "|---|---|"]
            lines += [f"| {rows.FLOOR_TITLES[name]} | {number(median(values))} |" for name, values in floors.items()]
        made[text.splitlines()[0]] = "\n".join(lines) + "\n"
    return made


def page(made: dict[str, str], before: str) -> str:
    """The page with these sections anew, and of the others what it had before."""
    kept = {section.splitlines()[0]: section.rstrip() + "\n" for section in re.split(r"^(?=## )", before, flags=re.MULTILINE)[1:]}
    titles = [text.splitlines()[0] for text in SECTIONS.values()]
    return "\n".join([HEAD, *((kept | made)[title] for title in titles if title in kept | made)])
