//! What the connector changes in the SDK's requests.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;

use crate::telemetry::metrics::ByOutcome;

const USER_AGENT: &str = concat!("Prometheus Connector/", env!("CARGO_PKG_VERSION"));

/// The target of WriteRecords calls.
pub(super) const WRITE_RECORDS: &str = "Timestream_20181101.WriteRecords";

/// Adds the connector to the SDK's user agent. It is not part of the signature.
#[derive(Debug)]
pub(super) struct UserAgent;

#[dyn_dispatch_hint]
impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "ConnectorUserAgent"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        let agent = match headers.get("user-agent") {
            Some(sdk) => format!("{sdk} {USER_AGENT}"),
            None => USER_AGENT.to_owned(),
        };
        headers.try_insert("user-agent", agent)?;
        Ok(())
    }
}

/// Counts DescribeEndpoints calls: the SDK makes them by itself, for a new client and whenever an endpoint expires.
#[derive(Debug)]
pub(super) struct Discoveries(pub(super) ByOutcome);

#[dyn_dispatch_hint]
impl Intercept for Discoveries {
    fn name(&self) -> &'static str {
        "CountDiscoveries"
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<Metadata>().is_some_and(|call| call.name() == "DescribeEndpoints") {
            self.0.count(matches!(context.output_or_error(), Some(Ok(_))));
        }
        Ok(())
    }
}

tokio::task_local! {
    /// The body of the call that the task makes. An interceptor of the call itself would be simpler, but cost a copy of
    /// the client's configuration each time.
    pub(super) static BODY: Bytes;
}

/// Puts the ready-made [`BODY`] in place of the SDK's, before it is signed: building the SDK's own `Record`s costs more
/// than twice as much.
#[derive(Debug)]
pub(super) struct ReadyBody;

#[dyn_dispatch_hint]
impl Intercept for ReadyBody {
    fn name(&self) -> &'static str {
        "WriteRecordsBody"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if request.headers().get("x-amz-target") != Some(WRITE_RECORDS) {
            return Ok(());
        }
        let body = BODY.try_with(Bytes::clone)?;
        // The length is signed with the other headers.
        request.headers_mut().try_insert("content-length", body.len().to_string())?;
        *request.body_mut() = SdkBody::from(body);
        Ok(())
    }
}
