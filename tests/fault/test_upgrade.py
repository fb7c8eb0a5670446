"""The levels of a cluster's features go up, and down where that loses nothing, one by one under load, while its nodes restart one after the other."""

from __future__ import annotations

import pytest

import commands
from cluster import wait_for
from whole import NODES, TIMEOUT_S, Whole, wait_until_all_follow

LOWEST, HIGHEST = "3.3-IV3", "4.3-IV0"
STEPS = ("3.4", "3.6", "3.7", "3.9", "4.0", "4.2")
FEATURES = {"transaction.version": 2, "group.version": 1, "share.version": 1, "streams.version": 1, "eligible.leader.replicas.version": 1}


@pytest.fixture
def whole(kind, tmp_path):
    with Whole(kind, tmp_path, format_options=("--release-version", LOWEST)) as one:
        yield one


def restart(whole: Whole, node: int) -> None:
    whole.cluster.nodes[node].stop()
    whole.load.wait_for_acknowledgements_of_each(10)
    whole.cluster.nodes[node].start()
    wait_until_all_follow(whole.cluster)


def test_levels_rise_from_the_lowest_to_the_highest_under_load(whole, tmp_path):
    weir = commands.Weir(whole.cluster.bootstrap, tmp_path)

    def levels(node: int) -> dict[str, int]:
        told = weir("feature", "describe", "-o", "json", "--bootstrap", whole.cluster.nodes[node].bootstrap).json
        return {one["name"]: one["level"] for one in told}

    def change(direction: str, *assignments: str) -> None:
        before = levels(1)
        weir("feature", direction, *(word for one in assignments for word in ("--level", one)))

        def know() -> bool:
            told = [levels(node) for node in NODES]
            return told[0] != before and all(one == told[0] for one in told)

        wait_for("all nodes to know the levels", know, TIMEOUT_S)
        whole.load.wait_for_acknowledgements_of_each(10)

    lowest = levels(1)["metadata.version"]
    for step, release in enumerate(STEPS):
        change("upgrade", f"metadata.version={release}")
        restart(whole, NODES[step % len(NODES)])
    assert levels(1)["metadata.version"] > lowest
    # Back to where the metadata say no less, and no further.
    change("downgrade", "metadata.version=4.0-IV1")
    assert weir.run("feature", "downgrade", "--level", "metadata.version=4.0-IV0").code == 1
    restart(whole, 1)
    change("upgrade", f"metadata.version={HIGHEST}", *(f"{name}={level}" for name, level in FEATURES.items()))
    assert levels(1) | FEATURES == levels(1)
    for node in NODES:
        restart(whole, node)
    change("downgrade", "group.version=0", "streams.version=0")
    change("upgrade", "group.version=1", "streams.version=1")
    whole.check()
