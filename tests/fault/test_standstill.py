"""Nodes that stand still (SIGSTOP) under load, are done without, and come back (SIGCONT) with what they believed before."""

from __future__ import annotations

import os
import signal

import pytest

from cluster import wait_for
from direct import Direct
from whole import NODES, TIMEOUT_S, Whole, controller_of, described, other_leader


@pytest.fixture
def whole(kind, tmp_path):
    with Whole(kind, tmp_path) as one:
        yield one


def stop_and_go_on(whole: Whole, node: int) -> None:
    """Returns when all partitions take records again, without the node."""
    os.kill(whole.cluster.nodes[node].pid, signal.SIGSTOP)
    whole.load.wait_for_acknowledgements_of_each(50)


def wake(whole: Whole, node: int) -> None:
    os.kill(whole.cluster.nodes[node].pid, signal.SIGCONT)


@pytest.mark.parametrize("role", ["controller", "broker"])
def test_leader_that_stood_still_acknowledges_and_shows_nothing_of_its_own(whole, role):
    controller = controller_of(whole.cluster)
    stopped = controller if role == "controller" else next(node for node in NODES if node != controller)
    awake = next(node for node in NODES if node != stopped)
    book = whole.topic_led_by(stopped)
    nodes = whole.cluster.nodes
    with Direct(nodes[stopped], book) as writer, Direct(nodes[stopped], book) as reader:
        assert writer.record() == 0
        assert reader.fetch(0)[:2] == (0, 1)
        stop_and_go_on(whole, stopped)
        # They wait at its socket for it to wake, and it has not heard of its successor then.
        writer.send_record()
        reader.send_fetch(1, wait_ms=500)
        with Direct(nodes[other_leader(whole.cluster, awake, book.topic, stopped)], book) as successor:
            assert successor.record() == 0
        assert controller_of(whole.cluster, [awake]) != stopped
        wake(whole, stopped)
        assert writer.record_error() != 0
        error, high_watermark, size = reader.fetched()
        assert error != 0 or (high_watermark, size) == (1, 0)
    whole.check(book)


def test_follower_that_stands_still_costs_no_leader(whole):
    controller = controller_of(whole.cluster)
    leader, stopped = (node for node in NODES if node != controller)
    book = whole.topic_led_by(leader)
    led = described(whole.cluster.nodes[leader], book.topic)[0]
    stop_and_go_on(whole, stopped)
    with Direct(whole.cluster.nodes[leader], book) as writer:
        wait_for("an acknowledgement of two", lambda: writer.record() == 0, TIMEOUT_S)
    wake(whole, stopped)
    whole.cluster.wait_until_in_sync(book.topic, 1, len(NODES))
    now = described(whole.cluster.nodes[leader], book.topic)[0]
    assert (now["leaderId"], now["leaderEpoch"]) == (led["leaderId"], led["leaderEpoch"])
    whole.check(book)
