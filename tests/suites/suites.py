"""The suites: where each project's tests are fetched from, how they are built, and how they are told where the broker is.

A suite keeps what it needs in a folder of its own. prepare() fetches and builds and needs the package registries; the rest runs in
a network namespace where there is the broker and nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess

ADDRESS = "localhost:9092"
TIMEOUT_S = 900  # For a suite that hangs; no result hangs on it.
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
Results = list[tuple[str, str]]  # Of each test, what became of it and its name.


def output_of(*command: str | pathlib.Path, cwd: pathlib.Path) -> str:
    """Of a command that must succeed; what it says on standard error is shown."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout


@dataclasses.dataclass(frozen=True)
class Suite:
    """Tests of one project at one version."""

    package: str
    version: str
    environment: dict[str, str] = dataclasses.field(default_factory=dict, kw_only=True)
    settings: dict[str, str] = dataclasses.field(default_factory=dict, kw_only=True)  # of the broker

    def play(self, folder: pathlib.Path, left_out: list[str]) -> tuple[int, str]:
        """The exit code and the output of the tests, without those that match one of the patterns."""
        done = subprocess.run(["timeout", "--kill-after=10", str(TIMEOUT_S), *self.command(folder, left_out)], text=True,
                              cwd=self.sources(folder), env=os.environ | self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace", check=False)
        return done.returncode, done.stdout


@dataclasses.dataclass(frozen=True)
class GoSuite(Suite):
    """A package of a Go module, with its tests beside its source."""

    directory: str = "."
    arguments: tuple[str, ...] = ()

    program = "go"
    result = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.M)
    panic = re.compile(r"^panic: (?!.*recovered, repanicked).*", re.M)

    def prepare(self, folder: pathlib.Path) -> None:
        module = json.loads(output_of("go", "mod", "download", "-json", f"{self.package}@{self.version}", cwd=folder))
        (folder / "sources").unlink(missing_ok=True)
        (folder / "sources").symlink_to(module["Dir"])
        # What the compiler of today wants changed in the list of dependencies is changed in a copy.
        for file in ("go.mod", "go.sum"):
            (folder / file).unlink(missing_ok=True)
            (folder / file).write_bytes((folder / "sources" / file).read_bytes())
        output_of("go", "test", "-mod=mod", f"-modfile={folder}/go.mod", "-c", "-o", folder / "tests", ".",
                  cwd=self.sources(folder))

    def sources(self, folder: pathlib.Path) -> pathlib.Path:
        return folder / "sources" / self.directory

    def names(self, folder: pathlib.Path) -> list[str]:
        """Only whole tests: those within a test are known when it has run."""
        return output_of(folder / "tests", "-test.list", ".", cwd=self.sources(folder)).split()

    def is_there(self, pattern: str, names: list[str]) -> bool:
        return any(re.search(pattern.split("/")[0], name) for name in names)

    def command(self, folder: pathlib.Path, left_out: list[str]) -> list[str]:
        skip = [f"-test.skip={'|'.join(left_out)}"] if left_out else []
        return [str(folder / "tests"), "-test.v", f"-test.timeout={TIMEOUT_S}s", *self.arguments, *skip]

    def results(self, output: str) -> Results:
        words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
        return [(words[word], name) for word, name in self.result.findall(output)] + \
               [(FAILED, panic) for panic in self.panic.findall(output)]


@dataclasses.dataclass(frozen=True)
class CargoSuite(Suite):
    """The folder tests/ of a crate."""

    updated: dict[str, str] = dataclasses.field(default_factory=dict)  # dependencies that today's compiler does not take

    program = "cargo"
    result = re.compile(r"^test (\S+) \.\.\. (ok|FAILED|ignored)", re.M)

    def prepare(self, folder: pathlib.Path) -> None:
        # Cargo fetches what something depends on.
        dependent = folder / "dependent"
        (dependent / "src").mkdir(parents=True, exist_ok=True)
        (dependent / "src" / "lib.rs").touch()
        (dependent / "Cargo.toml").write_text("[package]\nname = 'dependent'\nversion = '0.0.0'\nedition = '2024'\n"
                                              f"[dependencies]\n{self.package} = '={self.version}'\n", encoding="utf-8")
        described = json.loads(output_of("cargo", "metadata", "--format-version=1", cwd=dependent))
        manifest = next(one["manifest_path"] for one in described["packages"] if one["name"] == self.package)
        # A copy, since dependencies are changed, and without the compiler that the project itself is built with.
        shutil.rmtree(self.sources(folder), ignore_errors=True)
        shutil.copytree(pathlib.Path(manifest).parent, self.sources(folder), ignore=shutil.ignore_patterns("rust-toolchain*"))
        for name, version in self.updated.items():
            output_of("cargo", "update", "--package", name, "--precise", version, cwd=self.sources(folder))
        output_of(*self.cargo(folder), "--no-run", cwd=self.sources(folder))

    def sources(self, folder: pathlib.Path) -> pathlib.Path:
        return folder / "sources"

    def cargo(self, folder: pathlib.Path) -> list[str]:
        return ["cargo", "test", "--quiet", "--locked", "--all-features", "--test", "*", "--target-dir", str(folder / "target")]

    def names(self, folder: pathlib.Path) -> list[str]:
        listed = output_of(*self.cargo(folder), "--offline", "--", "--list", cwd=self.sources(folder))
        return re.findall(r"^(\S+): test$", listed, re.M)

    def is_there(self, pattern: str, names: list[str]) -> bool:
        return any(re.search(pattern, name) for name in names)

    def command(self, folder: pathlib.Path, left_out: list[str]) -> list[str]:
        skipped = [name for name in self.names(folder) if any(re.search(pattern, name) for pattern in left_out)]
        skip = [word for name in skipped for word in ("--skip", name)]
        return [*self.cargo(folder), "--offline", "--no-fail-fast", "--", "--format=pretty", "--exact", *skip]

    def results(self, output: str) -> Results:
        words = {"ok": PASSED, "FAILED": FAILED, "ignored": SKIPPED}
        return [(words[word], name) for name, word in self.result.findall(output)]


CONFLUENT = GoSuite("github.com/confluentinc/confluent-kafka-go/v2", "v2.11.1", "kafka",
                    ("-docker.exists", "-test.run=TestIntegration"), settings={"num.partitions": "4"})
SUITES: dict[str, Suite] = {
    "franz-go": GoSuite("github.com/twmb/franz-go", "v1.22.3", "pkg/kgo",
                        environment={"KGO_SEEDS": ADDRESS, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": "20000"}),
    "kafka-go": GoSuite("github.com/segmentio/kafka-go", "v0.4.51",
                        environment={"KAFKA_SKIP_NETTEST": "1", "KAFKA_VERSION": "4.3.1"},
                        settings={"message.max.bytes": "200000000"}),
    "rskafka": CargoSuite("rskafka", "0.6.0", {"rsasl": "2.3.1"},
                          environment={"TEST_INTEGRATION": "1", "TEST_BROKER_IMPL": "kafka", "KAFKA_CONNECT": ADDRESS},
                          settings={"auto.create.topics.enable": "false"}),
    "confluent-kafka-go": CONFLUENT,
    "confluent-kafka-go-consumer": dataclasses.replace(CONFLUENT, environment={"TEST_CONSUMER_GROUP_PROTOCOL": "consumer"}),
    "watermill-kafka": GoSuite("github.com/ThreeDotsLabs/watermill-kafka/v3", "v3.0.6", "pkg/kafka",
                               environment={"WATERMILL_TEST_KAFKA_BROKERS": ADDRESS}),
}
