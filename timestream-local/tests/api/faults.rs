//! Faults that are made on purpose.

use std::time::{Duration, Instant};

use aws_sdk_timestreamwrite::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use timestream_local::{Fault, Faults, Often};

use crate::server::{Running, record};

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_what_a_client_would_see_of_the_service() {
    let running = Running::start().await.table().await;
    let faults = running.server.faults();
    for (fault, code, status) in [
        (Fault::Throttle, "ThrottlingException", 429),
        (Fault::Error, "InternalServerException", 500),
        (Fault::Endpoint, "InvalidEndpointException", 421),
        (Fault::Validation, "ValidationException", 400),
    ] {
        faults.set(Faults::default().with(fault, Often::Next(1)));
        let error = running.records([record("a", 1.0, 0)]).send().await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        assert_eq!(faults.made(fault), 1);
    }
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["0"]);
    running.records([record("a", 1.0, 0)]).send().await.unwrap();
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_dropped_before_or_after_the_call_is_handled() {
    let running = Running::with(|config| config.faults = "drop=1x,only=WriteRecords".parse().unwrap()).await;
    let running = running.table().await;
    let faults = running.server.faults();
    let send = |host: &'static str| running.records([record(host, 1.0, 0)]).send();
    assert!(matches!(send("before").await, Err(SdkError::DispatchFailure(_))));
    faults.set(Faults::default().with(Fault::DropAfter, Often::Next(1)));
    assert!(matches!(send("after").await, Err(SdkError::DispatchFailure(_))));
    assert_eq!(running.rows("SELECT host FROM db1.metrics").await, ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_records_are_named_and_the_others_stored() {
    let running = Running::start().await.table().await;
    running.server.faults().set("reject=0.3,seed=5".parse().unwrap());
    let records = (0..100).map(|number| record(&format!("h{number:02}"), 1.0, 0));
    let error = running.records(records).send().await.unwrap_err();
    let Some(WriteRecordsError::RejectedRecordsException(error)) = error.as_service_error() else {
        panic!("{error:?}")
    };
    let mut all: Vec<String> =
        error.rejected_records().iter().map(|record| format!("h{:02}", record.record_index)).collect();
    assert!((15..45).contains(&all.len()), "{}", all.len());
    assert_eq!(running.server.faults().made(Fault::Reject), all.len() as u64);
    running.server.faults().clear();
    all.extend(running.rows("SELECT host FROM db1.metrics").await);
    all.sort_unstable();
    assert_eq!(all, (0..100).map(|number| format!("h{number:02}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_call_is_late_and_handled() {
    let running = Running::start().await.table().await;
    running.server.faults().set(Faults::default().with_delay(Duration::from_millis(300), Often::Next(1)));
    let start = Instant::now();
    running.records([record("a", 1.0, 0)]).send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
}
