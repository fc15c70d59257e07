//! The series of forty node_exporters, and the read of some of them.

use timestream_prometheus_connector::proto;

use crate::remote::{Series, eq, query};

pub const TARGETS: usize = 40;
pub const OF_TARGET: usize = 500;
pub const SERIES: usize = TARGETS * OF_TARGET;
pub const STEP_MS: i64 = 15_000;
const READ_MS: i64 = 3_600_000;
/// The collector whose series are read, and their number.
const READ: &str = "netdev";
pub const READ_SERIES: usize = 1280;

/// Half of them counters, as all others are.
const NETDEV: [&str; 8] = [
    "receive_bytes_total",
    "address_count",
    "receive_packets_total",
    "receive_queue_length",
    "transmit_bytes_total",
    "speed_bytes",
    "transmit_packets_total",
    "transmit_queue_length",
];
/// Collector, metrics, and the series of each.
const OTHERS: [(&str, usize, usize); 7] = [
    ("diskstats", 11, 8),
    ("filesystem", 7, 8),
    ("hwmon", 7, 8),
    ("schedstat", 8, 8),
    ("meminfo", 50, 1),
    ("netstat", 100, 1),
    ("vmstat", 54, 1),
];

/// What is written, the same for the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    pub samples_each: usize,
    /// Milliseconds since 1970; each series has its last sample in the scrape interval before.
    pub end: i64,
}

impl Workload {
    pub fn series(&self, index: usize) -> Series {
        let (target, place) = (index / OF_TARGET, index % OF_TARGET);
        let (metric, is_counter, labels) = labels(target, place);
        // Counters go up by hundredths, gauges up and down by whole numbers.
        let mut random = fastrand::Rng::with_seed(index as u64);
        let mut at = random.i64(0..10_i64.pow(3 + metric as u32 % 6));
        let first = self.end - target as i64 * 373 % STEP_MS - (self.samples_each as i64 - 1) * STEP_MS;
        let samples = (0..self.samples_each as i64).map(|scrape| {
            at = if is_counter { at + random.i64(0..5_000) } else { (at + random.i64(-10..=10)).max(0) };
            let value = if is_counter { at as f64 / 100.0 } else { at as f64 };
            (value, first + scrape * STEP_MS)
        });
        (labels, samples.collect())
    }

    /// The last hour of a collector of all targets.
    pub fn read(&self) -> proto::Query {
        query(self.end - READ_MS + 1, self.end, &[eq("collector", READ)])
    }

    /// Of one series.
    pub fn small_read(&self) -> proto::Query {
        let labels = labels(0, OF_TARGET - 1).2;
        let matchers: Vec<_> = labels.iter().map(|(name, value)| eq(name, value)).collect();
        query(self.end - READ_MS + 1, self.end, &matchers)
    }

    /// The answer to [`Workload::read`].
    pub fn expected(&self) -> Vec<Series> {
        let is_read = |labels: &[(String, String)]| labels.iter().any(|(_, value)| value == READ);
        let read = (0..SERIES).filter(|index| is_read(&labels(index / OF_TARGET, index % OF_TARGET).2));
        let mut series: Vec<Series> = read.map(|index| self.series(index)).collect();
        for (_, samples) in &mut series {
            samples.retain(|(_, time)| *time > self.end - READ_MS);
        }
        series.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(series.len(), READ_SERIES);
        series
    }
}

/// The number of a series' metric, whether it is a counter, and its labels.
pub fn labels(target: usize, place: usize) -> (usize, bool, Vec<(String, String)>) {
    let families = std::iter::once((READ, NETDEV.len(), 4)).chain(OTHERS);
    let (mut metrics_before, mut left) = (0, place);
    for (collector, metrics, of_each) in families {
        if left >= metrics * of_each {
            metrics_before += metrics;
            left -= metrics * of_each;
            continue;
        }
        let (metric, device) = (metrics_before + left / of_each, left % of_each);
        let is_counter = metric.is_multiple_of(2);
        let name = match collector {
            READ => format!("node_network_{}", NETDEV[metric]),
            _ => format!("node_{collector}_field{metric}{}", if is_counter { "_total" } else { "" }),
        };
        let mut labels = vec![
            ("__name__", name),
            ("cluster", "production-eu-central-1".to_owned()),
            ("collector", collector.to_owned()),
            ("container", "node-exporter".to_owned()),
        ];
        if of_each > 1 {
            labels.push(("device", format!("{collector}{device}")));
        }
        labels.extend([
            ("endpoint", "https".to_owned()),
            ("instance", format!("10.64.0.{}:9100", target + 2)),
            ("job", "node-exporter".to_owned()),
            ("namespace", "monitoring".to_owned()),
            ("pod", format!("node-exporter-{:05x}", target * 26_003)),
        ]);
        return (metric, is_counter, labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    }
    unreachable!("a target has {OF_TARGET} series")
}
