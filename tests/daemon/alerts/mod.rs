//! Each alert of `deploy/mixin` brought about by a real fault, and seen firing in a real Prometheus.
//!
//! One Prometheus scrapes a connector for each fault and evaluates the mixin's own rules, sooner than in production: each
//! window of five minutes is one of 15 seconds, each `for` is 5 seconds, and it scrapes and evaluates each second. What
//! the alerts look at, and their thresholds, is as it is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::connector::Scratch;
use super::prometheus_server::{Prometheus, now};
use super::waiting::{StopAtEnd, eventually, eventually_equal};

mod scenarios;

use scenarios::{Expected, Scenario};

/// What all alerts are named after.
const PREFIX: &str = "TimestreamConnector";
/// Prometheus' own, which scrapes no connector.
const ABSENT: Expected = ("Absent", &[("severity", "critical")]);

fn mixin(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/mixin").join(file)).unwrap()
}

/// The mixin's rules in a file, sooner.
fn sooner(folder: &Path, file: &str) -> String {
    let rules = mixin(file).replace("[5m]", "[15s]");
    let rules = regex::Regex::new(r"(?m)^(\s+for:) \w+$").unwrap().replace_all(&rules, "$1 5s");
    let path = folder.join(file);
    std::fs::write(&path, rules.as_bytes()).unwrap();
    path.display().to_string()
}

/// The names of all alerts, without the prefix.
fn names() -> BTreeSet<String> {
    let alerts = mixin("alerts.yml");
    let names = regex::Regex::new(r"(?m)^\s+- alert: (\w+)$").unwrap();
    names.captures_iter(&alerts).map(|name| name[1].strip_prefix(PREFIX).unwrap().to_owned()).collect()
}

/// The alerts that fire, each as its labels.
fn firing(prometheus: &Prometheus) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(&prometheus.get("/api/v1/alerts").body).unwrap();
    let alerts = answer["data"]["alerts"].as_array().unwrap().iter();
    alerts.filter(|alert| alert["state"] == "firing").map(|alert| alert["labels"].clone()).collect()
}

fn is(labels: &Value, scenario: &str, (name, more): Expected) -> bool {
    let of_it = scenario.is_empty() || labels["scenario"] == scenario && labels["job"].as_str().is_some();
    let named = labels["alertname"].as_str() == Some(&format!("{PREFIX}{name}"));
    of_it && named && more.iter().all(|(label, value)| labels[*label] == *value)
}

/// Waits until what is expected of each scenario fires in it.
fn wait_for(prometheus: &Prometheus, expected: &[(&str, Expected)]) {
    eventually_equal("alerts that do not fire", || {
        let firing = firing(prometheus);
        let missing = |(scenario, one): &&(&str, Expected)| !firing.iter().any(|labels| is(labels, scenario, *one));
        (expected.iter().filter(missing).collect::<Vec<_>>(), vec![])
    });
}

fn targets(scenarios: &[Scenario], scheme: &str) -> String {
    let of_scheme = scenarios.iter().filter(|scenario| scenario.scheme == scheme);
    of_scheme
        .map(|one| format!("  - targets: [\"{}\"]\n    labels: {{scenario: \"{}\"}}\n", one.address(), one.name))
        .collect()
}

#[test]
fn each_alert_fires_for_its_fault_and_none_for_a_sound_connector() {
    let scratch = Scratch::new();
    let mut scenarios = scenarios::all(&scratch);
    let tested = scenarios.iter().flat_map(|one| &one.expected).chain([&ABSENT]).map(|(name, _)| (*name).to_owned());
    assert_eq!(tested.collect::<BTreeSet<_>>(), names(), "alerts that have a fault here, and alerts of the mixin");

    let rules = ["alerts.yml", "rules.yml"].map(|file| sooner(scratch.path(), file)).join(", ");
    let global = format!("global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}]\n");
    let prometheus = Prometheus::start(
        scratch.path(),
        "alerting",
        &format!(
            "{global}scrape_configs:\n\
             - job_name: connector\n  static_configs:\n{}\
             - job_name: connector-tls\n  scheme: https\n  tls_config: {{insecure_skip_verify: true}}\n  \
             static_configs:\n{}",
            targets(&scenarios, "http"),
            targets(&scenarios, "https")
        ),
    );
    let blind = Prometheus::start(scratch.path(), "blind", &global);

    eventually("all are scraped", || prometheus.sum("timestream_connector_build_info") == scenarios.len() as f64);
    // Where the first scrape comes late, they were missing until then.
    eventually("none is missing", || !firing(&prometheus).iter().any(|labels| is(labels, "", ABSENT)));
    let complete = Instant::now();
    scenarios.iter_mut().find(|one| one.name == "gone").unwrap().connector = None;

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for scenario in &scenarios {
            for _ in 0..scenario.callers {
                let (load, stop) = (&scenario.load, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        load();
                    }
                });
            }
        }
        let _stop = StopAtEnd(&stop);
        let (queue, others): (Vec<_>, Vec<_>) = scenarios.iter().partition(|one| !one.keeps.is_empty());
        let of = |scenarios: &[&Scenario]| -> Vec<(&str, Expected)> {
            let each = scenarios.iter().flat_map(|one| one.expected.iter().map(move |alert| (one.name, *alert)));
            each.collect()
        };
        let start = Instant::now();
        wait_for(&prometheus, &of(&queue));
        eprintln!("those of a queue after {:?}", start.elapsed());
        wait_for(&prometheus, &of(&others));
        wait_for(&blind, &[("", ABSENT)]);
        eprintln!("all after {:?}", start.elapsed());
        assert_no_others(&prometheus, &scenarios, complete);
    });
}

/// Nothing has fired since a time but what is expected.
fn assert_no_others(prometheus: &Prometheus, scenarios: &[Scenario], since: Instant) {
    let seconds = since.elapsed().as_secs().max(1);
    let fired = prometheus.query(&format!("count_over_time(ALERTS{{alertstate=\"firing\"}}[{seconds}s])"), now());
    for labels in fired.as_array().unwrap().iter().map(|series| &series["metric"]) {
        let scenario = scenarios.iter().find(|one| labels["scenario"] == one.name);
        let expected = scenario.is_some_and(|one| one.expected.iter().any(|alert| is(labels, one.name, *alert)));
        assert!(expected, "nothing calls for {labels}");
    }
}
