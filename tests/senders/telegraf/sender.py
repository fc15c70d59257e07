"""Telegraf, which gathers from the page and writes through its HTTP output.

It is not built here: its module asks for 3,000 others. Into a folder of the PATH:

    go mod init telegraf; go get -tool github.com/influxdata/telegraf/cmd/telegraf@v1.37.2
    go build -tags custom,inputs.http,parsers.prometheus,outputs.http,serializers.prometheusremotewrite \\
        github.com/influxdata/telegraf/cmd/telegraf
"""

VERSION = "1.37.2"
NEEDS = "a telegraf of this version"
MODES = {"1.0": None}
BODIES = {"telegraf": ("1.0", [b"demo_latency_seconds_bucket"])}
EXPECTED = {
    'demo_requests_total{code="200",env="test"}': 42,
    'demo_temperature_celsius{room="küche"}': 21.5,
    "histogram_quantile(0.5, demo_latency_seconds_bucket)": 0.025,
    "demo_duration_seconds_sum": 3,
}
CONFIGURATION = """
[global_tags]
  env = "test"
[agent]
  interval = "1s"
  flush_interval = "1s"
  omit_hostname = true
[[inputs.http]]
  urls = ["http://PAGE/metrics"]
  data_format = "prometheus"
  tagexclude = ["url"]
[[outputs.http]]
  url = "URL"
  data_format = "prometheusremotewrite"
  [outputs.http.headers]
    Content-Type = "application/x-protobuf"
    Content-Encoding = "snappy"
    X-Prometheus-Remote-Write-Version = "0.1.0"
"""


def install(kit):
    kit.needs("telegraf")
    return "telegraf"


def start(kit, binary, url, mode):
    config = kit.write("telegraf.conf", CONFIGURATION.replace("PAGE", kit.page).replace("URL", url))
    return kit.start([binary, "--config", config])
