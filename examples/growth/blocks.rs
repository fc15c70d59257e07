//! Bytes of a sample in the blocks of a Prometheus that was sent the same samples.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::filled::Filled;
use crate::load::Load;
use crate::prometheus::Prometheus;
use crate::workload::SERIES;
use crate::{folder, remote, sender};

/// Nothing if there is no Prometheus. `kept` is the file of the figure, by number of scrapes.
pub fn bytes_of_sample(binary: &str, like: &Filled, kept: &Path) -> Option<f64> {
    let scrapes = like.figures.scrapes;
    let known: Option<Value> = std::fs::read(kept).ok().and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(known) = known.and_then(|known| known[scrapes.to_string()].as_f64()) {
        return Some(known);
    }
    if !Command::new(binary).arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("There is no Prometheus to compare with.");
        return None;
    }
    let data = TempDir::with_prefix("growth-prometheus-").unwrap();
    let snapshots = data.path().join("tsdb/snapshots");
    let prometheus = Prometheus::start(binary, data, &["--web.enable-admin-api"]);
    sender::send(&Load::new(SERIES, like.figures.start), scrapes, &prometheus.write_url());
    // A snapshot holds the newest samples too, which have no block yet.
    let answer = remote::post(&format!("http://{}/api/v1/admin/tsdb/snapshot", prometheus.process.address), &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let snapshot = folder::entries(&snapshots).next().unwrap();
    let samples: u64 = folder::entries(&snapshot).map(|block| samples_of(&block)).sum();
    assert_eq!(samples, like.samples() as u64, "samples in the blocks of Prometheus");
    let bytes = folder::bytes(&snapshot) / samples as f64;
    println!("Prometheus: {bytes:.2} bytes of its blocks a sample");
    std::fs::write(kept, serde_json::json!({ scrapes.to_string(): bytes }).to_string()).unwrap();
    Some(bytes)
}

fn samples_of(block: &Path) -> u64 {
    let meta: Value = serde_json::from_slice(&std::fs::read(block.join("meta.json")).unwrap()).unwrap();
    meta["stats"]["numSamples"].as_u64().unwrap()
}
