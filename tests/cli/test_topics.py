"""weir topic ..."""

from __future__ import annotations

import re
import subprocess

import pytest


def test_a_topic_is_created_described_altered_and_deleted(weir):
    assert weir("topic", "create", "life", "-p", "3", "-c", "retention.ms=86400000").out == "created topic life\n"
    described = weir("topic", "describe", "life")
    assert re.fullmatch(r"topic life  id [\w-]{22}  partitions 3  replicas 1", described.lines[0])
    assert "  retention.ms=86400000" in described.lines
    assert [line.split()[:2] for line in described.lines[-3:]] == [["0", "1"], ["1", "1"], ["2", "1"]]
    weir("topic", "alter", "life", "-p", "4", "--set", "max.message.bytes=2000", "--unset", "retention.ms")
    [topic] = weir("topic", "describe", "life", "-o", "json").json
    assert topic["configs"]["max.message.bytes"] == "2000"
    assert "retention.ms" not in topic["configs"]
    assert [partition["partition"] for partition in topic["partitions"]] == [0, 1, 2, 3]
    assert ["life", "4", "1"] in weir("topic", "list").table
    assert weir("topic", "delete", "life").out == "deleted topic life\n"
    assert all(row[0] != "life" for row in weir("topic", "list").table)


def test_what_is_there_or_not_is_an_error_unless_told_otherwise(weir, topic):
    again = weir.run("topic", "create", topic)
    assert again.code == 1
    assert "TOPIC_ALREADY_EXISTS" in again.err
    weir("topic", "create", topic, "--if-not-exists")
    missing = weir.run("topic", "delete", "no-such-topic")
    assert missing.code == 1
    assert "UNKNOWN_TOPIC_OR_PARTITION" in missing.err
    weir("topic", "delete", "no-such-topic", "--if-exists")
    assert weir.run("topic", "describe", "no-such-topic").code == 1
    assert weir.run("topic", "create", "bad/name").code == 1
    weir("topic", "create", "only-tried", "--dry-run")
    assert weir.run("topic", "describe", "only-tried").code == 1


def test_offsets_and_trimming(weir, topic):
    weir("produce", topic, "-q", stdin="a\nb\nc\n")
    assert weir("topic", "offsets", topic).table == [[topic, "0", "0", "3", "3"]]
    assert weir("topic", "trim", topic, "--before", "2").table == [[f"{topic}-0", "2"]]
    assert weir("topic", "offsets", topic, "-o", "json").json == [{"topic": topic, "partition": 0, "first": 2, "end": 3}]
    assert weir("consume", topic, "-q").out == "c\n"
    assert weir("topic", "offsets", topic, "--at", "now").table == [[topic, "0", "3"]]


def test_a_preallocated_segment_has_its_room_and_no_more_bytes_than_records(weir, node, tmp_path):
    (tmp_path / "probe").touch()
    probe = subprocess.run(["fallocate", "--keep-size", "--length", "1048576", str(tmp_path / "probe")], capture_output=True, check=False)
    if node is None or probe.returncode != 0:
        pytest.skip("no broker of ours, or a file system that cannot reserve room")
    weir("topic", "create", "roomy", "-p", "1", "-c", "preallocate=true", "-c", "segment.bytes=1048576")
    segments = node.data / "roomy-0"
    first = segments / "00000000000000000000.log"
    assert first.stat().st_size == 0
    assert first.stat().st_blocks * 512 >= 1048576
    weir("produce", "roomy", "-q", "--batch-size", "400000", stdin=f"{'x' * 399_000}\n" * 3)
    assert len(list(segments.glob("*.log"))) == 2
    # What the closed segment did not use is given back, but for the block that its end is in.
    assert first.stat().st_blocks * 512 < first.stat().st_size + 65536
    assert weir("consume", "roomy", "-q").out.count("\n") == 3
