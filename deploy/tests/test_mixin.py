"""Holds the mixin together: rules, alerts, their tests and runbooks, and the metrics that the connector has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import tables

MIXIN = Path(__file__).resolve().parents[1] / "mixin"


def rules(name):
    return [rule for group in yaml.safe_load((MIXIN / name).read_text())["groups"] for rule in group["rules"]]


ALERTS = rules("alerts.yml")
RECORDED = rules("rules.yml")
NAMES = sorted({alert["alert"] for alert in ALERTS})


def promtool(*arguments):
    assert shutil.which("promtool"), "promtool must be installed (Debian: apt-get install prometheus)"
    run = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_promtool_takes_the_rules():
    promtool("check", "rules", MIXIN / "alerts.yml", MIXIN / "rules.yml")


def test_alerts_fire_when_they_should_and_only_then():
    promtool("test", "rules", *sorted((MIXIN / "tests").glob("*.yml")))


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_case_that_fires_and_one_that_never_does(name):
    firing, quiet = 0, 0
    for file in (MIXIN / "tests").glob("*.yml"):
        for case in yaml.safe_load(file.read_text())["tests"]:
            expected = [one["exp_alerts"] for one in case["alert_rule_test"] if one["alertname"] == name]
            firing += any(expected)
            quiet += bool(expected) and not any(expected)
    assert firing and quiet


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_runbook_that_its_url_names(name):
    headings = re.findall(r"^## (.+)$", (MIXIN / "runbooks.md").read_text(), re.MULTILINE)
    assert headings.count(name) == 1
    for alert in (one for one in ALERTS if one["alert"] == name):
        assert alert["annotations"]["runbook_url"] == f"deploy/mixin/runbooks.md#{name.lower()}"
        assert alert["annotations"]["summary"] and alert["annotations"]["description"]
        assert alert["labels"]["severity"] in ("critical", "warning")


def test_each_runbook_is_of_an_alert():
    headings = re.findall(r"^## (.+)$", (MIXIN / "runbooks.md").read_text(), re.MULTILINE)
    assert sorted(headings) == NAMES


def test_runbooks_name_options_that_exist():
    named = set(re.findall(r"`(--[a-z0-9.-]+)", (MIXIN / "runbooks.md").read_text()))
    assert named and named <= tables.options()


def told_of(alert):
    """The names in the runbook of an alert."""
    runbook = (MIXIN / "runbooks.md").read_text().split(f"\n## {alert}\n")[1].split("\n## ")[0]
    return set(re.findall(r"`(\w+)`", runbook))


def test_the_runbook_says_what_each_reason_for_failing_means():
    refused, failing = "TimestreamConnectorWritesRefused", "TimestreamConnectorSamplesFailing"
    [expression] = [alert["expr"] for alert in ALERTS if alert["alert"] == refused]
    [of_refused] = re.findall(r'failed_samples_total\{reason=~"([^"]+)"\}', expression)
    of_refused = set(of_refused.split("|"))
    # Shutdown comes with every restart and is in no alert.
    of_failing = tables.reasons("failed") - {"shutdown"} - of_refused
    assert of_refused <= told_of(refused) and not of_failing & told_of(refused)
    assert of_failing <= told_of(failing), of_failing - told_of(failing)


def test_each_reason_for_rejecting_is_in_one_alert_and_its_runbook():
    alerts = {}
    for rule in ALERTS:
        for text in re.findall(r'rejected_samples_total\{reason=~?"([^"]+)"\}', rule["expr"]):
            alerts[rule["alert"]] = text.split("|")
    named = sorted(reason for reasons in alerts.values() for reason in reasons)
    assert named == sorted(tables.reasons("rejected")), "left deploy/mixin/alerts.yml, right docs/metrics.md"
    for alert, reasons in alerts.items():
        # An alert of one reason has a runbook of that alone.
        missing = set(reasons) - told_of(alert) if len(reasons) > 1 else set()
        assert not missing, f"not in deploy/mixin/runbooks.md under {alert}: {missing}"


def test_each_recorded_series_is_used():
    expressions = " ".join(alert["expr"] for alert in ALERTS)
    assert [rule["record"] for rule in RECORDED if rule["record"] not in expressions] == []


def test_rules_name_metrics_that_the_connector_has():
    recorded = re.compile("|".join(re.escape(rule["record"]) for rule in RECORDED))
    for rule in ALERTS + RECORDED:
        named = set(re.findall(r"\btimestream_connector_\w+", recorded.sub("", rule["expr"])))
        assert named <= tables.metrics(), rule["expr"]
