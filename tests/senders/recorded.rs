//! The recorded bodies, and what prost reads in them.

use std::path::Path;

use prost::Message;
use timestream_prometheus_connector::proto::{self, v2};

use super::remote::Series;

/// A request that a sender sent.
pub struct Recorded {
    pub name: String,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    pub unpacked: Vec<u8>,
    pub content: Content,
}

/// What is in it: series with labels sorted and none empty.
#[derive(Default)]
pub struct Content {
    pub series: Vec<Series>,
    pub histograms: Vec<Histogram>,
    pub exemplars: u64,
}

/// A native histogram of the series with these labels.
pub struct Histogram {
    labels: Vec<(String, String)>,
    pub count: f64,
    pub sum: f64,
    pub timestamp: i64,
}

impl Recorded {
    pub fn is_version_2(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.contains("io.prometheus.write.v2.Request"))
    }
}

/// All of `bodies/`.
pub fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/senders/bodies");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "body"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() > 20, "only {names:?} in {}", folder.display());
    names.iter().map(|name| read(&folder, name)).collect()
}

fn read(folder: &Path, name: &str) -> Recorded {
    let bytes = |name: &str| std::fs::read(folder.join(format!("{name}.body"))).unwrap();
    let headers = std::fs::read_to_string(folder.join(format!("{name}.headers"))).unwrap();
    let headers: Vec<(String, String)> = headers
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // What came in zstd came again in snappy, after a 415.
    let packed = if name.ends_with("-zstd") { bytes(&name.replace("-zstd", "-snappy")) } else { bytes(name) };
    let unpacked = snap::raw::Decoder::new().decompress_vec(&packed).unwrap();
    let mut recorded =
        Recorded { name: name.to_owned(), headers, bytes: bytes(name), unpacked, content: Content::default() };
    recorded.content = if recorded.is_version_2() {
        Content::of_v2(&v2::Request::decode(recorded.unpacked.as_slice()).unwrap())
    } else {
        Content::of_v1(&proto::WriteRequest::decode(recorded.unpacked.as_slice()).unwrap())
    };
    recorded
}

impl Content {
    fn of_v1(request: &proto::WriteRequest) -> Self {
        let mut content = Content::default();
        for series in &request.timeseries {
            let labels = series.labels.iter().map(|label| (label.name.clone(), label.value.clone()));
            let samples = series.samples.iter().map(|sample| (sample.value(), sample.timestamp));
            let labels = content.add(labels.collect(), samples.collect(), series.exemplars.len());
            let each = series.histograms.iter();
            content.histograms.extend(each.map(|one| {
                let count = match one.count {
                    Some(proto::histogram::Count::CountInt(count)) => count as f64,
                    Some(proto::histogram::Count::CountFloat(count)) => count,
                    None => 0.0,
                };
                Histogram { labels: labels.clone(), count, sum: one.sum, timestamp: one.timestamp }
            }));
        }
        content
    }

    fn of_v2(request: &v2::Request) -> Self {
        let mut content = Content::default();
        for series in &request.timeseries {
            let symbol = |reference: u32| request.symbols[reference as usize].clone();
            let labels = series.labels_refs.chunks(2).map(|pair| (symbol(pair[0]), symbol(pair[1])));
            let samples = series.samples.iter().map(|sample| (sample.value(), sample.timestamp));
            let labels = content.add(labels.collect(), samples.collect(), series.exemplars.len());
            let each = series.histograms.iter();
            content.histograms.extend(each.map(|one| {
                let count = match one.count {
                    Some(v2::histogram::Count::CountInt(count)) => count as f64,
                    Some(v2::histogram::Count::CountFloat(count)) => count,
                    None => 0.0,
                };
                Histogram { labels: labels.clone(), count, sum: one.sum, timestamp: one.timestamp }
            }));
        }
        content
    }

    fn add(
        &mut self,
        mut labels: Vec<(String, String)>,
        samples: Vec<(f64, i64)>,
        exemplars: usize,
    ) -> Vec<(String, String)> {
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort();
        self.series.push((labels.clone(), samples));
        self.exemplars += exemplars as u64;
        labels
    }

    /// The first and the last time in it.
    pub fn times(&self) -> Option<(i64, i64)> {
        let samples = self.series.iter().flat_map(|(_, samples)| samples.iter().map(|&(_, time)| time));
        let times: Vec<i64> = samples.chain(self.histograms.iter().map(|histogram| histogram.timestamp)).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }
}

impl Histogram {
    /// The labels of one of its classic series.
    pub fn labels_of(&self, suffix: &str) -> Vec<(String, String)> {
        let named = self.labels.iter().map(|(name, value)| match name.as_str() {
            "__name__" => (name.clone(), format!("{value}{suffix}")),
            _ => (name.clone(), value.clone()),
        });
        named.collect()
    }

    /// The labels of the bucket up to this bound.
    pub fn labels_of_bucket(&self, bound: &str) -> Vec<(String, String)> {
        let mut labels = self.labels_of("_bucket");
        labels.push(("le".to_owned(), bound.to_owned()));
        labels.sort();
        labels
    }

    /// Whether a series is one of its buckets.
    pub fn is_bucket(&self, labels: &[(String, String)]) -> bool {
        let bound = labels.iter().find(|(name, _)| name == "le");
        bound.is_some_and(|(_, bound)| self.labels_of_bucket(bound) == labels)
    }
}
