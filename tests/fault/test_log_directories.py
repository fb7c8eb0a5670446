"""A log directory that fails under load: its partitions answer with an error, the others go on, and with the directory back a restart
brings everything back.

The directory fails in two ways. It is taken away, so that nothing in it can be opened any more; this is the same for Apache Kafka.
And its file system ends with an error beneath it (ext4 on a loop device, told to shut down), where the machine allows that.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import struct
import subprocess
import urllib.request

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import ledger

PARTITIONS = 4
RECORDS = 2000
EXT4_IOC_SHUTDOWN = 0x8004587D
EXT4_GOING_FLAGS_NOLOGFLUSH = 2
IMAGE_BYTES = 64 << 20
STORAGE_ERRORS = {"KAFKA_STORAGE_ERROR", "LEADER_NOT_AVAILABLE", "_MSG_TIMED_OUT", "NOT_LEADER_FOR_PARTITION", "_TIMED_OUT"}


class TakenAway:
    """A directory that is moved out of the way."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.away = path.with_name(path.name + "-away")

    def prepare(self) -> None:
        self.path.mkdir()

    def fail(self) -> None:
        self.path.rename(self.away)

    def repair(self) -> None:
        self.away.rename(self.path)

    def close(self) -> None:
        pass


class FileSystemDown:
    """An ext4 of its own that answers everything with EIO once it was shut down."""

    def __init__(self, path: pathlib.Path) -> None:
        self.root = path.with_name("mounted")  # Has a lost+found, which is no partition.
        self.path = self.root / path.name
        self.image = path.with_name("image")
        self.mounted = False

    def prepare(self) -> None:
        self.root.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True, capture_output=True)
        self.mount()
        self.path.mkdir()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.root)], check=True, capture_output=True)
        self.mounted = True

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.root)], check=True, capture_output=True)
        self.mounted = False

    def fail(self) -> None:
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def repair(self) -> None:
        self.unmount()
        self.mount()

    def close(self) -> None:
        if self.mounted:
            self.unmount()


@pytest.fixture(params=[TakenAway, FileSystemDown])
def second(request, tmp_path):
    directory = request.param(tmp_path / "second")
    try:
        directory.prepare()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system of its own here: {error}")
    yield directory
    directory.close()


def keys_by_partition(producer: Producer, book: ledger.Ledger, partitions: list[int], count: int) -> None:
    for _ in range(count):
        for partition in partitions:
            book.send(producer, partition, b"x" * 100)
        producer.poll(0)


def refusal(bootstrap: str, topic: str, partition: int) -> str:
    """What a producer that does not wait is told."""
    told: list[str] = []
    producer = Producer({"bootstrap.servers": bootstrap, "retries": 0, "message.timeout.ms": 3000, "log_level": 0})
    producer.produce(topic, b"v", partition=partition,
                     on_delivery=lambda error, _: told.append(error.name() if error else "acknowledged"))
    producer.flush(ledger.TIMEOUT_S)
    return told[0]


def until(what: str, condition) -> None:
    for _ in range(ledger.TIMEOUT_S * 5):
        if condition():
            return
    raise AssertionError(f"never happened: {what}")


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(ledger.TIMEOUT_S)


def test_failed_directory_takes_its_own_partitions_along_only(kind, tmp_path, second):
    first = tmp_path / "first"
    broker = brokers.Broker(kind, tmp_path, {
        "log.dirs": f"{first},{second.path}",
        "replica.high.watermark.checkpoint.interval.ms": "200",
    })
    broker.format()
    book = ledger.Ledger("spread", PARTITIONS)
    with broker.start():
        create(broker.bootstrap, book.topic)
        create(broker.bootstrap, "probe")
        probes = [i for i in range(PARTITIONS) if not (first / f"probe-{i}").is_dir()]
        kept = [i for i in range(PARTITIONS) if (first / f"spread-{i}").is_dir()]
        lost = [i for i in range(PARTITIONS) if i not in kept]
        assert len(kept) == len(lost) == PARTITIONS // 2
        producer = Producer(ledger.producer_settings(broker.bootstrap, "none"))
        keys_by_partition(producer, book, kept + lost, RECORDS)
        assert producer.flush(ledger.TIMEOUT_S) == 0
        second.fail()
        for probe in probes:
            until("lost partitions are refused", lambda which=probe: refusal(broker.bootstrap, "probe", which) in STORAGE_ERRORS)
        # The others under load, as if nothing had happened.
        keys_by_partition(producer, book, kept, RECORDS)
        assert producer.flush(ledger.TIMEOUT_S) == 0
        assert broker.alive()
        if kind == "weir":
            with urllib.request.urlopen(f"http://{broker.setting('weir.http.listener')}/metrics", timeout=20) as page:
                text = page.read().decode()
            assert f'weir_log_directory_offline{{directory="{second.path}"}} 1' in text
            assert f'weir_log_directory_offline{{directory="{first}"}} 0' in text
            assert f"weir_offline_partitions {len(lost) + len(probes)}" in text
        broker.stop()
    second.repair()
    # What a failed file system had not written is gone with it; what was taken away and came back is all there.
    with broker.start():
        read = ledger.read_back(broker.bootstrap, book.topic, PARTITIONS)
        if isinstance(second, TakenAway):
            assert book.violations(read) == []
        else:
            assert [one for one in book.violations(read) if not any(f"partition {i}" in one for i in lost)] == []
        for partition in range(PARTITIONS):
            until("everything is written to again",
                  lambda which=partition: refusal(broker.bootstrap, "probe", which) == "acknowledged")
        broker.stop()


def test_node_ends_with_its_last_directory(kind, tmp_path):
    broker = brokers.Broker(kind, tmp_path, {"replica.high.watermark.checkpoint.interval.ms": "200"}).format()
    with broker.start():
        create(broker.bootstrap, "only")
        broker.data.rename(tmp_path / "away")
        assert broker.process.wait(ledger.TIMEOUT_S) != 0
        broker.process = None
