//! What export and import share: progress for people, and the file from which an interrupted transfer goes on.

mod progress;
mod state;

pub use progress::Progress;
pub use state::{Identity, State};
