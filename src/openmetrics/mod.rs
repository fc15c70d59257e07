//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it.

mod number;
pub mod parse;
mod tail;
mod write;

pub(crate) use tail::{Tail, write_tail};
pub(crate) use write::write_series;
pub use write::{END, TextWriter};
