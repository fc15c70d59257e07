//! `export`: whatever leaves the connector is in the other Prometheus as it was in the first.

mod receiver;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use timestream_prometheus_connector::proto::label_matcher::Type;

use super::cases::{Dialect, Random, Series};
use super::connector::{Connector, Scratch};
use super::differential::{promql, write_to_both};
use super::output;
use super::prometheus_server::{INSTALLED, Prometheus, prometheus3};
use super::remote::{self, now_ms, series};
use super::waiting::{eventually, found};

/// PromQL queries of a round trip.
const QUERIES: usize = 200;
const DAY: i64 = 86_400_000;

/// The export of a connector's table, while it runs or when it is stopped.
struct Export {
    data: String,
    api: String,
}

impl Export {
    fn of(connector: &Connector, scratch: &Scratch) -> Self {
        let data = format!("--embedded.data-dir={}", scratch.path().join("data").display());
        Export { data, api: format!("--embedded.listen-address={}", connector.timestream) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"));
        command.args(["export", "--embedded", &self.data, &self.api]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            output::check(&String::from_utf8_lossy(text));
            eprint!("{}", String::from_utf8_lossy(text));
        }
        output::assert_none_shown();
        output
    }

    /// Exports, and gives what is printed.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Fails, and gives what is said.
    fn bad(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Exports, killed each time when more of it is noted in `state`, `kills` times; then to the end. Gives how often it
    /// was killed.
    fn killed(&self, arguments: &[&str], state: &Path, kills: usize) -> usize {
        let lines = || std::fs::read(state).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
        let mut killed = 0;
        for _ in 0..kills {
            let before = lines();
            let mut child =
                Killed(self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            found("more is exported", || (lines() > before + 2 || child.0.try_wait().unwrap().is_some()).then_some(()));
            killed += usize::from(child.0.try_wait().unwrap().is_none());
        }
        self.good(arguments);
        killed
    }
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a folder holds beside the state file.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    named.filter(|(name, _)| name != "export.state").map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// Times as options say them.
fn between(start_ms: i64, end_ms: i64) -> [String; 2] {
    let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
    [format!("--start={}", seconds(start_ms)), format!("--end={}", seconds(end_ms))]
}

fn arguments<'a>(times: &'a [String; 2], more: &[&'a str]) -> Vec<&'a str> {
    times.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

#[test]
fn a_new_prometheus_2_on_the_exported_blocks_answers_as_the_first_one() {
    round_trip(Path::new(INSTALLED), Path::new("promtool"), Dialect::Prometheus2);
}

#[test]
fn a_new_prometheus_3_on_the_exported_blocks_answers_as_the_first_one() {
    if let Some(binary) = prometheus3() {
        round_trip(&binary, &binary.with_file_name("promtool"), Dialect::Prometheus3);
    }
}

fn round_trip(binary: &Path, promtool: &Path, dialect: Dialect) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let storage =
        Prometheus::start_binary(binary, scratch.path(), "storage", "", &["--web.enable-remote-write-receiver"]);
    let first = dialect.first_ms(now_ms());
    let written = dialect.series(&mut random, 150, first, 300);
    write_to_both(&connector, &storage, &written);
    let samples: Vec<i64> = written.iter().flat_map(|(_, samples)| samples.iter().map(|(_, time)| *time)).collect();
    let last = samples.iter().copied().max().unwrap();

    let out = scratch.path().join("out").display().to_string();
    let times = between(first, last + 1);
    let to = format!("--to={out}");
    let export = Export::of(&connector, &scratch);
    let printed = export.good(&arguments(&times, &[&to, "--compression=none", "--max-file-size=200KB"]));
    let all = printed.lines().last().unwrap();
    let count = samples.len().to_string();
    assert_eq!(all.split_whitespace().collect::<Vec<_>>()[..4], ["all", &count, &count, &count], "{printed}");

    let folder = scratch.path().join("fresh").join("tsdb");
    for name in files(Path::new(&out)).keys() {
        let file = Path::new(&out).join(name);
        let mut made = Command::new(promtool);
        let made = made.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(file).arg(&folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let fresh = Prometheus::start_binary(binary, scratch.path(), "fresh", "", &[]);
    let mut compared = 0;
    while compared < QUERIES {
        let query = dialect.query(&mut random, (first, last));
        let Some(selector) = promql(&query.matchers) else { continue };
        let window = random.below(3_000_000) + 1000;
        // Rates lose the metric's name, and those of two metrics may have the same labels.
        let of_one = query.matchers.iter().any(|matcher| matcher.name == "__name__" && matcher.r#type() == Type::Eq);
        let expression = match random.below(5) {
            0 => format!("{selector}[{window}ms]"),
            1 if of_one => format!("rate({selector}[{window}ms])"),
            2 if of_one => format!("max_over_time({selector}[{window}ms])"),
            3 => format!("count by (job) ({selector})"),
            _ => format!("last_over_time({selector}[{window}ms])"),
        };
        let at = query.end_timestamp_ms.min(last) as f64 / 1000.0;
        let own = storage.query(&expression, at);
        assert_eq!(own, fresh.query(&expression, at), "{expression} at {at}, seed {seed}");
        compared += usize::from(own.as_array().is_some_and(|series| !series.is_empty()));
    }
    println!("{compared} PromQL queries with answers");
}

/// Days ending before today, each with these samples of some series.
fn filled(connector: &Connector, days: i64, each: i64) -> (i64, i64) {
    let end = now_ms() / DAY * DAY;
    let start = end - days * DAY;
    for day in 0..days {
        let all: Vec<Series> = (0..20)
            .map(|index| {
                let times = (0..each).map(|sample| start + day * DAY + sample * (DAY / each) + index * 7);
                let samples = times.map(|time| (time as f64 / 3.0, time));
                let labels = [("__name__", "exported_total"), ("index", &index.to_string())];
                (series(&labels, &[]).0, samples.collect())
            })
            .collect();
        assert_eq!(remote::write(&connector.address, &all).status, 204);
    }
    (start, end)
}

#[test]
fn an_export_that_is_killed_again_and_again_leaves_the_same_files() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let (start, end) = filled(&connector, 40, 200);
    let export = Export::of(&connector, &scratch);
    let times = between(start + 5, end - 5);
    let folder = |name: &str| -> (PathBuf, String) {
        let folder = scratch.path().join(name);
        (folder.clone(), format!("--to={}", folder.display()))
    };
    let ((whole, to_whole), (cut, to_cut)) = (folder("whole"), folder("cut"));
    let more = |to: &'static str| [to, "--max-file-size=150KB", "--parallel=3"];
    let leak = |text: String| -> &'static str { text.leak() };
    let (to_whole, to_cut) = (leak(to_whole), leak(to_cut));
    let printed = export.good(&arguments(&times, &more(to_whole)));
    assert_eq!(printed.lines().count(), 42, "{printed}");
    let killed = export.killed(&arguments(&times, &more(to_cut)), &cut.join("export.state"), 6);
    assert!(killed >= 3, "killed {killed} times only");
    assert!(files(&whole).len() > 40, "some days have two files: {}", files(&whole).len());
    assert!(files(&whole) == files(&cut), "{:?} {:?}", files(&whole).keys(), files(&cut).keys());
    // Once more it has nothing to do, and says the same.
    assert_eq!(export.good(&arguments(&times, &more(to_cut))), printed);
    let other = between(start, end);
    assert!(export.bad(&arguments(&other, &more(to_cut))).contains("StateFileError: "));
    // Without its state the files may be anybody's.
    std::fs::remove_file(cut.join("export.state")).unwrap();
    assert!(export.bad(&arguments(&times, &more(to_cut))).contains("is there already"));
    assert!(files(&whole) == files(&cut));

    drop(connector);
    let (stopped, to_stopped) = folder("stopped");
    export.good(&arguments(&times, &more(leak(to_stopped))));
    assert!(files(&whole) == files(&stopped), "of the stopped connector's data");
}

#[test]
fn selectors_choose_and_a_dry_run_says_how_much_it_is() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let (start, end) = filled(&connector, 3, 50);
    let export = Export::of(&connector, &scratch);
    let times = between(start, end);
    let to = format!("--to={}", scratch.path().join("out").display());
    let dry = export.good(&arguments(&times, &[&to, "--dry-run"]));
    assert!(!scratch.path().join("out").exists(), "a dry run makes nothing");
    let all: Vec<&str> = dry.lines().find(|line| line.starts_with("all")).unwrap().split_whitespace().collect();
    assert_eq!(all[1], "3000", "{dry}");
    let estimated: usize = all[2].parse().unwrap();
    assert!(dry.contains("6 queries") && !dry.contains("AWS"), "{dry}");

    export.good(&arguments(&times, &[&to, "--compression=none"]));
    let bytes: usize = files(&scratch.path().join("out")).values().map(Vec::len).sum();
    assert!(estimated.abs_diff(bytes) * 5 < bytes, "{estimated} bytes are estimated, {bytes} were written");

    let two = format!("--to={}", scratch.path().join("two").display());
    let chosen = ["--match={index=~\"1|2\"}", "--match=exported_total{index!~\"[04-9]|1.\"}", "--match=nothing"];
    let printed = export.good(&arguments(&times, &[&[two.as_str(), "--compression=none"][..], &chosen].concat()));
    let all: Vec<&str> = printed.lines().find(|line| line.starts_with("all")).unwrap().split_whitespace().collect();
    assert_eq!(all[1..4], ["450", "750", "750"], "two series are selected twice: {printed}");
    let text = files(&scratch.path().join("two"));
    let text: String = text.values().map(|bytes| String::from_utf8_lossy(bytes)).collect();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 450);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 450);
    assert!(lines.iter().all(|line| ["1", "2", "3"].iter().any(|index| line.contains(&format!("=\"{index}\"")))));
}

#[test]
fn a_table_is_exported_with_the_environments_keys_as_from_aws() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let (start, end) = filled(&connector, 2, 50);
    let times = between(start, end);
    let to = format!("--to={}", scratch.path().join("out").display());
    let url = format!("http://{}", connector.timestream);
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"))
            .args(["--default-database=prometheus", "--default-table=metrics", "export"])
            .args([format!("--query-base-endpoint={url}"), format!("--write-base-endpoint={url}")])
            .args(arguments(&times, more))
            .envs([("AWS_ACCESS_KEY_ID", "AKIAEXPORT"), ("AWS_SECRET_ACCESS_KEY", "hidden-export")])
            .output()
            .unwrap();
        for text in [&output.stdout, &output.stderr] {
            output::check(&String::from_utf8_lossy(text));
        }
        output::assert_none_shown();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let dry = run(&[&to, "--dry-run"]);
    assert!(dry.contains("4 queries") && dry.contains("AWS bills reading") && dry.contains("at least 40 MB"), "{dry}");
    assert!(run(&[&to]).contains("2000      2000"), "all samples");
    let embedded = format!("--to={}", scratch.path().join("embedded").display());
    Export::of(&connector, &scratch).good(&arguments(&times, &[&embedded]));
    assert!(files(&scratch.path().join("out")) == files(&scratch.path().join("embedded")));
}

#[test]
fn a_receiver_that_takes_no_late_samples_takes_the_export_even_if_it_is_killed() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let end = now_ms() / 60_000 * 60_000 - 60_000;
    let start = end - 5 * 3_600_000;
    // Each series has a sample every ten seconds, over six hours of the clock.
    let written: Vec<Series> = (0..40)
        .map(|index: i64| {
            let times = (0..1800).map(|sample| start + sample * 10_000 + index);
            let labels = [("__name__", "sent"), ("index", &index.to_string())];
            (series(&labels, &[]).0, times.map(|time| (time as f64, time)).collect())
        })
        .collect();
    for part in written.chunks(5) {
        assert_eq!(remote::write(&connector.address, part).status, 204);
    }
    let receiver = Prometheus::start_binary(
        Path::new(INSTALLED),
        scratch.path(),
        "receiver",
        "",
        &["--web.enable-remote-write-receiver"],
    );
    let export = Export::of(&connector, &scratch);
    let times = between(start, end);
    let to = format!("--to=http://me:hidden-password@{}/api/v1/write", receiver.address);
    let state = scratch.path().join("sent.state");
    let state_option = format!("--state={}", state.display());
    let all = arguments(&times, &["--format=remote-write", &to, &state_option]);
    let killed = export.killed(&all, &state, 4);
    assert!(killed >= 2, "killed {killed} times only");
    eventually("all samples are there", || {
        let at = end as f64 / 1000.0;
        receiver.sum_at("count_over_time(sent[6h])", at) == 40.0 * 1800.0
    });
    let sums = receiver.sum_at("sum_over_time(sent[6h])", end as f64 / 1000.0);
    let expected: f64 = written.iter().flat_map(|(_, samples)| samples.iter().map(|(value, _)| *value)).sum();
    assert!((sums - expected).abs() < expected * 1e-9, "{sums} {expected}");

    // What a receiver refuses for good ends the export with its words.
    let late = format!("--state={}", scratch.path().join("late.state").display());
    let refused = export.bad(&arguments(&times, &["--format=remote-write", &to, &late]));
    assert!(refused.contains("ReceiverError: ") && refused.contains("answers 400: out of"), "{refused}");
}

#[test]
fn what_is_wrong_is_said() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let export = Export::of(&connector, &scratch);
    let to = format!("--to={}", scratch.path().join("out").display());
    let times = ["--start=2026-01-02".to_owned(), "--end=2026-01-03".to_owned()];
    let elsewhere = Export { data: "--embedded.data-dir=/nonexistent".to_owned(), api: export.api.clone() };
    assert!(elsewhere.bad(&arguments(&times, &[&to])).contains("there is no data in /nonexistent"));
    let unheard = Export { data: export.data.clone(), api: "--embedded.listen-address=127.0.0.1:1".to_owned() };
    assert!(
        unheard.bad(&arguments(&times, &[&to])).contains("does not answer at --embedded.listen-address 127.0.0.1:1")
    );
    let nowhere = export.bad(&arguments(&times, &[&to, "--default-table=nowhere"]));
    assert!(nowhere.contains("ValidationException: ") || nowhere.contains("ResourceNotFoundException: "), "{nowhere}");
    let ahead = [times[0].clone(), format!("--end={}", now_ms())];
    let refused = export.bad(&arguments(&ahead, &[&to]));
    assert!(refused.contains("--end lies in the future (Unix times are given in seconds"), "{refused}");
    // Files of others are left alone, whichever state is named.
    let other = scratch.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("2026-01-02.om.gz"), "another export").unwrap();
    let (to_other, state) = (format!("--to={}", other.display()), scratch.path().join("a.state"));
    std::fs::write(&state, "").unwrap();
    let with_state = format!("--state={}", state.display());
    for more in [&[&to_other[..]][..], &[&to_other, &with_state], &[&to_other, &with_state]] {
        assert!(export.bad(&arguments(&times, more)).contains("is there already, and not of this export"));
    }
    assert_eq!(std::fs::read(other.join("2026-01-02.om.gz")).unwrap(), b"another export");
    let elsewhere = export.bad(&arguments(&times, &[&to, &with_state]));
    assert!(elsewhere.contains("is of another transfer: --to was"), "{elsewhere}");
    // An empty table is an empty export.
    let printed = export.good(&arguments(&times, &["--to", &scratch.path().join("empty").display().to_string()]));
    assert!(printed.contains("all"), "{printed}");
}
