//! A build with ten million samples that are in its log only: their memory, and how long a start takes with them.

use std::time::Instant;

use tempfile::TempDir;

use crate::filled::start_of;
use crate::load::Load;
use crate::server::Server;
use crate::servers::Build;
use crate::{folder, queries, sender};

/// So many series that a build seals none of their samples before they have 160 each.
const SERIES: usize = 67_000;
pub const SCRAPES: usize = 150;

pub struct Unsealed {
    /// Bytes of memory of a series after that start, when nothing but its samples was read yet.
    pub bytes_of_series: f64,
    /// Seconds from the start after `kill -9` until it is ready.
    pub ready: f64,
}

pub fn measure(build: &Build) -> Unsealed {
    let data = TempDir::with_prefix("growth-").unwrap();
    let server = Server::start(build, data.path());
    let empty = server.process.memory_mb("VmRSS");
    sender::send(&Load::new(SERIES, start_of(SCRAPES)), SCRAPES, &server.write_url());
    // This kills it.
    drop(server);
    let samples = SERIES * SCRAPES;
    let kept = folder::bytes(data.path()) / samples as f64;
    let started = Instant::now();
    let server = Server::start(build, data.path());
    let ready = started.elapsed().as_secs_f64();
    let bytes_of_series = (server.process.memory_mb("VmRSS") - empty) * 1e6 / SERIES as f64;
    assert_eq!(queries::counted(&server), Some(samples), "samples that were answered for are there");
    println!(
        "{}: {samples} samples of {SERIES} series, unsealed, {kept:.1} bytes each, ready after {ready:.2} s",
        build.name
    );
    Unsealed { bytes_of_series, ready }
}
