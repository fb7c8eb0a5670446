"""The alert rules and the dashboard, held against the metrics of a running node and against their page."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time
import urllib.request

import pytest

import brokers
import commands

HERE = pathlib.Path(__file__).resolve().parent
OPERATIONS = HERE.parents[1] / "docs" / "operations"
RULES = OPERATIONS / "alert-rules.yml"
SAMPLE = re.compile(r"^(weir_\w+)(?:\{(.*)\})? \S+$", re.M)
USE = re.compile(r"\b(weir_\w+)(?:\{([^}]*)\})?")
# Of a metric that is there only once a client has pushed something.
ONLY_WITH_CLIENTS = {"weir_client_metric"}


def family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def read_page(node) -> str:
    assert node is not None, "needs a node of its own: run without --bootstrap"
    with urllib.request.urlopen(f"http://{node.setting('weir.http.listener')}/metrics", timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def page(node, weir, topic) -> str:
    """/metrics of a node that has served a client and its group."""
    weir("produce", topic, stdin="a record\n")
    weir("consume", topic, "-q", "--group", f"{topic}-readers", "-n", "1")
    return read_page(node)


@pytest.fixture(scope="module")
def promtool() -> str:
    return subprocess.run([HERE / "promtool"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def uses() -> list[tuple[str, str]]:
    """(metric, its labels) in each expression of the rules and the dashboard."""
    dashboard = json.loads((OPERATIONS / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expressions += [variable["query"]["query"] for variable in dashboard["templating"]["list"] if isinstance(variable["query"], dict)]
    expressions += re.findall(r"expr: (.*)", RULES.read_text())
    return [use for expression in expressions for use in USE.findall(expression)]


def test_rules_are_rules(promtool):
    subprocess.run([promtool, "check", "rules", RULES], check=True)


def test_alerts_fire_when_they_should_and_only_then(promtool, tmp_path):
    file = tmp_path / "test.yml"
    file.write_text((HERE / "alert_rules_test.yml").read_text().replace("RULES", str(RULES)))
    subprocess.run([promtool, "test", "rules", file], check=True)


def test_each_alert_is_tried():
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    assert alerts and alerts == set(re.findall(r'alertname="(\w+)"', (HERE / "alert_rules_test.yml").read_text()))


def test_what_dashboard_and_rules_ask_for_is_there(page):
    labels: dict[str, set[str]] = {}
    for name, given in SAMPLE.findall(page):
        labels.setdefault(name, {"job", "instance"}).update(re.findall(r"(\w+)=", given or ""))
    asked = uses()
    assert len(asked) > 50
    for name, given in asked:
        assert name in labels, f"no {name} on the page"
        missing = set(re.findall(r"(\w+)=", given)) - labels[name]
        assert not missing, f"{name} has no {missing}"


def test_each_metric_is_described_and_there(page):
    there = set(re.findall(r"^# TYPE (\w+)", page, re.M)) - ONLY_WITH_CLIENTS
    described = set(re.findall(r"^\| `(\w+)", (OPERATIONS / "metrics.md").read_text(), re.M)) - ONLY_WITH_CLIENTS
    assert there == described


def samples(page: str, name: str) -> dict[str, float]:
    return {labels: float(value) for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", page, re.M)}


def test_lag_of_groups_in_records_and_seconds(node, weir, topic):
    weir("topic", "alter", topic, "-p", "2")
    an_hour_ago, a_day_ago = (int((time.time() - age) * 1000) for age in (3600, 86400))
    lines = [{"value": str(i), "partition": i % 2, "timestamp": a_day_ago if i < 2 else an_hour_ago} for i in range(10)]
    for line in lines:  # One batch each: a batch has one time for its first record.
        weir("produce", topic, "--json", stdin=json.dumps(line) + "\n")
    group = f"{topic}-slow"
    labels = f'group="{group}",topic="{topic}"'
    weir("consume", topic, "-q", "--group", group, "-n", "10")
    page = read_page(node)
    assert samples(page, "weir_group_lag_records")[labels] == 0
    assert samples(page, "weir_group_lag_seconds")[labels] == 0
    weir("group", "reset-offsets", group, "--to", "1", "--topic", f"{topic}:0")
    page = read_page(node)
    assert samples(page, "weir_group_lag_records")[labels] == 4
    assert 3600 <= samples(page, "weir_group_lag_seconds")[labels] < 7200
    weir("group", "reset-offsets", group, "--to", "earliest", "--topic", topic)
    page = read_page(node)
    assert samples(page, "weir_group_lag_records")[labels] == 10
    assert 86400 <= samples(page, "weir_group_lag_seconds")[labels] < 90000
    assert samples(page, "weir_groups")['type="classic",state="Empty"'] >= 1


def test_lag_of_groups_has_a_bound(tmp_path):
    with brokers.create("weir", tmp_path, {"weir.metrics.group.lag.max": "2"}) as small:
        weir = commands.Weir(small.bootstrap, tmp_path)
        for i in range(3):
            weir("topic", "create", f"t{i}", "-p", "1")
            weir("produce", f"t{i}", stdin="a\n" * (i + 2))
            weir("consume", f"t{i}", "-q", "--group", "g", "-n", "1")
        page = read_page(small)
        weir.close()
        small.stop()
    assert len(samples(page, "weir_group_lag_records")) == 2
    assert re.search(r"^weir_group_lag_left_out 1$", page, re.M)
