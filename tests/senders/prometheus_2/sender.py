"""Prometheus 2, the installed one, with rules, a dead target and a series that goes away."""

import re
import shutil
import subprocess

from harness import STALE, Missing

VERSION = "2.42"
NEEDS = "prometheus (Debian 12: apt-get install prometheus)"
MODES = {
    "1.0": "",
    "metadata": "  metadata_config: {send_interval: 1s}\n",
    "exemplars": "  send_exemplars: true\n",
    "retry-on-429": "",
}
BODIES = {
    "prometheus-2": ("1.0", [b"job:demo_requests:sum", b"demo_latency_seconds_bucket"]),
    "prometheus-2-stale": ("1.0", [b"demo_gone", STALE]),
    "prometheus-2-metadata": ("metadata", [b"Requests served."]),
    "prometheus-2-exemplars": ("exemplars", [b"trace_id"]),
}
EXPECTED = {
    'up{job="dead"}': 0,
    'up{job="demo",instance="demo:9100"}': 1,
    'demo_requests_total{code="200",env="test"}': 42,
    "job:demo_requests:sum": 45,
    'demo_temperature_celsius{room="küche"}': 21.5,
    'demo_temperature_celsius{room="a \\"quoted\\" one",_private="x",time="noon"}': -2,
    "histogram_quantile(0.5, demo_latency_seconds_bucket)": 0.025,
    "demo_duration_seconds_sum": 3,
    "count(demo_duration_seconds)": None,
    "max_over_time(demo_gone[5m])": 1,
}
RULES = "groups: [{name: demo, interval: 1s, rules: [{record: 'job:demo_requests:sum', expr: sum by (job) (demo_requests_total)}]}]\n"
CONFIGURATION = """
global:
  scrape_interval: 1s
  external_labels: {env: test}
rule_files: [RULES]
scrape_configs:
- job_name: demo
  static_configs: [{targets: ["PAGE"], labels: {instance: "demo:9100"}}]
- job_name: dead
  static_configs: [{targets: ["127.0.0.1:1"], labels: {instance: "dead:9100"}}]
remote_write:
- url: URL
  queue_config: {batch_send_deadline: 500ms}
"""


def install(kit):
    kit.needs("prometheus")
    said = subprocess.run(["prometheus", "--version"], capture_output=True, text=True)
    if f"version {VERSION}" not in said.stdout + said.stderr:
        raise Missing(f"the prometheus installed is not {VERSION}")
    return shutil.which("prometheus")


def configuration(kit, url, mode):
    text = CONFIGURATION.replace("RULES", str(kit.write("rules.yml", RULES))).replace("PAGE", kit.page).replace("URL", url)
    return text.replace("500ms", "500ms, retry_on_http_429: true") if mode == "retry-on-429" else text


def start(kit, binary, url, mode):
    text = configuration(kit, url, mode)
    return kit.start([binary, f"--config.file={kit.write('prometheus.yml', text + MODES[mode])}",
                      f"--storage.tsdb.path={kit.folder}/tsdb", f"--web.listen-address={kit.listen()}",
                      "--enable-feature=exemplar-storage"])


def complaints(kit, mode):
    """What it counts as lost, and its errors."""
    lost = kit.metrics(r"prometheus_remote_storage_\w+_(failed|dropped|retried)_total\{")
    errors = [line for line in kit.log.read_text().splitlines() if re.search(r"(?i)level=error", line) and "remote_name" in line]
    return [f"{series} {value}" for series, value in lost.items()] + errors[:3]
