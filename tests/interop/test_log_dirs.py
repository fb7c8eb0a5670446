"""Several log directories: described, moved between, cordoned, left in the middle of a move, by weir and by Kafka."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

import brokers
import checks
import corpus
import reference

SMALL_RATE = "2000"  # Bytes a second: no move of the tests ends at it.
VALUE = b"v" * 1000


class Directories:
    """A broker with three directories; the metadata are in the first."""

    def __init__(self, kind: str, directory: pathlib.Path) -> None:
        self.paths = [str(directory / name) for name in ("a", "b", "c")]
        self.broker = brokers.Broker(kind, directory, {"log.dirs": ",".join(self.paths)})

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def holders(self, partition: str) -> list[str]:
        """The names of the folders of a partition, copies and deleted ones included."""
        return sorted(str(one.relative_to(self.broker.directory)) for path in self.paths
                      for one in pathlib.Path(path).glob(f"{partition}*"))

    def place(self, partition: str) -> str:
        """The directory of its log; none for the moment in which a copy takes the log's place."""
        return next((path for path in self.paths if (pathlib.Path(path) / partition).is_dir()), "")

    def other(self, partition: str) -> str:
        return next(path for path in reversed(self.paths) if path != self.place(partition))


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    here = Directories(request.config.getoption("--broker"), tmp_path_factory.mktemp("directories"))
    here.broker.format()
    with here.broker.start():
        yield here
        here.broker.stop()


def described(jvm, bootstrap: str) -> dict[str, dict]:
    out = jvm.tool("log-dirs", bootstrap, "--describe")
    answer = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    return {one["logDir"]: one for one in answer["brokers"][0]["logDirs"]}


def set_broker(jvm, bootstrap: str, *words: str) -> None:
    jvm.tool("configs", bootstrap, "--entity-type", "brokers", "--entity-name", "1", "--alter", *words)


def throttle(jvm, bootstrap: str, rate: str | None) -> None:
    key = "replica.alter.log.dirs.io.max.bytes.per.second"
    words = ("--add-config", f"{key}={rate}") if rate else ("--delete-config", key)
    set_broker(jvm, bootstrap, *words)


def move(jvm, here: Directories, topic: str, path: str) -> None:
    done = jvm.run("LogDirMove", here.bootstrap, topic, path)
    assert done.status == 0, done.out + done.err


def records(count: int, first: int = 0) -> list[corpus.Record]:
    return [corpus.Record(0, i, b"%d" % i, VALUE) for i in range(first, first + count)]


def verify(bootstrap: str, topic: str, count: int) -> None:
    read = reference.read(bootstrap, topic, 1, count)
    assert [(one.offset, one.key, one.value) for one in read] == [(i, b"%d" % i, VALUE) for i in range(count)]


def test_partitions_are_spread(shared):
    reference.create_topic(shared.bootstrap, "spread", 6)
    places = [shared.place(f"spread-{i}") for i in range(6)]
    assert {path: places.count(path) for path in shared.paths} == {path: 2 for path in shared.paths}


def test_java_admin_client(jvm, shared):
    reference.create_topic(shared.bootstrap, "java", 1, {"segment.bytes": "1048576"})
    reference.produce(shared.bootstrap, "java", records(3000))
    done = jvm.run("LogDirChecks", shared.bootstrap, "java", *shared.paths)
    results = checks.Results(done.out, done.err)
    names = ["describes-log-dirs", "moves-to-each-directory", "unknown-directory-is-refused", "unknown-partition-is-refused"]
    results.expect_names(names)
    for name in names:
        results.expect_ok(name)
    verify(shared.bootstrap, "java", 3000)


def test_log_dirs_tool_shows_a_move_that_is_under_way(jvm, shared):
    reference.create_topic(shared.bootstrap, "slow", 1)
    reference.produce(shared.bootstrap, "slow", records(3000))
    source, target = shared.place("slow-0"), shared.other("slow-0")
    throttle(jvm, shared.bootstrap, SMALL_RATE)
    move(jvm, shared, "slow", target)

    def of_slow(path: str) -> list[dict]:
        return [one for one in described(jvm, shared.bootstrap)[path]["partitions"] if one["partition"] == "slow-0"]

    assert [one["isFuture"] for one in of_slow(target)] == [True]
    assert of_slow(target)[0]["offsetLag"] > 0
    assert [one["isFuture"] for one in of_slow(source)] == [False]
    assert any(name.endswith("-future") for name in shared.holders("slow-0"))
    # To where it is: the move is given up.
    move(jvm, shared, "slow", source)
    reference.until("the copy is gone", lambda: of_slow(target) == [])
    throttle(jvm, shared.bootstrap, None)
    move(jvm, shared, "slow", target)
    reference.until("the move is done", lambda: [one["isFuture"] for one in of_slow(target)] == [False])
    verify(shared.bootstrap, "slow", 3000)


def test_reassign_tool_moves_between_directories(jvm, shared, tmp_path):
    reference.create_topic(shared.bootstrap, "reassigned", 1)
    reference.produce(shared.bootstrap, "reassigned", records(100))
    target = shared.other("reassigned-0")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": "reassigned", "partition": 0, "replicas": [1], "log_dirs": [target]}]}))
    jvm.tool("reassign-partitions", shared.bootstrap, "--reassignment-json-file", str(plan), "--execute")
    reference.until("the move is verified", lambda: re.search(
        r"Reassignment of replica reassigned-0-1 completed successfully",
        jvm.tool("reassign-partitions", shared.bootstrap, "--reassignment-json-file", str(plan), "--verify")))
    assert shared.place("reassigned-0") == target
    verify(shared.bootstrap, "reassigned", 100)


def test_cordoned_directories_take_nothing_new(jvm, shared):
    refused = jvm.run("configs", "--bootstrap-server", shared.bootstrap, "--entity-type", "brokers", "--entity-name", "1", "--alter",
                      "--add-config", "cordoned.log.dirs=/nowhere")
    assert "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /nowhere" in \
        refused.out + refused.err
    a, b, c = shared.paths
    set_broker(jvm, shared.bootstrap, "--add-config", f"cordoned.log.dirs=[{a},{b}]")
    reference.create_topic(shared.bootstrap, "third", 4)
    assert {shared.place(f"third-{i}") for i in range(4)} == {c}
    refused = jvm.run("LogDirMove", shared.bootstrap, "third", a)
    assert "InvalidReplicaAssignmentException" in refused.out + refused.err
    set_broker(jvm, shared.bootstrap, "--add-config", "cordoned.log.dirs=*")
    created = jvm.run("topics", "--bootstrap-server", shared.bootstrap, "--create", "--topic", "nowhere")
    assert "have all their log directories cordoned" in created.out + created.err
    set_broker(jvm, shared.bootstrap, "--delete-config", "cordoned.log.dirs")
    reference.create_topic(shared.bootstrap, "somewhere", 1)


def test_partition_that_is_to_come_goes_where_it_was_sent(jvm, shared):
    for path in shared.paths:
        topic = f"sent-to-{pathlib.Path(path).name}"
        refused = jvm.run("LogDirMove", shared.bootstrap, topic, path)
        assert "UnknownTopicOrPartitionException" in refused.out + refused.err
        reference.create_topic(shared.bootstrap, topic, 1)
        assert shared.place(f"{topic}-0") == path


@pytest.fixture(params=["kafka first", "under test first"])
def order(request) -> list[str]:
    tested = request.config.getoption("--broker")
    return ["kafka", tested, "kafka"] if request.param == "kafka first" else [tested, "kafka", tested]


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_unfinished_move_is_finished_by_the_other_broker(jvm, order, ending, tmp_path):
    here = Directories(order[0], tmp_path)
    here.broker.format()
    count = 0
    target = None
    for visit, kind in enumerate(order):
        here.broker = here.broker.as_kind(kind)
        with here.broker.start():
            if visit == 0:
                reference.create_topic(here.bootstrap, "moved", 1, {"segment.bytes": "1048576"})
            else:
                throttle(jvm, here.bootstrap, None)
                reference.until(f"{kind} finishes the move", lambda: here.place("moved-0") == target and not any(
                    name.endswith("-future") for name in here.holders("moved-0")))
                verify(here.bootstrap, "moved", count)
            reference.produce(here.bootstrap, "moved", records(3000, count))
            count += 3000
            verify(here.bootstrap, "moved", count)
            if visit + 1 < len(order):
                target = here.other("moved-0")
                throttle(jvm, here.bootstrap, SMALL_RATE)
                move(jvm, here, "moved", target)
                assert any(name.endswith("-future") for name in here.holders("moved-0"))
            if ending == "killed":
                here.broker.kill()
            else:
                here.broker.stop()


def test_directory_that_is_not_formatted_is_refused(request, tmp_path):
    here = Directories(request.config.getoption("--broker"), tmp_path)
    here.broker.format()
    (tmp_path / "c" / "meta.properties").unlink()
    with pytest.raises(brokers.BrokerError):
        here.broker.start()
    assert "meta.properties" in here.broker.log_tail() or "is not formatted" in here.broker.log_tail()
    here.broker.kill()


def test_directory_that_cannot_be_read_is_left_out(request, jvm, tmp_path):
    here = Directories(request.config.getoption("--broker"), tmp_path)
    here.broker.format()
    with here.broker.start():
        reference.create_topic(here.bootstrap, "spread", 6)
        lost = next(i for i in range(6) if here.place(f"spread-{i}") == here.paths[2])
        kept = next(i for i in range(6) if here.place(f"spread-{i}") == here.paths[1])
        here.broker.stop()
    # A file where a directory should be: reading anything in it fails.
    (tmp_path / "c").rename(tmp_path / "away")
    (tmp_path / "c").write_text("")
    with here.broker.start():
        errors = {path: one["error"] for path, one in described(jvm, here.bootstrap).items()}
        assert errors[here.paths[0]] is None and errors[here.paths[1]] is None
        assert "KafkaStorageException" in errors[here.paths[2]]
        reference.produce(here.bootstrap, "spread", [corpus.Record(kept, 0, None, b"v")])
        here.broker.stop()
    (tmp_path / "c").unlink()
    (tmp_path / "away").rename(tmp_path / "c")
    with here.broker.start():
        reference.produce(here.bootstrap, "spread", [corpus.Record(lost, 0, None, b"v")])
        assert reference.end_offset(here.bootstrap, "spread", kept) == 1
        here.broker.stop()
