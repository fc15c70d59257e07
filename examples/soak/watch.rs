//! What a process holds, over time, and whether it grows.

use std::time::Duration;

use crate::common::metrics::sum;

/// One look at a process.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub at: Duration,
    pub resident_mib: f64,
    pub files: f64,
    pub threads: f64,
    /// Where the connector has a metric of them.
    pub tasks: f64,
}

impl Look {
    /// A look at `pid`, and at the connector's metrics.
    pub fn take(at: Duration, pid: u32, metrics: &str) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as f64;
        let tasks = sum(metrics, "tokio_alive_tasks").unwrap_or_default();
        Look { at, resident_mib: number("VmRSS:") / 1024.0, files, threads: number("Threads:"), tasks }
    }
}

/// In a shorter time nothing is yet what it will be.
const LONG: Duration = Duration::from_secs(590);

/// What may grow between the first third and the last.
struct Bound {
    name: &'static str,
    of: fn(&Look) -> f64,
    /// By this part and by this many in a long time, and by so many more in a short time: a leak of a hundred bytes a
    /// sample would be more.
    part: f64,
    few: f64,
    few_if_short: f64,
}

/// Files and tasks are as many as calls are under way. So they are bound when the connector is at rest, see [`left`].
const UNBOUND: f64 = f64::INFINITY;

const BOUNDS: [Bound; 4] = [
    Bound { name: "resident MiB", of: |look| look.resident_mib, part: 0.10, few: 0.0, few_if_short: 16.0 },
    Bound { name: "open files", of: |look| look.files, part: 0.0, few: UNBOUND, few_if_short: UNBOUND },
    Bound { name: "threads", of: |look| look.threads, part: 0.0, few: 2.0, few_if_short: 2.0 },
    Bound { name: "tasks", of: |look| look.tasks, part: 0.0, few: UNBOUND, few_if_short: UNBOUND },
];

/// Prints the median of each third, and the peak; what has grown by more than it may.
pub fn grown(looks: &[Look]) -> Vec<String> {
    let is_short = looks.last().is_none_or(|last| last.at < LONG);
    let mut grown = Vec::new();
    println!("{:<14} {:>12} {:>12} {:>12} {:>9} {:>9}", "", "first third", "second", "last", "change", "peak");
    for Bound { name, of, part, few, few_if_short } in BOUNDS {
        let third = looks.len() / 3;
        let value = |looks: &[Look]| {
            let mut values: Vec<f64> = looks.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let [first, second, last] = [0, third, looks.len() - third].map(|from| value(&looks[from..from + third]));
        let peak = looks.iter().map(of).fold(0.0, f64::max);
        let change = (last / first.max(1.0) - 1.0) * 100.0;
        println!("{name:<14} {first:>12.1} {second:>12.1} {last:>12.1} {change:>8.1}% {peak:>9.1}");
        if peak == 0.0 {
            grown.push(format!("{name} are not known"));
        }
        if last > first * (1.0 + part) + if is_short { few_if_short } else { few } {
            grown.push(format!("{name} grew from {first:.1} to {last:.1}"));
        }
    }
    grown
}

/// At rest the connector may hold so many files and tasks more than when it started. One a request, or one a failed
/// call, would be more.
const FEW_LEFT: f64 = 16.0;

/// What a process holds at rest of which it held less when it started.
pub fn left(at_start: &Look, at_rest: &Look) -> Vec<String> {
    [("open files", at_start.files, at_rest.files), ("tasks", at_start.tasks, at_rest.tasks)]
        .into_iter()
        .filter(|(_, first, last)| *last > first + FEW_LEFT)
        .map(|(name, first, last)| format!("{last} {name} are left, of {first} at the start"))
        .collect()
}
