//! The connector against Prometheus' own storage: the same bytes are written to both, and both are asked the same.
//!
//! A real Prometheus stores through its remote write receiver and answers remote read itself, in both forms. Another has
//! no data but what it reads from the connector, and must answer PromQL as the first does.

use std::path::Path;

use timestream_prometheus_connector::proto;
use timestream_prometheus_connector::proto::label_matcher::Type;

use super::cases::{Dialect, Random, Series, without_empty_labels};
use super::chunks::{post_read, read_chunks, series_of};
use super::connector::{Connector, Scratch};
use super::prometheus_server::{INSTALLED, Prometheus, prometheus3, reading_from};
use super::remote::{self, WRITE_HEADERS, now_ms, post, write_request};

/// Random selectors, in both forms of answer.
const SELECTORS: usize = 1000;
/// Of them in PromQL through the second Prometheus.
const PROMQL: usize = 300;

#[test]
fn prometheus_2_answers_the_same() {
    compare(Path::new(INSTALLED), Dialect::Prometheus2);
}

#[test]
fn prometheus_3_answers_the_same() {
    if let Some(binary) = prometheus3() {
        compare(&binary, Dialect::Prometheus3);
    }
}

fn compare(binary: &Path, dialect: Dialect) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let storage = Prometheus::start_binary(
        binary,
        scratch.path(),
        "storage",
        "",
        &["--web.enable-remote-write-receiver", "--log.level=warn"],
    );
    let config = reading_from(&format!("http://{}/read", connector.address), "");
    let reader = Prometheus::start_binary(binary, scratch.path(), "reader", &config, &[]);

    let first = dialect.first_ms(now_ms());
    let mut series = dialect.series(&mut random, 150, first, 60);
    // One that spans pages of Timestream.
    series[7].1 = (0..3000).map(|index| (index as f64, first + index * 500)).collect();
    let last = series.iter().flat_map(|(_, samples)| samples).map(|(_, time)| *time).max().unwrap();
    write_to_both(&connector, &storage, &series);
    let stored = without_empty_labels(&series);
    let samples: usize = series.iter().map(|(_, samples)| samples.len()).sum();
    println!("{} series, {samples} samples", series.len());

    let urls = [format!("http://{}/api/v1/read", storage.address), format!("http://{}/read", connector.address)];
    let everything = remote::query(0, last, &[remote::matcher(Type::Neq, "__name__", "")]);
    assert_eq!(own_series(&urls[0], &everything).len(), stored.len(), "Prometheus has stored everything");
    let mut found = 0;
    for case in 0..SELECTORS {
        if case == SELECTORS / 2 {
            write_another_type(&connector.timestream, last);
        }
        let mut query = dialect.query(&mut random, (first, last));
        if random.one_in(4) {
            query.hints = Some(narrower(&query, &mut random));
        }
        let own = own_series(&urls[0], &query);
        found += usize::from(!own.is_empty());
        let context = || format!("case {case} of seed {seed}: {query:?}");
        let asked = std::slice::from_ref(&query);
        assert_eq!(read_chunks(&urls[1], asked).remove(0), own, "chunks, {}", context());
        assert_eq!(remote::read(&connector.address, asked).remove(0), own, "samples, {}", context());
        if random.one_in(3) {
            let labels: Vec<Series> = own.into_iter().map(|(labels, _)| (labels, Vec::new())).collect();
            let (start_ms, end_ms) = bounds(&query);
            let func = "series".to_owned();
            query.hints = Some(proto::ReadHints { start_ms, end_ms, func, ..Default::default() });
            let asked = std::slice::from_ref(&query);
            assert_eq!(read_chunks(&urls[1], asked).remove(0), labels, "labels as chunks, case {case} of seed {seed}");
            assert_eq!(remote::read(&connector.address, asked).remove(0), labels, "labels, case {case} of seed {seed}");
        }
    }
    println!("{SELECTORS} selectors, {found} of them find something");
    let read_by_rows = connector.metric("timestream_connector_read_skipped_rows_total");
    assert!(read_by_rows > 0.0, "the second half was read row by row");
    assert!(found > SELECTORS / 4, "{found}");

    let mut compared = 0;
    while compared < PROMQL {
        let query = dialect.query(&mut random, (first, last));
        let Some(selector) = promql(&query.matchers) else { continue };
        let range = random.below(3_000_000) + 1000;
        let expression = format!("{selector}[{range}ms]");
        let at = query.end_timestamp_ms.min(last) as f64 / 1000.0;
        let (own, read) = (storage.query(&expression, at), reader.query(&expression, at));
        assert_eq!(own, read, "{expression} at {at}, seed {seed}");
        compared += usize::from(own.as_array().is_some_and(|series| !series.is_empty()));
    }
    println!("{compared} PromQL selectors with answers");
    let metrics = reader.get("/metrics").text();
    let reads = metrics.lines().filter(|line| line.contains("remote_read") || line.contains("remote_storage_read"));
    let reads: Vec<&str> = reads.filter(|line| line.contains("queries_total{")).collect();
    println!("{reads:?}");
    let chunked = reads.iter().any(|line| line.contains("response_type=\"chunked\""));
    assert_eq!(chunked, dialect == Dialect::Prometheus3, "{reads:?}");
    connector.assert_conserved();
}

/// Writes a record that is no sample. A table with such records is read row by row.
fn write_another_type(timestream: &str, time: i64) {
    let record = serde_json::json!({
        "MeasureName": "up", "MeasureValue": "text", "MeasureValueType": "VARCHAR",
        "Dimensions": [{"Name": "job", "Value": "a"}], "Time": time.to_string(), "TimeUnit": "MILLISECONDS",
    });
    remote::write_records(timestream, &[record]);
}

/// Sends the same bytes to both, in the order of time, which a storage wants.
pub fn write_to_both(connector: &Connector, storage: &Prometheus, series: &[Series]) {
    let urls = [format!("http://{}/api/v1/write", storage.address), format!("http://{}/write", connector.address)];
    let mut times: Vec<i64> = series.iter().flat_map(|(_, samples)| samples).map(|(_, time)| *time).collect();
    times.sort_unstable();
    times.dedup();
    for window in times.chunks(500) {
        let within = window[0]..=window[window.len() - 1];
        let part: Vec<Series> = series
            .iter()
            .map(|(labels, samples)| {
                (labels.clone(), samples.iter().filter(|(_, time)| within.contains(time)).copied().collect())
            })
            .filter(|(_, samples): &Series| !samples.is_empty())
            .collect();
        let body = write_request(&part);
        for url in &urls {
            let answer = post(url, WRITE_HEADERS, &body);
            assert!(matches!(answer.status, 200 | 204), "{url}: {}", answer.text());
        }
    }
}

/// What Prometheus' storage answers in both forms, which must agree. Its chunks may reach beyond the bounds, and it names
/// series that have no sample within them.
fn own_series(url: &str, query: &proto::Query) -> Vec<Series> {
    let asked = std::slice::from_ref(query);
    let answer = post_read(url, asked);
    assert_eq!(answer.status, 200, "{}: {query:?}", answer.text());
    let (start, end) = bounds(query);
    let mut series = series_of(&answer.body, 1, |_, _, _| {}).remove(0);
    for (_, samples) in &mut series {
        samples.retain(|(_, time)| (start..=end).contains(time));
    }
    series.retain(|(_, samples)| !samples.is_empty());
    let mut samples = remote::read_url(url, asked).remove(0);
    samples.retain(|(_, samples)| !samples.is_empty());
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(series, samples, "Prometheus disagrees with itself: {query:?}");
    series
}

fn bounds(query: &proto::Query) -> (i64, i64) {
    match &query.hints {
        Some(hints) => (hints.start_ms, hints.end_ms),
        None => (query.start_timestamp_ms, query.end_timestamp_ms),
    }
}

/// Hints as Prometheus gives them: a part of the query's times.
fn narrower(query: &proto::Query, random: &mut Random) -> proto::ReadHints {
    let (start, end) = (query.start_timestamp_ms, query.end_timestamp_ms);
    let mut time = || start + (random.next() % (end - start + 1).unsigned_abs()) as i64;
    let (a, b) = (time(), time());
    proto::ReadHints { start_ms: a.min(b), end_ms: a.max(b), func: "rate".to_owned(), ..Default::default() }
}

/// The selector in PromQL, which wants at least one matcher that the empty string does not satisfy.
pub fn promql(matchers: &[proto::LabelMatcher]) -> Option<String> {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("\"{escaped}\"")
    };
    let wants_something = matchers.iter().any(|matcher| match matcher.r#type() {
        Type::Eq => !matcher.value.is_empty(),
        Type::Neq => matcher.value.is_empty(),
        _ => false,
    });
    let parts = matchers.iter().map(|matcher| {
        let legacy = matcher.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !matcher.name.starts_with(|c: char| c.is_ascii_digit());
        let name = if legacy { matcher.name.clone() } else { quoted(&matcher.name) };
        let operator = match matcher.r#type() {
            Type::Eq => "=",
            Type::Neq => "!=",
            Type::Re => "=~",
            Type::Nre => "!~",
        };
        format!("{name}{operator}{}", quoted(&matcher.value))
    });
    wants_something.then(|| format!("{{{}}}", parts.collect::<Vec<_>>().join(",")))
}
