//! Lines are taken and refused as `promtool tsdb create-blocks-from openmetrics` does it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::super::prometheus_server::prometheus3;
use super::super::remote::now_ms;
use super::*;

const PROMTOOL_2: &str = "promtool";

fn promtool3() -> Option<PathBuf> {
    prometheus3().map(|prometheus| prometheus.with_file_name("promtool"))
}

fn create_blocks(promtool: &Path, folder: &Path, text: &[u8]) -> Output {
    let file = folder.join("text");
    std::fs::write(&file, text).unwrap();
    let mut promtool = Command::new(promtool);
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(folder.join("blocks"));
    promtool.output().expect("promtool must be installed (Debian: apt-get install prometheus)")
}

/// Lines that both take, and those that both refuse; `T` is the time.
const LINES: [&str; 43] = [
    "a 1 T",
    "a{} 1 T.5",
    "a:b{c=\"d\"} -1.5 T.123",
    "_a{b=\"c\",d=\"e\"} +2 T",
    "a{e=\"\"} 1 T",
    "a{e=\"\\\\ \\\" \\n \\é\"} 1 T",
    "a{e=\" }{=,#\t\"} 1 T",
    "a{z=\"1\",b=\"2\"} 1e3 T",
    "a{f=\"1\"} .5 T",
    "a{f=\"2\"} 5. T",
    "a{f=\"3\"} 1E-7 T",
    "a{f=\"4\"} +Inf T",
    "a{f=\"5\"} infinity T",
    "a{f=\"6\"} nan T",
    "a{f=\"7\"} 1e-400 T",
    "a{g=\"1\"} 1 T.0009",
    "a{g=\"2\"} 1 +T",
    "a_total{h=\"1\"} 1 T # {trace_id=\"b\"} 1",
    "a 1",
    "a 1 ",
    "a  1 T",
    "a 1  T",
    "a 1 T ",
    " a 1 T",
    "a\t1 T",
    "a{b=c} 1 T",
    "a{b=\"c\" 1 T",
    "a{b=\"c} 1 T",
    "a{b=\"c\", d=\"e\"} 1 T",
    "a{,} 1 T",
    "a{b=\"c\",,} 1 T",
    "a{b} 1 T",
    "a{b=\"c\"}1 T",
    "a{b=\"c\"} 1 now",
    "a{b=\"c\"} 1 NaN",
    "a{b=\"c\"} 0x10 T",
    "a{b=\"c\"} 0x1p4 T",
    "a{b=\"c\"} 1_0 T",
    "a{b=\"c\"} +NaN T",
    "a{b=\"c\"} 1e400 T",
    "a{b=\"c\"} one T",
    "1a 1 T",
    "{} 1 T",
];

/// The same of what came with Prometheus 3.
const LINES_OF_3: [&str; 12] = [
    "a{b=\"c\",} 1 T",
    "{\"a.b\"} 1 T",
    "{\"a.b\",} 1 T",
    "{\"a.b\",\"c.d\"=\"e\",f=\"g\"} 1 T",
    "{f=\"g\",\"a.b\"} 1 T",
    "a{\"c d\"=\"e\"} 1 T",
    "{\"a\\\"b\",\"c\\\\\"=\"é\"} 1 T",
    "a{b=\"c\"} 1 T # {trace_id=\"d\"} 1 T",
    "{b=\"c\"} 1 T",
    "a{\"b\"} 1 T",
    "{\"a\",\"b\"} 1 T",
    "{\"a.b\" 1 T",
];

#[test]
fn lines_are_taken_and_refused_as_promtool_2_does() {
    compare(Path::new(PROMTOOL_2), &LINES);
}

#[test]
fn lines_are_taken_and_refused_as_promtool_3_does() {
    if let Some(promtool) = promtool3() {
        compare(&promtool, &[&LINES[..], &LINES_OF_3].concat());
    }
}

fn compare(promtool: &Path, lines: &[&str]) {
    let scratch = Scratch::new();
    let seconds = now_ms() / 1000 / 7200 * 7200 - 3600;
    let mut all = String::new();
    let mut taken = Vec::new();
    for (number, line) in (0..).zip(lines) {
        // Each at a time of its own, so that no line is like another.
        let line = line.replace('T', &(seconds + number).to_string());
        let folder = scratch.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let output = create_blocks(promtool, &folder, format!("{line}\n# EOF\n").as_bytes());
        if output.status.success() {
            taken.push(line.clone());
        }
        all.push_str(&line);
        all.push('\n');
    }
    assert!(taken.len() > 10 && taken.len() < lines.len() - 10, "{taken:#?}");
    let target = embedded(scratch.path(), None);
    let imported = ended(start(&with(&target, &["--from=-"])), format!("{all}# EOF\n").as_bytes());
    let bad = (lines.len() - taken.len()) as u64;
    assert_eq!((imported.count("samples read"), imported.count("bad lines")), (taken.len() as u64, bad), "{taken:#?}");

    // What both have taken means the same to both.
    let folder = scratch.path().join("all");
    std::fs::create_dir(&folder).unwrap();
    let output = create_blocks(promtool, &folder, format!("{}\n# EOF\n", taken.join("\n")).as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = dump(promtool, &folder, &["tsdb", "dump"]);
    let mut theirs: Vec<_> =
        dump.lines().map(of_dump).filter(|(_, value, _)| f64::from_bits(*value).is_finite()).collect();
    theirs.sort_unstable();
    let connector = Connector::embedded(scratch.path(), &[]);
    let mut ours = Vec::new();
    for (labels, samples) in all_of(&connector) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{}={value:?}", shown(name))).collect();
        let labels = format!("{{{}}}", labels.join(", "));
        ours.extend(samples.iter().map(|(value, time)| (labels.clone(), value.to_bits(), *time)));
    }
    ours.sort_unstable();
    assert_eq!(ours, theirs);
}

fn dump(promtool: &Path, folder: &Path, command: &[&str]) -> String {
    // A dump needs the folder of a log.
    std::fs::create_dir(folder.join("blocks").join("wal")).unwrap();
    let dump = Command::new(promtool).args(command).arg(folder.join("blocks")).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    String::from_utf8(dump.stdout).unwrap()
}

/// A label's name as promtool shows it.
fn shown(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain { name.to_owned() } else { format!("{name:?}") }
}

/// Labels, bits of the value, and milliseconds of a line.
fn of_dump(line: &str) -> (String, u64, i64) {
    let mut parts = line.rsplitn(3, ' ');
    let (time, value, labels) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    (labels.to_owned(), value.parse::<f64>().unwrap().to_bits(), time.parse().unwrap())
}

/// promtool writes names without quotes whatever they are, and control characters as Go does. Others come back.
#[test]
fn a_dump_of_promtool_3_is_imported() {
    let Some(promtool) = promtool3() else { return };
    let scratch = Scratch::new();
    let can_be_dumped = |name: &str, value: &str| {
        let has_no_other = |c: char| c.is_alphanumeric() || "_.:".contains(c);
        // Timestream takes no NUL.
        name.chars().all(has_no_other) && !name.starts_with(|c: char| c.is_ascii_digit()) && !value.contains('\0')
    };
    let mut series = odd_series();
    let unprinted = "tab\t, bell\x07, one\x01, no-break\u{a0}space, line\u{2028}separator, \\t";
    let labels = [("__name__", "unprinted"), ("a", unprinted)];
    series.push(super::super::remote::series(&labels, &[(1.0, now_ms() - 60_000)]));
    series.retain(|(labels, _)| {
        labels
            .iter()
            .all(|(name, value)| can_be_dumped(name, value) && (name != "__name__" || can_be_dumped(value, "")))
    });
    assert!(series.len() > 50 && series.iter().flat_map(|(labels, _)| labels).any(|(name, _)| name == "a.b"));
    let output = create_blocks(&promtool, scratch.path(), &text_of(&series));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = scratch.path().join("dump.om");
    let dumped = dump(&promtool, scratch.path(), &["--experimental", "tsdb", "dump-openmetrics"]);
    std::fs::write(&file, dumped).unwrap();
    let (target, from) = (embedded(scratch.path(), None), format!("--from={}", file.display()));
    let samples = series.iter().map(|(_, samples)| samples.len() as u64).sum();
    let imported = import(&with(&target, &[&from]));
    assert_eq!((imported.counts(), imported.code), ([samples, samples, 0, 0], Some(0)));
    let connector = Connector::embedded(scratch.path(), &[]);
    let mut sent = without_empty_labels(&series);
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(bits(&all_of(&connector)), bits(&sent));
}

/// A text without its last line is refused there as a whole; here it is stored and told of.
#[test]
fn promtool_refuses_a_text_without_its_end() {
    let scratch = Scratch::new();
    let output = create_blocks(Path::new(PROMTOOL_2), scratch.path(), b"a 1 1700000000\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not end with # EOF"));
    assert!(!output.status.success());
}
