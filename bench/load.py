"""The load programs: how they are built and run."""

from __future__ import annotations

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"


def build() -> None:
    subprocess.run(["cmake", "--preset", "release", "-B", str(BUILD), "-DWEIR_BENCH=ON"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(BUILD), "weir_bench_load", "weir_bench_floor"], check=True,
                   stdout=subprocess.DEVNULL)


def program(name: str, mode: str, options: dict[str, str], *more: str) -> list[str]:
    words = [str(BUILD / "bench" / name), mode]
    for key, value in options.items():
        words += [f"--{key}", value]
    return [*words, *more]


def run(mode: str, options: dict[str, str], *more: str) -> dict:
    done = subprocess.run(program("weir_bench_load", mode, options, *more), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"load {mode} {options}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else {}
