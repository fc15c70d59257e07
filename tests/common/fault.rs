//! What a Timestream of tests and measurements answers, well or with a fault.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::watch;

/// An answer; an error breaks the connection.
pub type Answer = io::Result<Response<Full<Bytes>>>;

/// What happens to a call.
#[derive(Debug, Clone)]
pub enum Fault {
    None,
    /// An exception, with its status; nothing is stored.
    Exception(u16, &'static str),
    /// An answer that is no JSON, as of something between here and there; nothing is stored.
    Gateway(u16),
    /// The answer, and the storing, come after this long.
    Slow(Duration),
    /// The answer, and the storing, come once the gate is open.
    Held(Gate),
    /// The records are stored; the answer comes after this long.
    StoredThenSlow(Duration),
    /// The connection breaks before anything is stored.
    Broken,
    /// The connection breaks once all is stored.
    StoredThenBroken,
    /// The records whose number is a multiple of this are rejected, the others stored.
    Rejecting(usize),
}

impl Fault {
    /// Answers a call as the fault has it. `store` stores its records, but for those whose number is a multiple of what it
    /// is given, and answers.
    pub async fn answer(self, store: impl FnOnce(Option<usize>) -> Response<Full<Bytes>>) -> Answer {
        let broken = || Err(io::Error::other("broken as planned"));
        match self {
            Fault::None => Ok(store(None)),
            Fault::Exception(status, name) => Ok(exception(status, name, "as planned")),
            Fault::Gateway(status) => {
                let mut answer = Response::new(Full::new(Bytes::from_static(b"<html>gateway</html>")));
                *answer.status_mut() = status.try_into().unwrap();
                Ok(answer)
            }
            Fault::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Ok(store(None))
            }
            Fault::Held(gate) => {
                gate.opened().await;
                Ok(store(None))
            }
            Fault::StoredThenSlow(delay) => {
                let answer = store(None);
                tokio::time::sleep(delay).await;
                Ok(answer)
            }
            Fault::Broken => broken(),
            Fault::StoredThenBroken => {
                store(None);
                broken()
            }
            Fault::Rejecting(each) => Ok(store(Some(each))),
        }
    }
}

/// Holds calls until a test has seen what it wants to see.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Opens it for those who wait, and those to come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        // The sender is this gate's own, and so still there.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

/// The answer to a call whose records are stored.
pub fn stored(count: usize) -> Response<Full<Bytes>> {
    json_answer(200, &json!({"RecordsIngested": {"Total": count, "MemoryStore": count, "MagneticStore": 0}}))
}

/// Why a record is rejected that is too old or too young.
pub const OUTSIDE: &str = "The record timestamp is outside the time range [A, B) of the memory store.";

/// The answer to a call of which these records, each with its reason, are not stored.
pub fn rejected(records: &[(usize, &str)]) -> Response<Full<Bytes>> {
    let records: Vec<Value> =
        records.iter().map(|(index, reason)| json!({"RecordIndex": index, "Reason": reason})).collect();
    json_answer(
        419,
        &json!({
            "__type": "com.amazonaws.timestream.v20181101#RejectedRecordsException",
            "Message": "One or more records have been rejected. See RejectedRecords for details.",
            "RejectedRecords": records,
        }),
    )
}

pub fn exception(status: u16, name: &str, message: &str) -> Response<Full<Bytes>> {
    json_answer(status, &json!({"__type": format!("com.amazonaws.timestream.v20181101#{name}"), "Message": message}))
}

pub fn json_answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status.try_into().unwrap();
    answer.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    answer
}
