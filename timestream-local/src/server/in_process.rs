//! Calls from the server's own process, without a connection.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};

use super::calls::{self, Calls, Dropped};

/// A way to call a server that needs no connection. It does not keep the server from stopping.
#[derive(Clone)]
pub struct InProcess(Weak<Calls>);

impl InProcess {
    pub(super) fn of(calls: &Arc<Calls>) -> Self {
        InProcess(Arc::downgrade(calls))
    }

    /// Answers a request as over a connection. Its method and path do not matter.
    ///
    /// # Errors
    /// A connection would be closed without an answer, or the server has stopped.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let calls = self.0.upgrade().ok_or(Dropped)?;
        calls::answer(&calls, request.map(Full::new)).await
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess(..)")
    }
}
