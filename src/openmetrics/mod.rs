//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it.

mod write;

pub use write::{END, TextWriter};
