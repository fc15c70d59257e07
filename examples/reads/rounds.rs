//! The measurements, each in rounds in which all servers take turns.

use std::time::Duration;

use crate::data::Data;
use crate::prometheus::Prometheus;
use crate::proxy::Proxy;
use crate::read::{self, Cost, Expected, Form, median};
use crate::servers::{self, Build};

/// How much longer a page of the slow Timestream takes.
const SLOW_PAGE: Duration = Duration::from_millis(40);
/// The rounds with a Timestream of its own, at most: they take longest, and bytes and pages are the same in each.
const REMOTE_ROUNDS: usize = 3;

/// What a form costs, by build.
pub struct Embedded {
    pub form: Form,
    pub builds: [Cost; 2],
    pub prometheus: Option<Cost>,
}

/// What a form takes between the connector and Timestream, by build.
pub struct Remote {
    pub form: Form,
    pub builds: [Between; 2],
}

#[derive(Clone, Copy)]
pub struct Between {
    pub bytes_a_sample: f64,
    pub pages: f64,
    /// Microseconds of the connector's process for a sample.
    pub cpu: f64,
    /// Milliseconds.
    pub wall: f64,
    pub slow_wall: f64,
}

/// Measures the connectors with their embedded Timestream, and Prometheus.
pub fn embedded(
    builds: [&Build; 2],
    data: &Data,
    prometheus: Option<&Prometheus>,
    expected: &Expected,
    rounds: usize,
) -> Vec<Embedded> {
    let copies = builds.map(|build| data.copy(build.name));
    let of_form = |form: Form| {
        let mut all: [Vec<Cost>; 3] = Default::default();
        for _ in 0..rounds {
            for ((build, copy), costs) in builds.iter().zip(&copies).zip(&mut all) {
                costs.push(read::cost(&build.embedded(copy), "/read", form, expected, build.name));
            }
            if let Some(Prometheus { process, .. }) = prometheus {
                all[2].push(read::cost(process, "/api/v1/read", form, expected, "Prometheus"));
            }
        }
        let [before, after, of_prometheus] = all;
        let builds = [median_cost("before, embedded", form, &before), median_cost("after, embedded", form, &after)];
        let prometheus = prometheus.map(|_| median_cost("Prometheus", form, &of_prometheus));
        Embedded { form, builds, prometheus }
    };
    Form::ALL.map(of_form).into()
}

/// The median of some rounds, printed.
fn median_cost(who: &str, form: Form, costs: &[Cost]) -> Cost {
    let of = |what: fn(&Cost) -> f64| median(costs.iter().map(what).collect());
    let (cpu, wall) = (of(|cost| cost.cpu), of(|cost| cost.wall));
    let (bytes, peak) = (of(|cost| cost.bytes), of(|cost| cost.peak));
    println!(
        "{who:<17} {:<20} {cpu:>7.3} µs CPU a sample {wall:>7.0} ms {:>7.0} kB {peak:>7.1} MB above idle",
        form.name(),
        bytes / 1000.0
    );
    Cost { cpu, wall, bytes, peak }
}

/// Measures the connectors in front of a Timestream in a process of its own.
pub fn remote(builds: [&Build; 2], data: &Data, expected: &Expected, rounds: usize) -> Vec<Remote> {
    let timestream = servers::timestream(&data.copy("timestream"));
    let fast = Proxy::start(timestream.address, Duration::ZERO);
    let slow = Proxy::start(timestream.address, SLOW_PAGE);
    let of_form = |form: Form| {
        let mut all: [Vec<Between>; 2] = Default::default();
        for _ in 0..rounds.min(REMOTE_ROUNDS) {
            for (build, all) in builds.iter().zip(&mut all) {
                all.push(between(build, form, &fast, &slow, expected));
            }
        }
        let [before, after] = all;
        let builds = [median_between("before, remote", form, &before), median_between("after, remote", form, &after)];
        Remote { form, builds }
    };
    Form::ALL.map(of_form).into()
}

/// The median of some rounds, printed.
fn median_between(who: &str, form: Form, rounds: &[Between]) -> Between {
    let of = |what: fn(&Between) -> f64| median(rounds.iter().map(what).collect());
    let (bytes_a_sample, pages) = (of(|between| between.bytes_a_sample), of(|between| between.pages));
    let cpu = of(|between| between.cpu);
    let (wall, slow_wall) = (of(|between| between.wall), of(|between| between.slow_wall));
    println!(
        "{who:<17} {:<20} {cpu:>7.3} µs CPU a sample {wall:>7.0} ms {slow_wall:>7.0} ms at 40 ms a page \
         {bytes_a_sample:>7.1} bytes a sample in {pages} pages",
        form.name()
    );
    Between { bytes_a_sample, pages, cpu, wall, slow_wall }
}

fn between(build: &Build, form: Form, fast: &Proxy, slow: &Proxy, expected: &Expected) -> Between {
    let ms = |took: Duration| took.as_secs_f64() * 1000.0;
    let samples = expected.samples as f64;
    let connector = build.remote(fast.address);
    let counts = || (fast.counts(), connector.cpu_seconds());
    let (wall, before, after) = read::once(connector.address, form, expected, build.name, counts);
    let ((pages_before, bytes_before), cpu_before) = before;
    let ((pages, bytes), cpu) = after;
    drop(connector);
    let connector = build.remote(slow.address);
    let (slow_wall, ..) = read::once(connector.address, form, expected, build.name, || ());
    Between {
        bytes_a_sample: (bytes - bytes_before) / samples,
        pages: pages - pages_before,
        cpu: (cpu - cpu_before) * 1e6 / samples,
        wall: ms(wall),
        slow_wall: ms(slow_wall),
    }
}
