"""The commands of weir as a user types them, and kcat."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import brokers

TIMEOUT_S = 60  # For a command that hangs; no test asserts a time.


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


def kcat(bootstrap: str, *arguments: str, stdin: str = "") -> str:
    """Runs kcat, which must succeed; returns what it printed."""
    done = subprocess.run(["kcat", "-b", bootstrap, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
