//! The data that is read: filled once, and copied for each server, since a build may change what it opens.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::remote::{self, Series};
use crate::servers::Build;
use crate::workload::{SERIES, Workload};

/// Requests hold many samples of few series, which are stored side by side.
const PER_REQUEST: usize = 10_000;
const SENDERS: usize = 4;
/// In a directory that is filled: samples of each series, and the end.
const MARKER: &str = "filled";

/// A directory of data, filled.
pub struct Data {
    folder: PathBuf,
    workload: Workload,
    /// Removed with its content when dropped.
    copies: TempDir,
    _temporary: Option<TempDir>,
}

impl Data {
    /// Finds or makes the data in `folder`, or makes it in one that is removed at the end. It is written by `build`.
    pub fn open(folder: Option<&Path>, samples: usize, build: &Build) -> Self {
        let temporary = folder.is_none().then(|| TempDir::with_prefix("reads-").unwrap());
        let folder = folder.or(temporary.as_ref().map(TempDir::path)).unwrap().to_owned();
        std::fs::create_dir_all(&folder).unwrap();
        let samples_each = (samples / SERIES).max(1);
        let marker = folder.join(MARKER);
        let workload = match std::fs::read_to_string(&marker) {
            Ok(text) => {
                let (each, end) = text.trim().split_once(' ').unwrap();
                let found = Workload { samples_each: each.parse().unwrap(), end: end.parse().unwrap() };
                let holds = found.samples_each * SERIES;
                assert_eq!(found.samples_each, samples_each, "{} holds {holds} samples", folder.display());
                found
            }
            Err(_) => {
                let workload = Workload { samples_each, end: remote::now_ms() };
                fill(&folder.join("data"), &workload, build);
                std::fs::write(&marker, format!("{samples_each} {}\n", workload.end)).unwrap();
                workload
            }
        };
        let copies = TempDir::with_prefix_in("copies-", &folder).unwrap();
        Data { folder, workload, copies, _temporary: temporary }
    }

    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// A copy for a server to use.
    pub fn copy(&self, name: &str) -> PathBuf {
        let copy = self.copies.path().join(name);
        std::fs::create_dir(&copy).unwrap();
        for entry in std::fs::read_dir(self.folder.join("data")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        copy
    }
}

fn fill(data: &Path, workload: &Workload, build: &Build) {
    // What an earlier run left unfinished.
    let _ = std::fs::remove_dir_all(data);
    let started = Instant::now();
    let connector = build.embedded(data);
    let per_request = (PER_REQUEST / workload.samples_each).clamp(1, SERIES);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(per_request, Ordering::Relaxed);
                    if first >= SERIES {
                        return;
                    }
                    let series: Vec<Series> =
                        (first..SERIES.min(first + per_request)).map(|index| workload.series(index)).collect();
                    write(&connector.address.to_string(), &series);
                }
            });
        }
    });
    connector.stop();
    println!("{} samples written in {:.0} s", SERIES * workload.samples_each, started.elapsed().as_secs_f64());
}

/// Writes series, again where the connector asks for that.
fn write(address: &str, series: &[Series]) {
    loop {
        let answer = remote::write(address, series);
        match answer.status {
            204 => return,
            503 => std::thread::sleep(Duration::from_millis(100)),
            _ => panic!("{} {}", answer.status, answer.text()),
        }
    }
}
