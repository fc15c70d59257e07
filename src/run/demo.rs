//! `--demo`: a small load for the embedded Timestream, so that the page, /metrics and queries have something to show without a
//! Prometheus. It writes as Prometheus would: remote write over HTTP, to the connector's own address.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::proto::{Label, Sample, TimeSeries, WriteRequest};

/// The time between two writes.
const INTERVAL: Duration = Duration::from_secs(1);
/// The load ends after six hours, so that a demo that is left alone does not fill the disk.
const WRITES: u32 = 6 * 60 * 60;
const TIMEOUT: Duration = Duration::from_secs(30);
const NODES: [&str; 3] = ["node-a:9100", "node-b:9100", "node-c:9100"];
const MODES: [&str; 4] = ["idle", "user", "system", "iowait"];

/// Writes once a second until `stop` is cancelled, for six hours at most.
pub(crate) async fn run(mut address: SocketAddr, stop: CancellationToken) {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    info!(series = Nodes::new(0).scrape(0).timeseries.len(), "the demo writes once a second");
    let mut nodes = Nodes::new(1);
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for _ in 0..WRITES {
        tokio::select! {
            _ = interval.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let request = nodes.scrape(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        match tokio::time::timeout(TIMEOUT, write(address, &request)).await {
            Ok(Ok(StatusCode::NO_CONTENT)) => {}
            Ok(Ok(status)) => warn!(status = status.as_u16(), "the demo's write was not taken"),
            Ok(Err(error)) => warn!(error, "the demo can't write"),
            Err(_) => warn!("the demo's write got no answer"),
        }
    }
    info!("the demo has written for six hours, and ends its load");
}

async fn write(address: SocketAddr, request: &WriteRequest) -> Result<StatusCode, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).map_err(|e| text(&e))?;
    let request = Request::post("/write")
        .header(HOST, address.to_string())
        .header(CONTENT_TYPE, "application/x-protobuf")
        .header(CONTENT_ENCODING, "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| text(&e))?;
    let stream = TcpStream::connect(address).await.map_err(|e| text(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|e| text(&e))?;
    let status = answer.status();
    let _ = answer.into_body().collect().await;
    connection.abort();
    Ok(status)
}

/// Three machines as node_exporter shows them, and a service on each. Its summary has no observations yet: NaN, which
/// Timestream can't store.
struct Nodes {
    random: fastrand::Rng,
    scrapes: f64,
    /// Of each node: load, and the counters of processor seconds by mode and of bytes received.
    states: Vec<(f64, [f64; MODES.len()], f64)>,
}

impl Nodes {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let states = NODES.map(|_| (0.5 + random.f64(), [0.0; MODES.len()], 0.0)).to_vec();
        Nodes { random, scrapes: 0.0, states }
    }

    fn scrape(&mut self, timestamp: i64) -> WriteRequest {
        self.scrapes += 1.0;
        let mut timeseries = Vec::new();
        for (number, (node, (load, cpu, received))) in NODES.iter().zip(&mut self.states).enumerate() {
            let wave = 1.0 + (self.scrapes / 40.0 + number as f64 * 2.0).sin();
            *load = (*load * 0.9 + wave * 0.15 + self.random.f64() * 0.1).max(0.0);
            *received += 2e5 * wave + 1e5 * self.random.f64();
            let busy = (*load / 4.0).min(1.0);
            for (spent, share) in cpu.iter_mut().zip([1.0 - busy, busy * 0.7, busy * 0.25, busy * 0.05]) {
                *spent += share;
            }
            let mut add = |name: &str, more: &[(&str, &str)], value: f64| {
                let known = [("__name__", name), ("instance", node), ("job", "node")];
                let mut labels: Vec<Label> = known
                    .iter()
                    .chain(more)
                    .map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() })
                    .collect();
                labels.sort_by(|a, b| a.name.cmp(&b.name));
                let samples = vec![Sample { value: Some(value), timestamp }];
                timeseries.push(TimeSeries { labels, samples, ..TimeSeries::default() });
            };
            add("up", &[], 1.0);
            add("node_load1", &[], *load);
            add("node_load5", &[], *load * 0.8 + 0.1);
            add("node_memory_MemTotal_bytes", &[], 16e9);
            add("node_memory_MemAvailable_bytes", &[], 9e9 - 2e9 * wave);
            add("node_filesystem_avail_bytes", &[("mountpoint", "/")], 8e10 - self.scrapes * 1e5);
            add("node_network_receive_bytes_total", &[("device", "eth0")], *received);
            add("node_network_transmit_bytes_total", &[("device", "eth0")], *received * 0.4);
            for (mode, spent) in MODES.iter().zip(cpu.iter()) {
                add("node_cpu_seconds_total", &[("cpu", "0"), ("mode", mode)], *spent);
            }
            add("rpc_duration_seconds", &[("quantile", "0.5")], f64::NAN);
            add("rpc_duration_seconds", &[("quantile", "0.99")], f64::NAN);
        }
        WriteRequest { timeseries, metadata: vec![] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_same_each_time_and_small() {
        let (mut one, mut other) = (Nodes::new(1), Nodes::new(1));
        for time in 0..1000 {
            let request = one.scrape(time);
            // NaN does not equal itself, but its bytes do.
            assert_eq!(request.encode_to_vec(), other.scrape(time).encode_to_vec());
            let values: Vec<f64> = request.timeseries.iter().map(|one| one.samples[0].value()).collect();
            assert_eq!((values.len(), values.iter().filter(|value| value.is_nan()).count()), (42, 6));
            assert!(values.iter().all(|value| value.is_nan() || (0.0..1e12).contains(value)), "{values:?}");
        }
    }
}
