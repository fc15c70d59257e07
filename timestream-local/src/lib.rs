//! A local Amazon Timestream for LiveAnalytics: its write and query API over HTTP, stored in SQLite.
//!
//! The AWS SDKs and CLI reach it as they reach the service, with `endpoint_url`. When a call is answered, what it
//! stored is on disk.

mod api;
mod batch_load;
mod calendar;
mod error;
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod names;
mod objects;
mod query;
mod records;
mod schedule;
mod server;
mod signature;
mod sql;
mod storage;
mod unload;

pub use calendar::Clock;
pub use faults::{Fault, FaultHandle, FaultSpecError, Faults, Often};
pub use objects::ObjectRootError;
pub use server::{Config, DEFAULT_HEAD_MEMORY, Dropped, InProcess, Server, StartError, TlsFiles};
pub use signature::{AccessKey, CredentialsFileError};
pub use storage::OpenError;
