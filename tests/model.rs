//! A hundred thousand random selectors and ranges against a plain model of what Prometheus answers, in one process: the
//! daemon with the embedded Timestream, asked many queries a request, in both forms in turn.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

#[path = "common/cases.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod cases;
#[path = "daemon/chunks.rs"]
mod chunks;
mod common;
#[path = "daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
#[path = "daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;

use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{Dialect, Patterns, Random, without_empty_labels};
use common::scratch::Scratch;
use common::waiting;
use timestream_prometheus_connector::options::Options;
use timestream_prometheus_connector::run::daemon::Daemon;
use tokio_util::sync::CancellationToken;

/// Queries in all, and of one request.
const CASES: usize = 100_000;
const PER_REQUEST: usize = 100;
const CLIENTS: usize = 2;

#[test]
fn a_hundred_thousand_selectors_are_answered_as_the_model_says() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let data = format!("--embedded.data-dir={}", scratch.path().display());
    let arguments =
        ["connector", "--embedded", "--embedded.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.1:0", &data];
    let options = Options::parse(arguments.map(str::to_owned), |_| None).unwrap();
    let daemon = runtime.block_on(Daemon::start(options)).unwrap();
    let address = format!("127.0.0.1:{}", daemon.address().port());
    let stop = CancellationToken::new();
    let running = runtime.spawn(daemon.run(stop.clone()));

    let mut random = Random(seed);
    let first = Dialect::Model.first_ms(remote::now_ms());
    let series = Dialect::Model.series(&mut random, 40, first, 5);
    let last = series.iter().flat_map(|(_, samples)| samples).map(|(_, time)| *time).max().unwrap();
    let answer = remote::write(&address, &series);
    assert_eq!(answer.status, 204, "{}", answer.text());
    let stored = without_empty_labels(&series);

    let found = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (address, stored, found) = (&address, &stored, &found);
            scope.spawn(move || {
                let mut random = Random(seed ^ (client as u64 + 1) << 32);
                let mut patterns = Patterns::default();
                let url = format!("http://{address}/read");
                for request in 0..CASES / PER_REQUEST / CLIENTS {
                    let queries: Vec<_> =
                        (0..PER_REQUEST).map(|_| Dialect::Model.query(&mut random, (first, last))).collect();
                    let answers = match request % 2 {
                        0 => chunks::read_chunks(&url, &queries),
                        _ => remote::read(address, &queries),
                    };
                    for (query, answer) in queries.iter().zip(answers) {
                        let expected = patterns.answer(stored, query);
                        found.fetch_add(usize::from(!expected.is_empty()), Ordering::Relaxed);
                        assert_eq!(answer, expected, "request {request} of client {client}, seed {seed}: {query:?}");
                    }
                }
            });
        }
    });
    let found = found.into_inner();
    println!("{CASES} selectors, {found} of them find something");
    assert!(found > CASES / 4, "{found}");
    stop.cancel();
    runtime.block_on(running).unwrap();
}
