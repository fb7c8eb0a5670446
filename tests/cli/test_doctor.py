"""weir doctor: each thing that it looks for, and that it changes nothing."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess

import pytest

import brokers
from test_start import CLUSTER, OTHER_CLUSTER, properties


def findings(weir, *words: str) -> list[tuple[str, str, str]]:
    """(severity, about, what), but for those of the machine, which differ."""
    done = weir.run("doctor", *words, "-o", "json")
    found = json.loads(done.out)
    assert done.code == (1 if any(one["severity"] == "problem" for one in found) else 0)
    assert all(one["advice"] or one["severity"] == "note" for one in found)
    return [(one["severity"], one["about"], one["what"]) for one in found if one["about"] != "machine"]


@pytest.fixture
def file(alone, tmp_path) -> pathlib.Path:
    """The settings of a formatted node."""
    path = properties(tmp_path, "data")
    alone("format", "--standalone", "-t", CLUSTER, "-c", str(path))
    return path


def test_nothing_is_wrong_with_a_fresh_node(alone, file, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert findings(alone, str(file)) == []
    assert findings(alone, "--override", "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
                    "--override", "weir.http.listener=") == []
    assert sorted(tmp_path.rglob("*")) == before


def test_settings(alone, file):
    assert findings(alone, str(file), "--override", "log.dirz=x") == [
        ("warning", "configuration", "log.dirz is not a known setting and is ignored; is log.dir meant?")]
    [(severity, about, what)] = findings(alone, str(file), "--override", "node.id=one")
    assert (severity, about) == ("problem", "configuration") and "node.id" in what
    [(severity, about, what)] = findings(alone, "nothing.properties")
    assert (severity, about) == ("problem", "configuration") and "nothing.properties" in what


def test_listeners(alone, file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert findings(alone, str(file), "--override", f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:0") == [
            ("problem", "PLAINTEXT", f"cannot listen on 127.0.0.1:{port}: Address already in use")]
    [(severity, about, what)] = findings(alone, str(file), "--override", "listeners=PLAINTEXT://0.0.0.0:0,CONTROLLER://127.0.0.1:0",
                                         "--override", "advertised.listeners=PLAINTEXT://localhost:9092")
    assert (severity, about) == ("warning", "PLAINTEXT") and "from other machines" in what


def test_directories(alone, file, tmp_path):
    assert ("problem", "nowhere", "does not exist") in findings(alone, str(file), "--override", "log.dirs=nowhere")
    (tmp_path / "bare").mkdir()
    assert ("problem", "bare", "is not formatted") in findings(alone, str(file), "--override", "log.dirs=bare")
    (tmp_path / "plain").write_text("")
    assert ("problem", "plain", "is no directory") in findings(alone, str(file), "--override", "log.dirs=plain")
    assert ("problem", "data", "belongs to node 1, the configuration is of node 2") in \
        findings(alone, str(file), "--override", "node.id=2")
    alone("format", "--standalone", "-t", OTHER_CLUSTER, "-c", str(properties(tmp_path, "other")))
    found = findings(alone, str(file), "--override", "log.dirs=data,other")
    assert ("problem", "other", f"belongs to cluster {OTHER_CLUSTER}, other directories to cluster {CLUSTER}") in found
    assert ("warning", "other", "is on the same device as data: neither speed nor safety comes of that") in found
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "meta.properties").write_bytes((tmp_path / "data" / "meta.properties").read_bytes())
    assert ("problem", "copy", "is a copy of data: both have the same directory.id") in \
        findings(alone, str(file), "--override", "log.dirs=data,copy")
    (tmp_path / "data" / "gone-0.0123456789abcdef0123456789abcdef-stray").mkdir()
    [(severity, about, what)] = findings(alone, str(file))
    assert (severity, about) == ("warning", "data") and what.startswith("has 1 folders (*-stray)")


def test_a_directory_in_memory(alone, file, tmp_path):
    memory = pathlib.Path("/dev/shm") / tmp_path.parent.name / tmp_path.name
    memory.mkdir(parents=True)
    try:
        (memory / "meta.properties").write_bytes((tmp_path / "data" / "meta.properties").read_bytes())
        assert any("is in memory (tmpfs)" in what for _, _, what in findings(alone, str(file), "--override", f"log.dirs={memory}"))
    finally:
        (memory / "meta.properties").unlink()
        memory.rmdir()


def test_a_node_that_runs_and_one_that_was_killed(alone, tmp_path):
    def of_directory() -> list[tuple[str, str]]:
        return [(severity, what) for severity, about, what in findings(alone, str(node.properties)) if about == str(node.data)]

    with brokers.create("weir", tmp_path / "node") as node:
        assert of_directory() == [("note", "is in use: a node runs with it")]
        node.kill()
        assert of_directory() == [("note", "was not left by a clean stop: the next start recovers its logs")]
        node.start()
        node.stop()
        assert of_directory() == []


def test_few_descriptors(alone, tmp_path):
    done = subprocess.run(["bash", "-c", f"ulimit -n 1000; exec {brokers.weir_binary()} doctor"], cwd=tmp_path, check=True,
                          capture_output=True, text=True)
    assert "warning  machine: allows 1000 open files" in done.stdout
    assert "LimitNOFILE" in done.stdout
