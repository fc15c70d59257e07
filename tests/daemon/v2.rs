//! Builds and sends requests of remote write 2.0.

use timestream_prometheus_connector::proto::v2;

use super::remote::{Answer, packed, post};

/// The headers that Prometheus sends.
pub const HEADERS: &[(&str, &str)] = &[
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
    ("X-Prometheus-Remote-Write-Version", "2.0.0"),
];

/// A request that is being built.
#[derive(Default)]
pub struct Builder(pub v2::Request);

impl Builder {
    /// A series of `labels`, in their order, with what `rest` has.
    pub fn series(mut self, labels: &[(&str, &str)], rest: v2::TimeSeries) -> Self {
        let labels_refs = labels.iter().flat_map(|(name, value)| [self.symbol(name), self.symbol(value)]).collect();
        self.0.timeseries.push(v2::TimeSeries { labels_refs, ..rest });
        self
    }

    fn symbol(&mut self, text: &str) -> u32 {
        let symbols = &mut self.0.symbols;
        if symbols.is_empty() {
            symbols.push(String::new());
        }
        let at = symbols.iter().position(|symbol| symbol == text).unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        u32::try_from(at).unwrap()
    }

    /// Sends it to `/write` of the connector at `address`.
    pub fn send(&self, address: &str) -> Answer {
        post(&format!("http://{address}/write"), HEADERS, &packed(&self.0))
    }
}

pub fn samples(samples: &[(f64, i64)]) -> v2::TimeSeries {
    let samples = samples.iter();
    let samples = samples.map(|&(value, timestamp)| v2::Sample { value: Some(value), timestamp, start_timestamp: 0 });
    v2::TimeSeries { samples: samples.collect(), ..Default::default() }
}

pub fn histograms(histograms: &[v2::Histogram]) -> v2::TimeSeries {
    v2::TimeSeries { histograms: histograms.to_vec(), ..Default::default() }
}

/// The written headers of an answer: samples, histograms and exemplars; `None` where one is missing.
pub fn written(answer: &Answer) -> Option<[u64; 3]> {
    let header = |what: &str| answer.header(&format!("X-Prometheus-Remote-Write-{what}-Written"))?.parse().ok();
    Some([header("Samples")?, header("Histograms")?, header("Exemplars")?])
}
