"""weir cluster balance --plan, asked of weir and of Apache Kafka, and carried out with kafka-reassign-partitions."""

from __future__ import annotations

import json
import subprocess

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import brokers
import commands
import kafka_jars
from cluster import Cluster, wait_for

TOPIC = "uneven"
PARTITIONS = 6


@pytest.mark.parametrize("kind", brokers.KINDS)
def test_a_plan_is_carried_out_by_kafkas_tool_and_leaves_nothing_to_do(kind, tmp_path):
    settings = {"leader.imbalance.check.interval.seconds": "1", "offsets.topic.num.partitions": "1"}
    with Cluster(tmp_path, [kind] * 3, settings) as nodes:
        nodes.start()
        admin = AdminClient({"bootstrap.servers": nodes.bootstrap})
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, replica_assignment=[[1, 2]] * PARTITIONS)])[TOPIC].result()
        nodes.wait_until_in_sync(TOPIC, PARTITIONS, 2)
        weir = commands.Weir(nodes.nodes[1].bootstrap, tmp_path)

        def plan() -> dict:
            return weir("cluster", "balance", "--plan", "-o", "json").json

        file = tmp_path / "plan.json"
        file.write_text(json.dumps(plan()))
        done = subprocess.run(kafka_jars.tool("reassign-partitions", "--bootstrap-server", nodes.bootstrap, "--reassignment-json-file",
                                              str(file), "--execute"), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        # Leaders follow by auto.leader.rebalance.enable.
        wait_for("nothing to move", lambda: plan()["steps"] == [] and not weir("cluster", "status", "-o", "json").json["problems"], 120)
        on = {node: sum(node in one.replicas for one in nodes.partitions(TOPIC).values()) for node in nodes.nodes}
        assert on == {1: 4, 2: 4, 3: 4}
        weir.close()
