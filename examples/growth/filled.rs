//! Data that a build has written, as `kill -9` left it, and what the writing took.

use std::path::{Path, PathBuf};

use ring::digest;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::load::Load;
use crate::server::Server;
use crate::servers::Build;
use crate::workload::{SERIES, STEP_MS};
use crate::{folder, remote, sender};

/// The first samples and the last, of which the rate is taken.
const FIRST: usize = 1_000_000;
const LAST: usize = 500_000;
/// In a folder beside the data, once that is whole.
const FIGURES: &str = "figures.json";

pub struct Filled {
    folder: PathBuf,
    is_found: bool,
    pub figures: Figures,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Figures {
    /// The digest of the binary.
    build: String,
    /// Samples of each series.
    pub scrapes: usize,
    /// Of the first scrape, in milliseconds since 1970.
    pub start: i64,
    /// Samples a second.
    pub first_rate: f64,
    pub last_rate: f64,
    /// Bytes of a sample.
    pub written: Option<f64>,
    pub kept: f64,
    /// Microseconds of a sample.
    pub cpu: f64,
}

impl Filled {
    /// What was written in `folder` before, if anything; or why it can't be used.
    pub fn found(build: &Build, folder: &Path, samples: usize) -> Option<Result<Self, String>> {
        let figures: Figures = serde_json::from_slice(&std::fs::read(folder.join(FIGURES)).ok()?).unwrap();
        let shown = folder.display();
        if figures.build != digest_of(build) {
            return Some(Err(format!("{shown} is of another build: remove it")));
        }
        if figures.scrapes != scrapes(samples) {
            return Some(Err(format!("{shown} has another number of samples: remove it")));
        }
        println!("{}: found in {shown}, {figures:?}", build.name);
        Some(Ok(Filled { folder: folder.to_owned(), is_found: true, figures }))
    }

    /// Writes it, in place of what is there.
    pub fn new(build: &Build, folder: &Path, samples: usize, start: i64) -> Self {
        println!("{}: writes {samples} samples", build.name);
        let _ = std::fs::remove_dir_all(folder);
        let data = folder.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let (server, scrapes) = (Server::start(build, &data), scrapes(samples));
        let (written, cpu) = (server.written_bytes().unwrap_or_default(), server.process.cpu_seconds());
        let progress = sender::send(&Load::new(SERIES, start), scrapes, &server.write_url());
        let cpu = server.process.cpu_seconds() - cpu;
        let samples = progress.samples();
        let of_sample = |all: f64| all / samples as f64;
        let figures = Figures {
            build: digest_of(build),
            scrapes,
            start,
            first_rate: progress.rate(0, FIRST.min(samples / 2)),
            last_rate: progress.rate(samples - LAST.min(samples / 2), samples),
            written: server.written_bytes().map(|bytes| of_sample(bytes - written)),
            kept: of_sample(folder::bytes(&data)),
            cpu: of_sample(cpu * 1e6),
        };
        drop(server);
        println!("{}: {samples} samples, {figures:?}", build.name);
        std::fs::write(folder.join(FIGURES), serde_json::to_vec(&figures).unwrap()).unwrap();
        Filled { folder: folder.to_owned(), is_found: false, figures }
    }

    pub fn samples(&self) -> usize {
        self.figures.scrapes * SERIES
    }

    /// The end of the last scrape, in milliseconds since 1970.
    pub fn end(&self) -> i64 {
        self.figures.start + self.figures.scrapes as i64 * STEP_MS
    }

    /// A copy of the data in a new folder, which is removed when dropped.
    pub fn copy(&self) -> (TempDir, PathBuf) {
        let folder = TempDir::with_prefix_in("copy-", &self.folder).unwrap();
        let data = folder.path().join("data");
        folder::copy(&self.folder.join("data"), &data);
        (folder, data)
    }

    /// Samples a second of the last ones. The machine may have had other work when found data was written, so a copy of
    /// that is written on.
    pub fn last_rate(&self, build: &Build) -> f64 {
        if self.is_found { self.rate_at(build, self.samples() + LAST) } else { self.figures.last_rate }
    }

    /// Samples a second of the last ones, if a copy is written on until there are so many.
    pub fn rate_at(&self, build: &Build, samples: usize) -> f64 {
        let (_folder, data) = self.copy();
        let server = Server::start(build, &data);
        let load = Load::new(SERIES, self.figures.start);
        load.skip(self.figures.scrapes);
        let progress = sender::send(&load, scrapes(samples) - self.figures.scrapes, &server.write_url());
        let rate = progress.rate(progress.samples().saturating_sub(LAST), progress.samples());
        println!("{}: {rate:.0} samples a second before {samples}", build.name);
        rate
    }
}

/// The start of so many scrapes that end now.
pub fn start_of(scrapes: usize) -> i64 {
    remote::now_ms() - scrapes as i64 * STEP_MS
}

/// Those that give so many samples.
pub fn scrapes(samples: usize) -> usize {
    (samples / SERIES).max(2)
}

/// Of this program for the build that it runs itself.
fn digest_of(build: &Build) -> String {
    let binary = build.binary.clone().unwrap_or_else(|| std::env::current_exe().unwrap());
    hex::encode(digest::digest(&digest::SHA256, &std::fs::read(binary).unwrap()))
}
