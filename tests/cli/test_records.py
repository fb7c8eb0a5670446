"""weir produce and weir consume."""

from __future__ import annotations

import signal

import pytest


def test_lines_come_back_as_they_went(weir, topic):
    done = weir("produce", topic, stdin="one\n\ntwo words\nlast without end")
    assert done.err.startswith("4 records, ")
    assert weir("consume", topic, "-q").out == "one\n\ntwo words\nlast without end\n"


def test_keys_headers_and_nulls(weir, topic):
    weir("produce", topic, "-q", "-k", ":", "--header-separator", "|", "--null", "NULL", "-H", "all=1",
         stdin="h=x|k1:v:1\n|k2:NULL\n")
    first, second = weir("consume", topic, "-q", "-o", "json").json_lines
    assert (first["key"], first["value"]) == ("k1", "v:1")
    assert first["headers"] == [{"key": "h", "value": "x"}, {"key": "all", "value": "1"}]
    assert (second["key"], second["value"], second["offset"]) == ("k2", None, 1)
    assert weir("consume", topic, "-q", "--format", "%p:%o %k=%v [%h] %V").lines == [
        "0:0 k1=v:1 [h=x,all=1] 3", "0:1 k2= [all=1] -1"]


def test_json_goes_round(weir, topic):
    line = '{"key":"k","value":{"a":[1,2]},"headers":{"h":"x"},"timestamp":1700000000000}'
    weir("produce", topic, "-q", "--json", stdin=line + "\n")
    [record] = weir("consume", topic, "-q", "-o", "json").json_lines
    assert record == {"topic": topic, "partition": 0, "offset": 0, "timestamp": 1700000000000, "key": "k",
                      "value": '{"a":[1,2]}', "headers": [{"key": "h", "value": "x"}]}


def test_a_bad_line_is_told_and_the_others_are_sent(weir, topic):
    done = weir.run("produce", topic, "-k", ":", stdin="a:1\nno key\nb:2\n")
    assert done.code == 1
    assert "weir: line 2: no key separator ':' in it" in done.err
    assert weir("consume", topic, "-q", "--format", "key-value").lines == ["a\t1", "b\t2"]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_each_codec(weir, topic, codec):
    lines = [f"line {i} " + "x" * 50 for i in range(2000)]
    weir("produce", topic, "-q", "-z", codec, stdin="\n".join(lines) + "\n")
    assert weir("consume", topic, "-q").lines == lines


@pytest.mark.parametrize("acks", ["all", "1", "0"])
def test_each_acks(weir, topic, acks):
    weir("produce", topic, "-q", "--acks", acks, stdin="a\nb\n")
    assert weir("consume", topic, "-q", "-n", "2", "--follow").lines == ["a", "b"]


def test_files_are_read_one_after_the_other(weir, topic, tmp_path):
    (tmp_path / "a.txt").write_text("1\n2\n")
    (tmp_path / "b.txt").write_text("3\n")
    weir("produce", topic, "a.txt", "b.txt", "-q")
    assert weir("consume", topic, "-q").lines == ["1", "2", "3"]
    missing = weir.run("produce", topic, "c.txt")
    assert missing.code == 1
    assert "c.txt" in missing.err


def test_many_records_over_partitions_keep_their_order_by_key(weir):
    weir("topic", "create", "many", "-p", "5")
    lines = [f"{i % 17}:{i}" for i in range(50_000)]
    assert weir("produce", "many", "-k", ":", "-z", "lz4", stdin="\n".join(lines)).err.startswith("50,000 records")
    seen: dict[str, list[int]] = {}
    for line in weir("consume", "many", "-q", "--format", "key-value").lines:
        key, value = line.split("\t")
        seen.setdefault(key, []).append(int(value))
    assert {key: list(range(int(key), 50_000, 17)) for key in seen} == seen
    assert len(seen) == 17


def test_from_to_and_count(weir, topic):
    weir("produce", topic, "-q", "--json",
         stdin="".join(f'{{"value":"{i}","timestamp":{1_700_000_000_000 + i * 1000}}}\n' for i in range(10)))
    assert weir("consume", topic, "-q", "--from", "7").lines == ["7", "8", "9"]
    assert weir("consume", topic, "-q", "--from", "-2").lines == ["8", "9"]
    assert weir("consume", topic, "-q", "--to", "2").lines == ["0", "1"]
    assert weir("consume", topic, "-q", "--from", "@1700000003", "--to", "@1700000005").lines == ["3", "4"]
    assert weir("consume", topic, "-q", "--from", "3", "-n", "2").lines == ["3", "4"]
    assert weir("consume", topic, "-q", "--from", "end").out == ""


def test_follow_prints_what_comes_until_interrupted(weir, topic):
    consumer = weir.start("consume", topic, "--follow")
    weir("produce", topic, "-q", stdin="first\n")
    assert consumer.stdout.readline() == "first\n"
    weir("produce", topic, "-q", stdin="second\n")
    assert consumer.stdout.readline() == "second\n"
    consumer.send_signal(signal.SIGINT)
    out, err = consumer.communicate(timeout=30)
    assert (consumer.returncode, out) == (0, "")
    assert err.startswith("2 records, ") and err.endswith("(interrupted)\n")


def test_an_interrupted_producer_delivers_what_it_has_read(weir, topic):
    producer = weir.start("produce", topic)
    producer.stdin.write("typed\n")
    producer.stdin.flush()
    assert weir("consume", topic, "-q", "--follow", "-n", "1").out == "typed\n"
    producer.send_signal(signal.SIGINT)
    assert producer.wait(timeout=30) == 130
    assert producer.stderr.read().startswith("1 record, ")


def test_a_missing_topic_is_told(weir):
    done = weir.run("consume", "no-such-topic")
    assert done.code == 1
    assert "no-such-topic" in done.err
