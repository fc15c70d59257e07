"""The Prometheus remote write exporter of the OpenTelemetry collector, with the settings of deploy/senders/otel-collector.yml."""

import re

from harness import ROOT

VERSION = "0.165.1"
NEEDS = "Go 1.26; its first build takes some minutes"
RW2 = "exporter.prometheusremotewritexporter.enableSendingRW2"
V2 = "protobuf_message: io.prometheus.write.v2.Request\n"
NHCB = "convert_explicit_histograms_to_nhcb: true\nkeep_classic_histograms: true\n"
# What is added to the configuration, and the feature gates.
MODES = {
    "1.0": ("", ""),
    "metadata": ("send_metadata: true\n", ""),
    "custom-buckets": (NHCB, ""),
    "2.0": (V2, RW2),
    "utf8-2.0": (V2 + "translation_strategy: NoTranslation\n", RW2),
    "custom-buckets-2.0": (V2 + NHCB, RW2),
    "retry-on-429": ("", "exporter.prometheusremotewritexporter.RetryOn429"),
    # As it comes, without the settings of the file.
    "defaults": ("", ""),
}
BODIES = {
    "otel-collector": ("1.0", [b"demo_latency_seconds_bucket"]),
    "otel-collector-metadata": ("metadata", [b"A counter."]),
    "otel-collector-custom-buckets": ("custom-buckets", [b"demo_latency_seconds_bucket"]),
    "otel-collector-v2": ("2.0", [b"demo_latency_seconds_bucket"]),
    "otel-collector-v2-utf8": ("utf8-2.0", [b"demo.latency"]),
    "otel-collector-v2-custom-buckets": ("custom-buckets-2.0", [b"demo_latency_seconds"]),
}
EXPECTED = {
    'demo_requests_total{job="demo",instance="demo-1",http_response_status_code="200"}': 42,
    'demo_temperature_celsius{room="küche"}': 21.5,
    # One spelling of the bound.
    'count(demo_latency_seconds_bucket{le=~"1e-07|0.0000001"})': 1,
    "histogram_quantile(0.5, demo_latency_seconds_bucket)": 0.025,
    "demo_size_bytes_count": 4,
    "demo_duration_seconds_sum": 3,
    # It drops what is not cumulative.
    "count(demo_delta_total)": None,
    'target_info{job="demo",deployment_environment_name="test"}': 1,
}
EXPECTED_UTF8 = {
    '{"demo.requests","http.response.status_code"="200"}': 42,
    '{"demo.temperature",room="küche"}': 21.5,
}


def install(kit):
    return kit.go()


def expected(mode):
    return EXPECTED_UTF8 if mode == "utf8-2.0" else EXPECTED


def start(kit, binary, url, mode):
    more, gates = MODES[mode]
    config = kit.write("exporter.yml", ("" if mode == "defaults" else settings()) + f"http: {{endpoint: '{url}'}}\n" + more)
    return kit.start([binary, f"-config={config}", f"-gates={gates}"])


def settings():
    """The exporter's section of the file, without where to send and how to sign."""
    text = (ROOT / "deploy/senders/otel-collector.yml").read_text()
    section = re.search(r"\n  prometheus_?remote_?write:\n((?:    .*\n)+)", text).group(1)
    section = re.sub(r"(?m)^    ", "", section)
    return re.sub(r"(?m)^(http|auth|endpoint):.*\n(  .*\n)*", "", section)
