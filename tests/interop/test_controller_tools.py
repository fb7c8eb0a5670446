"""Kafka's tools at the controllers' listener (--bootstrap-controller), and the controllers' registration that they need."""

from __future__ import annotations

import functools
import re

import pytest
import reference

import brokers
import cluster as clusters


@pytest.fixture(scope="module")
def node(cluster, tmp_path_factory):
    """A broker and controller of its own: that of the other tests may be one of which only the brokers' address is known."""
    with brokers.create(cluster.kind, tmp_path_factory.mktemp("controller")) as broker:
        yield broker
        broker.stop()


@pytest.fixture
def tool(jvm, node):
    return lambda name, *arguments: jvm.tool(name, node.controllers, *arguments, option="--bootstrap-controller")


def refused(jvm, node, name: str, *arguments: str) -> str:
    done = jvm.run(name, "--bootstrap-controller", node.controllers, *arguments)
    assert done.status == 1, done
    return done.out + done.err


def registered(jvm, controllers: str) -> list[tuple[str, str]]:
    """The id and port of each controller that the cluster knows."""
    done = jvm.run("cluster", "list-endpoints", "--bootstrap-controller", controllers)
    assert done.status == 0, done
    return re.findall(r"^(\d+)\s+127\.0\.0\.1\s+(\d+)\s+null\s+controller\s*$", done.out, re.MULTILINE)


def test_the_controllers_of_the_cluster(jvm, node):
    reference.until("the controller is registered",
                    lambda: registered(jvm, node.controllers) == [("1", str(node.controller_address[1]))])
    done = jvm.run("cluster", "cluster-id", "--bootstrap-controller", node.controllers)
    assert done.status == 0 and f"Cluster ID: {brokers.CLUSTER_ID}\n" == done.out
    done = jvm.run("cluster", "unregister", "--bootstrap-controller", node.controllers, "--id", "7")
    assert done.status == 1 and "Broker ID 7 is not currently registered" in done.err, done
    done = jvm.run("cluster", "list-endpoints", "--bootstrap-controller", node.bootstrap)
    assert done.status == 1 and "MismatchedEndpointTypeException" in done.err, done


def test_quorum_and_features(jvm, node, tool):
    assert re.search(r"^LeaderId: +1$", tool("metadata-quorum", "describe", "--status"), re.MULTILINE)
    assert re.search(r"^1\s+\S{22}\s+\d+\s+0\s.*Leader\s*$", tool("metadata-quorum", "describe", "--replication"), re.MULTILINE)
    assert re.search(r"Feature: group\.version\s.*FinalizedVersionLevel: 1", tool("features", "describe"))
    assert "streams.version was downgraded to 0." in tool("features", "downgrade", "--feature", "streams.version=0")
    assert "streams.version was upgraded to 1." in tool("features", "upgrade", "--feature", "streams.version=1")
    assert "Could not upgrade group.version to 9." in refused(jvm, node, "features", "upgrade", "--feature", "group.version=9")


def test_settings(jvm, node, tool):
    one, every = ["--entity-type", "brokers", "--entity-name", "1"], ["--entity-type", "brokers", "--entity-default"]
    configs = functools.partial(tool, "configs")
    assert "Completed updating config for broker 1." in configs(*one, "--alter", "--add-config", "log.retention.ms=123456")
    assert "Completed updating default config for brokers in the cluster." in configs(
        *every, "--alter", "--add-config", "log.roll.ms=7777")
    in_force = "log.retention.ms=123456 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.retention.ms=123456"
    reference.until("the settings are shown", lambda: in_force in configs(*one, "--describe"))
    assert "log.roll.ms=7777" in configs(*every, "--describe")
    assert "node.id=1" in configs(*one, "--describe", "--all")
    configs(*one, "--alter", "--delete-config", "log.retention.ms")
    configs(*every, "--alter", "--delete-config", "log.roll.ms")
    assert "No node with id 2 found." in refused(
        jvm, node, "configs", "--entity-type", "brokers", "--entity-name", "2", "--alter", "--add-config", "log.retention.ms=1")


def test_settings_of_other_things(jvm, node, tool):
    reference.create_topic(node.bootstrap, "controlled", 1)
    topic = ["--entity-type", "topics", "--entity-name", "controlled", "--alter"]
    assert "Completed updating config for topic controlled." in tool("configs", *topic, "--add-config", "segment.ms=99999")
    assert "Unknown topic config name: no.such" in refused(jvm, node, "configs", *topic, "--add-config", "no.such=1")
    for kind, setting in (("groups", "consumer.session.timeout.ms=50000"), ("client-metrics", "interval.ms=60000")):
        entity = ["--entity-type", kind, "--entity-name", "controlled"]
        assert "Completed updating config" in tool("configs", *entity, "--alter", "--add-config", setting)
    shown = functools.partial(jvm.tool, "configs", node.bootstrap, "--describe", "--entity-name", "controlled", "--entity-type")
    reference.until("the topic's setting is shown", lambda: "segment.ms=99999" in shown("topics"))
    assert "consumer.session.timeout.ms=50000" in shown("groups")
    assert "interval.ms=60000" in shown("client-metrics")


def test_log_levels(tool):
    logger = ["--entity-type", "broker-loggers", "--entity-name", "1"]
    assert "Completed updating config for broker-logger 1." in tool("configs", *logger, "--alter", "--add-config", "root=WARN")
    assert "root=WARN" in tool("configs", *logger, "--describe")
    tool("configs", *logger, "--alter", "--add-config", "root=INFO")


def test_acls_without_an_authorizer(jvm, node):
    assert "SecurityDisabledException: No Authorizer is configured" in refused(jvm, node, "acls", "--list")


def test_reassignments(tool):
    assert "No partition reassignments found." in tool("reassign-partitions", "--list")


def test_controllers_of_a_quorum_register(jvm, cluster, tmp_path):
    with clusters.Cluster(tmp_path, [cluster.kind] * 3) as three:
        three.start()
        voters = three.nodes[1].controllers
        ports = [(str(i + 1), address.rsplit(":", 1)[1]) for i, address in enumerate(voters.split(","))]
        clusters.wait_for("all are registered", lambda: registered(jvm, voters) == ports)
        quorum = jvm.tool("metadata-quorum", voters, "describe", "--status", option="--bootstrap-controller")
        assert len(re.findall(r'"id": \d', re.search(r"CurrentVoters: +(.*)", quorum).group(1))) == 3
        # Of a broker that is not at the active controller, which must take the change all the same.
        for broker in three.nodes:
            entity = ["--entity-type", "brokers", "--entity-name", str(broker)]
            jvm.tool("configs", three.bootstrap, *entity, "--alter", "--add-config", "log.retention.ms=123456")
            clusters.wait_for("the setting is shown", lambda e=entity: "log.retention.ms=123456" in jvm.tool(
                "configs", three.bootstrap, *e, "--describe"))
        three.nodes[1].stop()
        log = three.nodes[1].data / "__cluster_metadata-0" / "00000000000000000000.log"

        def seen() -> bool:
            done = jvm.run("metadata-shell", "--snapshot", str(log), "tree", "/image/cluster/controllers")
            return len(re.findall(r"ControllerRegistration\(id=\d, .*listenerName='CONTROLLER'", done.out)) == 3
        clusters.wait_for("the controllers in the metadata shell", seen)
