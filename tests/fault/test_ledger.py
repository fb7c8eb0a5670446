"""The ledger notices each of the faults that it is there for."""

from __future__ import annotations

import pytest

import ledger


@pytest.fixture
def book() -> ledger.Ledger:
    one = ledger.Ledger("t", 1)
    one.sent = [6]
    one.acknowledged = [{number: number for number in range(5)}]  # The sixth was never acknowledged.
    return one


@pytest.mark.parametrize("count", [5, 6])
def test_a_sound_log_passes_with_or_without_the_unacknowledged_record(book, count):
    assert book.violations([[(i, i) for i in range(count)]]) == []


@pytest.mark.parametrize(("fault", "log"), [
    ("lost", [(0, 0), (1, 1), (2, 3), (3, 4)]),
    ("lost", [(0, 0), (1, 1), (2, 2), (3, 3)]),
    ("gap", [(0, 0), (1, 1), (3, 3), (4, 4)]),
    ("duplicated", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)]),
    ("reordered", [(0, 0), (1, 2), (2, 1), (3, 3), (4, 4)]),
    ("moved", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (5, 4)]),
    ("invented", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 7)])])
def test_a_fault_is_named(book, fault, log):
    assert any(one.startswith(fault) for one in book.violations([log]))


def test_a_refused_record_is_a_violation(book):
    book.errors.append("record 5 of partition 0: timed out")
    assert book.violations([[(i, i) for i in range(5)]]) == ["record 5 of partition 0: timed out"]


def test_what_was_read_and_is_not_there_any_more_is_a_violation():
    read = [[(0, 0), (1, 1)], [(0, 0)]]
    assert ledger.shown_too_early([[(0, 0)], []], read) == []
    assert len(ledger.shown_too_early([[(0, 0), (1, 2)], []], read)) == 1
    assert len(ledger.shown_too_early([[], [(0, 0), (1, 1)]], read)) == 1
