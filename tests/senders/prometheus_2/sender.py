"""Prometheus 2, the installed one, with rules, a dead target and a series that goes away."""

import shutil
import subprocess

from harness import STALE, Missing, free_port

VERSION = "2.42"
NEEDS = "prometheus (Debian 12: apt-get install prometheus)"
MODES = {
    "1.0": "",
    "metadata": "  metadata_config: {send_interval: 1s}\n",
    "exemplars": "  send_exemplars: true\n",
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


def start(kit, binary, url, mode):
    text = CONFIGURATION.replace("RULES", str(kit.write("rules.yml", RULES))).replace("PAGE", kit.page).replace("URL", url)
    return kit.start([binary, f"--config.file={kit.write('prometheus.yml', text + MODES[mode])}",
                      f"--storage.tsdb.path={kit.folder}/tsdb", f"--web.listen-address=127.0.0.1:{free_port()}",
                      "--enable-feature=exemplar-storage"])
