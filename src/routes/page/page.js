"use strict";
// Whatever comes from the server goes into the page as text, never as HTML: label values are anybody's.

const WINDOW_MS = 5 * 60 * 1000;
const YOUNG_MS = 60 * 1000;
const POLL_MS = 2000;
const RATE_POINTS = 5;
const GIVE_UP_MS = 15000;
const MAX_LINES = 8;
const NUMBERS = new Set(["DOUBLE", "BIGINT", "INTEGER"]);

const $ = (id) => document.getElementById(id);
const exact = (number) => number.toLocaleString("en-US");

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text; // so that nothing is read out twice
}

// --- numbers -----------------------------------------------------------------------------------------------------

function short(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return "–";
  const size = Math.abs(number);
  if (size >= 1e9) return (number / 1e9).toPrecision(3) + "G";
  if (size >= 1e6) return (number / 1e6).toPrecision(3) + "M";
  if (size >= 1e4) return (number / 1e3).toPrecision(3) + "k";
  if (size >= 100 || Number.isInteger(number)) return exact(Math.round(number));
  return String(Number(number.toPrecision(3)));
}

function seconds(number) {
  if (number === null || number === undefined) return "–";
  return number < 1 ? `${Number((number * 1000).toPrecision(3))} ms` : `${Number(number.toPrecision(3))} s`;
}

function bytes(number) {
  if (number >= 2 ** 20) return `${Number((number / 2 ** 20).toPrecision(3))} MiB`;
  return number >= 1024 ? `${Math.round(number / 1024)} KiB` : `${number} B`;
}

function duration(ms) {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

// --- charts ------------------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}

/** A number at or above `value` of which a third is easy to read. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1.2, 1.5, 3, 6, 9, 12].find((step) => step * power >= value) * power;
}

/** Lines over time in a figure. `show` formats a value. */
class Chart {
  constructor(figure, show) {
    Object.assign(this, { figure, show, lines: [], from: 0, to: 1, cursor: null });
    this.legend = figure.appendChild(element("div", undefined, "legend"));
    this.area = svg("svg", { role: "img", height: 150 }, figure);
    new ResizeObserver(() => this.draw()).observe(figure);
    this.area.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.area.addEventListener("pointerleave", () => this.point(null));
  }

  /** `lines`: [{name, points: [[ms, value or null]], color}] between two times; each has a color of its own if none is said. */
  set(lines, from, to) {
    Object.assign(this, { lines, from, to });
    this.draw();
  }

  point(x) {
    this.cursor = x;
    this.draw();
  }

  draw() {
    const width = this.figure.clientWidth;
    if (!width) return;
    const [left, right, top, bottom, height] = [46, 4, 10, 20, 150];
    const values = this.lines.flatMap((line) => line.points.map((point) => point[1])).filter((value) => value !== null);
    const least = Math.min(0, ...values);
    const most = Math.max(...values, least);
    const high = most > 0 ? roundUp(most) : least < 0 ? 0 : 3;
    const low = least < 0 ? -roundUp(-least) : 0;
    const x = (ms) => left + ((ms - this.from) / (this.to - this.from || 1)) * (width - left - right);
    const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
    this.area.replaceChildren();
    this.area.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (let step = 0; step <= 3; step++) {
      const value = low + ((high - low) * step) / 3;
      svg("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }, this.area);
      svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, this.area).textContent = this.show(value);
    }
    const ticks = width < 420 ? 2 : 4;
    for (let tick = 0; tick <= ticks; tick++) {
      const ms = this.from + ((this.to - this.from) * tick) / ticks;
      const anchor = tick === 0 ? "start" : tick === ticks ? "end" : "middle";
      svg("text", { x: x(ms), y: height - 4, "text-anchor": anchor }, this.area).textContent = clock(ms);
    }
    this.lines.forEach((line, index) => {
      let path = "";
      let down = false;
      for (const [ms, value] of line.points) {
        if (value !== null) path += `${down ? "L" : "M"}${x(ms).toFixed(1)} ${y(value).toFixed(1)}`;
        down = value !== null;
      }
      svg("path", { class: `s${line.color ?? index}`, d: path || "M0 0", "data-points": line.points.length }, this.area);
    });
    let at = null;
    if (this.cursor !== null && this.cursor >= left) {
      at = this.from + ((this.cursor - left) / (width - left - right)) * (this.to - this.from);
      svg("line", { class: "cursor", x1: this.cursor, x2: this.cursor, y1: top, y2: height - bottom }, this.area);
    }
    this.tell(at);
  }

  /** The values at a time, or the last ones, beside the names. */
  tell(at) {
    const shown = this.lines.map((line, index) => {
      const near = at === null ? line.points.at(-1) : line.points.reduce(
        (best, point) => (!best || Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best), null);
      const item = element("span");
      item.append(element("i", undefined, `s${line.color ?? index}`), `${line.name} `, element("b", this.show(near ? near[1] : null)));
      return item;
    });
    if (at !== null) shown.push(element("span", clock(at)));
    this.legend.replaceChildren(...shown);
    const title = this.figure.querySelector("figcaption").textContent;
    this.area.setAttribute("aria-label", `${title}: ${shown.map((item) => item.textContent).join(", ")}`);
  }
}

// --- the last five minutes ---------------------------------------------------------------------------------------

const charts = {
  samples: new Chart($("chart-samples"), short),
  lost: new Chart($("chart-lost"), short),
  latency: new Chart($("chart-latency"), seconds),
  queue: new Chart($("chart-queue"), short),
};
let points = [];

/** How fast a total grew up to each point but the first, over ten seconds: Prometheus sends in bursts. */
function rate(name) {
  return points.slice(1).map((point, index) => {
    const before = points[Math.max(0, index + 1 - RATE_POINTS)];
    return [point.time, (Math.max(0, point[name] - before[name]) * 1000) / (point.time - before.time)];
  });
}

const line = (name, key) => ({ name, points: points.map((point) => [point.time, point[key]]) });

function drawHistory(now) {
  points = points.filter((point) => point.time >= now - WINDOW_MS);
  // A connector that has just started fills its charts sooner.
  const from = Math.min(now - YOUNG_MS, Math.max(now - WINDOW_MS, points[0]?.time ?? 0));
  charts.samples.set([{ name: "received", points: rate("received") }, { name: "written", points: rate("written") }], from, now);
  charts.lost.set([
    { name: "ignored", points: rate("ignored"), color: 7 },
    { name: "rejected", points: rate("rejected"), color: 3 },
    { name: "failed", points: rate("failed"), color: 2 },
  ], from, now);
  charts.latency.set([line("p50", "p50"), line("p99", "p99")], from, now);
  charts.queue.set([line("waiting", "queue")], from, now);
}

// --- the state now -----------------------------------------------------------------------------------------------

function showReadiness(reasons) {
  $("ready").className = reasons.length ? "waiting" : "ready";
  setText($("ready"), reasons.length ? `Not ready: ${reasons.join(", ")}` : "Ready");
}

function showReasons(reasons) {
  const rows = reasons.map(({ outcome, reason, samples, example }) => {
    const row = element("tr");
    row.append(element("td", outcome), element("td", reason), element("td", exact(samples), "number"));
    row.append(element("td", example ? `${example.text}  (${clock(example.time)})` : "", "code"));
    return row;
  });
  if (rows.length) $("reasons").tBodies[0].replaceChildren(...rows);
}

function showElected(elected) {
  const rows = elected.map(({ cluster, replica, silent_seconds }) => {
    const row = element("tr");
    const silent = silent_seconds < 60 ? "just now" : `${duration(silent_seconds * 1000)} ago`;
    row.append(element("td", cluster, "code"), element("td", replica, "code"), element("td", silent, "number"));
    return row;
  });
  $("pairs").hidden = !rows.length;
  $("elected").tBodies[0].replaceChildren(...rows);
}

function showWarnings(warnings) {
  const items = warnings.map(({ time, level, message, fields }) => {
    const item = element("li");
    item.append(element("time", clock(time)), element("span", message, level));
    item.append(element("span", fields.map(([name, value]) => `${name}=${value}`).join(" "), "fields"));
    return item;
  });
  if (items.length) $("warnings").replaceChildren(...items);
}

let lastShown = "";
let lastAnswer = Date.now();

function show(data) {
  showReadiness(data.waiting_for);
  setText($("uptime"), `, up ${duration(data.time - data.started)}`);
  for (const name of ["received", "written", "ignored", "rejected", "failed"]) setText($(name), exact(data[name]));
  for (const name of ["rejected", "failed"]) $(name).className = data[name] ? "some" : "";
  setText($("memory"), bytes(data.memory));
  $("memory").title = `of ${bytes(data.memory_limit)} that write requests may hold`;
  // A table that is read or marked is left alone until something changes.
  const elected = data.elected.map((one) => ({ ...one, silent_seconds: Math.floor(one.silent_seconds / 60) * 60 }));
  const tables = JSON.stringify([data.reasons, elected, data.warnings]);
  if (tables !== lastShown) {
    showReasons(data.reasons);
    showElected(elected);
    showWarnings(data.warnings);
    lastShown = tables;
  }
  points.push(...data.points);
  drawHistory(data.time);
}

async function poll() {
  if (!document.hidden) {
    const since = points.length ? points.at(-1).time : 0;
    try {
      const answer = await fetch(`api/v1/status/live?since=${since}`, { signal: AbortSignal.timeout(GIVE_UP_MS) });
      if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.text()).trim()}`);
      const { data } = await answer.json();
      if (data.started !== show.started) points = points.filter(() => show.started === undefined);
      show.started = data.started;
      show(data);
      lastAnswer = Date.now();
      $("stale").hidden = true;
    } catch (error) {
      setText($("stale"), `No answer since ${clock(lastAnswer)}: ${error.message}. What is below is as it was then.`);
      $("stale").hidden = false;
    }
  }
  setTimeout(poll, POLL_MS);
}

// --- the query box -----------------------------------------------------------------------------------------------

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;
const table = `${quoted(document.body.dataset.database)}.${quoted(document.body.dataset.table)}`;
const examples = {
  latest: `SELECT * FROM ${table}\nWHERE time > ago(5m)\nORDER BY time DESC LIMIT 20`,
  chart: `SELECT bin(time, 5s) AS time, measure_name, avg(measure_value::double) AS value\nFROM ${table}\n`
    + `WHERE time > ago(5m) AND measure_name LIKE '%load%'\nGROUP BY bin(time, 5s), measure_name ORDER BY time`,
  metrics: `SELECT measure_name, count(*) AS samples, max(time) AS latest\nFROM ${table}\n`
    + `WHERE time > ago(1h)\nGROUP BY measure_name ORDER BY samples DESC`,
  columns: `DESCRIBE ${table}`,
};

function queryStatus(text, isError) {
  $("query-status").className = isError ? "error" : "";
  setText($("query-status"), text);
}

function cell(value, type) {
  if (value === null) return element("td", "null", "null");
  return element("td", typeof value === "string" ? value : JSON.stringify(value), NUMBERS.has(type) ? "number" : "");
}

function showRows({ columns, rows }) {
  const head = element("tr");
  for (const { name, type } of columns) {
    const title = element("th", name, NUMBERS.has(type) ? "number" : "");
    title.scope = "col";
    title.title = type;
    head.append(title);
  }
  const made = element("table");
  made.createTHead().append(head);
  const body = made.createTBody();
  for (const row of rows) {
    const line = element("tr");
    line.append(...row.map((value, index) => cell(value, columns[index].type)));
    body.append(line);
  }
  $("rows").replaceChildren(made);
  $("rows").hidden = false;
}

/** Timestream's timestamps are UTC: `2026-11-24 13:00:00.000000000`. */
const milliseconds = (text) => Date.parse(`${text.replace(" ", "T").slice(0, 23)}Z`);

/** A line per combination of the text columns, where there are a time and a number. */
function linesOf({ columns, rows }) {
  const time = columns.findIndex(({ type }) => type === "TIMESTAMP");
  const number = columns.findIndex(({ name, type }) => type === "DOUBLE" && name !== "time");
  const value = number >= 0 ? number : columns.findIndex(({ type }) => NUMBERS.has(type));
  if (time < 0 || value < 0) return null;
  const texts = columns.flatMap(({ type }, index) => (type === "VARCHAR" ? [index] : []));
  const lines = new Map();
  for (const row of rows) {
    if (row[time] === null || row[value] === null) continue;
    const name = texts.map((index) => row[index]).filter((text) => text !== null).join(" ") || columns[value].name;
    if (!lines.has(name)) lines.set(name, []);
    lines.get(name).push([milliseconds(row[time]), Number(row[value])]);
  }
  const all = [...lines].map(([name, points]) => ({ name, points: points.sort((a, b) => a[0] - b[0]) }));
  return { name: columns[value].name, lines: all.filter(({ points }) => points.length > 1) };
}

let queryChart = null;

function showChart(data) {
  const found = linesOf(data);
  const figure = $("chart-query");
  figure.hidden = !found || !found.lines.length;
  if (figure.hidden) return;
  const drawn = found.lines.slice(0, MAX_LINES);
  const rest = found.lines.length > drawn.length ? `, ${drawn.length} of ${found.lines.length} series` : "";
  figure.querySelector("figcaption").textContent = `${found.name} over time${rest}`;
  queryChart ??= new Chart(figure, short);
  const times = drawn.flatMap(({ points }) => points.map((point) => point[0]));
  queryChart.set(drawn, Math.min(...times), Math.max(...times));
}

async function runQuery() {
  const run = document.querySelector("#sql button[type=submit]");
  if (run.disabled) return;
  run.disabled = true;
  queryStatus("Running …");
  try {
    const answer = await fetch("api/v1/embedded/query", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: $("query").value }),
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const { data } = await answer.json();
    const count = data.rows.length === 1 ? "1 row" : `${exact(data.rows.length)} rows`;
    queryStatus(`${data.truncated ? "The first " : ""}${count} in ${seconds(data.seconds)}`);
    showRows(data);
    showChart(data);
  } catch (error) {
    queryStatus(error.message, true);
    $("rows").hidden = true;
    $("chart-query").hidden = true;
  }
  run.disabled = false;
}

if (document.body.dataset.mode === "embedded") {
  $("query").value = examples.chart;
  document.querySelector("#sql form").addEventListener("submit", (event) => {
    event.preventDefault();
    runQuery();
  });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      runQuery();
    }
  });
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => {
      $("query").value = examples[button.dataset.example];
      runQuery();
    });
  }
}

// --- how to send -------------------------------------------------------------------------------------------------

function snippet() {
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  const keys = "    basic_auth:\n      username: AKIAEXAMPLE\n      password_file: /etc/prometheus/aws-secret-key\n";
  const auth = document.body.dataset.keys === "callers" ? keys : "";
  return `remote_write:\n  - url: ${base}/write\n${auth}remote_read:\n  - url: ${base}/read\n    read_recent: true\n${auth}`;
}

$("snippet").textContent = snippet();
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    setText($("copied"), "Copied.");
  } catch {
    // Without HTTPS a browser lets no script copy.
    getSelection().selectAllChildren($("snippet"));
    setText($("copied"), "Marked: press Ctrl+C.");
  }
  setTimeout(() => setText($("copied"), ""), 4000);
});

document.addEventListener("visibilitychange", () => document.hidden || drawHistory(Date.now()));
poll();
