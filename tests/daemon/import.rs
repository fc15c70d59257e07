//! `import`: OpenMetrics text into a table, and what is told of text that is no OpenMetrics.

mod interrupted;
mod odd;
mod promtool;
mod tables;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use timestream_prometheus_connector::openmetrics::{END, TextWriter};
use timestream_prometheus_connector::proto;

use super::cases::{Dialect, Random, without_empty_labels};
use super::connector::{Connector, Scratch};
use super::output;
use super::remote::{Series, matcher, now_ms, query, read, write};

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAIMPORT"), ("AWS_SECRET_ACCESS_KEY", "hidden-import")];

/// What an import printed.
struct Imported {
    /// The table at its end.
    table: String,
    log: String,
    code: Option<i32>,
}

impl Imported {
    /// The count in the row of the table that begins so.
    fn count(&self, row: &str) -> u64 {
        let line = self.table.lines().find_map(|line| line.strip_prefix(row));
        line.unwrap_or_else(|| panic!("no {row} in\n{}", self.table)).trim().parse().unwrap()
    }

    /// The rows that are always there: read, written, failed and bad lines.
    fn counts(&self) -> [u64; 4] {
        ["samples read", "written", "failed", "bad lines"].map(|row| self.count(row))
    }
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"))
        .arg("import")
        .args(arguments)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(KEYS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for an import to end.
fn ended(mut child: Child, input: &[u8]) -> Imported {
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // An import that ends early does not read all.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let (table, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{log}{table}");
    output::check(&log);
    output::check(&table);
    output::assert_none_shown();
    Imported { table: table.into_owned(), log: log.into_owned(), code: output.status.code() }
}

fn import(arguments: &[&str]) -> Imported {
    ended(start(arguments), b"")
}

/// The arguments for the embedded Timestream with data in this folder, whoever holds it.
fn embedded(folder: &Path, holder: Option<&Connector>) -> Vec<String> {
    let data = format!("--embedded.data-dir={}", folder.join("data").display());
    let address = holder.map(|connector| format!("--embedded.listen-address={}", connector.timestream));
    ["--embedded".to_owned(), data].into_iter().chain(address).collect()
}

fn with<'a>(first: &'a [String], rest: &[&'a str]) -> Vec<&'a str> {
    first.iter().map(String::as_str).chain(rest.iter().copied()).collect()
}

/// The text of series, as an export writes it.
fn text_of(series: &[Series]) -> Vec<u8> {
    let mut text = TextWriter::default();
    for (labels, samples) in series {
        let label = |(name, value): &(String, String)| proto::Label { name: name.clone(), value: value.clone() };
        text.start_series(&labels.iter().map(label).collect::<Vec<_>>());
        samples.iter().for_each(|(value, time)| text.push(*time, *value));
    }
    [text.take(), END.to_vec()].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// All that a table has, in the order of labels.
fn all_of(connector: &Connector) -> Vec<Series> {
    let any = matcher(proto::label_matcher::Type::Neq, "__name__", "");
    let mut all = read(&connector.address, &[query(0, now_ms() + 1_000_000, &[any])]).remove(0);
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// A connector for another table of a Timestream.
fn of_table(timestream: &str, table: &str) -> Connector {
    let (table, write) = (format!("--default-table={table}"), format!("--write-base-endpoint=http://{timestream}"));
    let query = format!("--query-base-endpoint=http://{timestream}");
    Connector::start(&["--default-database=prometheus", &table, &write, &query, "--enable-sigv4-auth"], &KEYS)
}

/// Series with all that names and values may have.
fn odd_series() -> Vec<Series> {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("SEED={seed}");
    let dialect = Dialect::Prometheus3;
    let mut series = dialect.series(&mut Random(seed), 200, dialect.first_ms(now_ms()), 50);
    series.retain(|(_, samples)| !samples.is_empty());
    series
}

#[test]
fn a_text_gives_the_same_table_as_remote_write_of_its_samples() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let series = odd_series();
    for part in series.chunks(50) {
        assert_eq!(write(&connector.address, part).status, 204);
    }
    let file = scratch.path().join("all.om.gz");
    std::fs::write(&file, gzip(&text_of(&series))).unwrap();
    let second = embedded(scratch.path(), Some(&connector));
    let from = format!("--from={}", file.display());
    let imported = import(&with(&second, &["--default-table=second", &from]));
    let samples = series.iter().map(|(_, samples)| samples.len() as u64).sum();
    assert_eq!((imported.counts(), imported.code), ([samples, samples, 0, 0], Some(0)));
    let other = of_table(&connector.timestream, "second");
    let (written, imported) = (all_of(&connector), all_of(&other));
    assert!(written.len() > 150);
    assert_eq!(bits(&imported), bits(&written));
    let mut sent = without_empty_labels(&series);
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(bits(&imported), bits(&sent));
}

/// All of it: samples by remote write, then out as files, and in again.
#[test]
fn an_export_is_imported_into_another_table_bit_for_bit() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let series = odd_series();
    for part in series.chunks(50) {
        assert_eq!(write(&connector.address, part).status, 204);
    }
    let (target, folder) = (embedded(scratch.path(), Some(&connector)), scratch.path().join("out"));
    let now = now_ms();
    let (start, end) = (format!("--start={}", now / 1000 - 86_400), format!("--end={}.{:03}", now / 1000, now % 1000));
    let (to, from) = (format!("--to={}", folder.display()), format!("--from={}", folder.display()));
    let mut export = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"));
    let exported = export.arg("export").args(&target).args([&start, &end, &to]).output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let imported = import(&with(&target, &["--default-table=second", &from]));
    let samples = series.iter().map(|(_, samples)| samples.len() as u64).sum();
    assert_eq!((imported.counts(), imported.code), ([samples, samples, 0, 0], Some(0)));
    let other = of_table(&connector.timestream, "second");
    assert_eq!(bits(&all_of(&other)), bits(&all_of(&connector)));
}

/// A series with the bits of its values.
type Bits<'a> = (&'a [(String, String)], Vec<(u64, i64)>);

fn bits(series: &[Series]) -> Vec<Bits<'_>> {
    let of = |samples: &[(f64, i64)]| samples.iter().map(|(value, time)| (value.to_bits(), *time)).collect();
    series.iter().map(|(labels, samples)| (&labels[..], of(samples))).collect()
}

#[test]
fn a_directory_is_imported_where_no_connector_runs_and_a_second_time_does_nothing() {
    let scratch = Scratch::new();
    let series = odd_series();
    let folder = scratch.path().join("texts");
    std::fs::create_dir(&folder).unwrap();
    let (first, rest) = series.split_at(series.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    std::fs::write(folder.join("1.om"), text_of(first)).unwrap();
    // Members of gzip one behind the other.
    std::fs::write(folder.join("2.txt.gz"), [gzip(&text_of(second)), gzip(&text_of(third))].concat()).unwrap();
    std::fs::write(folder.join("export.state"), "{}").unwrap();
    let (target, from) = (embedded(scratch.path(), None), format!("--from={}", folder.display()));
    let imported = import(&with(&target, &[&from]));
    let samples = series.iter().map(|(_, samples)| samples.len() as u64).sum();
    assert_eq!((imported.counts(), imported.code), ([samples, samples, 0, 0], Some(0)));
    let again = import(&with(&target, &[&from]));
    assert_eq!((again.counts(), again.code), ([samples, samples, 0, 0], Some(0)));
    assert_eq!(again.log.matches("is imported already").count(), 2);
    let connector = Connector::embedded(scratch.path(), &[]);
    let mut sent = without_empty_labels(&series);
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(bits(&all_of(&connector)), bits(&sent));
}

#[test]
fn standard_input_is_taken_and_a_file_that_has_changed_is_read_anew() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let now = now_ms();
    let line = |value: u32, ago: i64| format!("up{{job=\"a\"}} {value} {}e-3\n", now - ago);
    let imported = ended(start(&with(&target, &["--from=-"])), gzip(line(1, 3000).as_bytes()).as_slice());
    assert_eq!((imported.counts(), imported.code), ([1, 1, 0, 0], Some(0)));
    assert!(imported.log.contains("standard input does not end with # EOF"));
    let state = format!("--state={}", scratch.path().join("stdin.state").display());
    let pipe = |text: &str| ended(start(&with(&target, &["--from=-", &state])), text.as_bytes());
    assert_eq!(pipe(&line(1, 3000)).code, Some(0));
    let another = pipe(&line(9, 900));
    assert_eq!(another.code, Some(1));
    assert!(another.log.contains("StateFileError: ") && another.log.contains("imported already"), "{}", another.log);
    let file = scratch.path().join("a.prom");
    let from = format!("--from={}", file.display());
    std::fs::write(&file, line(2, 2000)).unwrap();
    assert_eq!(import(&with(&target, &[&from])).counts(), [1, 1, 0, 0]);
    std::fs::write(&file, format!("{}{}# EOF\n", line(2, 2000), line(3, 1000))).unwrap();
    assert_eq!(import(&with(&target, &[&from])).counts(), [2, 2, 0, 0]);
    let connector = Connector::embedded(scratch.path(), &[]);
    let samples = vec![(1.0, now - 3000), (2.0, now - 2000), (3.0, now - 1000)];
    assert_eq!(all_of(&connector)[0].1, samples);
}

#[test]
fn a_table_that_was_made_anew_is_not_taken_for_the_one_before() {
    let scratch = Scratch::new();
    let file = scratch.path().join("a.prom");
    std::fs::write(&file, format!("up 1 {}e-3\n# EOF\n", now_ms())).unwrap();
    let from = format!("--from={}", file.display());
    let data = scratch.path().join("data");
    let target = embedded(&data, None);
    assert_eq!(import(&with(&target, &[&from])).counts(), [1, 1, 0, 0]);
    std::fs::remove_dir_all(&data).unwrap();
    // The time of creation is told in seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let refused = import(&with(&target, &[&from]));
    assert_eq!(refused.code, Some(1));
    assert!(refused.log.contains("is of another transfer: origin of the table was"), "{}", refused.log);
}
