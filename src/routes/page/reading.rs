//! The numbers for the page's charts, read from the metrics at one moment.

use crate::telemetry::Metrics;
use crate::telemetry::metrics::Totals;

/// The numbers of the metrics at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Samples since the start.
    pub(super) totals: Totals,
    /// WriteRecords calls that took at most so many seconds; the last bound is infinite.
    pub(super) calls: Vec<(f64, u64)>,
}

impl Reading {
    pub(super) fn of(metrics: &Metrics) -> Self {
        Reading { totals: metrics.totals(), calls: metrics.write_duration.cumulative().collect() }
    }
}

/// The quantile of the calls that ended between two readings, interpolated within its bucket as by
/// `histogram_quantile`. Above the last bound it is that bound. `None` if there were no calls.
pub(super) fn quantile(quantile: f64, before: &[(f64, u64)], now: &[(f64, u64)]) -> Option<f64> {
    let earlier = |index: usize| before.get(index).map_or(0, |(_, count)| *count);
    let counts: Vec<(f64, u64)> =
        now.iter().enumerate().map(|(index, (bound, count))| (*bound, count.saturating_sub(earlier(index)))).collect();
    let (_, total) = *counts.last()?;
    if total == 0 {
        return None;
    }
    let rank = quantile * total as f64;
    let (mut lower, mut below) = (0.0, 0);
    for (bound, count) in counts {
        if count as f64 >= rank && count > below {
            if bound.is_infinite() {
                return Some(lower);
            }
            return Some(lower + (bound - lower) * (rank - below as f64) / (count - below) as f64);
        }
        (lower, below) = (bound, count);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_calls_between_two_readings() {
        let infinite = f64::INFINITY;
        let before = [(0.1, 100), (0.2, 100), (infinite, 100)];
        let now = [(0.1, 150), (0.2, 200), (infinite, 200)];
        let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-9;
        assert!(close(quantile(0.25, &before, &now), 0.05));
        assert!(close(quantile(0.75, &before, &now), 0.15));
        assert!(close(quantile(0.99, &[], &[(0.1, 1), (infinite, 100)]), 0.1), "above the last bound");
        assert_eq!(quantile(0.5, &now, &now), None, "no calls");
        assert_eq!(quantile(0.5, &[], &[]), None);
    }
}
