"""What is typed wrong, and what needs no broker."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import brokers


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


def commands(alone, *words: str) -> list[list[str]]:
    """All commands below these words, as weir itself counts them when one is missing."""
    if "SUBCOMMAND" not in alone(*words, "--help").lines[1]:
        return [list(words)]
    needed = re.search(r"needs a command: (.*)", alone.run(*words).err)
    return [deeper for name in needed.group(1).split(", ") for deeper in commands(alone, *words, name)]


def test_every_command_has_help_with_examples(alone):
    found = commands(alone)
    assert ["topic", "create"] in found and len(found) > 15
    for command in found:
        done = alone(*command, "--help")
        assert f"Usage: weir {' '.join(command)} " in done.out and "Examples:" in done.out and done.err == "", command
        assert alone("help", *command).out == done.out
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted" in alone("--help").out


def test_a_mistyped_value_gets_a_suggestion(alone):
    done = alone.run("produce", "t", "--compression", "ztsd")
    assert done.code == 2
    assert "'ztsd' is none of none, gzip, snappy, lz4, zstd; did you mean 'zstd'?" in done.err


def test_a_mistyped_topic_or_setting_gets_a_suggestion(weir, topic):
    typo = topic[:-1]
    for words in (["consume"], ["topic", "describe"], ["topic", "delete"], ["topic", "offsets"], ["topic", "trim"],
                  ["topic", "alter", "--set", "retention.ms=1"]):
        done = weir.run(*words, typo)
        assert (done.code, f"did you mean '{topic}'?" in done.err) == (1, True), done.err
    for words in (["topic", "create", "new", "--config", "retention.mss=1"], ["topic", "alter", topic, "--set", "retention.mss=1"]):
        done = weir.run(*words)
        assert (done.code, "did you mean 'retention.ms'?" in done.err) == (1, True), done.err


def test_names_that_kafka_does_not_allow_are_told(weir):
    for name in ("a b", "..", ""):
        done = weir.run("topic", "create", name)
        assert done.code == 1 and "Topic name is invalid" in done.err


def test_what_is_there_already_is_not_said_to_have_been_done(weir, topic):
    done = weir("topic", "create", topic, "--if-not-exists")
    assert (done.out, done.err) == ("", f"topic {topic} is there already\n")
    done = weir("topic", "delete", "no-such-topic", "--if-exists")
    assert (done.out, done.err) == ("", "topic no-such-topic is not there\n")


def test_every_table_comes_as_json_too(weir, topic):
    weir("produce", topic, "-q", stdin="one\n")
    weir("consume", topic, "-q", "--group", "json-group", "-n", "1")
    for words in (["topic", "list"], ["topic", "describe", topic], ["topic", "offsets", topic], ["topic", "offsets", topic, "--at", "1h"],
                  ["topic", "create", "json-made"], ["topic", "alter", "json-made", "--partitions", "2"], ["topic", "trim", "json-made"],
                  ["topic", "delete", "json-made"], ["group", "list"], ["group", "describe", "json-group"],
                  ["group", "reset-offsets", "json-group", "--to", "earliest"],
                  ["group", "delete-offsets", "json-group", "--topic", topic], ["group", "delete", "json-group"]):
        done = weir(*words, "-o", "json")
        assert done.json and done.err == "", words


def test_a_terminal_gets_no_escapes(weir, topic):
    reader, terminal = pty.openpty()
    done = subprocess.run([brokers.weir_binary(), "topic", "list"], stdout=terminal, stderr=terminal, env=weir.environment(),
                          timeout=60, check=False)
    os.close(terminal)
    shown = os.read(reader, 65536)
    os.close(reader)
    assert done.returncode == 0 and topic.encode() in shown and b"\x1b" not in shown


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
