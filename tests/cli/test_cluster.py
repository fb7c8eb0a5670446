"""weir cluster ..., weir quorum ..., weir feature ..."""

from __future__ import annotations

import re


def test_the_cluster_tells_its_brokers_and_their_load(weir, topic):
    status = weir("cluster", "status")
    assert re.fullmatch(r"cluster id [\w-]{22}  topics \d+  partitions \d+  without leader 0  not in sync 0", status.lines[0])
    described = weir("cluster", "status", "-o", "json").json
    [broker] = described["brokers"]
    assert broker["id"] == 1 and broker["leaders"] == broker["replicas"] == described["partitions"] > 0
    assert described["without_leader"] == described["not_in_sync"] == 0


def test_the_quorum_is_led_by_its_only_voter(weir):
    quorum = weir("quorum", "describe", "-o", "json").json
    assert quorum["leader"] == 1 and quorum["epoch"] > 0 and quorum["observers"] == []
    assert [voter["id"] for voter in quorum["voters"]] == [1]
    [voter] = weir("quorum", "replication", "-o", "json").json
    assert voter["role"] == "leader" and voter["lag"] == 0 and voter["end_offset"] > 0
    assert weir("quorum", "replication").table[0][:3] == ["1", "leader", "0"]


def test_features_go_down_and_up_again(weir):
    def level() -> int:
        return {one["name"]: one["level"] for one in weir("feature", "describe", "-o", "json").json}["streams.version"]
    assert level() == 1
    assert weir("feature", "downgrade", "--level", "streams.version=0", "--dry-run").out == "streams.version could go to level 0\n"
    assert level() == 1
    weir("feature", "downgrade", "--level", "streams.version=0")
    assert level() == 0
    weir("feature", "upgrade", "--level", "streams.version=1", "--level", "metadata.version=4.3-IV0")
    assert level() == 1


def test_levels_that_cannot_be_are_refused(weir):
    for words in (("upgrade", "--level", "group.version=9"), ("upgrade", "--level", "no.such=1"), ("downgrade", "--level", "metadata.version=3.9"),
                  ("downgrade", "--unsafe", "--level", "metadata.version=3.9"), ("upgrade", "--level", "group.version=0")):
        refused = weir.run("feature", *words)
        assert refused.code == 1 and refused.err, words
    for words in (("upgrade", "--level", "group.version=high"), ("upgrade", "--level", "metadata.version=9.9"), ("upgrade",)):
        assert weir.run("feature", *words).code == 2, words
