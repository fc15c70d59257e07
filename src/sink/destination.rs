//! The table that samples are written to and read from.

/// A table of Timestream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its database.
    pub database: String,
    /// Its name.
    pub table: String,
}
