//! Calls from the server's own process, without a connection.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use timestream_local::{Config, Dropped, Fault, Faults, InProcess, Often, Server};

use crate::server::{PATIENCE, Running, Scratch, record};

async fn call(timestream: &InProcess, operation: &str, body: Vec<u8>) -> Result<(StatusCode, Value), Dropped> {
    let target = format!("Timestream_20181101.{operation}");
    let request = Request::builder().header("x-amz-target", target).body(Bytes::from(body)).unwrap();
    let answer = timestream.call(request).await?;
    Ok((answer.status(), serde_json::from_slice(answer.body()).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_answered_as_over_one_until_the_server_stops() {
    let running = Running::start().await.table().await;
    running.records([record("a", 1.0, 0)]).send().await.unwrap();
    let timestream = running.server.in_process();
    let query = || br#"{"QueryString": "SELECT host FROM db1.metrics"}"#.to_vec();

    let (status, answer) = call(&timestream, "Query", query()).await.unwrap();
    assert_eq!((status, &answer["Rows"]), (StatusCode::OK, &json!([{"Data": [{"ScalarValue": "a"}]}])));
    let (status, answer) = call(&timestream, "Query", br#"{"QueryString": "SELECT"}"#.to_vec()).await.unwrap();
    assert_eq!(
        (status, &answer["__type"]),
        (StatusCode::BAD_REQUEST, &json!("com.amazonaws.timestream.v20181101#ValidationException"))
    );
    let (status, _) = call(&timestream, "Query", vec![b' '; 5 << 20]).await.unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    running.server.faults().set(Faults::default().with(Fault::Drop, Often::Next(1)));
    assert!(call(&timestream, "Query", query()).await.is_err());
    assert!(call(&timestream, "Query", query()).await.is_ok());

    running.server.shutdown().await;
    assert!(call(&timestream, "Query", query()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_looks_at_does_not_keep_the_server_from_stopping() {
    let running = Running::start().await.table().await;
    let timestream = running.server.in_process();
    running.server.faults().set(Faults::default().with_delay(Duration::from_secs(1), Often::Rate(1.0)));
    let mut begun = Box::pin(call(&timestream, "ListDatabases", b"{}".to_vec()));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut begun).await.is_err());
    tokio::time::timeout(PATIENCE, running.server.shutdown()).await.unwrap();
    // What was in flight finished meanwhile.
    assert_eq!(begun.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn a_server_of_one_process_listens_nowhere() {
    let scratch = Scratch::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start_in_process(Config::new(scratch.path().join("data"), address)).await.unwrap();
    let (status, _) = call(&server.in_process(), "ListDatabases", b"{}".to_vec()).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(TcpStream::connect(address).is_err());
    server.shutdown().await;
}
