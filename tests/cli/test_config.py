"""weir config ..."""

from __future__ import annotations


def test_settings_of_a_topic_are_set_shown_and_taken_back(weir, topic):
    assert weir("config", "set", "topic", topic, "--set", "retention.ms=5000", "--set", "cleanup.policy=compact").out == f"changed topic {topic}\n"
    assert weir("config", "describe", "topic", topic).table == [["cleanup.policy", "compact", "topic"], ["retention.ms", "5000", "topic"]]
    [policy] = [one for one in weir("config", "describe", "topic", topic, "--all", "-o", "json").json if one["name"] == "cleanup.policy"]
    assert policy == {"name": "cleanup.policy", "value": "compact", "from": "topic", "read_only": False, "sensitive": False}
    weir("config", "unset", "topic", topic, "--unset", "retention.ms", "--unset", "cleanup.policy")
    assert weir("config", "describe", "topic", topic, "-o", "json").json == []
    assert {"type": "topic", "name": topic} in weir("config", "list", "topic", "-o", "json").json


def test_a_broker_is_stronger_than_all_brokers(weir):
    weir("config", "set", "broker", "--set", "log.roll.ms=7000")
    weir("config", "set", "broker", "1", "--set", "log.roll.ms=6000")
    assert ["log.roll.ms", "6000", "broker"] in weir("config", "describe", "broker", "1").table
    assert ["log.roll.ms", "7000", "cluster"] in weir("config", "describe", "broker").table
    weir("config", "unset", "broker", "1", "--unset", "log.roll.ms")
    assert ["log.roll.ms", "7000", "cluster"] in weir("config", "describe", "broker", "1").table
    weir("config", "unset", "broker", "--unset", "log.roll.ms")
    assert ["log.roll.ms", "7000", "cluster"] not in weir("config", "describe", "broker").table


def test_groups_and_client_metrics_have_settings(weir):
    for kind, setting, value in (("group", "consumer.session.timeout.ms", "50000"), ("client-metrics", "interval.ms", "60000")):
        weir("config", "set", kind, "mine", "--set", f"{setting}={value}")
        assert weir("config", "describe", kind, "mine").table == [[setting, value, kind]]
        assert [kind, "mine"] in weir("config", "list").table
        weir("config", "unset", kind, "mine", "--unset", setting)
        assert [kind, "mine"] not in weir("config", "list", kind).table


def test_a_log_level_changes_what_the_node_logs(weir, node):
    weir("config", "set", "logger", "1", "--set", "root=WARN")
    assert ["root", "WARN", "logger"] in weir("config", "describe", "logger", "1").table
    weir("config", "set", "logger", "1", "--set", "root=INFO")
    assert ["root", "INFO", "logger"] in weir("config", "describe", "logger", "1").table


def test_wrong_settings_are_refused_and_the_right_name_suggested(weir, topic):
    typo = weir.run("config", "set", "topic", topic, "--set", "retention.mss=5")
    assert typo.code == 1 and "did you mean 'retention.ms'?" in typo.err
    for words in (("topic", "no-such-topic", "--set", "retention.ms=5"), ("topic", topic, "--set", "retention.ms=x"),
                  ("broker", "1", "--set", "node.id=2"), ("broker", "9", "--set", "log.roll.ms=6000"), ("broker", "x", "--set", "log.roll.ms=6000"),
                  ("logger", "1", "--set", "no.such.logger=INFO"), ("logger", "1", "--set", "root=LOUD"), ("group", "g", "--set", "no.such=1")):
        refused = weir.run("config", "set", *words)
        assert refused.code == 1 and refused.err, words
    assert weir.run("config", "describe", "topic", "no-such-topic").code == 1
    assert weir.run("config", "describe", "broker", "9").code == 1
    assert weir.run("config", "describe", "topick", topic).code == 2
    assert weir.run("config", "set", "topic", topic).code == 2
