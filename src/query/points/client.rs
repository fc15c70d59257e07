//! The seam below the SDK: its HTTP client, wrapped so that points are taken out of the bodies of answers.
//!
//! An interceptor can't do this: the SDK runs them before it has the body, or when the tree is built.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::take::take;
use super::taken::Points;

type Taken = Arc<Mutex<Points>>;

tokio::task_local! {
    /// Where the points of the task's call go.
    static TAKEN: Taken;
}

/// Makes a call whose points are taken. Without it they stay in the answer.
pub(crate) async fn taking_points<F: Future>(call: F) -> (F::Output, Points) {
    let taken = Taken::default();
    let output = TAKEN.scope(Arc::clone(&taken), call).await;
    let points = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    (output, points)
}

/// The client, with points taken out of the answers to the calls of a read. Other calls pass as they are.
pub fn with_points(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(TakingClient(client))
}

#[derive(Debug)]
struct TakingClient(SharedHttpClient);

impl HttpClient for TakingClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.0.http_connector(settings, components);
        match TAKEN.try_with(Arc::clone) {
            Ok(taken) => SharedHttpConnector::new(TakingConnector { connector, taken }),
            Err(_) => connector,
        }
    }
}

#[derive(Debug)]
struct TakingConnector {
    connector: SharedHttpConnector,
    taken: Taken,
}

impl HttpConnector for TakingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, taken) = (self.connector.call(request), Arc::clone(&self.taken));
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            if answer.status().is_success() {
                take_from(&mut answer, &taken).await?;
            }
            Ok(answer)
        })
    }
}

async fn take_from(answer: &mut HttpResponse, taken: &Taken) -> Result<(), ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
    let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let body = match take(&body) {
        Some((rest, points)) => {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = points;
            SdkBody::from(rest)
        }
        None => SdkBody::from(body),
    };
    *answer.body_mut() = body;
    Ok(())
}
