//! The headers that say how much of a remote write request was written.
//!
//! Remote write 2.0 has them on every answer. Prometheus 3 reads them on answers to 1.0 too: without them it counts
//! every sample of a request that is answered 4xx as lost.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// How much of a request is stored, or ignored by a rule of the data model. Zero until the request's outcome is known.
/// A sender counts the rest as lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrittenHeaders {
    /// Samples of the request itself, without those made from native histograms.
    pub samples: u64,
    /// Native histograms of which no sample was rejected or failed.
    pub histograms: u64,
    /// Exemplars. All are ignored.
    pub exemplars: u64,
}

impl WrittenHeaders {
    /// Puts the headers on an answer.
    pub fn put(self, headers: &mut HeaderMap) {
        headers.insert(SAMPLES, HeaderValue::from(self.samples));
        headers.insert(HISTOGRAMS, HeaderValue::from(self.histograms));
        headers.insert(EXEMPLARS, HeaderValue::from(self.exemplars));
    }
}
