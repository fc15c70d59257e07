//! Lines are taken and refused as `promtool tsdb create-blocks-from openmetrics` does it.

use std::path::Path;
use std::process::{Command, Output};

use super::super::remote::now_ms;
use super::*;

fn create_blocks(folder: &Path, text: &str) -> Output {
    let file = folder.join("text");
    std::fs::write(&file, text).unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(folder.join("blocks"));
    promtool.output().expect("promtool must be installed (Debian: apt-get install prometheus)")
}

/// Lines that both take, and those that both refuse; `T` is the time. Prometheus 3 also takes a comma behind the last label.
const LINES: [&str; 43] = [
    "a 1 T",
    "a{} 1 T.5",
    "a:b{c=\"d\"} -1.5 T.123",
    "_a{b=\"c\",d=\"e\"} +2 T",
    "a{e=\"\"} 1 T",
    "a{e=\"\\\\ \\\" \\n \\t \\é\"} 1 T",
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

#[test]
fn lines_are_taken_and_refused_as_promtool_does() {
    let scratch = Scratch::new();
    let seconds = now_ms() / 1000 / 7200 * 7200 - 3600;
    let mut all = String::new();
    let mut taken = Vec::new();
    for (number, line) in (0..).zip(LINES) {
        // Each at a time of its own, so that no line is like another.
        let line = line.replace('T', &(seconds + number).to_string());
        let folder = scratch.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let output = create_blocks(&folder, &format!("{line}\n# EOF\n"));
        if output.status.success() {
            taken.push(line.clone());
        }
        all.push_str(&line);
        all.push('\n');
    }
    assert!(taken.len() > 10 && taken.len() < LINES.len() - 10, "{taken:#?}");
    let target = embedded(scratch.path(), None);
    let imported = ended(start(&with(&target, &["--from=-"])), format!("{all}# EOF\n").as_bytes());
    let bad = (LINES.len() - taken.len()) as u64;
    assert_eq!((imported.count("samples read"), imported.count("bad lines")), (taken.len() as u64, bad), "{taken:#?}");

    // What both have taken means the same to both.
    let folder = scratch.path().join("all");
    std::fs::create_dir(&folder).unwrap();
    let output = create_blocks(&folder, &format!("{}\n# EOF\n", taken.join("\n")));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A dump needs the folder of a log.
    std::fs::create_dir(folder.join("blocks").join("wal")).unwrap();
    let dump = Command::new("promtool").args(["tsdb", "dump"]).arg(folder.join("blocks")).output().unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    let mut theirs: Vec<_> =
        dump.lines().map(of_dump).filter(|(_, value, _)| f64::from_bits(*value).is_finite()).collect();
    theirs.sort_unstable();
    let connector = Connector::embedded(scratch.path(), &[]);
    let mut ours = Vec::new();
    for (labels, samples) in all_of(&connector) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let labels = format!("{{{}}}", labels.join(", "));
        ours.extend(samples.iter().map(|(value, time)| (labels.clone(), value.to_bits(), *time)));
    }
    ours.sort_unstable();
    assert_eq!(ours, theirs);
}

/// Labels, bits of the value, and milliseconds of a line.
fn of_dump(line: &str) -> (String, u64, i64) {
    let mut parts = line.rsplitn(3, ' ');
    let (time, value, labels) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    (labels.to_owned(), value.parse::<f64>().unwrap().to_bits(), time.parse().unwrap())
}

/// A text without its last line is refused there as a whole; here it is stored and told of.
#[test]
fn promtool_refuses_a_text_without_its_end() {
    let scratch = Scratch::new();
    let output = create_blocks(scratch.path(), "a 1 1700000000\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not end with # EOF"));
    assert!(!output.status.success());
}
