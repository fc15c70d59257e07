"""Runs every query of the dashboard against a real Prometheus that scraped a real connector under load."""

import json
import math
import re
from pathlib import Path

import pytest
import yaml

import tables
from running import Prometheus, connector, wait_until

MIXIN = Path(__file__).resolve().parents[1] / "mixin"
RULES = [MIXIN / "rules.yml", MIXIN / "alerts.yml"]
DASHBOARD = json.loads((MIXIN / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["legendFormat"], target["expr"]) for panel in PANELS for target in panel["targets"]]
VARIABLES = {"$__rate_interval": "20s", "$job": "connector", "$instance": ".+", "$price": "0.50"}


def filled_in(query):
    """The query as Grafana sends it."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    with connector(folder) as real:
        address = real.url.removeprefix("http://")
        jobs = {"connector": address, "prometheus": "SELF"}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [at]}]} for job, at in jobs.items()],
            "remote_write": [{"url": f"{real.url}/write", "queue_config": {"batch_send_deadline": "500ms"}}],
            "remote_read": [{"url": f"{real.url}/read", "read_recent": True}],
        }
        with Prometheus(folder, config, RULES) as server:
            # Each of these queries is a remote read as well.
            def enough():
                ups = server.query('count_over_time(up{job="connector"}[1m])')
                written = server.query("timestream_connector_written_samples_total")
                return ups and float(ups[0]["value"][1]) >= 12 and written and float(written[0]["value"][1]) > 1000

            wait_until("some scrapes were written and read", enough)
            yield server


@pytest.mark.parametrize("title, legend, query", QUERIES, ids=[f"{title}: {legend}" for title, legend, _ in QUERIES])
def test_no_query_is_empty(prometheus, title, legend, query):
    result = prometheus.query(filled_in(query))
    assert result, f"{title} shows nothing for {legend}: {query}"
    values = [float(series["value"][1]) for series in result]
    assert any(math.isfinite(value) for value in values), f"{title} shows no number for {legend}: {query}: {values}"


@pytest.mark.parametrize("variable", [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"],
                         ids=lambda variable: variable["name"])
def test_variables_find_something(prometheus, variable):
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
    assert any(series["metric"].get(label) for series in prometheus.query(filled_in(selector)))


def test_what_a_load_must_show_is_not_zero(prometheus):
    busy = ["Written", "Samples", "Write requests, by code", "Calls by code", "Read requests, by code", "Write units", "CPU"]
    for title in busy:
        (first, *_) = [query for panel, _, query in QUERIES if panel == title]
        assert sum(float(series["value"][1]) for series in prometheus.query(filled_in(first))) > 0, title


def test_no_alert_is_pending_of_a_healthy_connector(prometheus):
    assert prometheus.query("ALERTS") == []
    for rule in (rule for group in yaml.safe_load(RULES[0].read_text())["groups"] for rule in group["rules"]):
        assert prometheus.query(rule["record"]), f"{rule['record']} records nothing"


def test_queries_name_metrics_that_the_connector_has():
    for _, _, query in QUERIES:
        named = set(re.findall(r"\b((?:timestream_connector|process|tokio)_\w+)", query))
        assert named and named <= tables.metrics(), query


def test_the_layout_is_sound():
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == \
        ["Write path", "Read path", "Cost", "Runtime"]
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identifiers) == len(set(identifiers))
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}" and panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for target in panel["targets"]:
            assert 'instance=~"$instance"' in target["expr"] and 'job=~"$job"' in target["expr"], panel["title"]
