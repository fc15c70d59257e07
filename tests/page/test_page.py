"""The landing page as a person sees it: live, readable, by keyboard, in dark and light, on a phone."""

import struct
import time
import urllib.error
import urllib.request

import pytest
from conftest import PATIENCE, SHOTS, Connector

POINTS = "() => Math.min(...['samples', 'lost', 'latency', 'queue'].map((name) =>" \
    " Number(document.querySelector(`#chart-${name} path`)?.dataset.points ?? 0)))"


def until(page, condition, seconds=PATIENCE):
    """Waits until JavaScript is true. Playwright's own way evaluates strings in the page, which its policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"not in time: {condition}"
        time.sleep(0.05)


def number(page, name):
    return int(page.locator(f"#{name}").inner_text().replace(",", ""))


def is_dark(page):
    """Whether the ground is darker than the text."""
    ground, text = page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    return sum(map(int, ground[4:-1].split(","))) < sum(map(int, text[4:-1].split(",")))


def test_it_is_live_and_says_what_metrics_say(demo, look):
    watched = look(demo.url)
    page = watched.page
    assert page.locator("#ready").inner_text() == "Ready"
    assert "prometheus.metrics" in page.locator(".facts").inner_text()
    until(page, f"({POINTS})() >= 3")
    first = {name: number(page, name) for name in ("received", "written", "ignored")}
    assert all(first.values())
    until(page, f"document.getElementById('written').textContent.replaceAll(',', '') > {first['written']}")
    # Between two writes nothing changes, so at some moment page and /metrics are the same.
    names = ("received", "written", "ignored", "rejected", "failed")
    deadline = time.monotonic() + PATIENCE
    while True:
        metrics = [demo.metric(f"timestream_connector_{name}_samples_total") for name in names]
        shown = [number(page, name) for name in names]
        if shown == metrics:
            break
        assert time.monotonic() < deadline, f"{shown} are shown, and {metrics} are so"
        time.sleep(0.1)
    paths = page.locator("#chart-samples path").first.get_attribute("d")
    assert paths.startswith("M") and paths.count("L") >= 1
    assert "received" in page.locator("#chart-samples svg").get_attribute("aria-label")
    watched.assert_clean()


def test_reasons_have_an_example_and_warnings_show(demo, look):
    watched = look(demo.url)
    page = watched.page
    row = page.locator("#reasons tbody tr", has_text="nan")
    row.wait_for()
    assert 'rpc_duration_seconds{instance="node-a:9100"' in row.inner_text()
    assert "samples ignored" in page.locator("#warnings li").first.inner_text()
    watched.assert_clean()


def test_a_reload_shows_the_history_at_once(demo, look):
    page = look(demo.url).page
    until(page, f"({POINTS})() >= 4")
    page.reload()
    # There is a point each two seconds, so without the history four of them take longer.
    until(page, f"({POINTS})() >= 4", seconds=5)


def test_sql_gives_rows_a_chart_and_errors_by_keyboard_only(demo, look):
    watched = look(demo.url)
    page = watched.page
    order = []
    for _ in range(25):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        if order[-1] == "query":
            break
    assert order[:4] == ["Metrics", "Readiness", "Health", "Documentation"] and order[-1] == "query", order
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "where the focus is can be seen"

    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#rows table")
    assert page.locator("#query-status").inner_text().split(" in ")[0].endswith("rows")
    page.wait_for_selector("#chart-query path")
    assert page.locator("#chart-query path").count() >= 1
    assert page.locator("#chart-query .legend").inner_text().startswith("node_load")

    page.keyboard.press("Control+A")
    page.keyboard.type('SELECT nonsense FROM "prometheus"."metrics"')
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#query-status.error")
    assert "ValidationException: " in page.locator("#query-status").inner_text()
    assert page.locator("#rows").is_hidden() and page.locator("#chart-query").is_hidden()

    page.keyboard.press("Control+A")
    page.keyboard.type("SELECT 1 AS one, 'a' AS text, CAST(NULL AS varchar) AS nothing")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Run"
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows table")
    assert page.locator("#rows td").all_inner_texts() == ["1", "a", "null"]
    assert page.locator("#query-status").inner_text().startswith("1 row in ")
    watched.assert_clean(expected_errors=["400 (Bad Request)"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_and_light_wide_and_on_a_phone(demo, look, scheme):
    for name, width, height in (("desktop", 1280, 1600), ("phone", 390, 844)):
        watched = look(demo.url, width=width, height=height, color_scheme=scheme)
        page = watched.page
        until(page, f"({POINTS})() >= 4")
        page.locator("#query").focus()
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#rows table")
        assert is_dark(page) == (scheme == "dark")
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], f"scrolls sideways: {wide}"
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=True)
        watched.assert_clean()


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def write(url, labels, value, timestamp):
    """Remote write 1.0 of one sample, by hand: protobuf in one snappy literal."""
    pairs = b"".join(field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in labels)
    series = pairs + field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp))
    message = field(1, series)
    body = varint(len(message)) + b"\xf4" + struct.pack("<H", len(message) - 1) + message
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
    urllib.request.urlopen(urllib.request.Request(url + "/write", body, headers), timeout=PATIENCE)


def test_label_values_are_text(look):
    """Series are anybody's: what looks like HTML in them is shown, and does nothing."""
    connector = Connector("--demo", "--embedded.listen-address=127.0.0.1:0")
    try:
        evil = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
        now = int(time.time() * 1000)
        write(connector.url, [("__name__", "evil"), ("x", evil)], float("inf"), now)
        write(connector.url, [("__name__", "evil"), ("x", evil)], 1.0, now)
        with pytest.raises(urllib.error.HTTPError):
            write(connector.url, [("__name__", "evil"), ("x", evil)], 2.0, now)
        watched = look(connector.url)
        page = watched.page
        row = page.locator("#reasons tbody tr", has_text="duplicate")
        row.wait_for()
        assert "<script>window.hacked = 1</script><img" in row.inner_text()
        assert page.locator("#reasons tbody tr", has_text="<script>").count() == 2
        page.locator("#query").fill('SELECT x AS "<b>x</b>" FROM "prometheus"."metrics" WHERE x IS NOT NULL')
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#rows table")
        assert page.locator("#rows td").all_inner_texts() == [evil]
        assert page.locator("#rows th").all_inner_texts() == ["<b>x</b>"]
        assert page.evaluate("document.querySelectorAll('main script, main img, #rows b').length") == 0
        assert page.evaluate("window.hacked") is None
        watched.assert_clean()
    finally:
        connector.stop()


def test_it_shows_which_replica_of_a_pair_is_stored(look):
    connector = Connector("--demo", "--ha.enable", "--embedded.listen-address=127.0.0.1:0")
    try:
        watched = look(connector.url)
        page = watched.page
        until(page, f"({POINTS})() >= 1")
        assert page.locator("#pairs").is_hidden()
        for replica in ("first", "<b>second</b>"):
            labels = [("__name__", "m"), ("__replica__", replica), ("cluster", "<b>here</b>")]
            write(connector.url, labels, 1.0, int(time.time() * 1000))
        page.locator("#pairs").wait_for()
        assert page.locator("#elected td").all_inner_texts() == ["<b>here</b>", "first", "just now"]
        row = page.locator("#reasons tbody tr", has_text="ha_replica")
        row.wait_for()
        assert '__replica__="<b>second</b>"' in row.inner_text()
        watched.assert_clean()
    finally:
        connector.stop()


def test_it_says_when_the_connector_is_gone(look):
    connector = Connector("--demo", "--embedded.listen-address=127.0.0.1:0")
    watched = look(connector.url)
    until(watched.page, f"({POINTS})() >= 1")
    assert watched.page.locator("#stale").is_hidden()
    connector.stop()
    watched.page.wait_for_selector("#stale:not([hidden])")
    assert watched.page.locator("#stale").inner_text().startswith("No answer since ")
