"""weir log dump, on the files of a running node."""

from __future__ import annotations

import pytest


@pytest.fixture
def data(node):
    if node is None:
        pytest.skip("a broker that was not started here keeps its files elsewhere")
    return node.data


def entries(weir, path, kind):
    return [entry for entry in weir("log", "dump", str(path), "-o", "json").json_lines if entry["kind"] == kind]


def test_records_of_a_topic(weir, topic, data):
    weir("produce", topic, "-q", "-k", ":", "-z", "zstd", stdin="a:1\nb:2\n")
    [batch] = entries(weir, data / f"{topic}-0", "batch")
    assert (batch["offset"], batch["last_offset"], batch["records"], batch["compression"]) == (0, 1, 2, "zstd")
    records = entries(weir, data / f"{topic}-0", "record")
    assert [(record["key"], record["value"]) for record in records] == [("a", "1"), ("b", "2")]


def test_metadata_and_committed_offsets(weir, topic, data):
    records = entries(weir, data / "__cluster_metadata-0" / "00000000000000000000.log", "record")
    assert any(record.get("type") == "TopicRecord" and record["record"]["name"] == topic for record in records)
    weir("produce", topic, "-q", stdin="a\n")
    weir("consume", topic, "-q", "--group", "dumped", "-n", "1")
    commits = [record for directory in data.glob("__consumer_offsets-*") for record in entries(weir, directory, "record")
               if record.get("type") == "OffsetCommit" and record["key"]["group"] == "dumped"]
    assert commits[-1]["value"]["offset"] == 1


def test_a_damaged_segment_is_told(weir, topic, data, tmp_path):
    weir("produce", topic, "-q", stdin="hello\n")
    damaged = bytearray((data / f"{topic}-0" / "00000000000000000000.log").read_bytes().rstrip(b"\0"))
    damaged[-2] ^= 1
    copy = tmp_path / "00000000000000000000.log"
    copy.write_bytes(damaged)
    done = weir.run("log", "dump", str(copy))
    assert done.code == 1
    assert "damage" in done.out
