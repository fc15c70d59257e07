//! What is told of a table before anything is sent, and what of its answers.

use serde_json::{Value, json};

use super::super::remote::post;
use super::super::timestream::{Fault, Timestream};
use super::*;

/// A call to an embedded Timestream.
fn call(timestream: &str, operation: &str, body: &Value) {
    let target = format!("Timestream_20181101.{operation}");
    let headers = [
        ("X-Amz-Target", target.as_str()),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/timestream/aws4_request"),
    ];
    let answer = post(&format!("http://{timestream}/"), &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn what_a_table_refuses_is_told_before_and_not_sent() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let kept = json!({"MemoryStoreRetentionPeriodInHours": 1, "MagneticStoreRetentionPeriodInDays": 1});
    let (late, now) = (|takes: bool| json!({"EnableMagneticStoreWrites": takes}), now_ms());
    for (table, takes) in [("without", false), ("with", true)] {
        let body = json!({"DatabaseName": "prometheus", "TableName": table, "RetentionProperties": kept,
            "MagneticStoreWriteProperties": late(takes)});
        call(&connector.timestream, "CreateTable", &body);
    }
    let file = scratch.path().join("a.om");
    let line = |minutes: i64| format!("up 1 {}e-3\n", now - minutes * 60_000);
    let text: String = [0, 30, 120, 10 * 24 * 60, -16].map(line).concat();
    std::fs::write(&file, text + "# EOF\n").unwrap();
    let (target, from) = (embedded(scratch.path(), Some(&connector)), format!("--from={}", file.display()));
    for (table, written, told) in [("without", 2, "magnetic store writes are off"), ("with", 3, "others are rejected")]
    {
        let table = format!("--default-table={table}");
        let imported = import(&with(&target, &[&table, &from]));
        assert_eq!((imported.counts(), imported.code), ([5, written, 0, 0], Some(1)));
        assert_eq!(imported.count("rejected, retention_window"), 5 - written);
        assert!(imported.log.contains(told), "{told}");
    }
}

#[test]
fn a_caller_who_may_not_describe_the_table_is_warned() {
    // It denies DescribeTable.
    let endpoint = Timestream::start(|_, _| Fault::None);
    let scratch = Scratch::new();
    let file = scratch.path().join("a.om");
    std::fs::write(&file, format!("up{{a=\"b\"}} 1 {}\n# EOF\n", now_ms() / 1000)).unwrap();
    let from = format!("--from={}", file.display());
    let imported = import(&with(&endpoint.arguments(), &[&from]));
    assert_eq!((imported.counts(), imported.code), ([1, 1, 0, 0], Some(0)));
    assert!(imported.log.contains("the credentials may not call timestream:DescribeTable"));
    assert_eq!(endpoint.counts(), (1, 1));
}

#[test]
fn other_values_of_known_samples_are_rejected_and_the_same_are_taken_again() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let now = now_ms();
    let text = |value: u32| format!("up{{a=\"b\"}} 1 {now}e-3\nup{{a=\"c\"}} {value} {now}e-3\n# EOF\n");
    let imported = |value: u32| ended(start(&with(&target, &["--from=-"])), text(value).as_bytes());
    assert_eq!(imported(1).code, Some(0));
    assert_eq!(imported(1).counts(), [2, 2, 0, 0]);
    let other = imported(2);
    assert_eq!((other.counts(), other.count("rejected, duplicate"), other.code), ([2, 1, 0, 0], 1, Some(1)));
}
