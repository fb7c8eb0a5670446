"""weir quota ..."""

from __future__ import annotations


def test_quotas_are_set_listed_and_removed(weir):
    assert weir("quota", "set", "--user", "ann", "--client", "loader", "--set", "producer_byte_rate=1000",
                "--set", "request_percentage=12.5").out == "changed the quotas of client-id loader, user ann\n"
    weir("quota", "set", "--user-default", "--set", "consumer_byte_rate=2000")
    assert [row[:1] + row[-2:] for row in weir("quota", "list").table if "2000" in row] == [["(default)", "consumer_byte_rate", "2000"]]
    assert {"user": "ann", "client-id": "loader", "quotas": {"producer_byte_rate": 1000, "request_percentage": 12.5}} in \
        weir("quota", "list", "-o", "json").json
    weir("quota", "unset", "--user", "ann", "--client", "loader", "--unset", "producer_byte_rate", "--unset", "request_percentage")
    weir("quota", "unset", "--user-default", "--unset", "consumer_byte_rate")
    assert weir("quota", "list", "-o", "json").json == []


def test_what_is_wrong_is_said(weir):
    for words, said in [
        (["--set", "producer_byte_rate=1"], "whose quota?"),
        (["--client", "a", "--set", "producer_byte_rate=fast"], "the value is no number"),
        (["--client", "a", "--client-default", "--set", "producer_byte_rate=1"], "excludes"),
        (["--client", "a", "--set", "no_such_rate=1"], "no_such_rate"),
        (["--ip", "10.0.0.1", "--set", "producer_byte_rate=1"], "producer_byte_rate"),
        (["--ip", "10.0.0.1", "--user", "ann", "--set", "producer_byte_rate=1"], "quotas:"),
    ]:
        done = weir.run("quota", "set", *words)
        assert done.code == 2 and said in done.err, (words, done.code, done.err)
