//! Requests whose series live for a while and are then replaced by others, as pods are.

use std::sync::{Arc, Mutex};

use prost::Message;
use timestream_prometheus_connector::proto;

use crate::workload::{self, Kind};

/// For how many rounds over all series a series lives.
const LIFETIME: u64 = 10;
/// One in so many series has a value that can't be stored.
const NAN_EACH: usize = 500;
/// One in so many series has a label name of its own.
const OWN_LABEL_EACH: usize = 200;

/// A request, and how many samples it has.
pub type Body = Arc<(Vec<u8>, usize)>;

/// All series that are alive, in requests.
pub struct Churn {
    per_request: usize,
    chunks: Vec<Mutex<(u64, Option<Body>)>>,
}

impl Churn {
    pub fn new(series: usize, per_request: usize) -> Self {
        let chunks = (0..series.div_ceil(per_request).max(1)).map(|_| Mutex::new((0, None))).collect();
        Churn { per_request, chunks }
    }

    /// The request with a number. Each tenth round of all requests, the series of a request are replaced, in each round
    /// those of other requests.
    pub fn request(&self, number: u64) -> Body {
        let count = self.chunks.len() as u64;
        let (chunk, round) = (number % count, number / count);
        let generation = (round + chunk) / LIFETIME + 1;
        let mut slot = self.chunks[chunk as usize].lock().unwrap();
        if slot.0 < generation || slot.1.is_none() {
            *slot = (generation, Some(Arc::new((self.encode(chunk, generation), self.per_request))));
        }
        slot.1.clone().unwrap()
    }

    /// How many series there have been after `requests` requests.
    pub fn series_by(&self, requests: u64) -> u64 {
        let count = self.chunks.len() as u64;
        let rounds = requests / count;
        (0..count).map(|chunk| (rounds + chunk) / LIFETIME - chunk / LIFETIME + 1).sum::<u64>()
            * self.per_request as u64
    }

    fn encode(&self, chunk: u64, generation: u64) -> Vec<u8> {
        let seed = generation * 1_000_003 + chunk;
        let mut random = fastrand::Rng::with_seed(seed);
        let series = workload::series(Kind::Mixed, self.per_request, seed);
        let timeseries = series.into_iter().enumerate().map(|(index, labels)| {
            let mut labels: Vec<proto::Label> =
                labels.into_iter().map(|(name, value)| proto::Label { name, value }).collect();
            // Other targets too: a node's address is the same for each seed.
            for label in labels.iter_mut().filter(|label| label.name == "instance") {
                label.value = format!("{seed:x}.{}", label.value);
            }
            if index % OWN_LABEL_EACH == 0 {
                let name = format!("own_label_{}", random.u32(..));
                labels.push(proto::Label { name, value: seed.to_string() });
                labels.sort_by(|a, b| a.name.cmp(&b.name));
            }
            let value = if index % NAN_EACH == 0 { f64::NAN } else { random.f64() * 1e6 };
            let timestamp = workload::START + 15_000 * generation as i64;
            let samples = vec![proto::Sample { value: Some(value), timestamp }];
            proto::TimeSeries { labels, samples, ..Default::default() }
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
    }
}
