//! Random records and versions go to the server and to a plain model of it. Both must agree on every rejection and on
//! what is stored, also after the real binary was killed and started again.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_timestreamquery as query;
use aws_sdk_timestreamwrite as write;
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use aws_sdk_timestreamwrite::types::{MeasureValue, MeasureValueType, Record};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::binary::Binary;
use crate::server::{Running, Scratch, clients, dimension, keys, make_table, rows};

const BASE_MS: i64 = 1_700_000_000_000;
/// Every column of values that the records can have.
const COLUMNS: [&str; 5] =
    ["measure_value::double", "measure_value::bigint", "measure_value::varchar", "first", "second"];

/// Values by column, as text.
type Values = BTreeMap<&'static str, &'static str>;

#[derive(Debug, Clone)]
struct Sample {
    host: u8,
    measure: u8,
    time: i64,
    version: Option<i64>,
    values: Values,
}

impl Sample {
    fn record(&self, client: usize) -> Record {
        let record = Record::builder()
            .dimensions(dimension("client", &client.to_string()))
            .dimensions(dimension("host", &self.host.to_string()))
            .measure_name(format!("m{}", self.measure))
            .time((BASE_MS + self.time).to_string())
            .set_version(self.version);
        let single = |kind, value: &str| record.clone().measure_value_type(kind).measure_value(value).build();
        match self.values.iter().next() {
            Some((&"measure_value::double", value)) => single(MeasureValueType::Double, value),
            Some((&"measure_value::bigint", value)) => single(MeasureValueType::Bigint, value),
            Some((&"measure_value::varchar", value)) => single(MeasureValueType::Varchar, value),
            _ => {
                let values = self.values.iter().map(|(name, value)| {
                    let kind = if *name == "first" { MeasureValueType::Bigint } else { MeasureValueType::Varchar };
                    MeasureValue::builder().name(*name).value(*value).r#type(kind).build().unwrap()
                });
                let record = record.measure_value_type(MeasureValueType::Multi);
                record.set_measure_values(Some(values.collect())).build()
            }
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let single = prop_oneof![
        prop::sample::select(vec!["1.5", "-0.0", "1.0E300"]).prop_map(|value| vec![(COLUMNS[0], value)]),
        prop::sample::select(vec!["1", "-9223372036854775808"]).prop_map(|value| vec![(COLUMNS[1], value)]),
        prop::sample::select(vec!["", "x", "it's \"ü\""])
            .prop_map(|value| vec![(COLUMNS[2], if value.is_empty() { " " } else { value })]),
        prop::sample::select(vec!["1", "2"]).prop_map(|value| vec![(COLUMNS[3], value)]),
        prop::sample::select(vec!["a", "b"]).prop_map(|value| vec![(COLUMNS[4], value)]),
        prop::sample::select(vec!["a", "b"]).prop_map(|value| vec![(COLUMNS[3], "1"), (COLUMNS[4], value)]),
    ];
    (0..3_u8, 0..2_u8, 0..4_i64, prop::option::of(1..4_i64), single).prop_map(
        |(host, measure, time, version, values)| Sample {
            host,
            measure,
            time,
            version,
            values: values.into_iter().collect(),
        },
    )
}

fn calls() -> impl Strategy<Value = Vec<Vec<Sample>>> {
    prop::collection::vec(prop::collection::vec(sample(), 1..20), 1..8)
}

/// What is stored: version and values by host, measure and time.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model(BTreeMap<(u8, u8, i64), (i64, Values)>);

impl Model {
    /// Stores a call; the places of the rejected records and the versions in their way.
    fn apply(&mut self, call: &[Sample]) -> Vec<(i32, Option<i64>)> {
        let mut rejected = Vec::new();
        for (sample, place) in call.iter().zip(0..) {
            let version = sample.version.unwrap_or(1);
            let key = (sample.host, sample.measure, sample.time);
            match self.0.get(&key) {
                Some((existing, values)) if version <= *existing => {
                    if *values != sample.values {
                        rejected.push((place, Some(*existing)));
                    }
                }
                _ => {
                    self.0.insert(key, (version, sample.values.clone()));
                }
            }
        }
        rejected
    }

    fn rows(&self) -> Vec<String> {
        let rows = self.0.iter().map(|((host, measure, time), (_, values))| {
            let values = COLUMNS.map(|column| *values.get(column).unwrap_or(&"-")).join(" ");
            format!("{host} m{measure} {} {values}", BASE_MS + time)
        });
        rows.collect()
    }
}

/// What the server has of a client's records.
async fn stored(query: &query::Client, client: usize) -> Vec<String> {
    let columns = COLUMNS.map(|column| if column.contains(':') { column.to_owned() } else { format!("\"{column}\"") });
    let text = format!(
        "SELECT host, measure_name, to_milliseconds(time), {} FROM db1.metrics WHERE client = '{client}' \
         ORDER BY host, measure_name, time",
        columns.join(", ")
    );
    rows(query, &text).await
}

/// Sends a call; the rejections, or nothing when the server did not answer.
async fn send(client: &write::Client, number: usize, call: &[Sample]) -> Option<Vec<(i32, Option<i64>)>> {
    let records = call.iter().map(|sample| sample.record(number)).collect();
    let sent = client.write_records().database_name("db1").table_name("metrics").set_records(Some(records));
    match sent.send().await {
        Ok(answer) => {
            assert_eq!(answer.records_ingested.unwrap().total, i32::try_from(call.len()).unwrap());
            Some(Vec::new())
        }
        Err(error) => match error.as_service_error() {
            Some(WriteRecordsError::RejectedRecordsException(error)) => {
                let rejected = error.rejected_records().iter();
                Some(rejected.map(|record| (record.record_index, record.existing_version)).collect())
            }
            Some(error) => panic!("{error:?}"),
            None => None,
        },
    }
}

/// A record of each kind, so that every column is there.
async fn seed(client: &write::Client) {
    make_table(client).await;
    let seed = COLUMNS.iter().zip(0..).map(|(column, host)| {
        let values = BTreeMap::from([(*column, "1")]);
        Sample { host, measure: 0, time: 0, version: None, values }
    });
    send(client, 999, &seed.collect::<Vec<_>>()).await.unwrap();
}

#[test]
fn the_server_agrees_with_a_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime.block_on(async {
        let running = Running::start().await;
        seed(&running.write).await;
        running
    });
    let mut client = 0;
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let run = |calls: Vec<Vec<Sample>>| {
        client += 1;
        runtime.block_on(async {
            let mut model = Model::default();
            for call in &calls {
                let rejected = send(&running.write, client, call).await.unwrap();
                assert_eq!(rejected, model.apply(call), "{call:?}");
            }
            assert_eq!(stored(&running.query, client).await, model.rows());
        });
        Ok(())
    };
    let run = std::cell::RefCell::new(run);
    runner.run(&calls(), |calls| (run.borrow_mut())(calls)).unwrap();
}

/// Writes until the server is gone. Returns the model of what was acknowledged, and the model that also has the call that
/// was under way.
async fn write_until_killed(client: write::Client, number: usize, calls: Vec<Vec<Sample>>) -> (Model, Model) {
    let mut model = Model::default();
    // Over and over at later times, so that there is always something to write.
    for round in 0.. {
        for call in &calls {
            let mut call = call.clone();
            for sample in &mut call {
                sample.time += round * 10;
            }
            let mut next = model.clone();
            let wanted = next.apply(&call);
            match send(&client, number, &call).await {
                Some(rejected) => assert_eq!(rejected, wanted),
                None => return (model, next),
            }
            model = next;
        }
    }
    unreachable!("rounds do not end")
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    const CLIENTS: usize = 4;
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let case = std::cell::Cell::new(0);
    let strategy = (prop::collection::vec(calls(), CLIENTS), 20..400_u64);
    let outcome = runner.run(&strategy, |(calls, life_ms)| {
        case.set(case.get() + 1);
        runtime.block_on(async {
            let mut server = Binary::start(scratch.path());
            let (write, _) = clients(&server.endpoint, &keys("any", "any"));
            if case.get() == 1 {
                seed(&write).await;
            }
            let numbers = (0..CLIENTS).map(|client| case.get() * CLIENTS + client);
            let tasks = numbers
                .clone()
                .zip(calls)
                .map(|(number, calls)| tokio::spawn(write_until_killed(write.clone(), number, calls)));
            let tasks: Vec<_> = tasks.collect();
            tokio::time::sleep(Duration::from_millis(life_ms)).await;
            drop(server);
            server = Binary::start(scratch.path());
            let (_, query) = clients(&server.endpoint, &keys("any", "any"));
            for (task, number) in tasks.into_iter().zip(numbers) {
                let (acknowledged, perhaps) = task.await.unwrap();
                let stored = stored(&query, number).await;
                if stored != acknowledged.rows() {
                    assert_eq!(stored, perhaps.rows(), "after a kill");
                }
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
