"""What senders are run with: a page to scrape, a receiver, the connector's binary, and a Prometheus that reads."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE_SECONDS = 60


class Missing(Exception):
    """What a sender needs is not on this machine."""


def until(condition, what, seconds=PATIENCE_SECONDS):
    """Waits for a condition, and gives what it gives."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.1)
    return found


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Senders that are ended break connections off."""


@contextlib.contextmanager
def serving(handler):
    """A server on a free port of this machine; gives its address."""
    server = Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)


# The value of a sample that says that its series is gone.
STALE = (0x7FF0000000000002).to_bytes(8, "little")
METRICS = """\
# HELP demo_requests Requests served.
# TYPE demo_requests counter
demo_requests_total{code="200",method="get"} 42 EXEMPLAR
demo_requests_total{code="500",method="get"} 3
# HELP demo_temperature_celsius A gauge.
# TYPE demo_temperature_celsius gauge
demo_temperature_celsius{room="küche"} 21.5
demo_temperature_celsius{room="a \\"quoted\\" one",_private="x",time="noon"} -2
# HELP demo_latency_seconds A classic histogram.
# TYPE demo_latency_seconds histogram
demo_latency_seconds_bucket{le="0.025"} 3
demo_latency_seconds_bucket{le="1.0"} 5
demo_latency_seconds_bucket{le="+Inf"} 6
demo_latency_seconds_sum 2.75
demo_latency_seconds_count 6
# HELP demo_duration_seconds A summary.
# TYPE demo_duration_seconds summary
demo_duration_seconds{quantile="0.5"} NaN
demo_duration_seconds_sum 3
demo_duration_seconds_count 2
"""
FIRST_ONLY = "# TYPE demo_gone gauge\ndemo_gone 1\n"
UTF8 = '# TYPE "demo.utf8" gauge\n{"demo.utf8","a.b"="c"} 7\n'


def page():
    """What is to be scraped: always the same, but for a series that is there the first time only."""
    seen = []

    class Handler(Quiet):
        def do_GET(self):
            accepted = self.headers.get("Accept", "")
            open_metrics = "application/openmetrics-text" in accepted
            # The same exemplar again is no new one.
            text = METRICS.replace(" EXEMPLAR", f' # {{trace_id="{len(seen):04}"}} 1' if open_metrics else "")
            text += FIRST_ONLY if not seen else ""
            seen.append(True)
            kind = "text/plain; version=0.0.4"
            if open_metrics:
                kind = "application/openmetrics-text; version=1.0.0"
            else:
                text = text.replace("# HELP demo_requests ", "# HELP demo_requests_total ")
                text = text.replace("# TYPE demo_requests ", "# TYPE demo_requests_total ")
            if "escaping=allow-utf-8" in accepted:
                text, kind = text + UTF8, kind + "; escaping=allow-utf-8"
            self.answer(200, (text + "# EOF\n" * open_metrics).encode(), [("Content-Type", kind + "; charset=utf-8")])

    return serving(Handler)


class Request:
    def __init__(self, at, path, headers, body):
        self.at, self.path, self.headers, self.body = at, path, headers, body


def unpacked(body):
    """What a snappy block holds."""
    def number(at, width):
        return int.from_bytes(body[at:at + width], "little")

    at = next(index for index, byte in enumerate(body) if byte < 128) + 1
    out = bytearray()
    while at < len(body):
        tag, at = body[at], at + 1
        kind, size = tag & 3, tag >> 2
        if kind == 0:
            if size >= 60:
                size, at = number(at, size - 59), at + size - 59
            out += body[at:at + size + 1]
            at += size + 1
            continue
        if kind == 1:
            size, back, at = (size & 7) + 4, (tag >> 5) << 8 | body[at], at + 1
        else:
            width = 2 if kind == 2 else 4
            size, back, at = size + 1, number(at, width), at + width
        for _ in range(size):
            out.append(out[-back])
    return bytes(out)


class Receiver:
    """Keeps what it is sent, and answers as `answer(request)` says: a status and headers."""

    def __init__(self, answer=lambda request: (204, WRITTEN)):
        self.answer, self.requests, self.lock = answer, [], threading.Lock()

    def __enter__(self):
        receiver = self

        class Handler(Quiet):
            def do_POST(self):
                body = self.body()
                request = Request(time.monotonic(), self.path, self.headers, body)
                with receiver.lock:
                    receiver.requests.append(request)
                status, headers = receiver.answer(request)
                self.answer(status, b"" if status < 300 else b"the receiver says no\n", headers)

            def body(self):
                if length := self.headers.get("Content-Length"):
                    return self.rfile.read(int(length))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

        self.server = serving(Handler)
        self.url = f"http://{self.server.__enter__()}/write"
        return self

    def __exit__(self, *why):
        self.server.__exit__(*why)


# More than anybody sends, so that no sender thinks that something got lost.
WRITTEN = [(f"X-Prometheus-Remote-Write-{what}-Written", "1000000") for what in ("Samples", "Histograms", "Exemplars")]


class Kit:
    """What a sender is installed and started with."""

    def __init__(self, name, cache, folder, page):
        self.here = HERE / name
        self.cache = cache / name
        self.cache.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.address_of_page = page
        self.scrapes = False
        self.log = folder / f"{name}.log"

    @property
    def page(self):
        """The address of what is to be scraped."""
        self.scrapes = True
        return self.address_of_page

    def listen(self):
        """An address for a sender that listens, too."""
        self.address = f"127.0.0.1:{free_port()}"
        return self.address

    def metrics(self, pattern):
        """Those of the sender's own metrics that are not zero, by their names and labels."""
        lines = (line.rsplit(" ", 1) for line in get(f"http://{self.address}/metrics").splitlines() if re.match(pattern, line))
        return {series: float(value) for series, value in lines if float(value)}

    def needs(self, *programs):
        for program in programs:
            if not shutil.which(program):
                raise Missing(f"there is no {program}")

    def go(self, package="."):
        """Builds a package of the module that stands beside the sender; gives the binary."""
        self.needs("go")
        binary = self.cache / "sender"
        self.quietly(["go", "build", "-p", "1", "-o", binary, package])
        return binary

    def venv(self):
        """Installs requirements.txt; gives the Python."""
        wanted, venv = self.here / "requirements.txt", self.cache / "venv"
        have = venv / "requirements.txt"
        if not have.exists() or have.read_text() != wanted.read_text():
            self.quietly(["python3", "-m", "venv", "--clear", venv])
            self.quietly([venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted])
            shutil.copy(wanted, have)
        return venv / "bin/python"

    def npm(self):
        """Installs package-lock.json in the cache, which is what Node is to find modules in."""
        self.needs("node", "npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(self.here / name, self.cache)
        self.quietly(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=self.cache)

    def quietly(self, command, cwd=None):
        done = subprocess.run(command, cwd=cwd or self.here, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")

    def start(self, command, **environment):
        """Starts a sender; its output goes to the log."""
        with self.log.open("a") as log:
            return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=self.folder,
                                    env={**os.environ, **environment}, start_new_session=True)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def end(process):
    """Ends a process that was started here, gently first."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(url, data=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=20) as answer:
        return answer.read().decode()


class Connector:
    """The connector's binary with the embedded Timestream, its data in `folder`."""

    def __init__(self, binary, folder, *options):
        self.command = [binary, "--embedded", f"--embedded.data-dir={folder}/data", "--embedded.listen-address=127.0.0.1:0",
                        "--web.listen-address=127.0.0.1:0", "--log.level=debug", *options]
        self.log = folder / "connector.log"

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        ready = re.compile(r"Connector is ready.*://([^/ ]+)/write")
        self.address = until(lambda: ready.search(self.log.read_text()), "the connector is ready").group(1)
        return self

    def __exit__(self, *_):
        end(self.process)

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = get(f"http://{self.address}/metrics").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}(\{{| )", line))

    def answers(self):
        """How many write requests were answered with each status."""
        lines = get(f"http://{self.address}/metrics").splitlines()
        wanted = re.compile(r'timestream_connector_http_requests_total\{(?=.*handler="write").*code="(\w+)".*\} (.*)')
        found = (wanted.match(line) for line in lines)
        return {one[1]: int(float(one[2])) for one in found if one and float(one[2])}

    def outcomes(self, what="samples"):
        """How many samples, or native histograms, were received and what became of them."""
        names = ("received", "written", "ignored", "rejected", "failed")
        return {name: int(self.metric(f"timestream_connector_{name}_{what}_total")) for name in names}


def prometheus_3():
    """A Prometheus 3, or the reason why there is none."""
    if path := os.environ.get("PROMETHEUS3"):
        return path
    found = subprocess.run([ROOT / ".ci/prometheus3"], capture_output=True, text=True)
    if found.returncode:
        raise Missing(found.stderr.strip())
    return found.stdout.strip()


class Reader:
    """A Prometheus that has nothing of its own and reads from the connector."""

    def __init__(self, connector, folder):
        self.folder = folder / "reader"
        self.folder.mkdir()
        (self.folder / "prometheus.yml").write_text(f"remote_read: [{{url: 'http://{connector}/read', read_recent: true}}]\n")
        self.address = f"127.0.0.1:{free_port()}"

    def __enter__(self):
        command = [prometheus_3(), f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                   f"--web.listen-address={self.address}"]
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self.is_ready, "the reading Prometheus is ready")
        return self

    def __exit__(self, *_):
        end(self.process)

    def is_ready(self):
        try:
            return get(f"http://{self.address}/-/ready")
        except OSError:
            return False

    def values(self, promql):
        """The values of the series that a query finds."""
        answer = json.loads(get(f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": promql})))
        return [float(series["value"][1]) for series in answer["data"]["result"]]
