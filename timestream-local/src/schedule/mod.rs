//! Scheduled queries: when they run, what they run, and how their results are written.

mod context;
mod cron;
mod expression;
mod mapping;
mod report;
mod rows;
mod run;
mod scheduler;

pub(crate) use context::Context;
pub(crate) use expression::Expression;
pub(crate) use mapping::Mapping;
pub(crate) use scheduler::{Orders, Scheduler};

#[cfg(test)]
mod tests;
