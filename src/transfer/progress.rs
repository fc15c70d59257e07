//! How far a transfer is: one line that is renewed on a terminal, else a log line now and then.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How often the line of a terminal is renewed.
const ON_TERMINAL: Duration = Duration::from_millis(500);
/// How often a line is logged where stderr is no terminal.
const IN_LOG: Duration = Duration::from_secs(10);

/// Goes back to the start of a terminal's line, and clears it.
const CLEAR: &str = "\r\x1b[2K";

/// Shows the progress of a transfer until it is dropped. Clones show the same one.
#[derive(Debug, Clone)]
pub struct Progress {
    counts: Arc<Counts>,
    _task: Arc<Shown>,
}

#[derive(Debug)]
struct Counts {
    /// What there is to do, in any unit.
    total: u64,
    /// What an earlier process has done of it.
    before: u64,
    /// What is done, with that.
    done: AtomicU64,
    /// Samples of this process.
    samples: AtomicU64,
    start: Instant,
}

/// The task that shows it, and whether it leaves a line on a terminal.
#[derive(Debug)]
struct Shown {
    _task: AbortOnDropHandle<()>,
    on_terminal: bool,
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.on_terminal {
            write(CLEAR);
        }
    }
}

impl Progress {
    /// Starts to show the progress of `verb` (such as `exported`) towards `total`, in a unit of the caller's: bytes,
    /// or parts of pieces; 0 if it is not known. `before` of it was done by an earlier process. Needs a tokio runtime.
    pub fn start(verb: &'static str, total: u64, before: u64) -> Self {
        let counts = Arc::new(Counts {
            total,
            before,
            done: AtomicU64::new(before),
            samples: AtomicU64::new(0),
            start: Instant::now(),
        });
        let on_terminal = std::io::stderr().is_terminal();
        let task = AbortOnDropHandle::new(tokio::spawn(show(Arc::clone(&counts), verb, on_terminal)));
        Progress { counts, _task: Arc::new(Shown { _task: task, on_terminal }) }
    }

    /// More of the total is done.
    pub fn advance(&self, done: u64) {
        self.counts.done.fetch_add(done, Ordering::Relaxed);
    }

    /// Some of the total is to be done again.
    pub fn retreat(&self, undone: u64) {
        let less = |done: u64| Some(done.saturating_sub(undone));
        let _ = self.counts.done.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// More samples were transferred.
    pub fn add_samples(&self, samples: u64) {
        self.counts.samples.fetch_add(samples, Ordering::Relaxed);
    }

    /// How much of the total is done.
    pub fn done(&self) -> u64 {
        self.counts.done.load(Ordering::Relaxed)
    }

    /// The samples that were transferred by this process.
    pub fn samples(&self) -> u64 {
        self.counts.samples.load(Ordering::Relaxed)
    }
}

async fn show(counts: Arc<Counts>, verb: &'static str, on_terminal: bool) {
    let mut ticks = tokio::time::interval(if on_terminal { ON_TERMINAL } else { IN_LOG });
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let line = counts.line(verb);
        if on_terminal {
            write(&format!("{CLEAR}{line}"));
        } else {
            tracing::info!("{line}");
        }
    }
}

/// Writes to stderr. There is nowhere to report that it is closed.
fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

impl Counts {
    fn line(&self, verb: &str) -> String {
        let (done, samples) = (self.done.load(Ordering::Relaxed), self.samples.load(Ordering::Relaxed));
        let elapsed = self.start.elapsed();
        let percent = 100.0 * done.min(self.total) as f64 / self.total.max(1) as f64;
        let rate = samples as f64 / elapsed.as_secs_f64().max(0.001);
        let mut line = match self.total {
            0 => format!("{samples} samples {verb}, {rate:.0} a second"),
            _ => format!("{percent:.1} % {verb}, {samples} samples, {rate:.0} a second"),
        };
        let here = done.saturating_sub(self.before);
        let left = self.total.saturating_sub(done);
        if here > 0 && left > 0 {
            let rest = elapsed.as_secs_f64() * left as f64 / here as f64;
            // Writing to a string does not fail.
            let _ = write!(line, ", {} left", duration(rest.min(1e9) as u64));
        }
        line
    }
}

/// Seconds as people read them.
fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_time_follows_from_what_this_process_has_done() {
        let progress = Progress::start("exported", 1000, 500);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(progress.counts.line("exported"), "50.0 % exported, 0 samples, 0 a second");
        progress.advance(50);
        progress.add_samples(1_200_000);
        assert_eq!(progress.counts.line("exported"), "55.0 % exported, 1200000 samples, 20000 a second, 9m0s left");
        progress.retreat(25);
        assert!(progress.counts.line("exported").ends_with("19m0s left"));
        progress.advance(475);
        assert_eq!(progress.counts.line("exported"), "100.0 % exported, 1200000 samples, 20000 a second");
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_total_is_not_known_the_samples_are_told() {
        let progress = Progress::start("imported", 0, 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        progress.advance(7);
        progress.add_samples(10);
        assert_eq!(progress.counts.line("imported"), "10 samples imported, 5 a second");
    }

    #[test]
    fn times_are_short() {
        assert_eq!((duration(59), duration(61), duration(7300)), ("59s".into(), "1m1s".into(), "2h1m".into()));
    }
}
