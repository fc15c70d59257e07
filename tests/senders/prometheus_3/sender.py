"""Prometheus 3, which also sends 2.0, native histograms and names that are any text."""

import subprocess

from harness import STALE, Missing, prometheus_3
import prometheus_2.sender as of_2

VERSION = "3"
NEEDS = "what .ci/prometheus3 finds, or PROMETHEUS3"
V2 = "  protobuf_message: io.prometheus.write.v2.Request\n"
# The classic histogram of the page becomes one with custom buckets; the classic one is kept.
BOTH = "  convert_classic_histograms_to_nhcb: true\n  always_scrape_classic_histograms: true\n"
MODES = {
    "1.0": "",
    "2.0": V2,
    "histograms-1.0": "  send_native_histograms: true\n",
    "histograms-2.0": V2 + "  send_native_histograms: true\n",
    "exemplars-2.0": V2 + "  send_exemplars: true\n",
    "retry-on-429": V2,
}
BODIES = {
    "prometheus-3": ("1.0", [b"job:demo_requests:sum", b"demo_latency_seconds_bucket", b"demo.utf8"]),
    "prometheus-3-v2": ("2.0", [b"job:demo_requests:sum", b"demo_latency_seconds_bucket", b"demo.utf8"]),
    "prometheus-3-v2-stale": ("2.0", [b"demo_gone", STALE]),
    "prometheus-3-v2-exemplars": ("exemplars-2.0", [b"trace_id", b"demo_latency_seconds_bucket"]),
    "prometheus-3-histograms": ("histograms-1.0", [b"demo_latency_seconds"]),
    "prometheus-3-v2-histograms": ("histograms-2.0", [b"demo_latency_seconds"]),
}
# It leaves the bounds of custom buckets out of 1.0, so that these can't be stored. The samples are.
REFUSED = {"histograms-1.0": "400"}
EXPECTED = {**of_2.EXPECTED, '{"demo.utf8","a.b"="c"}': 7}


def install(kit):
    binary = prometheus_3()
    said = subprocess.run([binary, "--version"], capture_output=True, text=True)
    if f"version {VERSION}." not in said.stdout + said.stderr:
        raise Missing(f"{binary} is not {VERSION}")
    return binary


def start(kit, binary, url, mode):
    text = of_2.configuration(kit, url, mode)
    features = "exemplar-storage,metadata-wal-records,native-histograms"
    if "histograms" not in mode:
        # It refuses both at once.
        features += ",created-timestamp-zero-ingestion"
    else:
        text = text.replace("- job_name: demo\n", "- job_name: demo\n" + BOTH)
    return kit.start([binary, f"--config.file={kit.write('prometheus.yml', text + MODES[mode])}",
                      f"--storage.tsdb.path={kit.folder}/tsdb", f"--web.listen-address={kit.listen()}",
                      f"--enable-feature={features}"])


def complaints(kit, mode):
    return [] if mode in REFUSED else of_2.complaints(kit, mode)
