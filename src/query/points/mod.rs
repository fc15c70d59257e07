//! The points of time series: Timestream's `CREATE_TIME_SERIES` gives a series in one value of a row.
//!
//! The SDK makes a tree of each point, which costs ten times as much as reading it. So the points are taken out of an
//! answer's body below the SDK ([`client`]), and a number stands in their place. They are read where they are needed,
//! as what is needed there. What is not as Timestream writes it is read as any JSON, or left to the SDK.

mod client;
mod decimal;
mod point;
mod read;
mod take;
mod taken;
mod value;

pub(super) use client::taking_points;
pub use client::with_points;
pub use point::Point;
pub use taken::Points;
pub use value::SampleValue;
