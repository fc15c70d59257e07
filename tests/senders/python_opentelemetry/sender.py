"""The Prometheus remote write exporter of OpenTelemetry's Python SDK."""

VERSION = "0.66b1"
NEEDS = "Python 3.9"
MODES = {"1.0": None}
BODIES = {"python-opentelemetry": ("1.0", [])}
EXPECTED = {
    'demo_requests{code="200",service_name="demo"}': 42,
    # Its buckets have no suffix and are not cumulative, and the one of the bound 0 has no le.
    'demo_latency_s{le="0.025"}': 2,
    'demo_latency_s{le=""}': 0,
    "demo_latency_s_count": 3,
    "demo_latency_s_sum": 1.75,
}


def install(kit):
    return kit.venv()


def start(kit, python, url, mode):
    return kit.start([python, kit.here / "send.py", url])
