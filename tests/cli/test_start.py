"""What keeps a node from starting, and what it says then."""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import socket
import subprocess

import pytest

import brokers

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
OTHER_CLUSTER = "AkU3OEVBNTcwNTJENDM2Qg"


def properties(directory: pathlib.Path, name: str = "data", **changes: str) -> pathlib.Path:
    """A file for a node on free ports."""
    port, controller = brokers.free_ports(2)
    settings = {"process.roles": "broker,controller", "node.id": "1", "controller.listener.names": "CONTROLLER",
                "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                "log.dirs": name, "weir.http.listener": ""} | {key.replace("_", "."): value for key, value in changes.items()}
    file = directory / f"{name}.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return file


@pytest.fixture
def formatted(alone, tmp_path) -> pathlib.Path:
    file = properties(tmp_path)
    alone("format", "--standalone", "-t", CLUSTER, "-c", str(file))
    return file


def refused(alone, *words: str) -> str:
    done = alone.run("start", *words)
    assert (done.code, done.out) == (1, ""), done.err
    return done.err


def test_a_directory_that_is_not_formatted_is_told_how(alone, tmp_path):
    file = properties(tmp_path)
    assert refused(alone, str(file)).startswith("weir: data does not exist: run `weir format --standalone -t CLUSTER_ID -c FILE`")
    (tmp_path / "data").mkdir()
    assert refused(alone, str(file)).startswith("weir: data is not formatted: run `weir format")
    (tmp_path / "file").write_text("")
    assert refused(alone, str(properties(tmp_path, "file"))) == "weir: file is no directory\n"


def test_a_node_without_its_port_makes_no_data(alone, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listeners = f"PLAINTEXT://127.0.0.1:{taken.getsockname()[1]},CONTROLLER://127.0.0.1:9093"
        said = refused(alone, "--override", f"listeners={listeners}", "--override", "weir.http.listener=")
    assert "Address already in use" in said
    assert not (tmp_path / "weir-data").exists()


def test_a_port_in_use_is_named(alone, formatted):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        said = refused(alone, str(formatted), "--override", f"weir.http.listener={address}")
    assert said == (f"weir: cannot listen on {address}: Address already in use; another node may run there: "
                    "weir.http.listener names other ports\n")


def test_a_directory_that_another_node_uses_is_left_alone(alone, node, tmp_path):
    if node is None:
        pytest.skip("the broker is not ours")
    file = properties(tmp_path, "copy", log_dirs=str(node.data))
    assert refused(alone, str(file)) == f"weir: {node.data} is locked: another process uses this directory\n"


def test_a_directory_of_another_node_or_cluster_is_refused(alone, formatted, tmp_path):
    said = refused(alone, str(formatted), "--override", "node.id=2")
    assert said == "weir: data belongs to node 1, this is node 2\n"
    other = properties(tmp_path, "other")
    alone("format", "--standalone", "-t", OTHER_CLUSTER, "-c", str(other))
    said = refused(alone, str(formatted), "--override", "log.dirs=data,other")
    assert said == f"weir: other belongs to cluster {OTHER_CLUSTER}, data to cluster {CLUSTER}\n"
    done = alone.run("format", "--standalone", "--ignore-formatted", "-t", OTHER_CLUSTER, "-c", str(formatted))
    assert (done.code, done.err) == (2, f"weir: data is formatted for node 1 of cluster {CLUSTER}, not for node 1 of cluster {OTHER_CLUSTER}\n")


def test_a_directory_that_a_later_release_wrote_is_refused(alone, formatted, tmp_path):
    meta = tmp_path / "data" / "meta.properties"
    good = meta.read_text()
    meta.write_text(good.replace("version=1", "version=2"))
    assert "meta.properties has the version '2', which is not known here: 0 and 1 are" in refused(alone, str(formatted))
    meta.write_text("")
    assert "meta.properties has no version: it is damaged" in refused(alone, str(formatted))


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_metadata_of_a_later_release_are_refused(alone, formatted, tmp_path):
    checkpoint = tmp_path / "data" / "bootstrap.checkpoint"
    data = bytearray(checkpoint.read_bytes())
    # The level follows the name; it is in the second batch, behind the control record that begins the file.
    level = data.index(b"metadata.version") + len(b"metadata.version")
    data[level:level + 2] = (99).to_bytes(2, "big")
    batch = 12 + int.from_bytes(data[8:12], "big")
    end = batch + 12 + int.from_bytes(data[batch + 8:batch + 12], "big")
    data[batch + 17:batch + 21] = crc32c(bytes(data[batch + 21:end])).to_bytes(4, "big")
    checkpoint.write_bytes(data)
    done = alone.run("start", str(formatted))
    assert (done.code, done.out) == (1, "")
    assert "weir: metadata.version 99 is not supported: 7 to 30 are" in done.err


def test_a_file_that_cannot_be_used_is_named(alone, tmp_path):
    assert refused(alone, "missing.properties") == "weir: cannot open missing.properties: No such file or directory\n"
    (tmp_path / "locked.properties").touch(0o000)
    if os.geteuid() != 0:
        assert refused(alone, "locked.properties") == "weir: cannot open locked.properties: Permission denied\n"
    for changes, said in ((dict(num_partitions="none"), "Invalid value none for configuration num.partitions"),
                          (dict(process_roles="broker"), "listeners has one of controller.listener.names")):
        done = alone.run("start", str(properties(tmp_path, "wrong", **changes)))
        assert done.code == 2
        assert done.err.startswith(f"weir: {tmp_path}/wrong.properties: {said}")


def test_a_broker_and_a_controller_of_their_own_make_a_cluster(alone, tmp_path):
    port, controller_port = brokers.free_ports(2)
    voters = f"1@127.0.0.1:{controller_port}"
    controller = properties(tmp_path, "controller", process_roles="controller", listeners=f"CONTROLLER://127.0.0.1:{controller_port}",
                            controller_quorum_voters=voters)
    broker = properties(tmp_path, "broker", process_roles="broker", node_id="2", listeners=f"PLAINTEXT://127.0.0.1:{port}",
                        controller_quorum_voters=voters)
    for file in (controller, broker):
        alone("format", "-t", CLUSTER, "-c", str(file))
    # The broker waits for the controller.
    waiting = alone.start("start", str(broker))
    process = alone.start("start", str(controller))
    assert f"node 1 ready on 127.0.0.1:{controller_port}" in process.stdout.readline()
    assert f"node 2 ready on 127.0.0.1:{port}" in waiting.stdout.readline()
    alone("topic", "create", "t", "--bootstrap", f"127.0.0.1:{port}")
    assert alone("topic", "list", "--bootstrap", f"127.0.0.1:{port}", "-o", "json").json[0]["name"] == "t"
    for each in (waiting, process):
        each.send_signal(signal.SIGTERM)
        assert (each.wait(timeout=60), "stopped clean=true" in each.stderr.read()) == (0, True)


def test_a_node_that_waits_for_its_quorum_can_be_stopped(alone, tmp_path):
    port, own, other = brokers.free_ports(3)
    file = properties(tmp_path, "first", listeners=f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{own}",
                      controller_quorum_voters=f"1@127.0.0.1:{own},2@127.0.0.1:{other}")
    alone("format", "-t", CLUSTER, "-c", str(file))
    process = alone.start("start", str(file))
    while "prospective" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert (process.wait(timeout=60), process.stdout.read()) == (0, "")


def test_a_mistyped_setting_is_told_and_the_node_starts(alone, formatted):
    process = alone.start("start", str(formatted), "--override", "log.retention.hour=1")
    assert " ready on " in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "log.retention.hour is not a known setting and is ignored; is log.retention.hours meant?" in err
    assert "node: stopped clean=true" in err


# A stop in the middle of a start once ended in a crash, or blamed the controller.
def test_a_node_that_is_stopped_while_it_starts_ends_in_order(alone, tmp_path):
    for round_ in range(10):
        file = properties(tmp_path, f"round{round_}")
        alone("format", "--standalone", "-t", CLUSTER, "-c", str(file))
        process = alone.start("start", str(file))
        while not (tmp_path / f"round{round_}" / "__cluster_metadata-0" / "00000000000000000000.log").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=60)[1]
        assert (process.returncode, "stopped clean=true" in err) == (0, True), err


def test_a_disk_that_takes_nothing_more_is_told(alone, formatted):
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run([brokers.weir_binary(), "start", str(formatted)], cwd=alone.directory, capture_output=True, text=True,
                          preexec_fn=no_room, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "File too large" in done.stderr


def test_a_directory_that_cannot_be_written_is_named(alone, tmp_path):
    script = 'mkdir -p locked && mount -t tmpfs -o ro weir locked && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    file = properties(tmp_path, "locked")
    done = subprocess.run(["unshare", "--mount", *user, "sh", "-c", script, "sh", brokers.weir_binary(), "format", "--standalone", "-t", CLUSTER,
                           "-c", str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "locked" in done.stderr and "Read-only file system" in done.stderr
