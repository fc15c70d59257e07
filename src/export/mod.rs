//! Samples of Timestream to OpenMetrics files, or to a remote write receiver.

mod settings;

pub use settings::{Auth, Compression, ExportSettings, FileSettings, ReceiverSettings, Target};
