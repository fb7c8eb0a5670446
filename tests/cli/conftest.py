"""The commands of weir as a user types them, and a broker for them to talk to."""

from __future__ import annotations

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "peers")]

import brokers  # noqa: E402
import commands  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--bootstrap", help="address of a running broker, instead of starting one")


@pytest.fixture(scope="session")
def node(request, tmp_path_factory):
    if request.config.getoption("--bootstrap"):
        yield None
        return
    with brokers.create("weir", tmp_path_factory.mktemp("node")) as broker:
        yield broker
        broker.stop()


@pytest.fixture
def weir(request, node, tmp_path):
    one = commands.Weir(request.config.getoption("--bootstrap") or node.bootstrap, tmp_path)
    yield one
    one.close()


@pytest.fixture
def alone(tmp_path) -> commands.Weir:
    """Commands that need no broker."""
    return commands.Weir(None, tmp_path)


@pytest.fixture
def topic(request, weir) -> str:
    """A topic of one partition for the test."""
    name = request.node.name.replace("[", "-").replace("]", "")
    weir("topic", "create", name, "-p", "1")
    return name
