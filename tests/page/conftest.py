"""A connector under --demo, and Chromium to look at its page."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

SHOTS = Path(os.environ["PAGE_SHOTS"])
# How long a test waits for anything, in seconds: far more than what works takes on a busy machine.
PATIENCE = 120


class Connector:
    """A connector on a free port."""

    def __init__(self, *arguments):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.environ["CONNECTOR"], "--web.listen-address=127.0.0.1:0", *arguments], stderr=self.log
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            self.log.seek(0)
            ready = re.search(r"write=(http://\S+)/write", self.log.read())
            if ready:
                self.url = ready.group(1)
                return
            assert time.monotonic() < deadline and self.process.poll() is None, "the connector does not start"
            time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def metric(self, name):
        lines = [line for line in self.get("/metrics").splitlines() if re.match(rf"{name}[ {{]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture(scope="session")
def demo():
    connector = Connector("--demo", "--embedded.listen-address=127.0.0.1:0")
    yield connector
    assert connector.stop() == 0


@pytest.fixture(scope="session")
def chromium():
    executable = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    assert executable, "chromium or google-chrome must be installed (Debian: apt-get install chromium)"
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        # A new, empty profile; each test gets a page with nothing kept.
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, headless=True, args=arguments
        )
        yield context
        context.close()


class Watched:
    """A page of which everything that must not happen is kept."""

    def __init__(self, page, url):
        self.page = page
        self.errors = []
        self.hosts = set()
        page.on("console", lambda message: self.note(message))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(re.match(r"\w+://[^/]*", request.url).group()))
        page.add_init_script(
            "window.violations = []; document.addEventListener('securitypolicyviolation',"
            " (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI))"
        )
        page.goto(url)
        self.url = url

    def note(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def assert_clean(self, expected_errors=()):
        errors = [error for error in self.errors if not any(text in error for text in expected_errors)]
        assert errors == []
        assert self.hosts == {self.url}
        assert self.page.evaluate("window.violations") == []


@pytest.fixture
def look(chromium):
    """Opens a page: look(url, width=…, height=…, color_scheme=…)."""
    pages = []

    def opened(url, width=1280, height=900, **settings):
        page = chromium.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(**settings)
        page.set_default_timeout(PATIENCE * 1000)
        pages.append(page)
        return Watched(page, url)

    yield opened
    for page in pages:
        page.close()
