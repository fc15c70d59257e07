//! An import that is killed, or whose Timestream fails, goes on where it was.

use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

use super::super::timestream::{Fault, Key, Timestream};
use super::super::waiting::eventually;
use super::*;

const CALLER: &str = KEYS[0].1;

/// A text of many series, and what a Timestream has of it.
fn many(samples: usize) -> (String, HashMap<Key, f64>) {
    let now = now_ms();
    let mut stored = HashMap::new();
    let mut text = String::new();
    for at in 0..samples {
        let (series, time) = ((at % 1000).to_string(), now - (at / 1000) as i64);
        text.push_str(&format!("m{{job=\"a\",s=\"{series}\"}} {at} {time}e-3\n"));
        let labels = [("__name__", "m"), ("job", "a"), ("s", series.as_str())];
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        stored.insert((labels, time), at as f64);
    }
    (text + "# EOF\n", stored)
}

/// Starts an import, and kills it once it has noted how far it is.
fn kill_on_its_way(arguments: &[&str], state: &Path) {
    let mut child = start(arguments);
    let lines = || std::fs::read_to_string(state).map_or(0, |text| text.matches("reached").count());
    let before = lines();
    eventually("it has noted how far it is", || lines() > before);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "", "it ended before it was killed");
}

#[test]
fn kill_9_and_a_new_start_lose_nothing() {
    let endpoint = Timestream::slow(Duration::from_millis(20));
    let scratch = Scratch::new();
    let file = scratch.path().join("many.om.gz");
    let (text, stored) = many(200_000);
    std::fs::write(&file, gzip(text.as_bytes())).unwrap();
    let (target, from) = (endpoint.arguments(), format!("--from={}", file.display()));
    let arguments = with(&target, &[&from, "--write.max-concurrent-calls=8"]);
    let state = scratch.path().join("many.om.gz.import-dat.tab.state");
    kill_on_its_way(&arguments, &state);
    kill_on_its_way(&arguments, &state);
    let imported = ended(start(&arguments), b"");
    assert_eq!((imported.counts(), imported.code), ([200_000, 200_000, 0, 0], Some(0)));
    assert!(imported.log.contains("many.om.gz is imported from line "));
    assert!(endpoint.records(CALLER) == stored, "{} of {} records", endpoint.records(CALLER).len(), stored.len());
    let (_, sent) = endpoint.counts();
    assert!(sent < 400_000, "{sent} records were sent for 200000");
    endpoint.assert_sound();
}

/// The embedded Timestream runs in the process that is killed.
#[test]
fn kill_9_of_an_import_into_embedded_data_loses_nothing() {
    let scratch = Scratch::new();
    let file = scratch.path().join("many.om");
    let (text, stored) = many(300_000);
    std::fs::write(&file, text).unwrap();
    let (target, from) = (embedded(scratch.path(), None), format!("--from={}", file.display()));
    let arguments = with(&target, &[&from]);
    kill_on_its_way(&arguments, &scratch.path().join("many.om.import-prometheus.metrics.state"));
    let imported = import(&arguments);
    assert_eq!((imported.counts(), imported.code), ([300_000, 300_000, 0, 0], Some(0)));
    assert!(imported.log.contains("many.om is imported from line "));
    let connector = Connector::embedded(scratch.path(), &[]);
    let found: HashMap<Key, f64> = all_of(&connector)
        .into_iter()
        .flat_map(|(labels, samples)| {
            samples.into_iter().map(move |(value, time)| ((labels.iter().cloned().collect(), time), value))
        })
        .collect();
    assert!(found == stored, "{} of {} samples", found.len(), stored.len());
}

#[test]
fn samples_that_fail_for_now_are_sent_again() {
    // Without retries of single calls, a part fails at the first of these.
    let endpoint = Timestream::start(|_, number| match number {
        0 | 30 | 31 => Fault::Exception(429, "ThrottlingException"),
        60 => Fault::StoredThenBroken,
        _ => Fault::None,
    });
    let scratch = Scratch::new();
    let file = scratch.path().join("a.om");
    let (text, stored) = many(20_000);
    std::fs::write(&file, text).unwrap();
    let (target, from) = (endpoint.arguments(), format!("--from={}", file.display()));
    let imported = import(&with(&target, &[&from, "--max-write-retries=0"]));
    assert_eq!((imported.counts(), imported.code), ([20_000, 20_000, 0, 0], Some(0)));
    assert!(imported.log.contains("a part of the import failed, and is sent again"));
    assert!(endpoint.records(CALLER) == stored);
}

#[test]
fn an_import_that_gives_up_says_so_and_goes_on_when_it_is_started_again() {
    // The first ten parts are fifty calls each.
    let endpoint = Timestream::start(|_, number| match number {
        500..600 => Fault::Exception(503, "InternalServerException"),
        _ => Fault::None,
    });
    let scratch = Scratch::new();
    let file = scratch.path().join("a.om");
    let (text, stored) = many(100_000);
    std::fs::write(&file, text).unwrap();
    let (target, from) = (endpoint.arguments(), format!("--from={}", file.display()));
    let arguments = with(&target, &[&from, "--max-write-retries=0", "--give-up-after=10ms"]);
    let imported = import(&arguments);
    let [read, written, failed, bad] = imported.counts();
    assert!(failed > 0 && read == written + failed && bad == 0, "{}", imported.table);
    assert_eq!(imported.code, Some(1));
    assert!(imported.log.contains("InternalServerException: as planned (given up after "), "{}", imported.log);
    eventually("it ends well", || import(&arguments).code == Some(0));
    let again = import(&arguments);
    assert_eq!((again.counts(), again.code), ([100_000, 100_000, 0, 0], Some(0)));
    assert!(endpoint.records(CALLER) == stored);
}

#[test]
fn a_table_that_is_denied_ends_the_import_at_once() {
    let endpoint = Timestream::start(|_, _| Fault::Exception(403, "AccessDeniedException"));
    let scratch = Scratch::new();
    let file = scratch.path().join("a.om");
    std::fs::write(&file, many(10).0).unwrap();
    let (target, from) = (endpoint.arguments(), format!("--from={}", file.display()));
    let imported = import(&with(&target, &[&from]));
    assert_eq!((imported.counts(), imported.code), ([10, 0, 10, 0], Some(1)));
    assert!(imported.log.contains("AccessDeniedException: as planned"));
}
