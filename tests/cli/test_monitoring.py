"""The alert rules and the dashboard, held against the metrics of a running node and against their page."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
OPERATIONS = HERE.parents[1] / "docs" / "operations"
RULES = OPERATIONS / "alert-rules.yml"
SAMPLE = re.compile(r"^(weir_\w+)(?:\{(.*)\})? \S+$", re.M)
USE = re.compile(r"\b(weir_\w+)(?:\{([^}]*)\})?")
# Of a metric that is there only once a client has pushed something.
ONLY_WITH_CLIENTS = {"weir_client_metric"}


def family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


@pytest.fixture
def page(node, weir, topic) -> str:
    """/metrics of a node that has served a client."""
    assert node is not None, "needs a node of its own: run without --bootstrap"
    weir("produce", topic, stdin="a record\n")
    with urllib.request.urlopen(f"http://{node.setting('weir.http.listener')}/metrics", timeout=30) as answer:
        return answer.read().decode()


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
