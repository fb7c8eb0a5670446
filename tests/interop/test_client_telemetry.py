"""Clients that push their own metrics (KIP-714), to weir: Kafka has a plug-in for it, of which there is none here."""

from __future__ import annotations

import http.server
import threading
import urllib.request

import brokers
import pytest
from confluent_kafka import Producer

import reference


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what a collector of OpenTelemetry takes."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.pushes.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector():
    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.pushes = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def broker(request, tmp_path, collector):
    if request.config.getoption("--broker") != "weir":
        pytest.skip("only weir receives telemetry by itself")
    settings = {"weir.telemetry.otlp.endpoint": f"http://127.0.0.1:{collector.server_port}/v1/metrics"}
    with brokers.create("weir", tmp_path, settings) as one:
        yield one


def subscribe(jvm, broker, *settings: str) -> None:
    jvm.tool("configs", broker.bootstrap, "--alter", "--entity-type", "client-metrics", "--entity-name", "all", "--add-config",
             ",".join(settings))


def series(broker) -> list[str]:
    with urllib.request.urlopen(f"http://{broker.setting('weir.http.listener')}/metrics") as page:
        return [line for line in page.read().decode().splitlines() if line.startswith("weir_client_metric{")]


def of_client(broker, client_id: str) -> list[str]:
    return [line for line in series(broker) if f'client_id="{client_id}"' in line]


def test_wrong_subscriptions_are_refused(jvm, broker):
    refused = jvm.run("configs", "--bootstrap-server", broker.bootstrap, "--alter", "--entity-type", "client-metrics",
                      "--entity-name", "all", "--add-config", "interval.ms=5")
    assert refused.status == 1
    assert "interval must be between 100 and 3600000" in refused.out + refused.err


def test_librdkafka_pushes_what_it_is_asked_for(jvm, broker, collector, topic_name):
    subscribe(jvm, broker, "interval.ms=100", "metrics=[*]")
    reference.create_topic(broker.bootstrap, topic_name, 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "client.id": "rd", "enable.metrics.push": True})

    def shown() -> list[str]:
        producer.produce(topic_name, b"x")
        producer.flush(reference.TIMEOUT_S)
        return of_client(broker, "rd")

    lines = reference.until("its metrics are shown", shown)
    assert any('metric="org.apache.kafka.producer.' in line for line in lines), lines
    reference.until("they are sent on", lambda: any(b"client_software_name" in body for _, _, body in collector.pushes))
    path, content_type, body = collector.pushes[-1]
    assert (path, content_type) == ("/v1/metrics", "application/x-protobuf")
    assert b"client_instance_id" in body


def test_the_java_client_pushes_what_it_is_asked_for(jvm, broker, collector, topic_name):
    subscribe(jvm, broker, "interval.ms=100", "metrics=[*]", "match=[client_software_name=apache-kafka-java]")
    reference.create_topic(broker.bootstrap, topic_name, 1)
    # It pushes once more when it ends.
    jvm.tool("console-producer", broker.bootstrap, "--topic", topic_name, "--command-property", "client.id=java", stdin="one\n")
    lines = reference.until("its metrics are shown", lambda: of_client(broker, "java"))
    assert any('metric="org.apache.kafka.producer.' in line for line in lines), lines
    reference.until("they are sent on", lambda: any(b"apache-kafka-java" in body for _, _, body in collector.pushes))


def test_a_client_that_matches_no_subscription_pushes_nothing(jvm, broker, topic_name):
    subscribe(jvm, broker, "interval.ms=100", "metrics=[*]", "match=[client_id=nobody]")
    reference.create_topic(broker.bootstrap, topic_name, 1)
    jvm.tool("console-producer", broker.bootstrap, "--topic", topic_name, stdin="one\n")
    assert not series(broker)
