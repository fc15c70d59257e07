//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it.

mod number;
pub mod parse;
mod tail;
mod write;

pub use crate::decimal::Number;
pub(crate) use tail::{Tail, TimeText, write_tail};
pub(crate) use write::write_series;
pub use write::{END, TextWriter};
