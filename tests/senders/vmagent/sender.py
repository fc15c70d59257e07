"""vmagent, which offers zstd first and falls back to snappy after a 415."""

from prometheus_2.sender import CONFIGURATION

VERSION = "1.151.0"
NEEDS = "Go 1.26.6; its first build takes some minutes"
# Its flags beside those that all modes have.
MODES = {
    "zstd": [],
    "snappy": ["-remoteWrite.forcePromProto=true"],
    "without-metadata": ["-enableMetadata=false"],
}
BODIES = {
    "vmagent-zstd": ("zstd", []),
    "vmagent-metadata": ("snappy", [b"Requests served."], b"scrape_duration_seconds"),
}
# The same content once more, after a 415.
TWINS = {"vmagent-zstd": "vmagent-snappy"}
EXPECTED = {
    'up{job="dead"}': 0,
    'up{job="demo",instance="demo:9100"}': 1,
    'demo_requests_total{code="200",env="test"}': 42,
    'demo_temperature_celsius{room="küche"}': 21.5,
    'demo_temperature_celsius{room="a \\"quoted\\" one",_private="x",time="noon"}': -2,
    "histogram_quantile(0.5, demo_latency_seconds_bucket)": 0.025,
    "demo_duration_seconds_sum": 3,
    "max_over_time(demo_gone[5m])": 1,
}


def install(kit):
    return kit.go("github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent")


def start(kit, binary, url, mode):
    text = CONFIGURATION.replace("rule_files: [RULES]\n", "").replace("PAGE", kit.page).split("remote_write:")[0]
    return kit.start([binary, f"-promscrape.config={kit.write('scrape.yml', text)}", f"-remoteWrite.url={url}",
                      f"-remoteWrite.tmpDataPath={kit.folder}/queue", "-remoteWrite.flushInterval=500ms",
                      f"-httpListenAddr={kit.listen()}", *MODES[mode]])


def complaints(kit, mode):
    """What it counts as lost."""
    lost = kit.metrics(r"vmagent_remotewrite_(packets_dropped|samples_dropped|retries_count|errors)_total")
    return [f"{series} {value}" for series, value in lost.items()]
