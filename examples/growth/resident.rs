//! The memory of a build with many series.

use tempfile::TempDir;

use crate::filled::start_of;
use crate::load::Load;
use crate::server::Server;
use crate::servers::Build;
use crate::{queries, sender};

pub const SCRAPES: usize = 3;

/// MB.
#[derive(Debug)]
pub struct Resident {
    /// After each scrape.
    pub after: [f64; SCRAPES],
    pub peak: f64,
}

pub fn measure(build: &Build, series: usize) -> Resident {
    let data = TempDir::with_prefix("growth-").unwrap();
    let server = Server::start(build, data.path());
    let load = Load::new(series, start_of(SCRAPES));
    let after = [(); SCRAPES].map(|()| {
        sender::send(&load, 1, &server.write_url());
        server.process.memory_mb("VmRSS")
    });
    let resident = Resident { after, peak: server.process.memory_mb("VmHWM") };
    assert_eq!(queries::counted(&server), Some(series * SCRAPES), "samples that were answered for are there");
    println!("{}: {series} series, {resident:?}", build.name);
    resident
}
