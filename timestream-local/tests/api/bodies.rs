//! Bodies that an operation does not expect. Each gets an answer, and never one that blames the server.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::server::{PATIENCE, Running};

/// A body that each operation takes.
fn good_bodies() -> Vec<(&'static str, Value)> {
    let database = json!({"DatabaseName": "db1", "KmsKeyId": "k", "Tags": [{"Key": "a", "Value": "b"}]});
    let table = json!({
        "DatabaseName": "db1",
        "TableName": "metrics",
        "RetentionProperties": {"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 7},
        "MagneticStoreWriteProperties": {
            "EnableMagneticStoreWrites": true,
            "MagneticStoreRejectedDataLocation": {"S3Configuration": {"BucketName": "abc", "EncryptionOption": "SSE_S3"}},
        },
        "Schema": {"CompositePartitionKey": [{"Type": "DIMENSION", "Name": "a", "EnforcementInRecord": "OPTIONAL"}]},
        "Tags": [{"Key": "a", "Value": "b"}],
    });
    let list = json!({"DatabaseName": "db1", "MaxResults": 3, "NextToken": "db"});
    let arn = "arn:aws:timestream:us-east-1:000000000000:database/db1";
    let tags = json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}], "TagKeys": ["a"]});
    let records = json!({
        "DatabaseName": "db1",
        "TableName": "metrics",
        "CommonAttributes": {"Dimensions": [{"Name": "a", "Value": "b"}], "TimeUnit": "SECONDS", "Time": "1700000000"},
        "Records": [
            {"MeasureName": "m", "MeasureValue": "1.5", "MeasureValueType": "DOUBLE", "Version": 2},
            {"Dimensions": [{"Name": "c", "Value": "d", "DimensionValueType": "VARCHAR"}], "MeasureName": "n",
             "MeasureValueType": "MULTI", "MeasureValues": [{"Name": "x", "Value": "1", "Type": "BIGINT"}]},
        ],
    });
    let query = json!({"QueryString": "SELECT 1", "MaxRows": 10, "NextToken": "q1.1", "ClientToken": "c"});
    let prepare = json!({"QueryString": "SELECT 1", "ValidateOnly": true});
    vec![
        ("CreateDatabase", database.clone()),
        ("DescribeDatabase", database.clone()),
        ("UpdateDatabase", database),
        ("ListDatabases", list.clone()),
        ("CreateTable", table.clone()),
        ("DescribeTable", table.clone()),
        ("UpdateTable", table),
        ("ListTables", list),
        ("TagResource", tags.clone()),
        ("UntagResource", tags.clone()),
        ("ListTagsForResource", tags),
        ("WriteRecords", records.clone()),
        ("WriteRecords", records),
        ("DescribeEndpoints", json!({})),
        ("CreateBatchLoadTask", batch_load()),
        ("DescribeBatchLoadTask", json!({"TaskId": "ABC"})),
        ("ListBatchLoadTasks", json!({"MaxResults": 1, "TaskStatus": "CREATED"})),
        ("ResumeBatchLoadTask", json!({"TaskId": "ABC"})),
        ("Query", query.clone()),
        ("PrepareQuery", prepare),
        ("CancelQuery", json!({"QueryId": "q1"})),
        ("DeleteTable", json!({"DatabaseName": "db1", "TableName": "other"})),
        ("DeleteDatabase", json!({"DatabaseName": "other"})),
        ("NoSuchOperation", query),
    ]
}

fn batch_load() -> Value {
    json!({
        "ClientToken": "c", "TargetDatabaseName": "db1", "TargetTableName": "metrics", "RecordVersion": 1,
        "DataSourceConfiguration": {"DataFormat": "CSV", "CsvConfiguration": {"ColumnSeparator": ",", "QuoteChar": "'"},
            "DataSourceS3Configuration": {"BucketName": "data", "ObjectKeyPrefix": "in"}},
        "ReportConfiguration": {"ReportS3Configuration": {"BucketName": "reports", "ObjectKeyPrefix": "errors"}},
        "DataModelConfiguration": {"DataModel": {"TimeColumn": "time", "TimeUnit": "SECONDS", "MeasureNameColumn": "m",
            "DimensionMappings": [{"SourceColumn": "a", "DestinationColumn": "b"}], "MixedMeasureMappings": [
                {"MeasureName": "x", "MeasureValueType": "MULTI", "MultiMeasureAttributeMappings": [
                    {"SourceColumn": "v", "MeasureValueType": "DOUBLE"}]}]}},
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[a-z]{1,5}".prop_map(Value::from),
        (1..5000_usize).prop_map(|length| Value::from("x".repeat(length))),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[A-Za-z]{0,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts `with` in the place of the node that `at` picks among all, or removes the node.
fn change(body: &mut Value, at: usize, with: Option<Value>) {
    fn walk(node: &mut Value, left: &mut usize, with: &mut Option<Option<Value>>) {
        if with.is_none() {
            return;
        }
        if *left == 0 {
            if let Some(with) = with.take() {
                *node = with.unwrap_or(Value::Null);
            }
            return;
        }
        *left -= 1;
        match node {
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, left, with)),
            Value::Object(members) => {
                if *left < members.len() && matches!(with, Some(None)) {
                    let name = members.keys().nth(*left).cloned().unwrap_or_default();
                    members.remove(&name);
                    *with = None;
                    return;
                }
                members.values_mut().for_each(|member| walk(member, left, with));
            }
            _ => {}
        }
    }
    fn count(node: &Value) -> usize {
        1 + match node {
            Value::Array(items) => items.iter().map(count).sum(),
            Value::Object(members) => members.values().map(count).sum(),
            _ => 0,
        }
    }
    let mut left = at % count(body);
    walk(body, &mut left, &mut Some(with));
}

fn body() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let good = || prop::sample::select(good_bodies());
    let mutated = (good(), prop::collection::vec((any::<usize>(), prop::option::of(any_json())), 1..4)).prop_map(
        |((operation, mut body), changes)| {
            changes.into_iter().for_each(|(at, with)| change(&mut body, at, with));
            (operation, body.to_string().into_bytes())
        },
    );
    let broken = (good(), any::<usize>(), any::<u8>(), any::<bool>()).prop_map(|((operation, body), at, byte, cut)| {
        let mut bytes = body.to_string().into_bytes();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at)
        } else {
            bytes[at] = byte
        }
        (operation, bytes)
    });
    let arbitrary = (good(), any_json()).prop_map(|((operation, _), body)| (operation, body.to_string().into_bytes()));
    let noise =
        (good(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(|((operation, _), body)| (operation, body));
    prop_oneof![4 => mutated, 2 => broken, 1 => arbitrary, 1 => noise]
}

#[test]
fn no_body_panics_or_is_the_servers_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime.block_on(async {
        Running::with(|config| config.object_root = Some(config.data_dir.with_file_name("objects"))).await.table().await
    });
    let endpoint = format!("http://{}", running.server.local_addr());
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&body(), |(operation, body)| {
        let request = agent.post(&endpoint).header("X-Amz-Target", format!("Timestream_20181101.{operation}"));
        let mut response = request.send(&body[..]).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let answer = response.body_mut().read_to_string().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let status = response.status().as_u16();
        prop_assert!(status < 500, "{operation}: {status} {answer}");
        let answer: Value = serde_json::from_str(&answer).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(status == 200, answer.get("__type").is_none(), "{}: {} {}", operation, status, answer);
        Ok(())
    });
    outcome.unwrap();
}
