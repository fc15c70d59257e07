//! The targets, which the main tests run too.

#[path = "../../tests/inputs/targets.rs"]
mod targets;

pub use targets::*;
