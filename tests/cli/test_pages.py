"""What weir prints of itself for shells and for man, tried by the shells and by groff."""

from __future__ import annotations

import re
import subprocess

import pytest

# Sourced with the script, then called with the words of a command line, the last of which is to be completed: prints what is offered.
BASH = """source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_weir; printf '%s\\n' "${COMPREPLY[@]}" """
# Zsh's own functions want a terminal; these print what they are given.
ZSH = """compdef() { : }
_describe() { for entry in "${(@P)2}"; do [[ $entry == "${words[CURRENT]}"* ]] && print -r -- "${entry%%:*}"; done; true }
_files() { print files }
compadd() { shift; print -l -- "$@" }
source "$1"; shift
words=("$@"); CURRENT=$#words
_weir"""
FISH = "source $argv[1]; complete -C (string join ' ' -- $argv[2..-1])"  # Behind a tab what each is.


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request, alone, tmp_path):
    """complete(*words): what the shell offers for the last word."""
    shell = request.param
    script = tmp_path / f"weir.{shell}"
    script.write_text(alone("completion", shell).out)
    start = {"bash": ["bash", "--norc", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"], "fish": ["fish", "--no-config", "-c", FISH]}[shell]

    def complete(*words: str) -> set[str]:
        done = subprocess.run([*start, str(script), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"}, cwd=tmp_path)
        assert done.stderr == "" and script.exists()
        return {line.split("\t")[0] for line in done.stdout.splitlines()} - {""}

    return complete


def test_commands_are_completed(complete):
    assert complete("weir", "to") == {"topic"}
    assert complete("weir", "topic", "cr") == {"create"}
    assert {"list", "describe", "create", "delete", "alter"} <= complete("weir", "topic", "")


def test_options_are_completed(complete):
    assert complete("weir", "topic", "create", "--part") == {"--partitions"}
    assert complete("weir", "consume", "orders", "--out") == {"--output"}


def test_named_values_are_completed(complete):
    assert complete("weir", "topic", "list", "--output", "") == {"table", "json"}
    assert {"gzip", "snappy", "lz4", "zstd"} <= complete("weir", "produce", "orders", "--compression", "")
    assert {"bash", "zsh", "fish"} <= complete("weir", "completion", "")


def test_another_shell_is_no_shell(alone):
    done = alone.run("completion", "csh")
    assert done.code == 2 and "'csh' is none of bash, zsh, fish" in done.err


def commands_of(alone, *path: str) -> list[tuple[str, ...]]:
    """Each command that does something, out of the help."""
    help_text = alone(*path, "--help").out
    if "Subcommands:" not in help_text:
        return [path]
    lines = help_text.split("Subcommands:\n")[1].split("\n\n")[0].splitlines()
    return [one for line in lines if line[2:3] != " " for one in commands_of(alone, *path, line.split()[0])]


def test_the_manual_page_is_complete_and_sound(alone, tmp_path):
    page = tmp_path / "weir.1"
    page.write_text(alone("manual").out)
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(page)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                          env={"PATH": "/usr/bin:/bin", "GROFF_NO_SGR": "1", "LC_ALL": "C.UTF-8"})
    assert done.stderr == ""
    text = re.sub(".\b", "", done.stdout)  # bold letters are printed twice
    commands = commands_of(alone)
    assert len(commands) > 25
    for command in commands:
        assert f"\n   weir {' '.join(command)}\n" in text, command
