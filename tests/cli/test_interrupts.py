"""Ctrl-C, readers that go, and brokers that say nothing: each command ends soon, and its exit code says how."""

from __future__ import annotations

import signal
import socket
import subprocess

import pytest

import brokers


@pytest.fixture
def silent():
    """A listener that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def shell(weir, command: str) -> subprocess.CompletedProcess[str]:
    """Runs a pipeline of bash in which $weir is the program."""
    environment = weir.environment() | {"weir": brokers.weir_binary()}
    return subprocess.run(["bash", "-c", command], env=environment, cwd=weir.directory, capture_output=True, text=True, timeout=60,
                          check=False)


@pytest.fixture
def numbers(weir, topic) -> str:
    """A topic with more than a pipe holds."""
    weir("produce", topic, "-q", stdin="".join(f"{i:06d}\n" for i in range(50_000)))
    return topic


@pytest.mark.parametrize("words", [["topic", "list"], ["consume", "t", "--follow"], ["produce", "t"], ["group", "list"]])
def test_an_interrupt_while_the_cluster_says_nothing_ends_the_command(alone, silent, words):
    process = alone.start(*words, "-b", address(silent))
    connection, _ = silent.accept()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    connection.close()
    assert (process.returncode, out, err) == (130, "", "")


def test_a_cluster_that_says_nothing_is_given_up(alone, silent):
    done = alone.run("topic", "list", "-b", address(silent))
    assert done.code == 1
    assert done.err.startswith(f"weir: no broker answers at {address(silent)} (")
    assert "weir start runs one" in done.err


def test_a_reader_that_goes_ends_the_command_without_complaint(weir, numbers):
    done = shell(weir, f'"$weir" consume {numbers} | head -1; echo ${{PIPESTATUS[0]}}')
    assert (done.stdout, done.stderr) == ("000000\n0\n", "")
    done = shell(weir, f'"$weir" topic describe {numbers} | true; echo ${{PIPESTATUS[0]}}')
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_reader_that_goes_lets_the_member_leave_its_group(weir, numbers):
    done = shell(weir, f'"$weir" consume {numbers} --group going | head -1')
    assert (done.stdout, done.stderr) == ("000000\n", "")
    described = weir("group", "describe", "going", "-o", "json").json[0]
    assert described["state"] == "Empty"
    assert all(partition["committed"] < 50_000 for partition in described["partitions"]), "not all was printed"


def test_an_output_that_takes_nothing_is_a_failure(weir, numbers):
    for command in (f"consume {numbers}", "topic list", "version"):
        done = shell(weir, f'"$weir" {command} > /dev/full')
        assert done.returncode == 1, command
