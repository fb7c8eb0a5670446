"""The commands of weir as a user types them, and a broker for them to talk to."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "peers")]

import brokers  # noqa: E402

TIMEOUT_S = 60


def pytest_addoption(parser):
    parser.addoption("--bootstrap", help="address of a running broker, instead of starting one")


class Done:
    """What a command printed and its exit code."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.out, self.err, self.code = process.stdout, process.stderr, process.returncode

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def table(self) -> list[list[str]]:
        """The cells of a table, below its head."""
        return [line.split() for line in self.lines[1:]]

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[dict]:
        return [json.loads(line) for line in self.lines]


class Weir:
    def __init__(self, bootstrap: str | None, directory: pathlib.Path) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.started: list[subprocess.Popen[str]] = []

    def environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name != "WEIR_BOOTSTRAP"}
        return environment | ({"WEIR_BOOTSTRAP": self.bootstrap} if self.bootstrap else {})

    def run(self, *words: str, stdin: str = "", text: bool = True) -> Done:
        return Done(subprocess.run([brokers.weir_binary(), *words], input=stdin, capture_output=True, text=text,
                                   env=self.environment(), cwd=self.directory, timeout=TIMEOUT_S, check=False))

    def __call__(self, *words: str, stdin: str = "") -> Done:
        """Runs a command that must succeed."""
        done = self.run(*words, stdin=stdin)
        assert done.code == 0, f"weir {' '.join(words)} gave {done.code}\n{done.out}{done.err}"
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts a command that ends by itself or with the test."""
        process = subprocess.Popen([brokers.weir_binary(), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment(), cwd=self.directory)
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()


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
    commands = Weir(request.config.getoption("--bootstrap") or node.bootstrap, tmp_path)
    yield commands
    commands.close()


@pytest.fixture
def alone(tmp_path) -> Weir:
    """Commands that need no broker."""
    return Weir(None, tmp_path)


@pytest.fixture
def topic(request, weir) -> str:
    """A topic of one partition for the test."""
    name = request.node.name.replace("[", "-").replace("]", "")
    weir("topic", "create", name, "-p", "1")
    return name
