"""weir cluster ..., weir quorum ..., weir feature ..."""

from __future__ import annotations

import pathlib
import re
import signal

from confluent_kafka.admin import AdminClient, NewTopic

import brokers
from cluster import Cluster, wait_for

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


def test_the_cluster_tells_its_brokers_and_their_load(weir, topic):
    status = weir("cluster", "status")
    assert re.fullmatch(r"cluster id [\w-]{22}  topics \d+  partitions \d+  without leader 0  not in sync 0", status.lines[0])
    described = weir("cluster", "status", "-o", "json").json
    [broker] = described["brokers"]
    assert broker["id"] == 1 and broker["leaders"] == broker["replicas"] == described["partitions"] > 0
    assert broker["state"] == "active" and broker["disk_total_bytes"] > broker["disk_usable_bytes"] > 0
    assert described["without_leader"] == described["not_in_sync"] == 0
    plan = weir("cluster", "balance", "--plan")
    assert plan.lines[-1] == "nothing is to move"


def test_a_plan_that_cannot_be_made_is_refused(weir):
    unknown = weir.run("cluster", "balance", "--plan", "--drain", "7")
    assert (unknown.code, unknown.err) == (1, "weir: broker 7: there is none\n")
    for words in ((), ("--plan", "--drain", "-1"), ("--plan", "--threshold", "0"), ("--drain", "1")):
        assert weir.run("cluster", "balance", *words).code == 2, words


def problems(weir, bootstrap: str) -> dict[str, str]:
    """What is wrong, and how bad it is."""
    told = weir.run("cluster", "status", "--bootstrap", bootstrap, "-o", "json")
    found = {one["what"]: one["severity"] for one in told.json["problems"]}
    assert told.code == (1 if "error" in found.values() else 0)
    return found


def test_a_plan_spreads_what_is_on_two_nodes_and_status_tells_of_what_is_down(alone, tmp_path):
    with Cluster(tmp_path, ["weir"] * 3, {"min.insync.replicas": "2", "weir.balancer.enable": "false"}) as nodes:
        nodes.start()
        admin = AdminClient({"bootstrap.servers": nodes.bootstrap})
        made = [NewTopic("uneven", 6, replica_assignment=[[1, 2]] * 6), NewTopic("alone", 1, replica_assignment=[[3]])]
        for future in admin.create_topics(made).values():
            future.result()
        nodes.wait_until_in_sync("uneven", 6, 2)
        bootstrap = nodes.nodes[1].bootstrap

        def plan(*words: str) -> dict:
            return alone("cluster", "balance", "--plan", "--bootstrap", bootstrap, "-o", "json", *words).json

        first = plan()
        assert first["steps"] and first["blocked"] == first["waits_for"] == []
        replicas = {broker["id"]: broker["replicas"] for broker in first["brokers"]}
        assert replicas[1][0] == replicas[2][0] == 6 and all(after in (4, 5) for _, after in replicas.values())
        text = alone("cluster", "balance", "--plan", "--bootstrap", bootstrap)
        assert len([line for line in text.lines if " uneven-" in line]) == len(first["steps"])
        drained = plan("--drain", "2")
        assert all(2 not in one["replicas"] for one in drained["partitions"])
        assert {step["from"] for step in drained["steps"] if step["why"] == "broker leaves"} == {2}

        nodes.nodes[3].kill()
        wait_for("a broker that is fenced", lambda: "broker 3 is fenced: the controller does not hear of it" in problems(alone, bootstrap))
        found = problems(alone, bootstrap)
        assert found["1 partition has no leader: alone-0"] == "error"
        assert plan()["waits_for"] == [3]
        status = alone.run("cluster", "status", "--bootstrap", bootstrap)
        assert status.code == 1 and "  start broker 3, which holds replicas of them\n" in status.out
        assert any(one["broker"] == 3 and one["topic"] == "alone" for one in plan("--drain", "3")["blocked"])


def test_the_quorum_is_led_by_its_only_voter(weir):
    quorum = weir("quorum", "describe", "-o", "json").json
    assert quorum["leader"] == 1 and quorum["epoch"] > 0 and quorum["observers"] == []
    assert [voter["id"] for voter in quorum["voters"]] == [1]
    [voter] = weir("quorum", "replication", "-o", "json").json
    assert voter["role"] == "leader" and voter["lag"] == 0 and voter["end_offset"] > 0
    assert weir("quorum", "replication").table[0][:3] == ["1", "leader", "0"]


def controller(directory: pathlib.Path, node: int, port: int, first: int, *roles: str) -> pathlib.Path:
    clients = brokers.free_ports(1)[0]
    listeners = [f"CONTROLLER://127.0.0.1:{port}"] + ([f"PLAINTEXT://127.0.0.1:{clients}"] if "broker" in roles else [])
    settings = {"process.roles": ",".join(("controller", *roles)), "node.id": node, "controller.listener.names": "CONTROLLER",
                "controller.quorum.bootstrap.servers": f"127.0.0.1:{first}", "listeners": ",".join(listeners), "log.dirs": f"data-{node}",
                "weir.http.listener": ""}
    file = directory / f"node-{node}.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return file


def test_controllers_become_voters_and_cease_to_be(alone, tmp_path):
    one, two = brokers.free_ports(2)
    first = controller(tmp_path, 1, one, one, "broker")
    second = controller(tmp_path, 2, two, one)
    alone("format", "--standalone", "-t", CLUSTER, "-c", str(first))
    alone("format", "--no-initial-controllers", "-t", CLUSTER, "-c", str(second))
    nodes = [alone.start("start", str(file)) for file in (first, second)]
    bootstrap = re.search(r"ready on (\S+)", nodes[0].stdout.readline())[1].split(",")[0]

    def quorum() -> tuple[list[int], list[int]]:
        told = alone("quorum", "describe", "--bootstrap", bootstrap, "-o", "json").json
        return [voter["id"] for voter in told["voters"]], told["observers"]

    wait_for("the second controller to observe", lambda: quorum() == ([1], [2]))
    assert alone("quorum", "add-controller", "-c", str(second), "--bootstrap", bootstrap).out == "controller 2 is a voter\n"
    assert quorum() == ([1, 2], [])
    refused = alone.run("quorum", "add-controller", "-c", str(second), "--bootstrap", bootstrap)
    assert refused.code == 1 and "DUPLICATE_VOTER" in refused.err
    refused = alone.run("quorum", "remove-controller", "--id", "2", "--directory", CLUSTER, "--bootstrap", bootstrap)
    assert refused.code == 1 and "VOTER_NOT_FOUND" in refused.err
    assert alone("quorum", "remove-controller", "--id", "2", "--bootstrap", bootstrap).out == "controller 2 is no voter any more\n"
    wait_for("the second controller to observe again", lambda: quorum() == ([1], [2]))
    for node in nodes:
        node.send_signal(signal.SIGTERM)
        assert (node.wait(timeout=60), "stopped clean=true" in node.stderr.read()) == (0, True)


def test_a_change_of_the_voters_that_cannot_be_is_refused(weir, tmp_path):
    fixed = weir.run("quorum", "remove-controller", "--id", "1")
    assert (fixed.code, fixed.err) == (1, "weir: the voters of this cluster are fixed by controller.quorum.voters\n")
    assert weir.run("quorum", "remove-controller", "--id", "7").err == "weir: controller 7 is no voter\n"
    assert weir.run("quorum", "remove-controller", "--id", "1", "--directory", "short").code != 0
    assert weir.run("quorum", "add-controller", "-c", str(tmp_path / "none.properties")).code == 1
    for words in (("add-controller",), ("remove-controller",), ("remove-controller", "--id", "-1")):
        assert weir.run("quorum", *words).code == 2, words


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
