//! What the binary runs: the daemon, AWS Lambda's invocations, a check, an export or an import.

pub mod check;
mod command;
mod connector;
pub mod daemon;
#[cfg(feature = "embedded")]
mod demo;
#[cfg(feature = "embedded")]
mod embedded;
pub mod export;
pub mod import;
#[cfg(feature = "embedded")]
mod in_process;
pub mod lambda;
mod probe;
mod tasks;
