"""Links between three nodes are cut under load: all of one node's, some, one way only, and again and again. Packets are lost without a word."""

from __future__ import annotations

import time

import pytest

from cluster import wait_for
from direct import LEADER, Direct
from machines import CLIENT, Network, NoNamespaces
from whole import NODES, TIMEOUT_S, Whole, controller_of, described, other_leader, quorum

FLAPS = 30
FLAP_MAX_S = 0.6


@pytest.fixture
def lan():
    try:
        network = Network(len(NODES))
    except NoNamespaces as error:
        pytest.skip(f"no network namespaces here: {error}")
    with network:
        yield network


@pytest.fixture
def whole(kind, tmp_path, lan):
    with Whole(kind, tmp_path, lan.machines) as one:
        yield one


def others_than(*nodes: int) -> list[int]:
    return [node for node in NODES if node not in nodes]


@pytest.mark.parametrize("role", ["controller", "broker"])
def test_leader_cut_off_from_the_others_acknowledges_and_shows_nothing(whole, lan, role):
    controller = controller_of(whole.cluster)
    alone = controller if role == "controller" else others_than(controller)[0]
    others = others_than(alone)
    nodes = whole.cluster.nodes
    book = whole.topic_led_by(alone)
    with Direct(nodes[alone], book) as client:
        assert client.record() == 0
        assert client.fetch(0)[:2] == (0, 1)
        for other in others:
            lan.cut(alone, other)

        def is_silent() -> None:
            assert client.record() != 0
            error, high_watermark, size = client.fetch(1)
            assert error != 0 or (high_watermark, size) == (1, 0)

        is_silent()
        client.record(LEADER)  # Those who ask no other may be told that it is there, and lose it.
        with Direct(nodes[other_leader(whole.cluster, others[0], book.topic, alone)], book) as successor:
            assert successor.record() == 0
            is_silent()
            assert successor.record() == 0
        if role == "controller":
            assert controller_of(whole.cluster, others, but=alone) in others
            wait_for("the former controller to step down", lambda: not leads_the_quorum(whole, alone), TIMEOUT_S)
        whole.load.wait_for_acknowledgements_of_each(50)
        lan.heal()
    whole.check(book)


def leads_the_quorum(whole: Whole, node: int) -> bool:
    told = quorum(whole.cluster.nodes[node])
    return told is not None and told["leaderId"] == node


@pytest.mark.parametrize("role", ["controller", "broker"])
def test_unplugged_node_is_done_without(whole, lan, role):
    controller = controller_of(whole.cluster)
    unplugged = controller if role == "controller" else others_than(controller)[0]
    lan.unplug(unplugged)
    whole.load.wait_for_acknowledgements_of_each(50)
    assert controller_of(whole.cluster, others_than(unplugged)) != unplugged
    lan.heal()
    whole.check()


@pytest.mark.parametrize("lost", ["what it sends", "what it is sent"])
def test_controller_with_one_way_links_is_replaced(whole, lan, lost):
    controller = controller_of(whole.cluster)
    others = others_than(controller)
    for other in others:
        lan.cut_one_way(*((controller, other) if lost == "what it sends" else (other, controller)))
    controller_of(whole.cluster, others, but=controller)
    whole.load.wait_for_acknowledgements_of_each(50)
    lan.heal()
    whole.check()


def test_link_between_two_brokers_costs_no_leader_and_no_controller(whole, lan):
    controller = controller_of(whole.cluster)
    leader, follower = others_than(controller)
    book = whole.topic_led_by(leader)
    before = described(whole.cluster.nodes[controller], book.topic)[0]
    lan.cut(leader, follower)
    with Direct(whole.cluster.nodes[leader], book) as client:
        wait_for("an acknowledgement of two", lambda: client.record() == 0, TIMEOUT_S)
    whole.load.wait_for_acknowledgements_of_each(50)
    after = described(whole.cluster.nodes[controller], book.topic)[0]
    assert (after["leaderId"], after["leaderEpoch"]) == (before["leaderId"], before["leaderEpoch"])
    assert set(after["isrNodes"]) == {leader, controller}
    assert controller_of(whole.cluster) == controller
    lan.heal()
    whole.check(book)


def test_broker_that_only_the_controller_cannot_reach_disturbs_no_quorum(whole, lan):
    controller = controller_of(whole.cluster)
    lost, third = others_than(controller)
    book = whole.topic_led_by(lost)
    epoch = quorum(whole.cluster.nodes[controller])["leaderEpoch"]
    lan.cut(controller, lost)
    with Direct(whole.cluster.nodes[other_leader(whole.cluster, third, book.topic, lost)], book) as client:
        wait_for("an acknowledgement of two", lambda: client.record() == 0, TIMEOUT_S)
    whole.load.wait_for_acknowledgements_of_each(50)
    lan.heal()
    whole.cluster.wait_until_in_sync(book.topic, 1, len(NODES))
    told = quorum(whole.cluster.nodes[lost])
    assert (told["leaderId"], told["leaderEpoch"]) == (controller, epoch)
    whole.check(book)


def test_flapping_links_lose_nothing(whole, lan, rng):
    for _ in range(FLAPS):
        one, other = rng.sample([CLIENT, *NODES], 2)
        flap = rng.randrange(5)
        if flap == 0:
            lan.cut(one, other)
        elif flap == 1:
            lan.cut_one_way(one, other)
        elif flap == 2:
            lan.unplug(rng.choice(NODES))
        elif flap == 3:
            lan.join(one, other)
        else:
            lan.heal()
        time.sleep(rng.uniform(0.01, FLAP_MAX_S))
    lan.heal()
    whole.check()
