//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it.

mod number;
pub mod parse;
mod write;

pub use write::{END, TextWriter};
