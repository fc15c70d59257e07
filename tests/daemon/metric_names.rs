//! Metric names that Timestream refuses as measure names: written escaped, read as they were, also beside tables' rows
//! whose names stand as they are.

use std::collections::BTreeMap;

use serde_json::json;
use timestream_prometheus_connector::measure;
use timestream_prometheus_connector::proto::label_matcher::Type;

use super::cases::Random;
use super::chunks::read_chunks;
use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, now, reading_from};
use super::remote::{Series, matcher, now_ms, query, read, series, write, write_records};
use super::timestream::{Fault, Timestream};
use super::waiting::eventually;

/// A connector with an embedded Timestream, and the address of the latter's API.
fn embedded(scratch: &Scratch) -> (Connector, String) {
    let connector = Connector::embedded(scratch.path(), &[]);
    let timestream = connector.timestream.clone();
    (connector, timestream)
}

/// Both forms of the answer to a query, which must agree.
fn read_both(connector: &Connector, start: i64, end: i64, matchers: &[(Type, &str, &str)]) -> Vec<Series> {
    let matchers: Vec<_> = matchers.iter().map(|(kind, name, value)| matcher(*kind, name, value)).collect();
    let queries = [query(start, end, &matchers)];
    let chunks = read_chunks(&format!("http://{}/read", connector.address), &queries).remove(0);
    assert_eq!(read(&connector.address, &queries).remove(0), chunks, "{matchers:?}");
    chunks
}

/// Stores records as another writer would, their measure names as they are.
fn write_as_they_are(timestream: &str, series: &[Series]) {
    let records: Vec<_> = series
        .iter()
        .flat_map(|(labels, samples)| {
            let label = |name: &str| labels.iter().find(|(label, _)| label == name).unwrap().1.clone();
            let (measure, job) = (label("__name__"), label("job"));
            samples.iter().map(move |(value, time)| {
                json!({
                    "MeasureName": measure, "MeasureValue": value.to_string(), "MeasureValueType": "DOUBLE",
                    "Dimensions": [{"Name": "job", "Value": job}], "Time": time.to_string(), "TimeUnit": "MILLISECONDS",
                })
            })
        })
        .collect();
    records.chunks(100).for_each(|call| write_records(timestream, call));
}

/// A thousand series of a sample each; of every hundred, this many names are such that Timestream refuses them.
fn a_thousand(percent: usize, now: i64) -> Vec<Series> {
    const REFUSED: [&str; 5] = ["job:requests:rate", "time", "ts_lag", "measure_value", "ts_non_existent_col"];
    let all = (0..1000).map(|index| {
        let name = if index % 100 < percent { REFUSED[index % REFUSED.len()] } else { "requests_total" };
        series(&[("__name__", name), ("instance", &format!("host-{index}")), ("job", "a")], &[(index as f64, now)])
    });
    all.collect()
}

#[test]
fn names_that_timestream_refuses_cost_no_call_more() {
    for percent in [0, 1, 10] {
        let scratch = Scratch::new();
        let (connector, _) = embedded(&scratch);
        let now = now_ms();
        let mut sent = a_thousand(percent, now);
        let answer = write(&connector.address, &sent);
        assert_eq!(answer.status, 204, "{}", answer.text());
        let calls = connector.metric("timestream_connector_write_requests_total");
        println!("{percent} % of such names: {calls} calls");
        assert!(calls <= 11.0, "{percent} %: {calls} calls");
        sent.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(read_both(&connector, now, now, &[(Type::Eq, "job", "a")]), sent);
        assert_eq!(connector.assert_conserved(), (1000.0, 1000.0));
    }
}

#[test]
fn no_name_that_timestream_refuses_is_sent() {
    let timestream = Timestream::start(|_, _| Fault::None);
    let [database, table, url] = timestream.arguments();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
    let connector = Connector::start(&[&database, &table, &url, "--enable-sigv4-auth"], &keys);
    assert_eq!(write(&connector.address, &a_thousand(10, now_ms())).status, 204);
    timestream.assert_sound();
    assert_eq!(connector.assert_conserved(), (1000.0, 1000.0));
}

#[test]
fn a_name_over_the_limit_once_it_is_escaped_costs_its_series_only() {
    let scratch = Scratch::new();
    let (connector, _) = embedded(&scratch);
    let now = now_ms();
    let named = |name: String| series(&[("__name__", &name), ("job", "a")], &[(1.0, now)]);
    let (longest, too_long) = (format!("{}:", "m".repeat(248)), format!("{}:", "m".repeat(249)));
    assert_eq!(write(&connector.address, &[named(too_long), named(longest.clone())]).status, 204);
    assert_eq!(connector.samples("ignored", "long_metric_name"), 1.0);
    assert_eq!(read_both(&connector, now, now, &[(Type::Neq, "__name__", "")]), [named(longest)]);
    assert_eq!(connector.assert_conserved(), (2.0, 1.0));
}

#[test]
fn a_series_whose_name_stands_as_it_is_and_escaped_comes_once() {
    let scratch = Scratch::new();
    let (connector, timestream) = embedded(&scratch);
    let now = now_ms();
    let named = |name, job, samples: &[(f64, i64)]| series(&[("__name__", name), ("job", job)], samples);
    // Timestream takes the name, and so another writer leaves it, but it is like an escape.
    write_as_they_are(
        &timestream,
        &[
            named("z_up_z", "a", &[(1.0, now), (9.0, now + 2), (5.0, now + 4)]),
            named("z_up_z", "b", &[(6.0, now)]),
            named("z_time_z", "a", &[(7.0, now)]),
        ],
    );
    let sent = [
        named("z_up_z", "a", &[(2.0, now + 1), (3.0, now + 2), (4.0, now + 3)]),
        named("z_up_z", "c", &[(8.0, now)]),
        named("z_time_z", "a", &[(10.0, now)]),
        named("time", "a", &[(11.0, now + 1)]),
        named("z_u", "a", &[(12.0, now)]),
    ];
    assert_eq!(write(&connector.address, &sent).status, 204);

    let up = [
        named("z_up_z", "a", &[(1.0, now), (2.0, now + 1), (3.0, now + 2), (4.0, now + 3), (5.0, now + 4)]),
        named("z_up_z", "b", &[(6.0, now)]),
        named("z_up_z", "c", &[(8.0, now)]),
    ];
    // What another writer has stored as the escape of `time` is `time`.
    let time = named("time", "a", &[(7.0, now), (11.0, now + 1)]);
    let z_time = named("z_time_z", "a", &[(10.0, now)]);
    let z_u = named("z_u", "a", &[(12.0, now)]);
    let others = [time.clone(), z_time.clone(), z_u.clone()];
    for (kind, value, expected) in [
        (Type::Eq, "z_up_z", up.to_vec()),
        (Type::Re, "z_up_z", up.to_vec()),
        (Type::Re, "z_up.*", up.to_vec()),
        (Type::Re, ".*up_z|nope", up.to_vec()),
        (Type::Re, "z_up_z|z_u", [std::slice::from_ref(&z_u), &up[..]].concat()),
        (Type::Neq, "z_up_z", others.to_vec()),
        (Type::Nre, "z_up_z|nope", others.to_vec()),
        (Type::Nre, "z_up.*", others.to_vec()),
        (Type::Re, "z_.*_z", [std::slice::from_ref(&z_time), &up[..]].concat()),
        (Type::Eq, "time", vec![time.clone()]),
        (Type::Re, "ti.*", vec![time]),
        (Type::Eq, "z_time_z", vec![z_time]),
        (Type::Neq, "", [&others[..], &up[..]].concat()),
    ] {
        let found = read_both(&connector, now, now + 10, &[(kind, "__name__", value)]);
        assert_eq!(found, expected, "{kind:?} {value:?}");
    }
    let found = read_both(&connector, now, now + 10, &[(Type::Eq, "__name__", "z_up_z"), (Type::Eq, "job", "a")]);
    assert_eq!(found, up[..1]);
}

/// Names of a few pieces, most of which Timestream refuses or are like an escape, in both forms where a table holds both.
#[test]
fn all_names_come_back_in_the_order_of_prometheus() {
    const PIECES: [&str; 16] =
        ["z_", "_z", "Z", ":", "Z3aZ", "Z5aZ", "3a", "time", "ts_", "measure_value", "a", "5", "_", "up", "é", "'"];
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let scratch = Scratch::new();
    let (connector, timestream) = embedded(&scratch);
    let now = now_ms();
    let name = |random: &mut Random| {
        let name: String = (0..1 + random.below(5)).map(|_| random.pick(&PIECES)).collect();
        if random.one_in(3) { format!("z_{name}_z") } else { name }
    };
    let stored = |names: &[String], time: i64| -> Vec<Series> {
        names.iter().map(|name| series(&[("__name__", name), ("job", "a")], &[(1.0, time)])).collect()
    };
    let names: Vec<String> = (0..1500).map(|_| name(&mut random)).collect();
    let (of_others, mut sent) = (names[..500].to_vec(), names[200..].to_vec());
    sent.sort();
    sent.dedup();
    // Another writer has only what Timestream takes.
    let mut of_others: Vec<String> = of_others.into_iter().filter(|name| is_taken(name)).collect();
    of_others.sort();
    of_others.dedup();
    write_as_they_are(&timestream, &stored(&of_others, now));
    assert_eq!(write(&connector.address, &stored(&sent, now + 1)).status, 204);

    let mut expected: BTreeMap<String, Vec<(f64, i64)>> = BTreeMap::new();
    for name in &of_others {
        // Two of them may stand for one metric.
        expected.insert(measure::restore(name).into_owned(), vec![(1.0, now)]);
    }
    for name in sent {
        expected.entry(name).or_default().push((1.0, now + 1));
    }
    let both =
        expected.iter().filter(|(name, samples)| samples.len() == 2 && !measure::is_plain(name.as_bytes())).count();
    println!("{} names, {both} of them stand in both forms", expected.len());
    assert!(both > 20, "{both}");
    let expected: Vec<Series> =
        expected.iter().map(|(name, samples)| series(&[("__name__", name), ("job", "a")], samples)).collect();
    assert_eq!(read_both(&connector, now, now + 1, &[(Type::Eq, "job", "a")]), expected);
    for (kind, value) in [(Type::Re, "(?s).*:.*"), (Type::Nre, "z_.*"), (Type::Re, "Z.*"), (Type::Nre, ".*_z|up")] {
        let regex = regex::Regex::new(&format!("\\A(?:{value})\\z")).unwrap();
        let wanted = |(labels, _): &&Series| regex.is_match(&labels[0].1) == (kind == Type::Re);
        let wanted: Vec<Series> = expected.iter().filter(wanted).cloned().collect();
        assert!(wanted.len() > 10, "{value}");
        assert_eq!(read_both(&connector, now, now + 1, &[(kind, "__name__", value)]), wanted, "{kind:?} {value}");
    }
}

/// Whether Timestream takes a name as a measure name.
fn is_taken(name: &str) -> bool {
    !name.contains(':') && name != "time" && !name.starts_with("ts_") && !name.starts_with("measure_value")
}

#[test]
fn recording_rules_of_a_real_prometheus_come_back() {
    let scratch = Scratch::new();
    let (connector, _) = embedded(&scratch);
    let folder = scratch.path().join("writer");
    std::fs::create_dir_all(&folder).unwrap();
    let rules = "groups:\n- name: recorded\n  interval: 1s\n  rules:\n  - \
                 {record: 'job:up:sum', expr: sum by (job) (up)}\n  - \
                 {record: 'instance_path:http:rate5s', expr: 'rate(prometheus_http_requests_total[5s])'}\n  - \
                 {record: ':everything:', expr: sum(up)}\n  - \
                 {record: time, expr: time()}\n  - \
                 {record: ts_lag, expr: vector(1)}\n  - \
                 {record: measure_value, expr: vector(2)}\n  - \
                 {record: z_up_z, expr: vector(3)}\n";
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    let config = format!(
        "global:\n  scrape_interval: 1s\nrule_files: [rules.yml]\n\
         scrape_configs:\n- job_name: prometheus\n  static_configs:\n  - targets: [\"SELF\"]\n\
         - job_name: connector\n  static_configs:\n  - targets: [\"{0}\"]\n\
         remote_write:\n- url: http://{0}/write\n  queue_config: {{batch_send_deadline: 200ms}}\n",
        connector.address
    );
    let writer = Prometheus::start(scratch.path(), "writer", &config);
    let reader =
        Prometheus::start(scratch.path(), "reader", &reading_from(&format!("http://{}/read", connector.address), ""));
    eventually("the rules are evaluated a few times", || {
        writer.sum("count_over_time(job:up:sum{job=\"prometheus\"}[1m])") > 5.0
    });
    let window_end = now();
    writer.sends_all_until(window_end);
    let at = window_end.floor();
    for promql in [
        "job:up:sum",
        "job:up:sum[5s]",
        "instance_path:http:rate5s",
        ":everything:",
        "time",
        "ts_lag[4s]",
        "measure_value",
        "z_up_z",
        "{__name__=~\"job:.*\"}",
        "{__name__=~\".+:.+:.+\"}[3s]",
        "{__name__=~\".*:everything:|up|t.+\"}",
        "{__name__=~\"[^:]+\",job=\"\"}",
        "{job=\"prometheus\",__name__!~\"[^:]*\"}",
        "{code=\"200\",__name__!=\"prometheus_http_requests_total\",__name__!=\"job:up:sum\"}",
    ] {
        writer.assert_read_by(&reader, promql, at);
    }
    assert_eq!(writer.sum("prometheus_remote_storage_samples_failed_total"), 0.0);
    drop(writer);
    let refused = [("operation", "WriteRecords"), ("code", "ValidationException")];
    assert_eq!(connector.series("timestream_connector_timestream_calls_total", &refused), 0.0);
    connector.assert_conserved();
}
