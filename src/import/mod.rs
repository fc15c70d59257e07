//! OpenMetrics text to Timestream: backfilling.
//!
//! A thread reads and parses (`reading`), and puts samples into requests (`batch`). Requests go to the write path, several
//! at once, and again if they fail for now (`sending`). Outcomes are taken in the order of the text, so that the state file
//! says up to which line all is stored (`job`).

mod batch;
mod input;
mod job;
mod lines;
mod named;
mod reading;
mod retention;
mod sending;
mod settings;
mod text;
mod totals;

pub use job::{Import, run};
pub use settings::ImportSettings;
