"""Checks the compose file: its schema, its mounts, and what is mounted. Docker does not run here."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

import tables

COMPOSE = Path(__file__).resolve().parents[1] / "compose"
TEXT = (COMPOSE / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]


def test_it_is_a_compose_file():
    assert len(PyCompose.from_yaml(TEXT)) == 3 and set(SERVICES) == {"connector", "prometheus", "grafana"}


def test_a_wrong_one_would_be_refused():
    with pytest.raises(Exception):
        PyCompose.from_yaml(TEXT.replace("read_only: true", "read_only: [yes]"))


def test_every_argument_is_an_option():
    assert {argument.split("=")[0] for argument in SERVICES["connector"]["command"]} <= tables.options()


def test_what_is_mounted_exists():
    sources = [mount.split(":")[0] for service in SERVICES.values() for mount in service["volumes"]]
    files = [source for source in sources if source.startswith(".")]
    assert len(files) == 6 and all((COMPOSE / file).exists() for file in files)
    assert {source for source in sources if not source.startswith(".")} == set(yaml.safe_load(TEXT)["volumes"])
    assert (COMPOSE / SERVICES["connector"]["build"] / "Dockerfile").exists()


def test_ports_are_open_to_this_machine_only():
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service["ports"])


def test_prometheus_takes_its_configuration(tmp_path):
    assert shutil.which("promtool"), "promtool must be installed (Debian: apt-get install prometheus)"
    config = (COMPOSE / "prometheus.yml").read_text()
    mounts = dict(mount.split(":")[1::-1] for mount in SERVICES["prometheus"]["volumes"])
    for inside, outside in mounts.items():
        config = config.replace(f"- {inside}\n", f"- {(COMPOSE / outside).resolve()}\n")
    (tmp_path / "prometheus.yml").write_text(config)
    run = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True)
    assert run.returncode == 0 and "2 rule files found" in run.stdout, run.stdout + run.stderr


def test_grafana_finds_its_data_source_and_dashboard():
    (source,) = yaml.safe_load((COMPOSE / "grafana/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and source["type"] == "prometheus"
    (provider,) = yaml.safe_load((COMPOSE / "grafana/dashboards/connector.yml").read_text())["providers"]
    targets = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/timestream-connector.json" in targets
