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
KAFKA_VERSION = "4.3.1"
PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
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
    same_build: str = dataclasses.field(default="", kw_only=True)  # the suite whose folder has this one's tests, too

    def play(self, folder: pathlib.Path, left_out: list[str]) -> tuple[int, str]:
        """The exit code and the output of the tests, without those that match one of the patterns."""
        done = subprocess.run(["timeout", "--kill-after=10", str(TIMEOUT_S), *self.command(folder, left_out)], text=True,
                              cwd=self.sources(folder), env=self.variables(folder, left_out), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace", check=False)
        return done.returncode, done.stdout

    def variables(self, folder: pathlib.Path, left_out: list[str]) -> dict[str, str]:
        return os.environ | self.environment


@dataclasses.dataclass(frozen=True)
class GoSuite(Suite):
    """A package of a Go module, with its tests beside its source."""

    directory: str = "."
    arguments: tuple[str, ...] = ()

    programs = ("go",)
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

    programs = ("cargo",)
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


@dataclasses.dataclass(frozen=True)
class LibrdkafkaSuite(Suite):
    """librdkafka's own tests, of the sources that Confluent's client for JavaScript brings along: its `make quick`.

    What it leaves out takes minutes a test, and measures times that a busy machine does not keep.
    """

    programs = ("npm", "make", "g++", "java", "mvn")
    result = re.compile(r"^\|[^|]*?(\d{4}_\w+) +\| +(\w+) \| +\S+ +\|? ?(.*)$", re.M)
    # Tests with librdkafka's own mock brokers only, with -E those that slow its sockets down, and those left out here.
    not_asked = ("Filtered due to negative test flags", "included in TESTS_SKIP list")

    def prepare(self, folder: pathlib.Path) -> None:
        output_of(PEERS / "kafka", "fetch", cwd=folder)
        if (folder / "complete").exists():
            return
        package = output_of("npm", "pack", "--silent", f"{self.package}@{self.version}", cwd=folder).split()[-1]
        output_of("tar", "--extract", f"--file={package}", "--strip-components=2", "package/deps/librdkafka", cwd=folder)
        library = folder / "librdkafka"
        output_of("./configure", cwd=library)
        for part in ("src", "src-cpp", "tests"):
            output_of("make", "--quiet", f"--jobs={os.cpu_count()}", f"--directory={part}",
                      *(["build"] if part == "tests" else []), cwd=library)
        # Some tests make their topics with Kafka's own tool.
        tool = folder / "kafka" / "bin" / "kafka-topics.sh"
        tool.parent.mkdir(parents=True)
        tool.write_text(f'#!/bin/sh\nexec "{PEERS}/kafka" tool topics "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
        (folder / "test.conf").write_text(f"bootstrap.servers={ADDRESS}\n", encoding="utf-8")
        (folder / "complete").touch()

    def sources(self, folder: pathlib.Path) -> pathlib.Path:
        return folder / "librdkafka" / "tests"

    def names(self, folder: pathlib.Path) -> list[str]:
        return re.findall(r"^ +_TEST\((\w+)", (self.sources(folder) / "test.c").read_text(encoding="utf-8"), re.M)

    def is_there(self, pattern: str, names: list[str]) -> bool:
        return any(re.search(pattern, name) for name in names)

    def variables(self, folder: pathlib.Path, left_out: list[str]) -> dict[str, str]:
        # Left out by their numbers, which tests of one kind have in common.
        skipped = [name[:4] for name in self.names(folder) if any(re.search(pattern, name) for pattern in left_out)]
        return super().variables(folder, left_out) | {
            "RDKAFKA_TEST_CONF": str(folder / "test.conf"), "LD_LIBRARY_PATH": "../src:../src-cpp", "BROKERS": ADDRESS,
            "KAFKA_PATH": str(folder / "kafka"), "TEST_KAFKA_VERSION": KAFKA_VERSION, "TESTS_SKIP": ",".join(skipped)}

    def command(self, folder: pathlib.Path, left_out: list[str]) -> list[str]:
        return ["./test-runner", "-L", "-Q", "-E"]

    def results(self, output: str) -> Results:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
        words = {"PASSED": PASSED, "SKIPPED": SKIPPED}  # The rest has failed, was running or had not begun when the runner gave up.
        return [(words.get(word, FAILED), name) for name, word, why in self.result.findall(plain)
                if not why.startswith(self.not_asked)]


CONFLUENT = GoSuite("github.com/confluentinc/confluent-kafka-go/v2", "v2.11.1", "kafka",
                    ("-docker.exists", "-test.run=TestIntegration"), settings={"num.partitions": "4"})
LIBRDKAFKA = LibrdkafkaSuite("@confluentinc/kafka-javascript", "1.10.1", settings={"num.partitions": "4"})
SUITES: dict[str, Suite] = {
    "franz-go": GoSuite("github.com/twmb/franz-go", "v1.22.3", "pkg/kgo",
                        environment={"KGO_SEEDS": ADDRESS, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": "20000"}),
    "kafka-go": GoSuite("github.com/segmentio/kafka-go", "v0.4.51",
                        environment={"KAFKA_SKIP_NETTEST": "1", "KAFKA_VERSION": KAFKA_VERSION},
                        settings={"message.max.bytes": "200000000"}),
    "rskafka": CargoSuite("rskafka", "0.6.0", {"rsasl": "2.3.1"},
                          environment={"TEST_INTEGRATION": "1", "TEST_BROKER_IMPL": "kafka", "KAFKA_CONNECT": ADDRESS},
                          settings={"auto.create.topics.enable": "false"}),
    "confluent-kafka-go": CONFLUENT,
    "confluent-kafka-go-consumer": dataclasses.replace(CONFLUENT, same_build="confluent-kafka-go",
                                                       environment={"TEST_CONSUMER_GROUP_PROTOCOL": "consumer"}),
    "watermill-kafka": GoSuite("github.com/ThreeDotsLabs/watermill-kafka/v3", "v3.0.6", "pkg/kafka",
                               environment={"WATERMILL_TEST_KAFKA_BROKERS": ADDRESS}),
    "librdkafka": LIBRDKAFKA,
    "librdkafka-consumer": dataclasses.replace(LIBRDKAFKA, same_build="librdkafka",
                                               environment={"TEST_CONSUMER_GROUP_PROTOCOL": "consumer"}),
}
