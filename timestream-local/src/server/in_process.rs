//! Calls from the server's own process, without a connection.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::calls::{self, Calls, Dropped};
use super::connections::SHUTDOWN_TIME;

/// A way to call a server that needs no connection.
#[derive(Clone)]
pub struct InProcess {
    calls: Weak<Calls>,
    stopped: watch::Receiver<bool>,
}

impl InProcess {
    pub(super) fn of(calls: &Arc<Calls>, stopped: watch::Receiver<bool>) -> Self {
        InProcess { calls: Arc::downgrade(calls), stopped }
    }

    /// Answers a request as over a connection.
    ///
    /// # Errors
    /// A connection would be closed without an answer, or the server stops: then what is in flight may finish for ten
    /// seconds.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let mut stopped = self.stopped.clone();
        if *stopped.borrow() {
            return Err(Dropped);
        }
        let calls = self.calls.upgrade().ok_or(Dropped)?;
        // In a task, since the server could not stop if whoever waits for the answer did not look at it.
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let end = async {
                let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
                tokio::time::sleep(SHUTDOWN_TIME).await;
            };
            tokio::select! {
                answer = calls::answer(&calls, request.map(Full::new)) => answer,
                () = end => Err(Dropped),
            }
        });
        tasks.join_next().await.and_then(Result::ok).unwrap_or(Err(Dropped))
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess(..)")
    }
}
