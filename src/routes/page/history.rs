//! The points of the page's charts: the last five minutes, one every two seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::reading::{Reading, quantile};
use crate::telemetry::metrics::Totals;

/// Between two points.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);
/// Points that are kept.
const CAPACITY: usize = 150;
/// The latency at a point is that of the calls in so many points before it, ten seconds: some Prometheus servers send
/// no more often than that.
const LATENCY_POINTS: usize = 5;

/// One moment.
#[derive(Debug, Clone)]
struct Point {
    /// Milliseconds since 1970.
    time: u64,
    reading: Reading,
    /// Write requests that wait for the batcher.
    queue: usize,
    /// Bytes that write requests hold.
    memory: usize,
}

/// The last points, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    points: Mutex<VecDeque<Point>>,
}

impl History {
    /// Adds a point.
    pub(super) fn push(&self, time: u64, reading: Reading, queue: usize, memory: usize) {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if points.len() == CAPACITY {
            points.pop_front();
        }
        points.push_back(Point { time, reading, queue, memory });
    }

    /// The points after a time in milliseconds since 1970, for the page: totals as they stood, and the latency of
    /// WriteRecords calls in seconds.
    pub(super) fn since(&self, time: u64) -> Vec<Value> {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |(index, point): (usize, &Point)| {
            let Point { time, reading, queue, memory } = point;
            let before = index.checked_sub(LATENCY_POINTS).and_then(|before| points.get(before)).or(points.front());
            let before = before.filter(|_| index > 0).map_or(&[][..], |before| &before.reading.calls);
            let latency = |of| quantile(of, before, &reading.calls);
            let Totals { received, written, ignored, rejected, failed } = reading.totals;
            json!({
                "time": time,
                "received": received,
                "written": written,
                "ignored": ignored,
                "rejected": rejected,
                "failed": failed,
                "queue": queue,
                "memory": memory,
                "p50": latency(0.5),
                "p99": latency(0.99),
            })
        };
        points.iter().enumerate().filter(|(_, point)| point.time > time).map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_gives_what_is_new() {
        let history = History::default();
        for time in 1..=200 {
            let calls = vec![(0.1, time * 10), (f64::INFINITY, time * 10)];
            history.push(time, Reading { totals: Totals { received: time * 7, ..Totals::default() }, calls }, 3, 4);
        }
        let all = history.since(0);
        assert_eq!((all.len(), &all[0]["time"], &all[149]["received"]), (CAPACITY, &json!(51), &json!(1400)));
        assert_eq!((&all[149]["queue"], &all[149]["p50"]), (&json!(3), &json!(0.05)));
        assert_eq!(history.since(198).len(), 2);
        assert!(history.since(200).is_empty());
    }

    #[test]
    fn there_is_no_latency_without_calls() {
        let history = History::default();
        history.push(1, Reading::default(), 0, 0);
        history.push(2, Reading::default(), 0, 0);
        assert_eq!(history.since(1)[0]["p99"], Value::Null);
    }
}
