//! OpenMetrics text: lines with a value and a time, as Prometheus' tools read and write them.

mod number;
pub mod parse;
