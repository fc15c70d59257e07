//! What was measured of a server.

use std::fmt;

/// The figures of one run, or medians of several.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Samples a second.
    pub rate: f64,
    /// CPU seconds per million samples.
    pub cpu: f64,
    /// Peak of resident memory, in MiB.
    pub peak: f64,
    /// The time in which half of the requests were answered, in milliseconds, and 99 of 100.
    pub half: f64,
    pub most: f64,
    /// Calls per thousand samples, and bytes of their bodies a sample.
    pub calls: f64,
    pub bytes: f64,
    /// Write units per thousand samples; NaN if the server does not say.
    pub units: f64,
    /// The time in which half of the requests of ten samples were answered that were sent alone; NaN if not measured.
    pub lone: f64,
    /// How much of the machine other programs took, in percent.
    pub others: f64,
}

impl Figures {
    pub const HEAD: &str = " samples/s  CPU-s/million  peak MiB   p50 ms   p99 ms  calls/1000  bytes/sample  units/1000  lone ms  others %";

    fn all(&self) -> [f64; 10] {
        let Figures { rate, cpu, peak, half, most, calls, bytes, units, lone, others } = *self;
        [rate, cpu, peak, half, most, calls, bytes, units, lone, others]
    }

    fn map(figure: impl Fn(usize) -> f64) -> Self {
        let [rate, cpu, peak, half, most, calls, bytes, units, lone, others] = std::array::from_fn(figure);
        Figures { rate, cpu, peak, half, most, calls, bytes, units, lone, others }
    }

    /// The median of each figure.
    pub fn medians(of: &[Figures]) -> Self {
        Figures::map(|at| {
            let mut sorted: Vec<f64> = of.iter().map(|figures| figures.all()[at]).collect();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
        })
    }

    /// The ratios to another's that users pay for.
    pub fn over(&self, other: &Figures) -> String {
        let ratio = |name: &str, own: f64, other: f64| format!("{name} {:.2}", own / other);
        [
            ratio("CPU", self.cpu, other.cpu),
            ratio("write units", self.units, other.units),
            ratio("peak memory", self.peak, other.peak),
            ratio("a lone answer", self.lone, other.lone),
        ]
        .join(", ")
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rate, cpu, peak, half, most, calls, bytes, units, lone, others] = self.all();
        write!(to, "{rate:>10.0} {cpu:>14.2} {peak:>9.0} {half:>8.1} {most:>8.1} {calls:>11.1} {bytes:>13.0}")?;
        write!(to, " {units:>11.0} {lone:>8.1} {others:>9.0}")
    }
}
