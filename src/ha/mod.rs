//! HA pairs: two or more Prometheus servers with the same job, one of which is listened to.

mod elections;
mod settings;

pub use elections::{Elections, Ended, Heard, Pair};
pub use settings::HaSettings;
