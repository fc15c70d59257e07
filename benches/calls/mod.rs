//! Decoded requests and calls of them, as the batcher hands them to the sink, without a connector around.

#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a module of benches, where a panic is the report"
)]

use std::sync::Arc;
use std::time::Duration;

use timestream_prometheus_connector::budget::{Budget, Limit};
use timestream_prometheus_connector::ingest::decode_v1;
use timestream_prometheus_connector::sink::call::{Call, Part};
use timestream_prometheus_connector::sink::caller_clients::CallerClients;
use timestream_prometheus_connector::sink::caller_keys::CallerKeys;
use timestream_prometheus_connector::sink::clients::{self, Clients};
use timestream_prometheus_connector::sink::pending::PendingWrite;
use timestream_prometheus_connector::sink::record::Record;
use timestream_prometheus_connector::sink::settings::{ClientSettings, CredentialsSource, Endpoint};
use timestream_prometheus_connector::telemetry::Metrics;
use tokio::time::Instant;

/// Decoded requests, under way.
pub fn pending(requests: &[Vec<u8>]) -> Vec<Arc<PendingWrite>> {
    let budget = Budget::new(Limit::new("none", 0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let metrics = Arc::new(Metrics::new());
    let pending = requests.iter().map(|request| {
        let request = decode_v1::decode(request.clone()).unwrap();
        let memory = runtime.block_on(budget.reserve(0)).unwrap();
        Arc::new(PendingWrite::new(request, Instant::now(), memory, metrics.clone()).0)
    });
    pending.collect()
}

/// A call of all samples of `request`.
pub fn one_call(request: &[u8]) -> Call {
    let writes = pending(&[request.to_vec()]);
    let request = writes[0].request();
    let series = (0u32..).zip(request.series());
    let records = series.flat_map(|(series, one)| one.sample_indexes().map(move |sample| Record { series, sample }));
    let records = records.collect();
    Call { caller: caller(), parts: vec![Part { write: writes[0].clone(), records }] }
}

/// A caller that makes no calls.
pub fn caller() -> Arc<CallerClients> {
    let endpoint = Endpoint::Fixed("http://127.0.0.1:1".into());
    let settings = ClientSettings {
        region: "us-east-1".into(),
        write: endpoint.clone(),
        query: endpoint,
        write_call_timeout: Duration::from_secs(1),
        query_call_timeout: Duration::from_secs(1),
        max_concurrent_calls: 1,
    };
    let clients = Clients::new(settings, CredentialsSource::Callers, clients::http_client(), Arc::new(Metrics::new()));
    clients.of_caller(CallerKeys::new("bench", "hidden-bench", None))
}
