"""The broker under test, the JVM for Kafka's tools, and topics: what the suites share.

--broker weir|kafka says what is tested; every check must hold for the real Apache Kafka too. --bootstrap HOST:PORT uses a
broker that runs already.
"""

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "peers")]

pytest.register_assert_rewrite("checks", "corpus", "reference")

import brokers  # noqa: E402
import jvm as jvm_module  # noqa: E402
import reference  # noqa: E402

BUILD = brokers.ROOT / "build"
# Suites of languages that `make test` does not install: they run where the toolchain is there.
TOOLCHAINS = {"test_franz_go.py": "go", "test_kafkajs.py": "node"}


def pytest_addoption(parser):
    parser.addoption("--broker", choices=brokers.KINDS, default="weir", help="what is tested")
    parser.addoption("--bootstrap", help="address of a running broker, instead of starting one")


def missing_toolchain(item) -> str | None:
    program = TOOLCHAINS.get(item.path.name)
    return program if program and not shutil.which(program) else None


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if missing_toolchain(item)]
    config.missing_toolchains = sorted({missing_toolchain(item) for item in left_out})
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config):
    for program in getattr(config, "missing_toolchains", []):
        terminalreporter.write_line(f"not run: no {program} here")


class Cluster:
    """A running broker as the suites see it."""

    def __init__(self, kind: str, bootstrap: str, process: brokers.Broker | None) -> None:
        self.kind = kind
        self.bootstrap = bootstrap
        self.process = process

    def create_topic(self, name: str, partitions: int = 3, **config: str) -> str:
        settings = {key.replace("_", "."): value for key, value in config.items()}
        reference.create_topic(self.bootstrap, name, partitions, settings)
        return name


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    kind = request.config.getoption("--broker")
    address = request.config.getoption("--bootstrap")
    if address:
        yield Cluster(kind, address, None)
        return
    with brokers.create(kind, tmp_path_factory.mktemp("broker")) as broker:
        yield Cluster(kind, broker.bootstrap, broker)
        broker.stop()


@pytest.fixture(scope="session")
def bootstrap(cluster) -> str:
    return cluster.bootstrap


@pytest.fixture
def topic_name(request) -> str:
    """A name for the test's topic and group, made of the test's own."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{request.path.stem}.{request.node.name}")


@pytest.fixture(scope="session")
def jvm():
    host = jvm_module.Jvm(BUILD / "interop-java")
    yield host
    host.close()


@pytest.fixture(autouse=True)
def broker_stays_alive(request):
    yield
    if "cluster" in request.fixturenames:
        process = request.getfixturevalue("cluster").process
        assert process is None or process.alive(), f"the broker ended\n{process.log_tail()}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None and cluster.process is not None:
        report.sections.append((f"log of {cluster.kind}", cluster.process.log_tail(30)))
