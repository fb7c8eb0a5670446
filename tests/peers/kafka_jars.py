"""Fetches the jars of the real Apache Kafka through Maven, once, and starts JVMs on them.

The cache is $PEERS_CACHE (default ~/.cache/weir-peers); a change of pom.xml makes a new directory in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("PEERS_CACHE") or pathlib.Path.home() / ".cache" / "weir-peers")

# Kafka's own start script runs brokers with these.
BROKER_FLAGS = ["-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
# Tools live for seconds: a small heap and the quick compiler only.
TOOL_FLAGS = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

_TOOLS = "org.apache.kafka.tools."
TOOL_CLASSES = {
    "topics": _TOOLS + "TopicCommand",
    "configs": "kafka.admin.ConfigCommand",
    "console-producer": _TOOLS + "ConsoleProducer",
    "console-consumer": _TOOLS + "consumer.ConsoleConsumer",
    "consumer-groups": _TOOLS + "consumer.group.ConsumerGroupCommand",
    "groups": _TOOLS + "GroupsCommand",
    "get-offsets": _TOOLS + "GetOffsetShell",
    "delete-records": _TOOLS + "DeleteRecordsCommand",
    "producer-perf": _TOOLS + "ProducerPerformance",
    "consumer-perf": _TOOLS + "ConsumerPerformance",
    "api-versions": _TOOLS + "BrokerApiVersionsCommand",
    "cluster": _TOOLS + "ClusterTool",
    "features": _TOOLS + "FeatureCommand",
    "leader-election": _TOOLS + "LeaderElectionCommand",
    "reassign-partitions": _TOOLS + "reassign.ReassignPartitionsCommand",
    "log-dirs": _TOOLS + "LogDirsCommand",
    "acls": _TOOLS + "AclCommand",
    "client-metrics": _TOOLS + "ClientMetricsCommand",
    "transactions": _TOOLS + "TransactionsCommand",
    "metadata-shell": "org.apache.kafka.shell.MetadataShell",
    "metadata-quorum": _TOOLS + "MetadataQuorumCommand",
    "dump-log": _TOOLS + "DumpLogSegments",
    "storage": "kafka.tools.StorageTool",
}


def fetch() -> pathlib.Path:
    """Returns the directory with the jars, after fetching them where they are missing."""
    digest = hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()[:12]
    directory = CACHE / f"kafka-{digest}"
    if (directory / "complete").exists():
        return directory / "libs"
    if not shutil.which("mvn") or not shutil.which("java"):
        raise RuntimeError("Apache Kafka runs on Java and is fetched by Maven: install default-jdk-headless and maven")
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:  # Suites may start at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "complete").exists():
            subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies",
                            f"-DoutputDirectory={directory / 'libs'}", "-DincludeScope=runtime"], check=True)
            (directory / "complete").touch()
    return directory / "libs"


def class_path(*extra: pathlib.Path | str) -> str:
    return ":".join([*map(str, extra), f"{fetch()}/*"])


def java(flags: list[str], main_class: str, *arguments: str, extra_class_path: list[str] | None = None,
         log_config: str = "log4j2-tools.yaml") -> list[str]:
    """The command line that runs main_class on Kafka's jars."""
    return ["java", *flags, "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={HERE / log_config}",
            "-cp", class_path(*(extra_class_path or [])), main_class, *arguments]


def tool(name: str, *arguments: str) -> list[str]:
    """The command line of one of Kafka's tools, by the name of its script without `kafka-` and `.sh`, or by class."""
    return java(TOOL_FLAGS, TOOL_CLASSES.get(name, name), *arguments)
