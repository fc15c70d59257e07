//! What of a remote write 2.0 request was written, and the headers that say so on every answer.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// What Timestream has of a request. Zero until the request's outcome is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples of the request itself: those made from native histograms are not among them.
    pub samples: u64,
    /// Native histograms all of whose samples are stored.
    pub histograms: u64,
}

impl Written {
    /// Puts the headers of remote write 2.0 on an answer. Exemplars are never written.
    pub fn put_headers(self, headers: &mut HeaderMap) {
        headers.insert(SAMPLES, HeaderValue::from(self.samples));
        headers.insert(HISTOGRAMS, HeaderValue::from(self.histograms));
        headers.insert(EXEMPLARS, HeaderValue::from(0));
    }
}
