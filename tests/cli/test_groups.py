"""weir group ..., and weir consume --group."""

from __future__ import annotations

import signal
import time

# A member learns of a rebalance with its next heartbeat, three seconds on at the latest; the rest is for a busy machine.
WAIT_S = 60


def test_a_group_goes_on_where_it_stopped(weir, topic):
    weir("produce", topic, "-q", stdin="".join(f"{i}\n" for i in range(6)))
    assert weir("consume", topic, "-q", "--group", "walker", "-n", "4").lines == ["0", "1", "2", "3"]
    described = weir("group", "describe", "walker")
    assert described.lines[0].startswith("group walker  state Empty  members 0  coordinator ")
    assert described.lines[2].split() == [topic, "0", "4", "6", "2", "-", "-"]
    assert weir("consume", topic, "-q", "--group", "walker", "-n", "2").lines == ["4", "5"]
    [group] = weir("group", "describe", "walker", "-o", "json").json
    assert group["partitions"] == [
        {"topic": topic, "partition": 0, "committed": 6, "end": 6, "lag": 0, "member": None}]
    assert ["walker", "Empty", "classic", "consumer"] in weir("group", "list").table


def test_offsets_are_reset_forgotten_and_the_group_deleted(weir, topic):
    weir("produce", topic, "-q", stdin="a\nb\nc\n")
    weir("consume", topic, "-q", "--group", "mover", "-n", "3")
    assert weir("group", "reset-offsets", "mover", "--to", "1", "--dry-run").table == [[topic, "0", "3", "1"]]
    assert weir("group", "reset-offsets", "mover", "--to", "1").table == [[topic, "0", "3", "1"]]
    assert weir("consume", topic, "-q", "--group", "mover", "-n", "1").lines == ["b"]
    weir("group", "delete-offsets", "mover", "--topic", topic)
    assert weir.run("group", "reset-offsets", "mover", "--to", "end").code == 1
    assert weir("group", "reset-offsets", "mover", "--to", "end", "--topic", f"{topic}:0").table == [[topic, "0", "-", "3"]]
    assert weir("group", "delete", "mover").out == "deleted group mover\n"
    gone = weir.run("group", "describe", "mover")
    assert gone.code == 1
    assert "GROUP_ID_NOT_FOUND" in gone.err or "no such group" in gone.err


def test_members_share_partitions_and_a_leaving_one_hands_its_over(weir):
    weir("topic", "create", "shared", "-p", "4")
    for assignor in ("range", "roundrobin", "cooperative-sticky"):
        name = f"team-{assignor}"
        members = [weir.start("consume", "shared", "-q", "--group", name, "--assignor", assignor) for _ in range(2)]
        shares = wait_for(weir, name, lambda shares: len(shares) == 2 and set(shares.values()) == {2})
        assert shares
        # A group with members does not let its offsets be changed.
        assert weir.run("group", "reset-offsets", name, "--topic", "shared", "--to", "end").code == 2
        assert weir.run("group", "delete", name).code == 1
        members[0].send_signal(signal.SIGTERM)
        assert members[0].wait(timeout=30) == 0
        wait_for(weir, name, lambda shares: list(shares.values()) == [4])
        members[1].send_signal(signal.SIGINT)
        assert members[1].wait(timeout=30) == 0


def wait_for(weir, group: str, reached) -> dict[str, int]:
    """Asks until the number of partitions of each member is as wanted."""
    shares: dict[str, int] = {}
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        done = weir.run("group", "describe", group, "-o", "json")
        shares = {}
        for description in done.json if done.code == 0 else []:
            for partition in description["partitions"]:
                if partition["member"] is not None:
                    shares[partition["member"]] = shares.get(partition["member"], 0) + 1
        if reached(shares):
            return shares
    raise AssertionError(f"group {group} ended up with {shares}")
