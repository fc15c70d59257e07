"""Sends once: send.py URL."""

import logging
import sys

from opentelemetry.exporter.prometheus_remote_write import PrometheusRemoteWriteMetricsExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

logging.basicConfig()
reader = PeriodicExportingMetricReader(PrometheusRemoteWriteMetricsExporter(sys.argv[1]), export_interval_millis=float("inf"))
resource = Resource({"service.name": "demo", "service.instance.id": "demo-1"})
provider = MeterProvider([reader], resource=resource)
meter = provider.get_meter("demo")
meter.create_counter("demo.requests", description="Requests served.").add(42, {"code": 200})
latency = meter.create_histogram("demo.latency", unit="s", explicit_bucket_boundaries_advisory=[0.0, 0.025, 1.0])
for seconds in (0.01, 0.02, 1.72):
    latency.record(seconds)
provider.force_flush()
