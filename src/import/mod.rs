//! OpenMetrics files to Timestream.

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportSettings {
    /// A file, a directory, or `-` for standard input.
    pub from: String,
}
