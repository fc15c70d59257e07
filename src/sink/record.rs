//! A record of a call, by its numbers in its request.

/// A record of a call: a sample of a request, by its numbers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The number of the series.
    pub series: u32,
    /// The number of the sample.
    pub sample: u32,
}
