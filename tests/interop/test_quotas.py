"""Quotas as Kafka's tools set them, and as clients meet them."""

from __future__ import annotations

import socket

import brokers
import pytest
from confluent_kafka import Consumer, Producer

import reference

# Over so few windows a burst is let through for one second only.
WINDOWS = {"quota.window.num": "2", "controller.quota.window.num": "2"}


@pytest.fixture
def broker(request, tmp_path):
    """One of its own: quotas hold for every client of a broker."""
    with brokers.create(request.config.getoption("--broker"), tmp_path, WINDOWS) as one:
        yield one


def alter(jvm, broker, *arguments: str) -> None:
    jvm.tool("configs", broker.bootstrap, "--alter", *arguments)


def described(jvm, bootstrap: str, *entity: str) -> list[str]:
    # Of users the tool goes on to their SCRAM credentials, which are another API's.
    done = jvm.run("configs", "--bootstrap-server", bootstrap, "--describe", *entity)
    return [line for line in done.out.splitlines() if line.startswith("Quota configs")]


def test_quotas_are_set_described_and_removed_and_survive_a_restart(jvm, broker):
    alter(jvm, broker, "--entity-type", "users", "--entity-name", "alice", "--add-config", "producer_byte_rate=1024,consumer_byte_rate=2048")
    alter(jvm, broker, "--entity-type", "users", "--entity-default", "--add-config", "request_percentage=200.5")
    alter(jvm, broker, "--entity-type", "clients", "--entity-name", "app", "--add-config", "controller_mutation_rate=1.5")
    alter(jvm, broker, "--entity-type", "users", "--entity-name", "alice", "--entity-type", "clients", "--entity-default", "--add-config",
          "producer_byte_rate=10")
    alter(jvm, broker, "--entity-type", "ips", "--entity-name", "10.0.0.1", "--add-config", "connection_creation_rate=5")
    alter(jvm, broker, "--entity-type", "ips", "--entity-default", "--add-config", "connection_creation_rate=100")
    for _ in range(2):
        users = described(jvm, broker.bootstrap, "--entity-type", "users")
        assert any("user-principal 'alice' are" in line and "producer_byte_rate=1024.0" in line and
                   "consumer_byte_rate=2048.0" in line for line in users), users
        assert any("the default user-principal are request_percentage=200.5" in line for line in users), users
        assert described(jvm, broker.bootstrap, "--entity-type", "clients", "--entity-name", "app") == [
            "Quota configs for client-id 'app' are controller_mutation_rate=1.5"]
        both = described(jvm, broker.bootstrap, "--entity-type", "users", "--entity-name", "alice", "--entity-type", "clients",
                         "--entity-default")
        assert both == ["Quota configs for user-principal 'alice', the default client-id are producer_byte_rate=10.0"]
        ips = jvm.tool("configs", broker.bootstrap, "--describe", "--entity-type", "ips")
        assert "'10.0.0.1' are connection_creation_rate=5.0" in ips and "connection_creation_rate=100.0" in ips
        broker.stop()
        broker.start()
    alter(jvm, broker, "--entity-type", "users", "--entity-name", "alice", "--delete-config", "producer_byte_rate,consumer_byte_rate")
    users = described(jvm, broker.bootstrap, "--entity-type", "users")
    assert not any("'alice' are" in line for line in users), users


def test_quotas_that_cannot_be_are_refused(jvm, broker):
    refused = jvm.run("configs", "--bootstrap-server", broker.bootstrap, "--alter", "--entity-type", "users", "--entity-name", "a",
                      "--add-config", "producer_byte_rate=0")
    assert refused.status == 1
    assert "Quota producer_byte_rate must be greater than 0" in refused.err + refused.out
    refused = jvm.run("configs", "--bootstrap-server", broker.bootstrap, "--alter", "--entity-type", "clients", "--entity-name", "a",
                      "--add-config", "consumer_byte_rate=1.5")
    assert "consumer_byte_rate cannot be a fractional value" in refused.err + refused.out


def throttled_producer(broker, client_id: str, told_ms: list[float]) -> Producer:
    return Producer({"bootstrap.servers": broker.bootstrap, "client.id": client_id, "linger.ms": 0, "batch.num.messages": 1,
                     "max.in.flight": 1, "throttle_cb": lambda event: told_ms.append(event.throttle_time * 1000)})


def test_a_producer_over_its_rate_is_told_to_wait_and_loses_nothing(jvm, broker, topic_name):
    reference.create_topic(broker.bootstrap, topic_name, 1)
    rate, size, count = 100_000, 20_000, 20
    alter(jvm, broker, "--entity-type", "clients", "--entity-name", "slow", "--add-config", f"producer_byte_rate={rate}")
    told_ms: list[float] = []
    producer = throttled_producer(broker, "slow", told_ms)
    for _ in range(count):
        producer.produce(topic_name, b"x" * size)
    assert producer.flush(reference.TIMEOUT_S) == 0
    assert reference.end_offset(broker.bootstrap, topic_name, 0) == count
    # All but the first second's worth has to be waited for; half of it, since the client's own time counts as well.
    assert sum(told_ms) >= 0.5 * 1000 * (count * size - rate) / rate
    unlimited: list[float] = []
    producer = throttled_producer(broker, "fast", unlimited)
    for _ in range(count):
        producer.produce(topic_name, b"x" * size)
    assert producer.flush(reference.TIMEOUT_S) == 0
    assert not unlimited


def test_a_consumer_over_its_rate_waits_and_reads_all(jvm, broker, topic_name):
    reference.create_topic(broker.bootstrap, topic_name, 1)
    # A batch that is larger than what may be read at once could never be read, as in Kafka.
    producer = Producer({"bootstrap.servers": broker.bootstrap, "batch.num.messages": 1})
    for _ in range(30):
        producer.produce(topic_name, b"x" * 10_000)
    assert producer.flush(reference.TIMEOUT_S) == 0
    alter(jvm, broker, "--entity-type", "users", "--entity-default", "--entity-type", "clients", "--entity-name", "slow",
          "--add-config", "consumer_byte_rate=100000")
    told: list[float] = []
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "client.id": "slow", "group.id": topic_name,
                         "auto.offset.reset": "earliest", "max.partition.fetch.bytes": 50_000,
                         "throttle_cb": lambda event: told.append(event.throttle_time)})
    consumer.subscribe([topic_name])
    read: list[object] = []

    def all_read() -> bool:
        message = consumer.poll(0.1)
        if message is not None:
            assert message.error() is None
            read.append(message)
        return len(read) == 30

    reference.until("all records are read", all_read)
    consumer.close()
    assert told


def test_requests_that_take_more_time_than_is_allowed_are_throttled(jvm, broker, topic_name):
    reference.create_topic(broker.bootstrap, topic_name, 1)
    alter(jvm, broker, "--entity-type", "clients", "--entity-name", "busy", "--add-config", "request_percentage=0.0001")
    told_ms: list[float] = []
    producer = throttled_producer(broker, "busy", told_ms)
    for _ in range(3):
        producer.produce(topic_name, b"x")
        assert producer.flush(reference.TIMEOUT_S) == 0
    assert told_ms and max(told_ms) <= 1000, "at most one window"


def test_topics_beyond_the_mutation_rate_are_refused(jvm, broker, topic_name):
    alter(jvm, broker, "--entity-type", "users", "--entity-default", "--add-config", "controller_mutation_rate=0.001")
    jvm.tool("topics", broker.bootstrap, "--create", "--topic", topic_name, "--partitions", "2")
    refused = jvm.run("topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", topic_name + "2")
    assert refused.status == 1
    assert "quota" in refused.out


def test_connections_that_come_too_fast_are_closed(jvm, broker):
    alter(jvm, broker, "--entity-type", "ips", "--entity-default", "--add-config", "connection_creation_rate=2")
    connections = [socket.create_connection(broker.address) for _ in range(10)]
    try:
        connections[-1].settimeout(reference.TIMEOUT_S)
        assert connections[-1].recv(1) == b""
    finally:
        for one in connections:
            one.close()
