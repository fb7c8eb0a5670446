"""What is typed wrong, and what needs no broker."""

from __future__ import annotations

import re


def test_version_and_ids(alone):
    assert re.fullmatch(r"weir \d+\.\d+\.\d+ \(Kafka 4\.3\.1\)\n", alone("version").out)
    assert alone("version", "-o", "json").json["kafka"] == "4.3.1"
    first, second = (alone("random-uuid").out.strip() for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", first)
    assert first != second


def test_a_typo_is_wrong_usage_and_gets_a_suggestion(alone):
    done = alone.run("topic", "crate", "x")
    assert (done.code, done.out) == (2, "")
    assert done.err == "weir: 'weir topic' has no command 'crate'; did you mean 'create'?\nSee: weir topic --help\n"
    done = alone.run("topic", "create", "x", "--partitons", "3")
    assert done.code == 2
    assert "did you mean '--partitions'?" in done.err


def test_help_is_printed_with_examples(alone):
    for command in (["topic", "create"], ["produce"], ["consume"], ["group", "reset-offsets"], ["log", "dump"], ["start"]):
        done = alone(*command, "--help")
        assert "Examples:" in done.out
        assert done.err == ""


def test_an_unreachable_cluster_is_a_failure_that_names_the_address(alone):
    done = alone.run("topic", "list", "-b", "127.0.0.1:1")
    assert done.code == 1
    assert "127.0.0.1:1" in done.err


def test_wrong_values_are_wrong_usage(alone):
    assert alone.run("consume", "t", "--from", "yesterday").code == 2
    assert alone.run("consume", "t", "--format", "valeu").code == 2
    assert alone.run("produce", "t", "--json", "--key-separator", ":").code == 2
    assert alone.run("topic", "alter", "t").code == 2
    assert alone.run("topic", "list", "-b", "host:port").code == 2
