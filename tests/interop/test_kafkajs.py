"""KafkaJS: node/check.js."""

import shutil
import subprocess

import pytest

import conftest
from checks import Results

CHECKS = ["corpus_None", "corpus_GZIP", "corpus_Snappy", "corpus_LZ4", "corpus_ZSTD", "corpus_idempotent", "rebalances",
          "resume", "topics", "configs", "offsets", "groups"]


@pytest.fixture(scope="module")
def program(cluster):
    """Installs the packages into build/interop-node, once, and runs the program."""
    directory = conftest.BUILD / "interop-node"
    lock = conftest.HERE / "node" / "package-lock.json"
    installed = directory / "package-lock.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        shutil.copy(lock.with_name("package.json"), directory)
        shutil.copy(lock, directory)
        subprocess.run(["npm", "ci", "--silent"], cwd=directory, check=True)
    for source in lock.parent.glob("*.js"):
        shutil.copy(source, directory)
    done = subprocess.run(["node", "check.js", cluster.bootstrap, "kafkajs."], cwd=directory, capture_output=True,
                          text=True, timeout=300, check=False)
    return Results(done.stdout, done.stderr)


@pytest.mark.parametrize("name", CHECKS)
def test_check(program, name):
    program.expect_ok(name)


def test_every_check_of_the_program_is_listed_here(program):
    program.expect_names(CHECKS)
