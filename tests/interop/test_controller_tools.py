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


def nodes_of_one_role(kind: str, directory) -> tuple[brokers.Broker, brokers.Broker]:
    """A controller, node 1, and a broker, node 2."""
    at, client = brokers.free_ports(2)
    common = {"controller.listener.names": "CONTROLLER", "controller.quorum.voters": f"1@127.0.0.1:{at}"}
    controllers, clients = f"CONTROLLER://127.0.0.1:{at}", f"PLAINTEXT://127.0.0.1:{client}"
    return (brokers.Broker(kind, directory / "controller", {**common, "process.roles": "controller", "listeners": controllers,
                                                            "advertised.listeners": controllers}),
            brokers.Broker(kind, directory / "broker", {**common, "node.id": "2", "process.roles": "broker", "listeners": clients,
                                                        "advertised.listeners": clients}))


def test_a_controller_that_is_no_broker(jvm, cluster, tmp_path):
    controller, broker = nodes_of_one_role(cluster.kind, tmp_path)
    with controller.format(), broker.format():
        controller.launch()
        broker.start()
        controller.wait_until_ready()
        tool = functools.partial(jvm.tool, option="--bootstrap-controller")
        clusters.wait_for("the controller is registered", lambda: registered(jvm, controller.controllers))
        replicas = tool("metadata-quorum", controller.controllers, "describe", "--replication")
        assert re.search(r"^1\s.*Leader\s*$", replicas, re.MULTILINE) and re.search(r"^2\s.*Observer\s*$", replicas, re.MULTILINE)

        def shows(where: str, option: str, node: str, value: str) -> bool:
            return f"log.retention.ms={value} " in jvm.tool(
                "configs", where, "--entity-type", "brokers", "--entity-name", node, "--describe", option=option)

        def alter(where: str, option: str, node: str, value: str) -> None:
            jvm.tool("configs", where, "--entity-type", "brokers", "--entity-name", node, "--alter", "--add-config",
                     f"log.retention.ms={value}", option=option)

        at_controller, at_broker = (controller.controllers, "--bootstrap-controller"), (broker.bootstrap, "--bootstrap-server")
        alter(*at_controller, "1", "5555")
        clusters.wait_for("the controller's own setting", lambda: shows(*at_controller, "1", "5555"))
        alter(*at_controller, "2", "6666")
        clusters.wait_for("a setting of a broker", lambda: shows(*at_broker, "2", "6666"))
        alter(*at_broker, "2", "7777")  # which it sends on to the controller
        clusters.wait_for("a setting of a broker by itself", lambda: shows(*at_broker, "2", "7777"))
        done = jvm.run("cluster", "unregister", "--bootstrap-controller", controller.controllers, "--id", "2")
        assert done.status == 0 and "Broker 2 is no longer registered." in done.out, done


def test_controllers_register_when_the_cluster_is_raised_to_a_version_that_knows_of_it(jvm, cluster, tmp_path):
    with brokers.Broker(cluster.kind, tmp_path).format("--release-version", "3.6").start() as broker:
        done = jvm.run("cluster", "list-endpoints", "--bootstrap-controller", broker.controllers)
        assert "Direct-to-controller communication is not supported with the current MetadataVersion." in done.out + done.err, done
        jvm.tool("features", broker.bootstrap, "upgrade", "--release-version", "3.7")
        reference.until("it is registered", lambda: registered(jvm, broker.controllers))
        broker.stop()


def test_a_controller_registers_anew_when_it_comes_back(jvm, cluster, tmp_path):
    incarnations = set()
    with brokers.create(cluster.kind, tmp_path) as broker:
        log = broker.data / "__cluster_metadata-0" / "00000000000000000000.log"

        def incarnation() -> str | None:
            done = jvm.run("metadata-shell", "--snapshot", str(log), "tree", "/image/cluster/controllers")
            found = re.search(r"ControllerRegistration\(id=1, incarnationId=(\S{22}),", done.out)
            return found.group(1) if found and found.group(1) not in incarnations else None

        reference.until("it is registered", lambda: registered(jvm, broker.controllers))
        broker.stop()
        incarnations.add(clusters.wait_for("the first registration", incarnation))
        broker.start()
        reference.until("it is registered", lambda: registered(jvm, broker.controllers))
        # Seen in the log of the running node: the shell would need it to be stopped.
        clusters.wait_for("the second registration", lambda: len(re.findall(
            r'"type":"REGISTER_CONTROLLER_RECORD"', jvm.run("dump-log", "--files", str(log), "--cluster-metadata-decoder").out)) == 2)
        broker.stop()
        incarnations.add(clusters.wait_for("another incarnation", incarnation))
    assert len(incarnations) == 2


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
