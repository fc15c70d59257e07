//! Calls of the SDK to the embedded Timestream of this process, without a connection.
//!
//! A command that opens the data by itself is its only caller, and its pages and records would go through the system's
//! sockets for nothing. What answers a call is the same as behind a connection.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use hyper::Request;
use timestream_local::InProcess;

/// An HTTP client whose calls all go to `timestream`.
pub(super) fn http_client(timestream: InProcess) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(timestream));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(InProcess);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let timestream = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
            let answer = timestream.call(Request::from_parts(head, body.into_bytes())).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
