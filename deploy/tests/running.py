"""Starts the connector and a real Prometheus, on free ports, and ends them."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    """The status and body of an answer; 0 when there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited too long until {what}"
        time.sleep(0.2)


class Running:
    """A process with an HTTP address, ended with its block."""

    def __init__(self, folder, command, port):
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"{Path(command[0]).name}.log"
        self.command = command

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        try:
            wait_until(f"{self.command[0]} is ready", lambda: self.is_ready())
        except BaseException:
            self.__exit__()
            raise
        return self

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return get(f"{self.url}/-/ready")[0] == 200

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def connector(folder, *arguments):
    """The connector with the embedded Timestream. `CONNECTOR` may name another binary than cargo's."""
    built = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/timestream-prometheus-connector"
    binary = Path(os.environ.get("CONNECTOR", built))
    assert binary.exists(), f"there is no {binary}: cargo build"
    port = free_port()
    command = [str(binary), "--embedded", f"--embedded.data-dir={folder}/data", "--embedded.listen-address=127.0.0.1:0",
               f"--web.listen-address=127.0.0.1:{port}", *arguments]
    return Running(folder, command, port)


class Prometheus(Running):
    def __init__(self, folder, config, rules=()):
        assert shutil.which("prometheus"), "prometheus must be installed (Debian: apt-get install prometheus)"
        port = free_port()
        config = {**config, "rule_files": [str(file) for file in rules]}
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(config).replace("SELF", f"127.0.0.1:{port}"))
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                   f"--web.listen-address=127.0.0.1:{port}"]
        super().__init__(folder, command, port)

    def query(self, promql):
        """The series of an instant query."""
        status, body = get(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": promql}))
        assert status == 200, f"{promql}: {body}"
        return json.loads(body)["data"]["result"]
