//! What the binary runs: the daemon, AWS Lambda's invocations, or a check.

pub mod check;
mod connector;
pub mod daemon;
#[cfg(feature = "embedded")]
mod demo;
#[cfg(feature = "embedded")]
mod embedded;
pub mod lambda;
mod probe;
mod tasks;
