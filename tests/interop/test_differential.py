"""weir and Apache Kafka side by side: the same requests, and answers that agree field by field (differential.py, scenarios.py)."""

from __future__ import annotations

import concurrent.futures

import pytest

import brokers
import differential
import scenarios

# Kafka serves these where a plugin receives the metrics of clients. weir receives them itself.
SERVED_WITH_A_PLUGIN = {"GetTelemetrySubscriptions", "PushTelemetry"}
# Of a run with all scenarios: fewer mean that a scenario asks nothing any more.
EXCHANGES_MIN = 1500


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(weir, Kafka), fresh: what one scenario leaves behind is the same on both."""
    with brokers.create("weir", tmp_path_factory.mktemp("weir")) as ours, brokers.create("kafka", tmp_path_factory.mktemp("kafka")) as theirs:
        yield ours, theirs
        ours.stop()
        theirs.stop()


def address_of(broker: brokers.Broker, scenario=None) -> tuple[str, int]:
    """Where a scenario asks: at the broker's listener, or at the controllers'."""
    return broker.controller_address if scenario in scenarios.OF_CONTROLLERS else broker.address


def serve(pair, scenario=None) -> list[dict[str, tuple[int, int]]]:
    return [differential.served(differential.wire.Connection(address_of(broker, scenario))) for broker in pair]


def play(scenario, address, versions) -> list[differential.Exchange]:
    session = differential.Session(address, versions)
    try:
        scenario(session)
    finally:
        session.close()
    return session.exchanges


COUNTS: dict[str, int] = {}


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda one: one.__name__)
def test_answers_agree(scenario, pair):
    ours, theirs = serve(pair, scenario)
    both = {name: (max(ours[name][0], theirs[name][0]), min(ours[name][1], theirs[name][1])) for name in ours if name in theirs}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda broker: play(scenario, address_of(broker, scenario), both), pair)
    found = differential.compare(ours, theirs)
    COUNTS[scenario.__name__] = len(ours)
    assert not found, f"{len(found)} differences in {len(ours)} answers:\n" + "\n".join(found[:60])


def test_no_scenario_was_idle():
    if len(COUNTS) < len(scenarios.ALL):
        pytest.skip("only some scenarios ran")
    assert sum(COUNTS.values()) >= EXCHANGES_MIN, COUNTS


@pytest.mark.parametrize("scenario", [None, *scenarios.OF_CONTROLLERS[:1]], ids=["broker", "controller"])
def test_weir_serves_no_version_that_kafka_does_not(pair, scenario):
    ours, theirs = serve(pair, scenario)
    beyond = {name: span for name, span in ours.items()
              if name not in SERVED_WITH_A_PLUGIN and (name not in theirs or span[0] < theirs[name][0] or span[1] > theirs[name][1])}
    assert not beyond
