//! What a WriteRecords call needs besides its body: learnt from a call that the SDK made, and used again for a minute.
//!
//! A call of the SDK costs several times the work of sending it. What it does is the same for each call of a client:
//! credentials, endpoint, user agent, connector. So the SDK makes the first call of each minute, and the others take
//! these from it, and sign themselves. Everything that changes (credentials that are rotated, endpoints that move) is
//! still found by the SDK.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use tokio::time::Instant;

use super::counted_credentials::LastCredentials;
use super::interceptors::WRITE_RECORDS;
use super::signing::{SIGNED, Signer};

/// How long a call of the SDK is learnt from.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// How long before their expiry credentials are no longer used. The SDK loads them again so long before (its identity
/// cache's buffer time).
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// While one call goes through the SDK to learn anew, the others may use what is known for so long.
const WHILE_LEARNING: Duration = Duration::from_secs(5);

/// Headers that are not sent again. Some differ from call to call; the SDK's own ones say which attempt a call is, and
/// there is only one; its second user agent says the same as the first.
const OF_ONE_CALL: [&str; 6] =
    ["authorization", "x-amz-date", "x-amz-user-agent", "content-length", "amz-sdk-invocation-id", "amz-sdk-request"];

/// A WriteRecords call without its body.
#[derive(Debug)]
pub(super) struct PreparedCall {
    request: HttpRequest,
    connector: SharedHttpConnector,
    signer: Signer,
    expiry: Option<SystemTime>,
}

impl PreparedCall {
    /// Sends a body.
    pub(super) async fn send(&self, body: Bytes) -> Result<HttpResponse, ConnectorError> {
        let other = |what: &str| ConnectorError::other(what.into(), None);
        let signature = self.signer.sign(&body, SystemTime::now());
        let mut request = self.request.try_clone().ok_or_else(|| other("a prepared call can't be repeated"))?;
        let headers = request.headers_mut();
        headers.insert("x-amz-date", signature.date);
        headers.insert("authorization", signature.authorization);
        *request.body_mut() = SdkBody::from(body);
        self.connector.call(request).await
    }

    fn of(
        signed: &HttpRequest,
        credentials: Credentials,
        region: &str,
        connector: SharedHttpConnector,
    ) -> Option<Self> {
        let mut request = signed.try_clone()?;
        // An empty body, and not one that was taken: only that can be repeated.
        *request.body_mut() = SdkBody::empty();
        let uri: hyper::Uri = request.uri().parse().ok()?;
        // Only then it is known how the SDK signs it.
        if request.method() != "POST" || uri.path() != "/" || uri.query().is_some() {
            return None;
        }
        let host = uri.authority()?.as_str();
        for name in OF_ONE_CALL {
            request.headers_mut().remove(name);
        }
        let header = |name: &str| request.headers().get(name);
        // Another call of the client may have loaded newer credentials meanwhile.
        let signed_by = format!("Credential={}/", credentials.access_key_id());
        let is_signed_by = signed.headers().get("authorization").is_some_and(|value| value.contains(&signed_by));
        if !is_signed_by || header("x-amz-security-token") != credentials.session_token() {
            return None;
        }
        // Every such header must be signed.
        let is_signed = |name: &str| !name.starts_with("x-amz-") || SIGNED.contains(&name);
        if !request.headers().iter().all(|(name, _)| is_signed(name)) {
            return None;
        }
        let expiry = credentials.expiry();
        let signer = Signer::new(credentials, region, host, header("content-type")?, header("x-amz-target")?);
        request.headers_mut().try_insert("host", host.to_owned()).ok()?;
        Some(PreparedCall { request, connector, signer, expiry })
    }
}

/// What one client's calls have taught. It goes with the client.
#[derive(Debug, Default)]
pub(super) struct Learnt(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The call, and until when it is used.
    call: Option<(Arc<PreparedCall>, Instant)>,
    is_barred: bool,
}

impl Learnt {
    /// The call to use. `None`: the SDK is to make the next one.
    pub(super) fn prepared(&self) -> Option<Arc<PreparedCall>> {
        let mut state = self.state();
        let (call, until) = state.call.as_mut()?;
        if call.expiry.is_some_and(|expiry| SystemTime::now() + BEFORE_EXPIRY > expiry) {
            return None;
        }
        if Instant::now() < *until {
            return Some(Arc::clone(call));
        }
        *until = Instant::now() + WHILE_LEARNING;
        None
    }

    /// Leaves the next call to the SDK.
    pub(super) fn forget(&self) {
        self.state().call = None;
    }

    /// Leaves all calls to the SDK: only its own are taken.
    pub(super) fn bar(&self) {
        *self.state() = State { call: None, is_barred: true };
    }

    fn learn(&self, call: PreparedCall) {
        let mut state = self.state();
        if !state.is_barred {
            state.call = Some((Arc::new(call), Instant::now() + FRESH_FOR));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns from the WriteRecords calls of a client.
#[derive(Debug)]
pub(super) struct Learn {
    pub(super) learnt: Arc<Learnt>,
    pub(super) credentials: LastCredentials,
    pub(super) region: String,
    pub(super) connect_timeout: Duration,
}

#[dyn_dispatch_hint]
impl Intercept for Learn {
    fn name(&self) -> &'static str {
        "LearnWriteRecords"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        if request.headers().get("x-amz-target") != Some(WRITE_RECORDS) {
            return Ok(());
        }
        let (Some(client), Some(credentials)) = (components.http_client(), self.credentials.get()) else {
            return Ok(());
        };
        let settings = HttpConnectorSettings::builder().connect_timeout(self.connect_timeout).build();
        let connector = client.http_connector(&settings, components);
        if let Some(call) = PreparedCall::of(request, credentials, &self.region, connector) {
            self.learnt.learn(call);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_smithy_runtime_api::client::http::{HttpConnectorFuture, http_client_fn};

    use super::*;
    use crate::error::Kind;
    use crate::sink::caller_clients::CallerClients;
    use crate::sink::clients::Clients;
    use crate::sink::settings::{ClientSettings, CredentialsSource};
    use crate::sink::transport::Accepted;

    /// A Timestream that answers each call alike, and notes which were made by the SDK, and their signers and agents.
    #[derive(Debug, Clone)]
    struct Scripted {
        /// To calls of the SDK, and to prepared ones.
        answers: Arc<Mutex<[(u16, &'static str); 2]>>,
        calls: Arc<Mutex<Vec<(bool, String, String)>>>,
    }

    impl HttpConnector for Scripted {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
            let by_sdk = request.headers().contains_key("amz-sdk-request");
            let signed = header("authorization");
            for (name, _) in request.headers().iter().filter(|(name, _)| name.starts_with("x-amz-")) {
                assert!(signed.contains(name), "{name} is not among the headers of {signed}");
            }
            let signer = header("authorization").split('/').next().unwrap().to_owned();
            assert_eq!(request.body().bytes(), Some(&b"body"[..]));
            self.calls.lock().unwrap().push((by_sdk, signer, header("user-agent")));
            let (status, answer) = self.answers.lock().unwrap()[usize::from(!by_sdk)];
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer))))
        }
    }

    impl Scripted {
        fn new(status: u16, answer: &'static str) -> Self {
            Scripted { answers: Arc::new(Mutex::new([(status, answer); 2])), calls: Arc::default() }
        }

        fn client(&self, url: &str, expiry: Option<SystemTime>) -> Arc<CallerClients> {
            let connector = SharedHttpConnector::new(self.clone());
            let credentials = Credentials::new("AKIATEST", "hidden", Some("token".into()), expiry, "test");
            let source = CredentialsSource::Fixed(SharedCredentialsProvider::new(credentials));
            let http = http_client_fn(move |_, _| connector.clone());
            Clients::new(ClientSettings::at(url), source, http, Arc::default()).fixed().unwrap().clone()
        }

        /// Which calls so far were made by the SDK.
        fn by_sdk(&self) -> Vec<bool> {
            self.calls.lock().unwrap().iter().map(|call| call.0).collect()
        }
    }

    async fn write(client: &CallerClients) -> Result<Accepted, crate::error::Error> {
        client.write().await.unwrap().0.write_records(Bytes::from_static(b"body"), 2).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_a_minute_is_made_by_the_sdk_and_the_others_are_like_it() {
        let timestream = Scripted::new(200, "{}");
        let client = timestream.client("http://timestream.test", None);
        for _ in 0..3 {
            assert!(matches!(write(&client).await, Ok(Accepted::All)));
        }
        assert_eq!(timestream.by_sdk(), [true, false, false]);
        let calls = timestream.calls.lock().unwrap().clone();
        assert!(calls.iter().all(|call| (&call.1, &call.2) == (&calls[0].1, &calls[0].2)), "{calls:?}");
        assert!(calls[2].2.contains("Prometheus Connector/"), "{calls:?}");
        tokio::time::advance(FRESH_FOR).await;
        write(&client).await.unwrap();
        write(&client).await.unwrap();
        assert_eq!(timestream.by_sdk()[3..], [true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_sdk_has_the_last_word_on_credentials_and_takes_over_after_a_fault() {
        let refused = (403, r#"{"__type":"InvalidSignatureException","message":"no"}"#);
        let slow_down = (429, r#"{"__type":"ThrottlingException","message":"slow down"}"#);
        for (answers, by_sdk) in [
            ([refused, refused], &[true, false, true, false, true, false, true][..]),
            // Then no other call is tried.
            ([(200, "{}"), refused], &[true, false, true, true, true]),
            ([(500, "{}"), (500, "{}")], &[true, false, true, false]),
            ([slow_down, slow_down], &[true, false, false, false]),
        ] {
            let timestream = Scripted::new(200, "{}");
            let client = timestream.client("http://timestream.test", None);
            write(&client).await.unwrap();
            *timestream.answers.lock().unwrap() = answers;
            for _ in 0..3 {
                assert_eq!(write(&client).await.is_ok(), answers[0].0 == 200);
            }
            assert_eq!(timestream.by_sdk(), by_sdk, "{answers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_about_to_expire_and_unusual_endpoints_are_left_to_the_sdk() {
        for (url, expiry) in [
            ("http://timestream.test", Some(SystemTime::now() + BEFORE_EXPIRY)),
            ("http://timestream.test/behind/a/path", None),
        ] {
            let timestream = Scripted::new(200, "{}");
            let client = timestream.client(url, expiry);
            write(&client).await.unwrap();
            write(&client).await.unwrap();
            assert_eq!(timestream.by_sdk(), [true, true], "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn errors_are_told_alike_whoever_made_the_call() {
        for (status, answer, kind) in [
            (
                429,
                r#"{"__type":"com.amazonaws.timestream#ThrottlingException","message":"slow down"}"#,
                Kind::Throttled,
            ),
            (403, r#"{"__type":"AccessDeniedException","Message":"no"}"#, Kind::Forbidden),
            (500, r#"{"__type":"InternalServerException","message":"x"}"#, Kind::Unavailable),
            (502, "<html>", Kind::Unavailable),
            (503, "", Kind::Unavailable),
        ] {
            let timestream = Scripted::new(status, answer);
            let client = timestream.client("http://timestream.test", None);
            let (by_sdk, prepared) = (write(&client).await.unwrap_err(), write(&client).await.unwrap_err());
            assert_eq!((by_sdk.kind(), &by_sdk), (kind, &prepared));
        }
        let answer = r#"{"__type":"RejectedRecordsException","RejectedRecords":[{"RecordIndex":1,"Reason":"r"}]}"#;
        let timestream = Scripted::new(419, answer);
        let client = timestream.client("http://timestream.test", None);
        for _ in 0..2 {
            let Ok(Accepted::Partly(rejected)) = write(&client).await else { panic!("partly") };
            assert_eq!((rejected[0].index, rejected[0].reason.as_str()), (1, "r"));
        }
        assert_eq!(timestream.by_sdk(), [true, false]);
    }
}
