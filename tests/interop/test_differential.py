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


@pytest.fixture(scope="module")
def both_serve(pair):
    ours, theirs = (differential.served(differential.wire.Connection(broker.address)) for broker in pair)
    return {name: (max(ours[name][0], theirs[name][0]), min(ours[name][1], theirs[name][1])) for name in ours if name in theirs}


def play(scenario, address, versions) -> list[differential.Exchange]:
    session = differential.Session(address, versions)
    try:
        scenario(session)
    finally:
        session.close()
    return session.exchanges


COUNTS: dict[str, int] = {}


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda one: one.__name__)
def test_answers_agree(scenario, pair, both_serve):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda broker: play(scenario, broker.address, both_serve), pair)
    found = differential.compare(ours, theirs)
    COUNTS[scenario.__name__] = len(ours)
    assert not found, f"{len(found)} differences in {len(ours)} answers:\n" + "\n".join(found[:60])


def test_no_scenario_was_idle():
    if len(COUNTS) < len(scenarios.ALL):
        pytest.skip("only some scenarios ran")
    assert sum(COUNTS.values()) >= EXCHANGES_MIN, COUNTS


def test_weir_serves_no_version_that_kafka_does_not(pair):
    ours, theirs = (differential.served(differential.wire.Connection(broker.address)) for broker in pair)
    beyond = {name: span for name, span in ours.items()
              if name not in SERVED_WITH_A_PLUGIN and (name not in theirs or span[0] < theirs[name][0] or span[1] > theirs[name][1])}
    assert not beyond
