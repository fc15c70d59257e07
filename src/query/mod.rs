//! Remote read: matchers to SQL, pages to series.
//!
//! SQL narrows, the matchers decide: a query may find more series than its matchers ask for, never fewer, and each
//! series is checked with the matchers themselves before it is answered.

pub mod matcher;
mod pages;
mod reader;
pub mod regex;
mod rows;
mod schema;
mod sql;
mod timestamp;

#[cfg(test)]
mod fake;

pub use pages::ReadMetrics;
pub use reader::{Caller, ReadAnswer, ReadSettings, Reader};
