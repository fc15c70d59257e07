//! Bins of series are found by the heads of chunks, and are those that their samples have.

use aws_sdk_timestreamquery::types::{QueryInsights, QueryInsightsMode};

use crate::binary::Binary;
use crate::series_storage::{at, found, put, started, wait_for};
use crate::server::{Scratch, clients, keys, now_ms};

/// Groups by bins are those that a query finds which goes through all records, whether samples are sealed, in memory, or
/// hidden by rows.
#[tokio::test(flavor = "multi_thread")]
async fn bins_of_chunks_are_those_of_their_samples() {
    const STEP: i64 = 50_000;
    let scratch = Scratch::new();
    let server = started(scratch.path(), &["--head-memory", "2"]).await;
    let first = now_ms() / 7_200_000 * 7_200_000 - 10 * 7_200_000;
    // Series b begins between two bins, has a bin without samples and ends in the next; c has one sample each two hours.
    let times = |host: &str| -> Vec<i64> {
        let all = (0..900).map(|n| first + n * STEP);
        match host {
            "a" => all.collect(),
            "b" => all
                .filter(|time| !(7_000_000..15_000_000).contains(&(time - first)) && time - first > 900_000)
                .collect(),
            _ => all.filter(|time| (time - first) % 7_200_000 == 0).collect(),
        }
    };
    for host in ["a", "b", "c"] {
        for part in times(host).chunks(100) {
            put(&server, part.iter().map(|time| at(host, *time, (time % 1013) as f64 / 4.0)).collect()).await.unwrap();
        }
    }
    wait_for(scratch.path(), "SELECT count(*) FROM log", |count| count == 0).await;
    drop(server);
    let server = Binary::start(scratch.path());
    put(&server, (900..1000).map(|n| at("a", first + n * STEP, 1.5)).collect()).await.unwrap();
    let ends =
        [(0, 1001 * STEP), (1, 14_400_001), (7_199_999, 7_200_001), (7_200_000, 7_200_000), (6_950_000, 15_000_000)];
    assert!(read_times(&server, first).await > 10 * 3_600_000_000_000);
    let mut seen = 0;
    for is_with_rows in [false, true] {
        if is_with_rows {
            // A later version of a sample is a row.
            let mut later = at("a", first + 300 * STEP, 9.25);
            later.version = Some(5);
            put(&server, vec![later]).await.unwrap();
        }
        for (from, to) in ends.map(|(from, to)| (first + from, first + to)) {
            for bounds in [
                format!("time >= from_milliseconds({from}) AND time < from_milliseconds({to})"),
                format!("time > from_milliseconds({from}) AND time <= from_milliseconds({to})"),
                format!("time < from_milliseconds({to})"),
                format!("time >= from_milliseconds({from})"),
                format!(
                    "time >= '1960-01-01 00:00:00' AND time > from_milliseconds({from}) AND time < from_milliseconds({to}) \
                     AND time >= from_milliseconds({}) AND time <= from_milliseconds({})",
                    from + 3,
                    to - 3,
                ),
                "time > '1677-09-21 00:12:44'".to_owned(),
                "time > from_nanoseconds(9223372036854775807)".to_owned(),
            ] {
                for width in ["1m", "10m", "2h", "1d"] {
                    let bins = |also: &str| {
                        format!(
                            "(SELECT host, measure_name, bin(time, {width}) AS bin, CREATE_TIME_SERIES(time, \
                             measure_value::double) AS series FROM db1.metrics WHERE {bounds} AND (measure_value::double IS NOT \
                             NULL){also} GROUP BY host, measure_name, bin(time, {width}))"
                        )
                    };
                    // The condition holds for all, and keeps the groups from being found by series.
                    let (by_series, by_records) = (bins(""), bins(" AND (time >= from_milliseconds(0) OR host = 'a')"));
                    for query in [
                        "SELECT host, bin, series IS NULL FROM {} ORDER BY host, bin",
                        "SELECT host, bin, count(*), sum(value), min(t.time), max(t.time) FROM {} CROSS JOIN \
                         UNNEST(series) AS t (time, value) GROUP BY host, bin ORDER BY host, bin",
                    ] {
                        let expected = found(&server, &query.replace("{}", &by_records)).await;
                        seen += expected.len();
                        assert_eq!(
                            found(&server, &query.replace("{}", &by_series)).await,
                            expected,
                            "{bounds} {width}"
                        );
                    }
                }
            }
        }
    }
    assert!(seen > 10_000, "{seen}");
}

/// The nanoseconds from the first record to the last that a query of bins reads, by its insights.
async fn read_times(server: &Binary, from: i64) -> i64 {
    let (_, query) = clients(&server.endpoint, &keys("any", "any"));
    let text = format!(
        "SELECT host, bin(time, 2h) FROM db1.metrics WHERE time >= from_milliseconds({from}) AND (measure_value::double IS NOT \
         NULL) GROUP BY host, measure_name, bin(time, 2h)"
    );
    let mode = QueryInsights::builder().mode(QueryInsightsMode::EnabledWithRateControl).build().unwrap();
    let page = query.query().query_string(text).query_insights(mode).send().await.unwrap();
    page.query_insights_response().unwrap().query_temporal_range().unwrap().max().unwrap().value()
}
