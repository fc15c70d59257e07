//! The points of time series: Timestream's `CREATE_TIME_SERIES` gives a series in one value of a row.
//!
//! The SDK makes a tree of each point, which costs ten times as much as reading it. So the points are taken out of an
//! answer's body below the SDK ([`client`]), and a number stands in their place. Whatever this module does not
//! understand is left to the SDK, and read from its tree.

mod client;
mod decimal;
mod point;
mod walk;

pub(super) use client::taking_points;
pub use client::with_points;
pub use point::{Point, Points};
