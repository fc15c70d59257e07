//! Calls that wait for the writer are committed together. Each keeps its own answer, and a commit that fails fails them
//! all.

use std::path::Path;

use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use rusqlite::Connection;

use crate::server::{Running, Scratch, record};

const CALLS: usize = 60;

/// Bytes of a frame of SQLite's write-ahead log: a page and its header.
const FRAME: u64 = 4096 + 24;

/// A connection that holds the write lock, so that the writer's next commit waits.
fn holder(data: &Path) -> Connection {
    let connection = Connection::open(data.join("timestream.sqlite")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

fn log_frames(data: &Path) -> u64 {
    std::fs::metadata(data.join("timestream.sqlite-wal")).unwrap().len() / FRAME
}

/// Sends [`CALLS`] calls at once, one of them with a record that is refused.
async fn send(running: &Running) -> Vec<Option<String>> {
    let calls: Vec<_> = (0..CALLS)
        .map(|call| {
            // Further ahead than Timestream takes.
            let age = if call == 7 { -86_400_000 } else { 0 };
            tokio::spawn(running.records([record(&format!("host-{call}"), 1.0, age)]).send())
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        answers.push(answer.err().map(|error| error.code().unwrap_or("none").to_owned()));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_calls_share_a_commit_and_keep_their_own_answers() {
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let running = Running::with(|config| config.data_dir = data.clone()).await.table().await;
    // The first record of a table makes its measure.
    running.records([record("first", 1.0, 0)]).send().await.unwrap();
    let before = log_frames(&data);
    let holder = holder(&data);
    running.count_calls();
    let release = async {
        running.calls_come(CALLS as u64).await;
        // Those that came last are on their way to the writer.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        holder.execute_batch("ROLLBACK").unwrap();
    };
    let (answers, ()) = tokio::join!(send(&running), release);
    for (call, answer) in answers.iter().enumerate() {
        let expected = (call == 7).then_some("RejectedRecordsException");
        assert_eq!(answer.as_deref(), expected, "call {call}");
    }
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, [CALLS.to_string()]);
    let frames = log_frames(&data) - before;
    assert!(frames < CALLS as u64, "{frames} frames of the log for {CALLS} calls: each had a commit of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_told_to_every_call_and_stores_nothing() {
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let running = Running::with(|config| config.data_dir = data.clone()).await.table().await;
    // Longer than the writer waits for the lock.
    let holder = holder(&data);
    for (call, answer) in send(&running).await.iter().enumerate() {
        let code = answer.as_deref();
        assert!(matches!(code, Some("InternalServerException" | "RejectedRecordsException")), "call {call}: {code:?}");
    }
    holder.execute_batch("ROLLBACK").unwrap();
    running.records([record("after", 1.0, 0)]).send().await.unwrap();
    assert_eq!(running.rows("SELECT host FROM db1.metrics").await, ["after"]);
}
