//! Remote read: matchers to SQL, pages to series.
//!
//! The SQL of a query may find more series than its matchers ask for, but never fewer. Each series is checked with the
//! matchers themselves before it is answered.
//!
//! Timestream is asked for a row for each series, with its samples in one value: `form`, `sql`, `points`. Rows for samples
//! are asked for where it refuses that.
//!
//! A SAMPLES answer is gathered in memory, since it is one compressed message: `series`. A STREAMED_XOR_CHUNKS answer
//! is sent while its pages arrive, in Prometheus' order of series: `sql::order`, `runs`, `frames`, `xor`, `stream`. An export
//! reads the same order without chunks: `scan`.

mod columns;
mod eight_bytes;
mod form;
mod frames;
mod limits;
pub mod matcher;
mod pages;
mod points;
mod reader;
pub mod regex;
mod replica;
mod request;
mod runs;
mod samples;
mod scan;
mod schema;
mod selector;
mod series;
mod source;
mod sql;
mod statement;
mod stream;
mod timestamp;
mod unexpected;
mod xor;

#[cfg(test)]
mod fake;

pub use columns::Columns;
pub use frames::FrameWriter;
pub use limits::ReadSettings;
pub(crate) use limits::too_late;
pub use points::{Point, Points, SampleValue, with_points};
pub use reader::{Caller, ReadAnswer, Reader};
pub use replica::find_without_replica;
pub use runs::{SeriesRuns, SeriesSink};
pub use samples::pack;
pub use scan::{Range, Scan, Sizes};
pub use schema::Schema;
pub use selector::Selector;
pub use series::SeriesSet;
pub(crate) use sql::{nothing_of, table};
pub use statement::{StatementLimits, StatementRows};
pub use stream::ChunkStream;
