//! A Timestream that does not answer, or that throttles one caller: bounded memory, prompt answers, no harm to others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connector::Connector;
use super::remote::{Answer, Series, now_ms, post, series, write_request};
use super::timestream::{Fault, Timestream};
use super::waiting::{PATIENCE, StopAtEnd, eventually};

const MIB: u64 = 1 << 20;
/// How long Timestream stalls at least.
const STALLED_FOR: Duration = Duration::from_secs(10);

/// What a node exporter might send: `count` series of eleven labels.
fn request(sender: usize, count: usize) -> Vec<u8> {
    let now = now_ms();
    let series = |index: usize| -> Series {
        let (sender, index) = (sender.to_string(), index.to_string());
        series(
            &[
                ("__name__", "node_cpu_seconds_total"),
                ("availability_zone", "eu-central-1a"),
                ("cluster", "production-eu-1"),
                ("container", "node-exporter"),
                ("cpu", &index),
                ("endpoint", "metrics"),
                ("instance", "10.112.34.17:9100"),
                ("job", "node-exporter"),
                ("mode", "softirq"),
                ("namespace", "monitoring"),
                ("pod", "node-exporter-7x4kq"),
                ("sender", &sender),
            ],
            &[(now as f64 / 7.0, now)],
        )
    };
    write_request(&(0..count).map(series).collect::<Vec<_>>())
}

fn send(address: &str, keys: Option<&str>, body: &[u8]) -> Answer {
    let authorization;
    let mut headers = super::remote::WRITE_HEADERS.to_vec();
    if let Some(keys) = keys {
        authorization = super::remote::basic_auth(keys, "hidden-key");
        headers.push(("Authorization", &authorization));
    }
    post(&format!("http://{address}/write"), &headers, body)
}

#[test]
fn a_stalled_timestream_costs_no_more_memory_than_the_limit_and_is_recovered_from_within_seconds() {
    let (timestream, gate) = Timestream::held();
    let [database, table, url] = timestream.arguments();
    let connector = Connector::start(
        &[
            &database,
            &table,
            &url,
            "--enable-sigv4-auth",
            "--write.memory-limit=32MiB",
            "--write.timeout=4s",
            "--write.call-timeout=3s",
        ],
        &[("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")],
    );
    let (peak, timed_out, no_memory) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        for sender in 0..64 {
            let (connector, stop) = (&connector.address, &stop);
            let (timed_out, no_memory) = (&timed_out, &no_memory);
            scope.spawn(move || {
                let body = request(sender, 2000);
                while !stop.load(Ordering::SeqCst) {
                    let start = Instant::now();
                    let answer = send(connector, None, &body);
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    assert!(answer.header("retry-after").is_some());
                    assert!(start.elapsed() < PATIENCE, "answered after {:?}", start.elapsed());
                    match answer.text().split(':').next().unwrap() {
                        "RequestTimeout" => timed_out.fetch_add(1, Ordering::Relaxed),
                        "MemoryLimit" => no_memory.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
        let enough = Instant::now() + STALLED_FOR;
        eventually("it stalls for a while, and requests find no answer or no memory", || {
            peak.fetch_max(super::connector::resident_bytes(connector.pid()), Ordering::Relaxed);
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            Instant::now() > enough && count(&timed_out) > 0 && count(&no_memory) > 64
        });
    });
    let peak = peak.into_inner();
    assert!(peak < (32 + 64) * MIB, "{} MiB resident", peak / MIB);
    let (timed_out, no_memory) = (timed_out.into_inner(), no_memory.into_inner());
    eprintln!("{} MiB resident, {timed_out} requests timed out, {no_memory} found no memory", peak / MIB);

    gate.open();
    let body = request(99, 2000);
    eventually("it recovers", || send(&connector.address, None, &body).status == 204);
    connector.assert_conserved();
}

#[test]
fn a_throttled_caller_does_not_stall_another() {
    let timestream = Timestream::start(|caller, _| match caller {
        "AKIAGOOD" => Fault::None,
        _ => Fault::Exception(429, "ThrottlingException"),
    });
    let [database, table, url] = timestream.arguments();
    let connector = Connector::start(
        &[
            &database,
            &table,
            &url,
            "--write.memory-limit=24MiB",
            "--write.timeout=5s",
            "--max-write-retries=1000",
            "--write.max-concurrent-calls=64",
        ],
        &[],
    );
    let (stop, refused) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        for sender in 0..24 {
            let (address, stop, refused) = (&connector.address, &stop, &refused);
            scope.spawn(move || {
                let body = request(sender, 2000);
                while !stop.load(Ordering::SeqCst) {
                    let answer = send(address, Some("AKIABUSY"), &body);
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    assert!(answer.header("retry-after").is_some());
                    refused.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
        let (mut written, body) = (0, request(99, 500));
        eventually("many of the busy caller's requests are refused, and some of the good one's written", || {
            // The good caller is answered well each time, within the time limit, although the other's calls wait.
            let answer = send(&connector.address, Some("AKIAGOOD"), &body);
            assert_eq!(answer.status, 204, "{}", answer.text());
            written += 1;
            let is_throttled = || connector.samples("failed", "throttled") > 0.0;
            written >= 10 && refused.load(Ordering::Relaxed) > 24 && is_throttled()
        });
    });
    connector.assert_conserved();
}

#[test]
fn one_bad_record_of_a_call_is_found_in_few_calls() {
    let timestream = Timestream::start(|_, _| Fault::None);
    let [database, table, url] = timestream.arguments();
    let connector = Connector::start(
        &[&database, &table, &url, "--enable-sigv4-auth"],
        &[("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")],
    );
    let now = now_ms();
    let one = |index: usize| {
        let poison = if index == 61 { "1" } else { "" };
        series(&[("__name__", "m"), ("i", &index.to_string()), ("poison", poison)], &[(1.0, now)])
    };
    let answer = send(&connector.address, None, &write_request(&(0..100).map(one).collect::<Vec<_>>()));
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("ValidationException: a record is poisoned")
            && answer.text().contains("of 100 samples 99 written, 0 ignored, 1 rejected, 0 failed"),
        "{}",
        answer.text()
    );
    assert_eq!(timestream.records("AKIATEST").len(), 99);
    assert!(timestream.counts().0 <= 15, "{} calls", timestream.counts().0);
    connector.assert_conserved();
}
