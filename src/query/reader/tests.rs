//! Read requests against a scripted Timestream.

use super::super::fake::{Fake, describe, exception, page, row};
use super::*;
use crate::proto::label_matcher::Type;
use crate::proto::{LabelMatcher, Query, QueryResult, ReadHints, ReadResponse};
use metrics::Counter;
use metrics::atomics::AtomicU64;
use prost::Message;
use serde_json::Value;
use std::time::Duration;

const COLUMNS: [&str; 4] = ["job", "measure_name", "time", "measure_value::double"];

fn reader(settings: ReadSettings) -> Reader {
    Reader::new(settings, crate::telemetry::Metrics::new().read.clone())
}

const SETTINGS: ReadSettings = ReadSettings {
    timeout: Duration::from_secs(5),
    max_samples: 100,
    max_bytes: 1 << 20,
    memory_limit_bytes: 4 << 20,
    max_concurrent: 2,
    max_retries: 3,
};

fn query(r#type: Type, name: &str, value: &str) -> Query {
    let matcher = LabelMatcher { r#type: r#type as i32, name: name.to_owned(), value: value.to_owned() };
    Query { start_timestamp_ms: 0, end_timestamp_ms: 1000, matchers: vec![matcher], hints: None }
}

fn request(queries: Vec<Query>) -> ReadRequest {
    ReadRequest { queries, accepted_response_types: Vec::new() }
}

async fn read(reader: &Reader, fake: &Fake, id: u8, queries: Vec<Query>) -> Result<Vec<QueryResult>, Error> {
    let caller = Caller { client: fake.client(), id: [id; 32] };
    let ReadAnswer::Samples(packed) = reader.read(&caller, "d", "t", request(queries), reader.deadline(None)).await?
    else {
        panic!("chunks were not asked for");
    };
    let unpacked = snap::raw::Decoder::new().decompress_vec(&packed).unwrap();
    Ok(ReadResponse::decode(unpacked.as_slice()).unwrap().results)
}

fn sample(job: &str, second: u32, value: &str) -> Value {
    row(&[Some(job), Some("up"), Some(&format!("1970-01-01 00:00:0{second}.000000000")), Some(value)])
}

fn is_describe(body: &Value) -> bool {
    body["QueryString"].as_str().is_some_and(|sql| sql.starts_with("DESCRIBE"))
}

fn values(result: &QueryResult) -> Vec<f64> {
    result.timeseries.iter().flat_map(|series| series.samples.iter().map(|sample| sample.value())).collect()
}

#[tokio::test]
async fn pages_are_joined_even_after_an_empty_first_one() {
    let fake = Fake::new(|_, body| match body["NextToken"].as_str() {
        _ if is_describe(body) => describe(&["job"]),
        None => page(&COLUMNS, &[], Some("1")),
        Some("1") => page(&COLUMNS, &[sample("a", 0, "1.5"), sample("b", 0, "9")], Some("2")),
        Some(_) => page(&COLUMNS, &[sample("a", 1, "2.5")], None),
    });
    let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap();
    assert_eq!(values(&results[0]), [1.5, 2.5]);
    assert_eq!(results[0].timeseries.len(), 1, "the row of job b was not asked for");
    let calls = fake.calls();
    assert!(calls.iter().all(|(operation, _)| operation == "Query"));
    assert_eq!(calls.len(), 4);
}

#[tokio::test]
async fn queries_are_answered_in_their_order() {
    let fake = Fake::new(|_, body| {
        if is_describe(body) {
            return describe(&["job"]);
        }
        let sql = body["QueryString"].as_str().unwrap();
        let job = sql.split("\"job\" = '").nth(1).unwrap().split('\'').next().unwrap();
        page(&COLUMNS, &[sample(job, 0, job)], None)
    });
    let queries = (1..=9).map(|n| query(Type::Eq, "job", &n.to_string())).collect();
    let results = read(&reader(SETTINGS), &fake, 1, queries).await.unwrap();
    let values: Vec<f64> = results.iter().flat_map(values).collect();
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
}

#[tokio::test]
async fn what_the_schema_decides_takes_no_query_and_schemas_are_kept_per_caller() {
    let fake = Fake::new(|_, _| describe(&["job"]));
    let reader = reader(SETTINGS);
    let results = read(&reader, &fake, 1, vec![query(Type::Eq, "nope", "x")]).await.unwrap();
    assert!(results[0].timeseries.is_empty());
    read(&reader, &fake, 1, vec![query(Type::Neq, "nope", "")]).await.unwrap();
    assert_eq!(fake.queries(), ["DESCRIBE \"d\".\"t\""; 2], "a label may have come since");
    read(&reader, &fake, 1, vec![query(Type::Nre, "job", ".*"), query(Type::Nre, "job", ".*")]).await.unwrap();
    assert_eq!(fake.queries().len(), 2);
    read(&reader, &fake, 2, vec![query(Type::Eq, "nope", "x")]).await.unwrap();
    assert_eq!(fake.queries().len(), 3);
}

#[tokio::test]
async fn a_caller_who_may_only_select_learns_the_columns_from_an_answer() {
    let fake = Fake::new(|_, body| match body["QueryString"].as_str() {
        _ if is_describe(body) => exception(403, "AccessDeniedException", "not authorized: timestream:DescribeTable"),
        Some(sql) if sql.ends_with("LIMIT 1") => page(&COLUMNS, &[], None),
        _ => page(&COLUMNS, &[sample("a", 0, "1.5")], None),
    });
    let reader = reader(SETTINGS);
    for job in ["a", "a"] {
        let results = read(&reader, &fake, 1, vec![query(Type::Eq, "job", job)]).await.unwrap();
        assert_eq!(values(&results[0]), [1.5]);
        assert_eq!(results[0].timeseries[0].labels.len(), 2);
    }
    let empty = "SELECT * FROM \"d\".\"t\" WHERE time < from_milliseconds(0) LIMIT 1";
    let asked: Vec<_> = fake.queries().into_iter().filter(|sql| !sql.contains("\"job\" = 'a'")).collect();
    assert_eq!(asked, ["DESCRIBE \"d\".\"t\"", empty, empty], "DESCRIBE is not tried again soon");
}

#[tokio::test]
async fn a_caller_who_may_neither_describe_nor_select_is_told_so() {
    let fake = Fake::new(|_, _| exception(403, "AccessDeniedException", "not authorized"));
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
    assert_eq!((error.kind(), error.name()), (Kind::Forbidden, "AccessDeniedException"));
    assert_eq!(fake.queries().len(), 2);
}

#[tokio::test]
async fn a_column_that_went_away_is_described_again() {
    let mut described = 0;
    let fake = Fake::new(move |_, body| {
        if is_describe(body) {
            described += 1;
            return if described == 1 { describe(&["gone"]) } else { describe(&["job"]) };
        }
        exception(400, "ValidationException", "line 1:76: Column 'gone' does not exist")
    });
    let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "gone", "x")]).await.unwrap();
    assert!(results[0].timeseries.is_empty());
    assert_eq!(fake.queries().len(), 3);
}

/// The text of another exception, or a text about something else, does not mean that a column is missing.
#[tokio::test]
async fn only_a_column_that_is_said_to_be_missing_is_described_again() {
    for (name, message) in [
        ("QueryExecutionException", "line 1:76: Column 'job' does not exist"),
        ("ValidationException", "The table t does not exist."),
    ] {
        let fake = Fake::new(
            move |_, body| if is_describe(body) { describe(&["job"]) } else { exception(400, name, message) },
        );
        let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "x")]).await.unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::QueryRefused, name));
        assert_eq!(fake.queries().len(), 3, "series by series, and row by row");
    }
    let fake = Fake::new(|_, body| match is_describe(body) {
        true => describe(&["job"]),
        false => exception(400, "ValidationException", "line 1:76: Column 'job' does not exist"),
    });
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "x")]).await.unwrap_err();
    assert_eq!((error.kind(), error.name()), (Kind::UnknownColumn, "ValidationException"));
    assert_eq!(fake.queries().len(), 8, "a bounded number of times");
}

#[tokio::test]
async fn a_column_that_came_since_is_described_too() {
    let mut described = 0;
    let fake = Fake::new(move |operation, body| {
        if is_describe(body) || operation == "CancelQuery" {
            described += 1;
            return if described == 1 { describe(&["job"]) } else { describe(&["job", "new"]) };
        }
        let columns = ["job", "new", "measure_name", "time", "measure_value::double"];
        let t = "1970-01-01 00:00:00.000000000";
        page(&columns, &[row(&[Some("a"), Some("b"), Some("up"), Some(t), Some("1")])], None)
    });
    let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap();
    assert_eq!(results[0].timeseries[0].labels.len(), 3);
    assert_eq!(fake.queries().len(), 4);

    let fake =
        Fake::new(
            |_, body| if is_describe(body) { describe(&["job"]) } else { page(&["new", "measure_name"], &[], None) },
        );
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("SchemaChangedError", Kind::SchemaChanged));
}

#[tokio::test]
async fn samples_answers_have_limits_alone_and_together() {
    let rows: Vec<Value> = (0..10).map(|index| sample(&format!("{index}"), 0, "1")).collect();
    let fake =
        Fake::new(move |_, body| if is_describe(body) { describe(&["job"]) } else { page(&COLUMNS, &rows, None) });
    let both = || vec![query(Type::Neq, "job", "x"), query(Type::Neq, "job", "y")];
    let enough = ReadSettings { max_bytes: 8000, ..SETTINGS };
    assert!(read(&reader(enough), &fake, 1, both()).await.is_ok());
    let little = ReadSettings { max_bytes: 4000, ..SETTINGS };
    let error = read(&reader(little), &fake, 1, both()).await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("AnswerSizeLimitError", Kind::TooLarge));
    assert!(error.message().contains("--read.max-bytes, 4000 bytes"), "{error}");
    assert!(read(&reader(little), &fake, 1, vec![query(Type::Neq, "job", "x")]).await.is_ok());
    let full = ReadSettings { memory_limit_bytes: 4000, ..SETTINGS };
    let error = read(&reader(full), &fake, 1, both()).await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("MemoryLimit", Kind::Unavailable));
    assert!(error.message().contains("--read.memory-limit, 4000 bytes"), "{error}");
}

#[tokio::test]
async fn passing_faults_are_retried_and_others_are_told() {
    let mut faults = 0;
    let fake = Fake::new(move |_, body| {
        faults += 1;
        match faults {
            1 | 3 => exception(429, "ThrottlingException", "slow down"),
            _ if is_describe(body) => describe(&["job"]),
            _ => page(&COLUMNS, &[sample("a", 0, "1")], None),
        }
    });
    let results = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap();
    assert_eq!(values(&results[0]), [1.0]);

    let fake = Fake::new(|_, _| exception(404, "ResourceNotFoundException", "The table t does not exist."));
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
    assert_eq!((error.kind(), error.name()), (Kind::NotFound, "ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_page_token_serves_five_calls_at_most() {
    for (max_retries, calls) in [(100, 5), (4, 5), (2, 3)] {
        let mut first = 0;
        let fake = Fake::new(move |_, body| match body["NextToken"].as_str() {
            _ if is_describe(body) => describe(&["job"]),
            None => {
                first += 1;
                match first {
                    // A query that has no token yet may be begun more often.
                    ..10 if max_retries > 10 => exception(429, "ThrottlingException", "slow down"),
                    _ => page(&COLUMNS, &[sample("a", 1, "1")], Some("second")),
                }
            }
            Some(_) => exception(429, "ThrottlingException", "slow down"),
        });
        let reader = reader(ReadSettings { max_retries, timeout: Duration::from_secs(600), ..SETTINGS });
        let error = read(&reader, &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
        assert_eq!(error.name(), "ThrottlingException");
        assert_eq!(fake.calls().iter().filter(|(_, body)| body["NextToken"] == "second").count(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn once_a_part_was_sent_a_retry_that_waits_is_neither_made_nor_counted() {
    let fake = Fake::new(|_, _| exception(429, "ThrottlingException", "slow down"));
    let retries = Arc::new(AtomicU64::new(0));
    let reader = reader(SETTINGS);
    for attempts in 1..=20 {
        let mut asking = reader.asking(fake.client(), reader.deadline(None));
        asking.metrics.retries = Counter::from_arc(retries.clone());
        let sent = Arc::clone(&asking.sent);
        let mut pages = asking.pages("SELECT 1");
        while fake.calls().len() < attempts {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        sent.store(true, Ordering::SeqCst);
        assert_eq!(pages.next().await.unwrap_err().name(), "ThrottlingException");
        assert_eq!((fake.calls().len(), retries.load(Ordering::Relaxed)), (attempts, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_fetched_one_ahead_and_a_query_that_ended_is_not_cancelled() {
    let fake = Fake::new(|operation, body| {
        let next = match body["NextToken"].as_str() {
            None => Some("1"),
            Some("1") => Some("2"),
            Some(_) => None,
        };
        page(&COLUMNS, &[], next.filter(|_| operation == "Query"))
    });
    let reader = reader(SETTINGS);
    for (taken, fetched, cancels) in [(0, 1, 1), (1, 2, 1), (2, 3, 0), (3, 3, 0)] {
        let before = fake.calls().len();
        let mut pages = reader.asking(fake.client(), reader.deadline(None)).pages("SELECT 1");
        for _ in 0..taken {
            pages.next().await.unwrap().unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(fake.calls().len() - before, fetched, "{taken} taken");
        if taken == 3 {
            assert!(pages.next().await.unwrap().is_none() && pages.next().await.unwrap().is_none());
        }
        drop(pages);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(fake.calls().len() - before, fetched + cancels, "{taken} taken");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_end_the_query_in_timestream_too() {
    let fake = Fake::new(|operation, body| {
        if is_describe(body) || operation == "CancelQuery" {
            return describe(&["job"]);
        }
        let page_number: u32 = body["NextToken"].as_str().unwrap_or("0").parse().unwrap();
        page(&COLUMNS, &[sample("a", page_number % 10, "1")], Some(&(page_number + 1).to_string()))
    });
    let few = ReadSettings { max_samples: 2, ..SETTINGS };
    let error = read(&reader(few), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
    assert_eq!(error.name(), "SampleLimitError");
    cancelled(&fake).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_cancels_its_query() {
    let fake = Fake::new(|operation, body| {
        if is_describe(body) || operation == "CancelQuery" {
            return describe(&["job"]);
        }
        page(&COLUMNS, &[], Some(&format!("{:?}", std::time::Instant::now())))
    })
    .delayed(Duration::from_millis(5));
    let reader = reader(SETTINGS);
    let reading = read(&reader, &fake, 1, vec![query(Type::Eq, "job", "a")]);
    assert!(tokio::time::timeout(Duration::from_millis(60), reading).await.is_err());
    cancelled(&fake).await;
    let calls = fake.calls().len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fake.calls().len(), calls, "no page is fetched any more");
}

async fn cancelled(fake: &Fake) {
    let is_cancel = |(operation, body): &(String, Value)| operation == "CancelQuery" && body["QueryId"] == "q1";
    for _ in 0..100 {
        if fake.calls().iter().any(is_cancel) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no CancelQuery among {:?}", fake.calls());
}

#[tokio::test]
async fn a_page_token_that_comes_again_ends_the_loop() {
    let fake = Fake::new(|operation, body| {
        if is_describe(body) || operation == "CancelQuery" {
            return describe(&["job"]);
        }
        page(&COLUMNS, &[], Some("again"))
    });
    let error = read(&reader(SETTINGS), &fake, 1, vec![query(Type::Eq, "job", "a")]).await.unwrap_err();
    assert_eq!(error.name(), "UnexpectedAnswerError");
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_bound_wait_and_the_deadline_ends_them() {
    let fake = Fake::new(|_, _| describe(&["job"])).delayed(Duration::from_secs(4));
    let reader = reader(SETTINGS);
    let queries = || vec![query(Type::Eq, "nope", "a")];
    let (a, b, c) = tokio::join!(
        read(&reader, &fake, 1, queries()),
        read(&reader, &fake, 2, queries()),
        read(&reader, &fake, 3, queries()),
    );
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(c.unwrap_err().name(), "RequestTimeout", "it had a second left");

    let slow = Fake::new(|_, _| describe(&["job"])).delayed(Duration::from_secs(100));
    let (a, b, c) = tokio::join!(
        read(&reader, &slow, 4, queries()),
        read(&reader, &slow, 5, queries()),
        read(&reader, &slow, 6, queries()),
    );
    for error in [a, b, c].map(Result::unwrap_err) {
        assert!(matches!(error.kind(), Kind::TimedOut | Kind::Unavailable), "{error}");
    }
}

#[tokio::test]
async fn requests_with_too_many_queries_are_refused() {
    let fake = Fake::new(|_, _| describe(&[]));
    let queries = vec![query(Type::Eq, "job", "a"); 257];
    assert_eq!(read(&reader(SETTINGS), &fake, 1, queries).await.unwrap_err().kind(), Kind::TooLarge);
    assert!(fake.calls().is_empty());
}

/// A query as Prometheus' `/api/v1/series` sends it.
fn labels_alone(mut query: Query) -> Query {
    query.hints = Some(ReadHints { func: "series".to_owned(), ..ReadHints::default() });
    query
}

#[tokio::test]
async fn labels_alone_are_read_without_samples_and_with_the_columns_of_now() {
    let fake = Fake::new(|_, body| match is_describe(body) {
        true => describe(&["job"]),
        false => {
            let of = |job, name| row(&[Some(job), Some(name)]);
            page(&["job", "measure_name"], &[of("b", "up"), of("a", "z_aZ3aZb_z"), of("a", "a:b")], None)
        }
    });
    let reader = reader(ReadSettings { max_samples: 0, ..SETTINGS });
    for asked in 1..=2 {
        let results = read(&reader, &fake, 1, vec![labels_alone(query(Type::Neq, "job", ""))]).await.unwrap();
        let labels = |series: &TimeSeries| series.labels.iter().map(|label| label.value.clone()).collect::<Vec<_>>();
        assert_eq!(results[0].timeseries.iter().map(labels).collect::<Vec<_>>(), [["a:b", "a"], ["up", "b"]]);
        assert!(results[0].timeseries.iter().all(|series| series.samples.is_empty()));
        // The query names its columns, so that it would not show a new one.
        assert_eq!(fake.queries().iter().filter(|sql| sql.starts_with("DESCRIBE")).count(), asked);
    }
    read(&reader, &fake, 1, vec![labels_alone(query(Type::Neq, "job", "")); 9]).await.unwrap();
    let described = fake.queries().iter().filter(|sql| sql.starts_with("DESCRIBE")).count();
    assert!(described <= 2 + SIDE_BY_SIDE, "{described}: once for those that run side by side");
}

#[tokio::test]
async fn a_read_can_run_on_any_thread() {
    let fake = Fake::new(|_, _| describe(&[]));
    let reader = Arc::new(reader(SETTINGS));
    let caller = Caller { client: fake.client(), id: [1; 32] };
    let request = request(vec![query(Type::Eq, "job", "a")]);
    let reading = async move { reader.read(&caller, "d", "t", request, reader.deadline(None)).await };
    assert!(tokio::spawn(reading).await.unwrap().is_ok());
}

mod by_series;
mod streams;
