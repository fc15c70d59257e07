//! Compares how two builds of the connector store with their embedded Timestream, and how that grows with the samples.
//!
//! ```sh
//! cargo run --release --example growth -- --before PATH_OF_A_CONNECTOR --dir DIR
//! ```
//!
//! 20,000 series of ten labels, of forty node_exporters, are sent by remote write, scrape after scrape, 15 s of the
//! samples' time apart: 8 connections, 2,000 samples a request. At ten million samples the build is killed as by
//! `kill -9`, and goes on with copies of its data. A table at the end has before, after, their ratio, and the target of
//! each measure:
//!
//! - `rate`: samples a second of the first million, of the last half million before ten, and before fifty
//! - `written`: bytes that the process wrote to the disk for a sample (nothing where the file system has no disk)
//! - `kept`: bytes of all files of the data for a sample, when the last is answered for; and after `kill -9`, a start, a
//!   stop in good order and another start, once the process is idle. Beside it those of the blocks of Prometheus
//! - `count`: `SELECT count(*)`, which must be the number sent, and the mean of a metric's last hour minute by minute;
//!   medians of five, in which the builds take turns
//! - `replay`: seconds from the start after `kill -9` until `/-/ready` answers 200
//! - `unsealed`: ten million samples, 150 of each series, that are in the log only: the memory of a series' samples, and
//!   seconds until ready after `kill -9`
//! - `resident`: memory with a million series of one sample, of two, and of three
//!
//! Options: `--after PATH` (else the connector of this build, run by this program), `--samples 10000000`,
//! `--more 50000000`, `--resident-series 1000000`, `--prometheus PATH`, and `--only NAME,NAME`. The rate at `--more`,
//! `unsealed` and `resident` are of the build after only, unless `--both rate,resident`. `--dir DIR` is where the data is kept. That
//! of the build before is found again with what was measured then, since filling takes minutes, and that of the same
//! build after where neither `rate` nor `written` is asked for; remove `DIR/before` to fill it anew. Other programs on the
//! machine disturb time, so only ratios of one run count. For that a copy of what is found is written on by half a
//! million samples, whose rate is compared. Its rate of the first million, and its CPU, are those of then.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::path::Path;

use tempfile::TempDir;
use tikv_jemallocator::Jemalloc;

mod blocks;
#[path = "../../tests/common/cases.rs"]
#[allow(dead_code, reason = "only its types are needed here")]
mod cases;
#[path = "../../tests/common/mod.rs"]
mod common;
mod filled;
mod folder;
mod load;
#[path = "../load/machine.rs"]
#[allow(dead_code, reason = "the load uses all of it")]
mod machine;
mod opened;
#[path = "../../tests/daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
#[path = "../reads/process.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod process;
#[path = "../reads/prometheus.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod prometheus;
mod queries;
#[path = "../../tests/daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;
mod resident;
mod sender;
mod server;
#[path = "../reads/servers.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod servers;
mod settings;
mod table;
mod unsealed;
#[path = "../reads/workload.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod workload;

use common::waiting;
use filled::{Filled, scrapes, start_of};
use opened::Opened;
use settings::Settings;
use table::Bound::{AtLeast, AtMost, Below};
use table::{Table, Target};

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be-connector") => servers::be_connector(&arguments[1..]),
        _ => compare(&Settings::parse(&arguments)),
    }
}

fn compare(settings: &Settings) {
    let mut table = Table::default();
    if settings.wants(&["rate", "written", "kept", "count", "replay"]) {
        let temporary = TempDir::with_prefix("growth-").unwrap();
        let dir = settings.dir.as_deref().unwrap_or(temporary.path());
        stored(settings, dir, &mut table);
    }
    if settings.wants(&["unsealed"]) {
        let measured = settings.builds_of("unsealed").map(|build| build.map(unsealed::measure));
        let of = |figure: fn(&unsealed::Unsealed) -> f64| [0, 1].map(|side| measured[side].as_ref().map(figure));
        let head = format!("bytes of memory of a series, {} samples unsealed", unsealed::SCRAPES);
        table.row(&head, of(|unsealed| unsealed.bytes_of_series), 0, Target::After(AtMost(1.2 * 1024.0)));
        table.row("s until ready, all unsealed", of(|unsealed| unsealed.ready), 2, Target::After(AtMost(3.0)));
    }
    if settings.wants(&["resident"]) {
        resident(settings, &mut table);
    }
    table.print();
}

/// What is measured with data in a folder.
fn stored(settings: &Settings, dir: &Path, table: &mut Table) {
    let samples = settings.samples;
    let start = || start_of(scrapes(samples.max(settings.more)));
    let folder = dir.join("before");
    let before = match Filled::found(&settings.before, &folder, samples) {
        Some(found) => found.unwrap_or_else(|reason| panic!("{reason}")),
        None => Filled::new(&settings.before, &folder, samples, start()),
    };
    let folder = dir.join("after");
    // Its rates are to be of this run.
    let found = match settings.wants(&["rate", "written"]) {
        true => None,
        false => Filled::found(&settings.after, &folder, samples).and_then(Result::ok),
    };
    let after = found.unwrap_or_else(|| Filled::new(&settings.after, &folder, samples, start()));
    let both = [&before, &after];
    if settings.wants(&["rate"]) {
        rates(settings, both, table);
    }
    if settings.wants(&["written"]) {
        let sides = both.map(|filled| filled.figures.written);
        table.row("bytes written a sample", sides, 1, Target::After(AtMost(60.0)));
    }
    if settings.wants(&["kept", "count", "replay"]) {
        opened(settings, both, dir, table);
    }
}

fn rates(settings: &Settings, both: [&Filled; 2], table: &mut Table) {
    let own =
        |rates: [Option<f64>; 2]| [0, 1].map(|side| rates[side].map(|rate: f64| rate / both[side].figures.first_rate));
    let times = "the same, times that of the first";
    let not_less = Target::After(AtLeast(0.9));
    table.row("samples a second of the first", both.map(|filled| Some(filled.figures.first_rate)), 0, Target::None);
    let builds = [&settings.before, &settings.after];
    let last = [0, 1].map(|side| Some(both[side].last_rate(builds[side])));
    table.row(&at_millions(both[1].samples()), last, 0, Target::Ratio(AtLeast(6.0)));
    table.row(times, own(both.map(|filled| Some(filled.figures.last_rate))), 2, not_less);
    if settings.more > settings.samples {
        let builds = settings.builds_of("rate");
        let more = [0, 1].map(|side| Some(both[side].rate_at(builds[side]?, settings.more)));
        table.row(&at_millions(settings.more), more, 0, Target::None);
        table.row(times, own(more), 2, not_less);
    }
    table.row("µs CPU a sample", both.map(|filled| Some(filled.figures.cpu)), 2, Target::None);
}

fn at_millions(samples: usize) -> String {
    format!("samples a second at {} M", samples as f64 / 1e6)
}

fn opened(settings: &Settings, both: [&Filled; 2], dir: &Path, table: &mut Table) {
    let builds = [&settings.before, &settings.after];
    let opened = [0, 1].map(|side| Opened::start(builds[side], both[side]));
    let of = |figure: fn(&Opened) -> f64| [0, 1].map(|side| Some(figure(&opened[side])));
    if settings.wants(&["kept"]) {
        let at_once = both.map(|filled| Some(filled.figures.kept));
        table.row("bytes kept a sample, at once", at_once, 2, Target::None);
        table.row("bytes kept a sample, idle", of(|opened| opened.kept), 2, Target::After(AtMost(4.0)));
        let prometheus = blocks::bytes_of_sample(&settings.prometheus, both[1], &dir.join("prometheus.json"));
        table.row("the same of Prometheus' blocks", [prometheus; 2], 2, Target::None);
        let times = of(|opened| opened.kept).map(|kept| Some(kept? / prometheus?));
        table.row("bytes kept, times those of Prometheus", times, 2, Target::After(Below(1.0)));
    }
    if settings.wants(&["count"]) {
        let not_slower = Target::Ratio(AtMost(1.0));
        table.row("ms of count(*)", queries::count(&opened, both).map(Some), 1, not_slower);
        table.row("ms of an hour's minutes", queries::minutes(&opened, both).map(Some), 1, not_slower);
    }
    if settings.wants(&["replay"]) {
        table.row("s until ready after kill -9", of(|opened| opened.ready), 2, Target::After(AtMost(3.0)));
    }
}

fn resident(settings: &Settings, table: &mut Table) {
    let measured = settings.builds_of("resident").map(|build| {
        let build = build?;
        Some(resident::measure(build, settings.resident_series))
    });
    let millions = settings.resident_series as f64 / 1e6;
    let target = Target::After(AtMost(1600.0));
    for scrape in 0..resident::SCRAPES {
        let sides = [0, 1].map(|side| measured[side].as_ref().map(|resident| resident.after[scrape]));
        table.row(&format!("MB resident, {millions} M series, scrape {}", scrape + 1), sides, 0, target);
    }
    let peak = [0, 1].map(|side| measured[side].as_ref().map(|resident| resident.peak));
    table.row("MB resident, peak", peak, 0, target);
}
