//! Series as remote write requests of a bounded size.

use prost::Message;
use ring::digest::{Context, SHA256};

use crate::error::{Error, Kind};
use crate::proto::{Label, Sample, TimeSeries, WriteRequest};
use crate::query::{Selector, SeriesSink};

/// The most samples of a request, as Prometheus itself sends.
const MAX_SAMPLES: usize = 2000;

/// A request ends with the series that makes its labels pass this size, in bytes.
const MAX_LABEL_BYTES: usize = 1 << 20;

/// Packs series into requests. The same series give the same requests.
pub(super) struct RequestSink {
    /// Series that these select are left out.
    pub(super) earlier: Vec<Selector>,
    is_wanted: bool,
    has_samples: bool,
    request: WriteRequest,
    /// Samples and bytes of labels in the request under way.
    in_request: usize,
    label_bytes: usize,
    labels: Vec<Label>,
    ready: Vec<Packed>,
    /// Of all requests so far, not compressed.
    digest: Context,
    pub(super) series: u64,
    pub(super) samples: u64,
}

/// A request, compressed.
pub(super) struct Packed {
    pub(super) body: Vec<u8>,
    pub(super) samples: u64,
    /// Says which samples it and all requests before it have.
    pub(super) digest: String,
}

/// Bytes of a digest that are kept: the state file has it for each request.
const DIGEST_BYTES: usize = 8;

impl RequestSink {
    pub(super) fn new() -> Self {
        RequestSink {
            earlier: Vec::new(),
            is_wanted: false,
            has_samples: false,
            request: WriteRequest::default(),
            in_request: 0,
            label_bytes: 0,
            labels: Vec::new(),
            ready: Vec::new(),
            digest: Context::new(&SHA256),
            series: 0,
            samples: 0,
        }
    }

    /// Takes the requests that are full.
    pub(super) fn take(&mut self) -> Vec<Packed> {
        std::mem::take(&mut self.ready)
    }

    /// Takes the last request, if it has samples.
    ///
    /// # Errors
    /// As [`SeriesSink::push`].
    pub(super) fn finish(&mut self) -> Result<Vec<Packed>, Error> {
        self.end_request()?;
        Ok(self.take())
    }

    fn end_request(&mut self) -> Result<(), Error> {
        if self.in_request == 0 {
            return Ok(());
        }
        let encoded = std::mem::take(&mut self.request).encode_to_vec();
        let body = snap::raw::Encoder::new().compress_vec(&encoded);
        let body = body.map_err(|error| Error::new(Kind::Unavailable, "InternalError", error.to_string()))?;
        self.digest.update(&encoded);
        let digest = self.digest.clone().finish();
        let digest = hex::encode(digest.as_ref().get(..DIGEST_BYTES).unwrap_or_default());
        self.ready.push(Packed { body, samples: self.in_request as u64, digest });
        (self.in_request, self.label_bytes) = (0, 0);
        Ok(())
    }

    /// Puts the series into the request under way.
    fn add_series(&mut self) {
        self.label_bytes += self.labels.iter().map(|label| label.name.len() + label.value.len()).sum::<usize>();
        self.request.timeseries.push(TimeSeries { labels: self.labels.clone(), ..TimeSeries::default() });
    }
}

impl SeriesSink for RequestSink {
    type Value = f64;

    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        self.is_wanted = !self.earlier.iter().any(|selector| selector.selects(labels));
        self.has_samples = false;
        if self.is_wanted {
            labels.clone_into(&mut self.labels);
        }
        Ok(())
    }

    fn push(&mut self, timestamp: i64, value: f64) -> Result<(), Error> {
        if !self.is_wanted {
            return Ok(());
        }
        if !self.has_samples {
            self.has_samples = true;
            self.series += 1;
            if self.label_bytes >= MAX_LABEL_BYTES {
                self.end_request()?;
            }
            self.add_series();
        } else if self.in_request == 0 {
            self.add_series();
        }
        if let Some(series) = self.request.timeseries.last_mut() {
            series.samples.push(Sample { value: Some(value), timestamp });
        }
        self.in_request += 1;
        self.samples += 1;
        if self.in_request >= MAX_SAMPLES {
            self.end_request()?;
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Vec<Label> {
        vec![Label { name: "__name__".to_owned(), value: name.to_owned() }]
    }

    /// Names, first time and number of samples of each series, request by request.
    fn shown(packed: Vec<Packed>) -> Vec<Vec<(String, i64, usize)>> {
        let show = |packed: Packed| {
            let bytes = snap::raw::Decoder::new().decompress_vec(&packed.body).unwrap();
            let request = WriteRequest::decode(bytes.as_slice()).unwrap();
            let samples: usize = request.timeseries.iter().map(|series| series.samples.len()).sum();
            assert_eq!(samples as u64, packed.samples);
            let series = request.timeseries.iter().map(|series| {
                (series.labels[0].value.chars().take(5).collect(), series.samples[0].timestamp, series.samples.len())
            });
            series.collect()
        };
        packed.into_iter().map(show).collect()
    }

    #[test]
    fn requests_have_2000_samples_and_a_bounded_size() {
        let mut sink = RequestSink::new();
        sink.earlier = vec![Selector::parse("none").unwrap()];
        let long = "long".to_owned() + &"x".repeat(MAX_LABEL_BYTES);
        for (name, samples) in [("a", 1500), ("none", 9), ("empty", 0), ("b", 2500), (&long, 1), ("c", 1)] {
            sink.start_series(&labels(name)).unwrap();
            (0..samples).for_each(|time| sink.push(time, -0.0).unwrap());
            sink.end_series().unwrap();
        }
        let mut packed = sink.take();
        packed.extend(sink.finish().unwrap());
        let one = |name: &str, time, samples| (name.to_owned(), time, samples);
        assert_eq!(
            shown(packed),
            [
                vec![one("a", 0, 1500), one("b", 0, 500)],
                vec![one("b", 500, 2000)],
                vec![one("longx", 0, 1)],
                vec![one("c", 0, 1)],
            ]
        );
        assert_eq!((sink.series, sink.samples), (4, 4002));
        assert!(sink.finish().unwrap().is_empty());
    }

    #[test]
    fn a_digest_tells_all_samples_so_far_apart() {
        let digests = |value: f64, changed: usize| -> Vec<String> {
            let mut sink = RequestSink::new();
            sink.start_series(&labels("a")).unwrap();
            let sample = |index| if index == changed { value } else { 1.0 };
            (0..3 * MAX_SAMPLES).for_each(|index| sink.push(index as i64, sample(index)).unwrap());
            sink.finish().unwrap().into_iter().map(|packed| packed.digest).collect()
        };
        let all = digests(1.0, 0);
        assert_eq!(digests(1.0, 1), all);
        let other = digests(2.0, MAX_SAMPLES);
        assert_eq!(other[0], all[0]);
        assert!(other[1] != all[1] && other[2] != all[2] && all[1] != all[2], "{all:?} {other:?}");
    }
}
