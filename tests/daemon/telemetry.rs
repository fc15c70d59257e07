//! The metrics of a connector that has worked: sound to promtool, and in agreement with each other and with what happened.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use super::connector::{Connector, Scratch};
use super::remote::{WRITE_HEADERS, basic_auth, eq, now_ms, post, query, read, series, write, write_request};
use super::timestream::{Fault, Gate, Timestream};

const CALLS: &str = "timestream_connector_timestream_calls_total";
const REQUESTS: &str = "timestream_connector_http_requests_total";

fn assert_promtool_is_content(connector: &Connector) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(&connector.get("/metrics").body).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn calls_are_counted_by_what_became_of_them() {
    let never = Gate::default();
    let timestream = Timestream::start(move |_, number| match number {
        0 => Fault::Exception(429, "ThrottlingException"),
        1 => Fault::Gateway(502),
        3 => Fault::Rejecting(2),
        4 => Fault::Held(never.clone()),
        5 => Fault::Broken,
        6 => Fault::Exception(403, "AccessDeniedException"),
        _ => Fault::None,
    });
    let [database, table, url] = timestream.arguments();
    let connector =
        Connector::start(&[&database, &table, &url, "--write.call-timeout=2s", "--max-write-retries=5"], &[]);
    let authorization = basic_auth("AKIATEST", "hidden-key");
    let mut headers = WRITE_HEADERS.to_vec();
    headers.push(("Authorization", authorization.as_str()));
    let now = now_ms();
    let statuses: Vec<u16> = (0..4)
        .map(|number| {
            let both = ["a", "b"].map(|job| series(&[("__name__", "m"), ("job", job)], &[(1.0, now + number)]));
            post(&format!("http://{}/write", connector.address), &headers, &write_request(&both)).status
        })
        .collect();
    // Throttled, a gateway, and well; a rejection; a time-out, a broken connection and a refusal; well.
    assert_eq!(statuses, [204, 400, 503, 204]);
    connector.assert_conserved();

    let code = |code| connector.series(CALLS, &[("operation", "WriteRecords"), ("code", code)]);
    for (name, count) in [
        ("OK", 2.0),
        ("ThrottlingException", 1.0),
        ("RejectedRecordsException", 1.0),
        ("Timeout", 1.0),
        ("ConnectionError", 1.0),
        ("AccessDeniedException", 1.0),
        ("Other", 1.0),
    ] {
        assert_eq!(code(name), count, "{name}");
    }
    let calls = connector.series(CALLS, &[("operation", "WriteRecords")]);
    assert_eq!(calls, timestream.counts().0 as f64);
    assert_eq!(calls, connector.metric("timestream_connector_write_requests_total"));
    assert_eq!(calls, connector.metric("timestream_connector_write_duration_seconds_count"));
    assert_eq!(connector.metric("timestream_connector_write_retries_total"), 4.0);
    assert_eq!(connector.metric("timestream_connector_calls_in_flight"), 0.0);
    // What was gathered, without retries.
    assert_eq!(connector.metric("timestream_connector_call_records_count"), 4.0);
    assert_eq!(connector.metric("timestream_connector_call_records_sum"), 8.0);
    assert_eq!(connector.metric("timestream_connector_call_wait_seconds_count"), 4.0);

    let write = |code| connector.series(REQUESTS, &[("handler", "write"), ("code", code)]);
    assert_eq!((write("204"), write("400"), write("403"), write("503")), (2.0, 1.0, 0.0, 1.0));
    assert_promtool_is_content(&connector);
}

#[test]
fn an_idle_connector_and_a_busy_one_have_the_same_series() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let names = || {
        let text = connector.get("/metrics").text();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    let before = names();
    let now = now_ms();
    assert_eq!(write(&connector.address, &[series(&[("__name__", "m"), ("a", "b")], &[(1.0, now)])]).status, 204);
    assert_eq!(read(&connector.address, &[query(now, now, &[eq("__name__", "m")])])[0].len(), 1);
    assert_eq!(connector.get("/nowhere").status, 404);
    let more: Vec<_> = names().symmetric_difference(&before).cloned().collect();
    assert!(more.is_empty(), "{more:?}");

    let queries = connector.series(CALLS, &[("operation", "Query")]);
    assert_eq!(queries, connector.metric("timestream_connector_read_requests_total"));
    assert_eq!(queries, connector.series(CALLS, &[("operation", "Query"), ("code", "OK")]));
    assert_eq!(connector.series(REQUESTS, &[("handler", "read"), ("code", "200")]), 1.0);
    assert_eq!(connector.series(REQUESTS, &[("handler", "other"), ("code", "404")]), 1.0);
    let handled = |handler: &str| {
        let labels = [("handler", handler)];
        let requests = connector.series(REQUESTS, &labels);
        (requests, connector.series("timestream_connector_http_request_duration_seconds_count", &labels))
    };
    let (requests, durations) = handled("write");
    assert_eq!((requests, durations), (1.0, 1.0));
    // The request for the metrics itself.
    assert_eq!(connector.metric("timestream_connector_http_requests_in_flight"), 1.0);
    assert_eq!(connector.metric("timestream_connector_ready"), 1.0);
    assert_promtool_is_content(&connector);
}

#[test]
fn the_process_and_its_runtime_are_measured() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let metric = |name| connector.metric(name);
    let started = metric("process_start_time_seconds");
    assert!((started - now_ms() as f64 / 1000.0).abs() < 60.0, "{started}");
    let resident = metric("process_resident_memory_bytes") / 1e6;
    let measured = connector.memory_mb("VmRSS");
    assert!((resident / measured - 1.0).abs() < 0.2, "{resident} and {measured} MB");
    assert!(metric("process_virtual_memory_bytes") / 1e6 > resident);
    assert!(metric("process_cpu_seconds_total") > 0.0);
    let threads = std::fs::read_dir(format!("/proc/{}/task", connector.pid())).unwrap().count() as f64;
    assert!((metric("process_threads") - threads).abs() <= 2.0, "{threads}");
    let open = metric("process_open_fds");
    assert!(open > 5.0 && open < metric("process_max_fds"), "{open}");
    let cores = std::thread::available_parallelism().unwrap().get() as f64;
    assert_eq!(metric("tokio_workers"), cores);
    assert!(metric("tokio_alive_tasks") >= 1.0);
    assert!(metric("tokio_worker_busy_seconds_total") > 0.0);
}
