"""franz-go: go/main.go."""

import subprocess

import pytest

import conftest
from checks import Results

CHECKS = ["corpus_none", "corpus_gzip", "corpus_snappy", "corpus_lz4", "corpus_zstd", "corpus_not_idempotent",
          "rebalances_range", "rebalances_sticky", "rebalances_cooperative_sticky", "resume", "topics", "offsets", "groups"]


@pytest.fixture(scope="module")
def program(cluster):
    binary = conftest.BUILD / "interop-go" / "franz"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=conftest.HERE / "go", check=True)
    done = subprocess.run([str(binary), cluster.bootstrap, "franz-go."], capture_output=True, text=True, timeout=900,
                          check=False)
    return Results(done.stdout, done.stderr)


@pytest.mark.parametrize("name", CHECKS)
def test_check(program, name):
    program.expect_ok(name)


def test_every_check_of_the_program_is_listed_here(program):
    program.expect_names(CHECKS)
