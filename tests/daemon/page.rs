//! The page's endpoints. What a browser makes of them is in tests/page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::connector::{Connector, Scratch};
use super::remote::{self, Answer, now_ms, series, write};
use super::timestream::Timestream;
use super::waiting::{eventually, found};

fn live(connector: &Connector, since: u64) -> Value {
    let answer = connector.get(&format!("/api/v1/status/live?since={since}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["status"], "success");
    answer["data"].take()
}

fn ask(connector: &Connector, headers: &[(&str, &str)], sql: &str) -> Answer {
    let body = json!({ "query": sql }).to_string();
    remote::post(&format!("http://{}/api/v1/embedded/query", connector.address), headers, body.as_bytes())
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn the_page_and_its_files_come_from_the_binary_under_a_strict_policy() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/page.svg", "image/svg+xml"),
        ("/README.md", "text/plain; charset=utf-8"),
        ("/api/v1/status/live", "application/json"),
    ] {
        let answer = connector.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        let posted = remote::post(&format!("http://{}{path}", connector.address), &[], b"");
        assert_eq!(posted.status, 405, "{path}");
    }
    let page = connector.get("/").text();
    assert!(page.contains("Ready") && page.contains("<b>prometheus.metrics</b>"), "{page}");
    assert!(!page.contains('{'), "all is filled in: {page}");
    for bad in ["<script>", " style=", "href=\"http", "src=\"http", "=\"//"] {
        assert!(!page.contains(bad), "{bad} in {page}");
    }
}

#[test]
fn the_live_numbers_are_those_of_the_metrics_with_an_example_for_each_reason() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let evil = "<script>alert(1)</script>";
    let up = |value: f64| [series(&[("__name__", "up"), ("job", evil)], &[(value, now)])];
    assert_eq!(write(&connector.address, &up(1.0)).status, 204);
    assert_eq!(write(&connector.address, &up(2.0)).status, 400);
    assert_eq!(write(&connector.address, &up(f64::NAN)).status, 204);
    assert_eq!(connector.assert_conserved(), (3.0, 1.0));

    let shown = live(&connector, 0);
    for outcome in ["received", "written", "ignored", "rejected", "failed"] {
        let metric = connector.metric(&format!("timestream_connector_{outcome}_samples_total"));
        assert_eq!(shown[outcome].as_f64(), Some(metric), "{outcome}");
    }
    let reasons: Vec<_> = shown["reasons"].as_array().unwrap().iter().collect();
    let rows: Vec<_> = reasons.iter().map(|row| (&row["outcome"], &row["reason"], &row["samples"])).collect();
    assert_eq!(
        rows,
        [(&json!("rejected"), &json!("duplicate"), &json!(1)), (&json!("ignored"), &json!("nan"), &json!(1))]
    );
    for row in reasons {
        assert!(row["example"]["text"].as_str().unwrap().contains(evil), "as it is, for the page to escape: {row}");
    }
    let warning = &shown["warnings"][0];
    assert_eq!((&warning["level"], &warning["message"]), (&json!("warn"), &json!("samples ignored")), "{shown}");
    assert_eq!((&shown["waiting_for"], &shown["memory"], &shown["queue"]), (&json!([]), &json!(0), &json!(0)));

    // A point every two seconds, with the same totals once nothing changes any more.
    let last = found("a point with what was written", || {
        let shown = live(&connector, 0);
        let point = shown["points"].as_array().unwrap().last()?;
        (point["received"] == 3 && point["p50"].is_f64()).then(|| point["time"].as_u64().unwrap())
    });
    let newer = live(&connector, last)["points"].take();
    assert!(
        newer.as_array().unwrap().iter().all(|point| point["time"].as_u64() > Some(last)),
        "only what is new: {newer}"
    );
}

#[test]
fn sql_gives_rows_with_the_services_own_errors_and_within_limits() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let many: Vec<_> =
        (0..1500).map(|index| series(&[("__name__", "m"), ("i", &index.to_string())], &[(0.5, now)])).collect();
    assert_eq!(write(&connector.address, &many).status, 204);
    let rows = |sql: &str| {
        let answer = ask(&connector, &[JSON], sql);
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice::<Value>(&answer.body).unwrap()["data"].take()
    };
    let table = "\"prometheus\".\"metrics\"";
    let some = rows(&format!("SELECT measure_name, measure_value::double AS v, NULL AS n FROM {table} LIMIT 2"));
    assert_eq!(some["columns"][1], json!({"name": "v", "type": "DOUBLE"}));
    assert_eq!((&some["rows"][1], &some["truncated"]), (&json!(["m", "0.5", null]), &json!(false)));
    let sql = format!("SELECT create_time_series(time, measure_value::double) AS s FROM {table} WHERE i = '7'");
    let lists = rows(&sql);
    assert_eq!(lists["columns"][0]["type"], "TIMESERIES(DOUBLE)");
    assert_eq!(lists["rows"][0][0][0][1], "0.5", "{lists}");

    let all = rows(&format!("SELECT * FROM {table}"));
    assert_eq!((all["rows"].as_array().unwrap().len(), &all["truncated"]), (1000, &json!(true)));
    let long = rows(&format!("SELECT rpad(i, 10000, 'x') FROM {table}"));
    assert_eq!((long["rows"].as_array().unwrap().len(), &long["truncated"]), (104, &json!(true)), "1 MiB");
    let wrong = ask(&connector, &[JSON], "SELECT nothing FROM nowhere");
    assert_eq!((wrong.status, wrong.text().starts_with("ValidationException: ")), (400, true), "{}", wrong.text());
    for (body, status) in [("", 400), ("{}", 400), ("{\"query\": 1}", 400), ("{\"query\": \"\", \"x\": 1}", 400)] {
        let url = format!("http://{}/api/v1/embedded/query", connector.address);
        assert_eq!(remote::post(&url, &[JSON], body.as_bytes()).status, status, "{body}");
    }
    // Its length alone is too much, so the body is not waited for.
    let mut stream = TcpStream::connect(&connector.address).unwrap();
    let head = "POST /api/v1/embedded/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 300001\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"over the limit of a query from the page, 300000 bytes\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 413"));
    assert_eq!(connector.get("/api/v1/embedded/query").status, 405);
}

#[test]
fn a_page_of_another_site_can_not_query() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let own = format!("http://{}", connector.address);
    for (headers, status) in [
        (&[JSON][..], 200),
        (&[JSON, ("Origin", &own), ("Sec-Fetch-Site", "same-origin")], 200),
        (&[("Content-Type", "application/json; charset=utf-8")], 200),
        (&[], 415),
        (&[("Content-Type", "text/plain")], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded")], 415),
        (&[JSON, ("Origin", "http://evil.example")], 403),
        (&[JSON, ("Origin", "null")], 403),
        (&[JSON, ("Sec-Fetch-Site", "cross-site")], 403),
        (&[JSON, ("Origin", &own), ("Sec-Fetch-Site", "same-site")], 403),
    ] {
        assert_eq!(ask(&connector, headers, "SELECT 1").status, status, "{headers:?}");
    }
}

#[test]
fn on_aws_nobody_queries_from_the_page() {
    let endpoint = Timestream::slow(Duration::ZERO);
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let connector = Connector::start(
        &["--default-database=dat", "--default-table=tab", "--web.telemetry-path=/<b>\"m\"", &url],
        &[],
    );
    assert_eq!(ask(&connector, &[JSON], "SELECT 1").status, 404);
    let page = connector.get("/").text();
    assert!(page.contains("data-mode=\"aws\"") && page.contains("(us-east-1)"), "{page}");
    assert!(page.contains("/&lt;b>&quot;m&quot;"), "{page}");
    assert_eq!(endpoint.counts(), (0, 0));
}

#[test]
fn a_demo_writes_to_itself_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let temporary = scratch.path().display().to_string();
    let mut demo = Connector::start(&["--demo", "--embedded.listen-address=127.0.0.1:0"], &[("TMPDIR", &temporary)]);
    eventually("it writes", || demo.metric("timestream_connector_written_samples_total") >= 72.0);
    assert!(demo.samples("ignored", "nan") >= 12.0);
    assert_eq!(demo.metric("timestream_connector_failed_samples_total"), 0.0);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "its data is there");
    demo.terminate();
    assert!(demo.wait().success());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}
