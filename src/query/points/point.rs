//! A point of a time series.

/// A point of a time series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<V> {
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// Its value.
    pub value: V,
}
