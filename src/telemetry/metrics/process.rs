//! Metrics of the process and its runtime, read when the metrics are read. The exporter's counters are whole numbers,
//! so these are written here.

use std::fmt::Write;

use super::definitions::*;

/// Appends the metrics of the process and of the caller's runtime. Metrics that the system does not provide are left
/// out.
pub(super) fn render(text: &mut String) {
    #[cfg(target_os = "linux")]
    process(text);
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let metrics = runtime.metrics();
    let workers = metrics.num_workers();
    put(text, TOKIO_WORKERS, "gauge", workers as f64);
    put(text, TOKIO_ALIVE_TASKS, "gauge", metrics.num_alive_tasks() as f64);
    put(text, TOKIO_QUEUE, "gauge", metrics.global_queue_depth() as f64);
    #[cfg(target_has_atomic = "64")]
    {
        let busy = (0..workers).map(|worker| metrics.worker_total_busy_duration(worker));
        put(text, TOKIO_BUSY, "counter", busy.sum::<std::time::Duration>().as_secs_f64());
    }
}

/// The standard metrics of a process, as Prometheus' client libraries have them ("Writing client libraries").
#[cfg(target_os = "linux")]
fn process(text: &mut String) {
    use procfs::process::{LimitValue, Process};

    let Ok(process) = Process::myself() else { return };
    let Ok(stat) = process.stat() else { return };
    let ticks = procfs::ticks_per_second() as f64;
    put(text, PROCESS_CPU, "counter", (stat.utime + stat.stime) as f64 / ticks);
    if let Ok(count) = process.fd_count() {
        put(text, PROCESS_OPEN_FDS, "gauge", count as f64);
    }
    if let Ok(limits) = process.limits() {
        let limit = match limits.max_open_files.soft_limit {
            LimitValue::Value(limit) => limit as f64,
            LimitValue::Unlimited => f64::INFINITY,
        };
        put(text, PROCESS_MAX_FDS, "gauge", limit);
    }
    put(text, PROCESS_RESIDENT_MEMORY, "gauge", (stat.rss * procfs::page_size()) as f64);
    put(text, PROCESS_VIRTUAL_MEMORY, "gauge", stat.vsize as f64);
    put(text, PROCESS_THREADS, "gauge", stat.num_threads as f64);
    if let Ok(boot) = procfs::boot_time_secs() {
        put(text, PROCESS_START, "gauge", boot as f64 + stat.starttime as f64 / ticks);
    }
}

fn put(text: &mut String, definition: Definition, kind: &str, value: f64) {
    let Definition { name, help, .. } = definition;
    let value = if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string() };
    // Writing to a String never fails.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
}
