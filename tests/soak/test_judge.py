"""A run is found to have failed by each of the signs that there are."""

from __future__ import annotations

import os

import pytest

import brokers
import sanitizers
import soak
import work


@pytest.fixture
def reports(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return sanitizers.Reports("asan", tmp_path / "reports")


@pytest.fixture
def tally() -> work.Tally:
    one = work.Tally()
    one.expect("records")
    return one


def test_a_run_that_did_everything_and_met_nothing_passes(tally, reports):
    tally.done("records", 3)
    assert soak.judge(tally, reports) == []


def test_a_kind_of_load_that_did_nothing_is_a_fault(tally, reports):
    assert soak.judge(tally, reports) == ["never done: records"]


def test_a_report_is_a_fault_however_the_process_ended(tally, reports):
    tally.done("records")
    (reports.folder / "report.17").write_text("SUMMARY: AddressSanitizer: heap-use-after-free")
    [fault] = soak.judge(tally, reports)
    assert "heap-use-after-free" in fault


def test_what_need_not_happen_is_counted_and_is_no_fault(tally, reports):
    tally.allow("aborts")
    tally.done("records")
    assert soak.judge(tally, reports) == []
    tally.done("aborts")
    assert tally.counts()["aborts"] == 1


def test_work_that_was_not_announced_cannot_be_counted(tally):
    with pytest.raises(KeyError):
        tally.done("record")


class Failing(work.Work):
    THINGS = ("rounds",)

    def __init__(self, site: work.Site, error: Exception) -> None:
        super().__init__(site, "failing")
        self.error = error

    def round(self) -> None:
        self.done("rounds")
        self.site.stopping.set()
        raise self.error


@pytest.mark.parametrize(("error", "faults"), [(ConnectionResetError(), 0), (ValueError("a wrong answer"), 1)])
def test_a_node_that_is_down_is_no_fault_and_a_wrong_answer_is_one(tmp_path, tally, error, faults):
    tally.done("records")
    site = work.Site(brokers.Broker("weir", tmp_path), tmp_path, 1, tally)
    failing = Failing(site, error)
    failing.start()
    assert failing.join(work.TIMEOUT_S)
    assert len(tally.faults()) == faults
