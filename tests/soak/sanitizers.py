"""The sanitizers: their options, and what they report.

Every process of weir writes its reports to files of one folder, so that one that is swallowed with a command's standard error, or
followed by an exit code of 0, is seen all the same.
"""

from __future__ import annotations

import os
import pathlib
import shutil

NAMES = ("asan", "tsan")
EXIT_CODE = 99  # None of weir's own.


def options(name: str, folder: pathlib.Path) -> dict[str, str]:
    """The environment of every process of a run."""
    common = f"log_path={folder / 'report'}"
    symbolizer = shutil.which("llvm-symbolizer") or shutil.which("llvm-symbolizer-19")
    if symbolizer:
        common += f":external_symbolizer_path={symbolizer}"
    if name == "tsan":
        # It goes on after a report, to a clean end: one run shows every race that it meets.
        return {"TSAN_OPTIONS": f"{common}:halt_on_error=0:exitcode=0:second_deadlock_stack=1"}
    common += f":exitcode={EXIT_CODE}"
    return {"ASAN_OPTIONS": f"{common}:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": f"{common}:print_stacktrace=1"}


class Reports:
    """The folder of reports of one run."""

    def __init__(self, name: str, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(options(name, folder))

    def texts(self) -> list[str]:
        """What was reported, a file each; a process writes all its reports to one file."""
        return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(self.folder.iterdir())]
