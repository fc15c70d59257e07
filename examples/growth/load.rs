//! The samples that are written: scrapes of node_exporters one after the other, the same for the same numbers.

use std::sync::Mutex;

use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};
use timestream_prometheus_connector::proto;

use crate::workload::{OF_TARGET, STEP_MS, labels};

/// Series of a request.
const PER_REQUEST: usize = 2_000;
/// How far a scrape is from its time, at most.
const JITTER_MS: i64 = 20;
/// Labels of each series.
const LABELS: usize = 10;
/// Fields of messages that hold bytes: a request's series, and a series' samples.
const SERIES_FIELD: u8 = 1 << 3 | 2;
const SAMPLES_FIELD: u8 = 2 << 3 | 2;

/// What is to be scraped next, in blocks that each make a request.
pub struct Load {
    pub blocks: Vec<Mutex<Block>>,
}

/// Some series, and the scrape that is next.
pub struct Block {
    start: i64,
    scrape: i64,
    series: Vec<Source>,
}

struct Source {
    /// As they stand in a request.
    labels: Vec<u8>,
    target: usize,
    kind: Kind,
    random: fastrand::Rng,
    at: i64,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Goes up by hundredths.
    Counter,
    /// Goes up and down by whole numbers.
    Gauge,
    /// The same by pages.
    Memory,
    Constant,
}

impl Load {
    /// The first scrape is at `start`, in milliseconds since 1970.
    pub fn new(series: usize, start: i64) -> Self {
        let block = |first| {
            let series = (first..series.min(first + PER_REQUEST)).map(Source::new).collect();
            Mutex::new(Block { start, scrape: 0, series })
        };
        Load { blocks: (0..series).step_by(PER_REQUEST).map(block).collect() }
    }

    /// Leaves scrapes out, as if they were sent.
    pub fn skip(&self, scrapes: usize) {
        for block in &self.blocks {
            let mut block = block.lock().unwrap();
            for series in &mut block.series {
                (0..scrapes).for_each(|_| series.step());
            }
            block.scrape += scrapes as i64;
        }
    }
}

impl Block {
    /// The next scrape, packed, and its number of samples.
    pub fn request(&mut self) -> (Vec<u8>, usize) {
        let (start, scrape) = (self.start, self.scrape);
        self.scrape += 1;
        let mut request = Vec::new();
        for series in &mut self.series {
            series.step();
            let sample = proto::Sample { value: Some(series.value()), timestamp: start + series.time(scrape) };
            let length = sample.encoded_len();
            request.push(SERIES_FIELD);
            let of_series = series.labels.len() + 1 + encoded_len_varint(length as u64) + length;
            encode_varint(of_series as u64, &mut request);
            request.extend_from_slice(&series.labels);
            request.push(SAMPLES_FIELD);
            sample.encode_length_delimited(&mut request).unwrap();
        }
        (snap::raw::Encoder::new().compress_vec(&request).unwrap(), self.series.len())
    }
}

impl Source {
    fn new(index: usize) -> Self {
        let (target, place) = (index / OF_TARGET, index % OF_TARGET);
        let (metric, is_counter, mut labels) = labels(target, place);
        if labels.len() < LABELS {
            labels.push(("service".to_owned(), "node-exporter".to_owned()));
        }
        let is_memory = labels.iter().any(|(_, value)| value == "meminfo");
        let labels = labels.into_iter().map(|(name, value)| proto::Label { name, value }).collect();
        let labels = proto::TimeSeries { labels, ..Default::default() }.encode_to_vec();
        let kind = match (place % 5, is_counter) {
            (4, _) => Kind::Constant,
            (_, true) => Kind::Counter,
            (_, false) if is_memory => Kind::Memory,
            (_, false) => Kind::Gauge,
        };
        let mut random = fastrand::Rng::with_seed(index as u64);
        let at = random.i64(0..10_i64.pow(3 + metric as u32 % 6));
        Source { labels, target, kind, random, at }
    }

    fn step(&mut self) {
        let step = match self.kind {
            Kind::Counter => self.random.i64(0..5_000),
            Kind::Gauge => self.random.i64(-10..=10),
            Kind::Memory => self.random.i64(-256..=256),
            Kind::Constant => 0,
        };
        self.at = (self.at + step).max(0);
    }

    fn value(&self) -> f64 {
        match self.kind {
            Kind::Counter => self.at as f64 / 100.0,
            Kind::Memory => (self.at * 4096) as f64,
            Kind::Gauge | Kind::Constant => self.at as f64,
        }
    }

    /// Of a scrape, since the start. All series of a target have the same.
    fn time(&self, scrape: i64) -> i64 {
        let mut random = fastrand::Rng::with_seed((self.target as u64) << 32 | scrape as u64);
        self.target as i64 * 373 % STEP_MS + scrape * STEP_MS + random.i64(-JITTER_MS..=JITTER_MS)
    }
}
