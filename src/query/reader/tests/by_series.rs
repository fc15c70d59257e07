//! Answers with a row for each series, and what is asked for when Timestream refuses them.

use super::streams::{frames, start};
use super::*;
use serde_json::json;

const COLUMNS: [&str; 4] = ["job", "measure_name", "ts_bin", "ts_samples"];
const TOO_LARGE: &str = "Query aborted as max page response size has been exceeded by the output result row";

/// The row of a series' part: milliseconds and values.
fn part(job: &str, name: &str, bin: &str, samples: &[(u32, &str)]) -> Value {
    let mut row = row(&[Some(job), Some(name), Some(bin)]);
    let point = |(ms, value): &(u32, &str)| {
        let time = format!("1970-01-01 00:00:{:02}.{:03}000000", ms / 1000, ms % 1000);
        json!({"Time": time, "Value": {"ScalarValue": value}})
    };
    let points: Vec<Value> = samples.iter().map(point).collect();
    row["Data"].as_array_mut().unwrap().push(json!({"TimeSeriesValue": points}));
    row
}

/// Two series in two bins and pages, one with its name as it is and escaped.
fn two_series(body: &Value) -> (u16, Value) {
    let second = "1970-01-01 02:00:00.000000000";
    match body["NextToken"].as_str() {
        _ if is_describe(body) => describe(&["job"]),
        None => {
            let rows = [
                part("a", "a:b", "0", &[(1, "1"), (3, "8")]),
                part("a", "z_aZ3aZb_z", "0", &[(2, "2"), (3, "3")]),
                part("a", "a:b", second, &[(5, "5")]),
            ];
            page(&COLUMNS, &rows, Some("1"))
        }
        Some(_) => {
            let rows = [
                part("a", "z_aZ3aZb_z", second, &[(4, "4"), (5, "6")]),
                part("b", "a:b", "0", &[]),
                part("b", "a:b", second, &[(0, "-0.0")]),
            ];
            page(&COLUMNS, &rows, None)
        }
    }
}

/// The same with points that have more than Timestream writes.
fn with_more(body: &Value) -> (u16, Value) {
    with(body, "\"ScalarValue\":\"8\",\"More\":1")
}

/// The same with an escape among them, so that the SDK reads them.
fn with_an_escape(body: &Value) -> (u16, Value) {
    with(body, "\"ScalarValue\":\"8\",\"More\":\"\\n\"")
}

fn with(body: &Value, point: &str) -> (u16, Value) {
    let (status, answer) = two_series(body);
    let text = answer.to_string();
    let changed = text.replace("\"ScalarValue\":\"8\"", point);
    assert!(changed != text || is_describe(body) || body["NextToken"].is_string());
    (status, serde_json::from_str(&changed).unwrap())
}

#[tokio::test]
async fn parts_of_a_series_are_joined_in_order_of_time() {
    for answer in [two_series, with_more, with_an_escape] {
        let fake = Fake::new(move |_, body| answer(body));
        let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Neq, "job", "x")]).await.unwrap();
        let samples = |series: &TimeSeries| {
            series.samples.iter().map(|sample| (sample.timestamp, sample.value())).collect::<Vec<_>>()
        };
        let found: Vec<_> = results[0].timeseries.iter().map(samples).collect();
        assert_eq!(found, [vec![(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 6.0)], vec![(0, 0.0)]]);
        assert!(results[0].timeseries[1].samples[0].value().is_sign_negative());

        let chunks = start(&reader(SETTINGS), &fake, vec![query(Type::Neq, "job", "x")]).await.unwrap();
        assert_eq!(frames(chunks).await, (vec![(0, "a".to_owned(), 5), (0, "b".to_owned(), 1)], None));
    }
}

#[tokio::test]
async fn rows_that_are_too_large_are_asked_for_smaller_and_that_is_remembered() {
    for late in [false, true] {
        let fake = Fake::new(move |operation, body| {
            let sql = body["QueryString"].as_str().unwrap_or_default();
            let is_small = sql.contains("bin(time, 1m)");
            match body["NextToken"].as_str() {
                _ if is_describe(body) || operation == "CancelQuery" => describe(&["job"]),
                None if is_small || late => page(&COLUMNS, &[part("a", "up", "0", &[(1, "1")])], Some("1")),
                Some(_) if is_small => page(&COLUMNS, &[part("b", "up", "0", &[(1, "1")])], None),
                _ => exception(400, "ValidationException", TOO_LARGE),
            }
        });
        let reader = reader(SETTINGS);
        let day = || vec![Query { end_timestamp_ms: 86_400_000, ..query(Type::Neq, "job", "x") }];
        let bins = |fake: &Fake| {
            let bin = |sql: &String| Some(sql.split_once("bin(time, ")?.1.split_once(')')?.0.to_owned());
            let queries = fake.calls().into_iter().filter(|(_, body)| body["NextToken"].is_null());
            queries.filter_map(|(_, body)| bin(&body["QueryString"].as_str()?.to_owned())).collect::<Vec<_>>()
        };
        let results = read(&reader, &fake, 1, day()).await.unwrap();
        assert_eq!(values(&results[0]), [1.0, 1.0]);
        assert_eq!(bins(&fake), ["2h", "10m", "1m"]);
        let chunks = start(&reader, &fake, day()).await.unwrap();
        assert_eq!(frames(chunks).await, (vec![(0, "a".to_owned(), 1), (0, "b".to_owned(), 1)], None));
        assert_eq!(bins(&fake), ["2h", "10m", "1m", "1m"]);
        // Another caller's table is another one.
        let narrowed = start(&super::reader(SETTINGS), &fake, day()).await.unwrap();
        assert_eq!(frames(narrowed).await.0.len(), 2);
        assert_eq!(bins(&fake), ["2h", "10m", "1m", "1m", "2h", "10m", "1m"]);
    }
}

#[tokio::test]
async fn a_refused_form_is_replaced_by_rows_and_not_tried_again() {
    let refused = Arc::new(AtomicU64::new(0));
    for (may_take_rows, late) in [(true, false), (false, false), (true, true), (false, true)] {
        let fake = Fake::new(move |_, body| {
            // A CancelQuery has none.
            let sql = body["QueryString"].as_str().unwrap_or_default();
            match sql.starts_with("SELECT *") && may_take_rows {
                _ if is_describe(body) => describe(&["job"]),
                true => page(&super::COLUMNS, &[sample("a", 1, "1")], None),
                false if late && body["NextToken"].is_null() && !sql.starts_with("SELECT *") => {
                    page(&COLUMNS, &[], Some("1"))
                }
                false => exception(400, "ValidationException", "Function CREATE_TIME_SERIES not registered"),
            }
        });
        let mut reader = reader(SETTINGS);
        reader.metrics.refused_series = Counter::from_arc(Arc::clone(&refused));
        for _ in 0..2 {
            let read = read(&reader, &fake, 1, vec![query(Type::Neq, "job", "x")]).await;
            match read {
                Ok(results) => assert!(may_take_rows && values(&results[0]) == [1.0]),
                Err(error) => assert!(!may_take_rows && error.message().contains("CREATE_TIME_SERIES"), "{error}"),
            }
        }
        let by_series = fake.queries().iter().filter(|sql| sql.contains("CREATE_TIME_SERIES")).count();
        let calls = if late { 2 } else { 1 };
        assert_eq!(by_series, calls * if may_take_rows { 1 } else { 2 });
    }
    assert_eq!(refused.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_may_pass_is_told_though_the_form_was_refused_before() {
    let fake = Fake::new(move |_, body| match body["QueryString"].as_str().unwrap() {
        _ if is_describe(body) => describe(&["job"]),
        sql if sql.starts_with("SELECT *") => exception(429, "ThrottlingException", "slow down"),
        _ => exception(400, "ValidationException", "no"),
    });
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Neq, "job", "x")]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Throttled);
}

#[tokio::test]
async fn a_table_with_measures_of_other_types_is_read_row_by_row() {
    let fake = Fake::new(|_, body| {
        if !is_describe(body) {
            return page(&super::COLUMNS, &[sample("a", 1, "1")], None);
        }
        let (_, mut described) = describe(&["job"]);
        let other = row(&[Some("measure_value::varchar"), Some("varchar"), Some("MEASURE_VALUE")]);
        described["Rows"].as_array_mut().unwrap().push(other);
        (200, described)
    });
    let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap();
    assert_eq!(values(&results[0]), [1.0]);
    assert!(fake.queries().iter().all(|sql| !sql.contains("CREATE_TIME_SERIES")));
}

#[tokio::test(start_paused = true)]
async fn a_column_that_came_since_shows_while_the_query_runs() {
    let mut described = 0;
    let fake = Fake::new(move |operation, body| {
        if is_describe(body) || operation == "CancelQuery" {
            described += usize::from(operation == "Query");
            return if described == 1 { describe(&["job"]) } else { describe(&["job", "new"]) };
        }
        let has_new = body["QueryString"].as_str().unwrap().contains("\"new\"");
        let mut series = part("a", "up", "0", &[(1, "1")]);
        let columns = if has_new { ["job", "measure_name", "new", "ts_samples"] } else { COLUMNS };
        series["Data"][2] = json!({"ScalarValue": "b"});
        page(&columns, &[series], None)
    })
    .delayed(Duration::from_secs(1));
    let reader = reader(SETTINGS);
    let labels = |results: &[QueryResult]| results[0].timeseries[0].labels.len();
    let ask = || read(&reader, &fake, 1, vec![query(Type::Eq, "job", "a")]);
    assert_eq!(labels(&ask().await.unwrap()), 2);
    let start = tokio::time::Instant::now();
    assert_eq!(labels(&ask().await.unwrap()), 3);
    // A query with a DESCRIBE beside it, and another query.
    assert_eq!((start.elapsed().as_secs(), fake.queries().len()), (2, 5));
    assert_eq!(labels(&ask().await.unwrap()), 3);
    assert_eq!((start.elapsed().as_secs(), fake.queries().len()), (3, 7));
}

#[tokio::test]
async fn the_first_sample_of_a_table_is_found_although_it_was_empty_just_now() {
    let mut described = 0;
    let fake = Fake::new(move |_, body| {
        if !is_describe(body) {
            return page(&COLUMNS, &[part("a", "up", "0", &[(1, "1")])], None);
        }
        described += 1;
        let (_, mut answer) = describe(&["job"]);
        if described == 1 {
            answer["Rows"].as_array_mut().unwrap().pop();
        }
        (200, answer)
    });
    let reader = reader(SETTINGS);
    for found in [0, 1] {
        let results = read(&reader, &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap();
        assert_eq!(results[0].timeseries.len(), found);
    }
}
