//! A histogram of durations that the connector can read. The exporter gives its own histograms only as text.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::definitions::Definition;
use super::register::BUCKETS;

/// Durations, counted by the buckets of Prometheus' client libraries.
#[derive(Debug, Default)]
pub struct Durations {
    /// The durations in each bucket that are not in the one before. The last has no bound.
    counts: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    /// Counts one.
    pub fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.partition_point(|bound| *bound < seconds);
        self.nanoseconds.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// How many took at most so many seconds; the last bound is infinite.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BUCKETS.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |sum, (bound, count)| {
            *sum += count.load(Ordering::Relaxed);
            Some((bound, *sum))
        })
    }

    /// Appends it in Prometheus' text format.
    pub(super) fn render(&self, text: &mut String, definition: Definition) {
        let Definition { name, help, .. } = definition;
        let sum = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        // Writing to a String never fails.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
        let mut all = 0;
        for (bound, count) in self.cumulative() {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
            all = count;
        }
        let _ = write!(text, "{name}_sum {sum}\n{name}_count {all}\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::definitions::WRITE_DURATION;
    use super::*;

    #[test]
    fn a_duration_is_in_the_buckets_that_it_is_not_above() {
        let durations = Durations::default();
        for milliseconds in [0, 5, 6, 20, 10_000, 60_000] {
            durations.record(Duration::from_millis(milliseconds));
        }
        let cumulative: Vec<_> = durations.cumulative().collect();
        assert_eq!(cumulative[..3], [(0.005, 2), (0.01, 3), (0.025, 4)]);
        assert_eq!(cumulative[10..], [(10.0, 5), (f64::INFINITY, 6)]);
        let mut text = String::new();
        durations.render(&mut text, WRITE_DURATION);
        for line in
            ["_bucket{le=\"0.025\"} 4", "_bucket{le=\"10\"} 5", "_bucket{le=\"+Inf\"} 6", "_sum 70.031", "_count 6"]
        {
            assert!(text.contains(&format!("\ntimestream_connector_write_duration_seconds{line}\n")), "{line}\n{text}");
        }
    }
}
