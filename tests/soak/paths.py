"""Puts what the suites share (tests/peers, and tests/fault for frames by hand) on the path. Imported for that effect alone."""

from __future__ import annotations

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "soak"), str(TESTS / "peers"), str(TESTS / "fault")]
