//! Calls overlap: a request takes about as long as one call, not as all of them.

use std::time::{Duration, Instant};

use super::connector::Connector;
use super::remote::{Series, now_ms, series, write};
use super::timestream::Timestream;

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];

#[test]
fn two_thousand_samples_take_twenty_calls_of_a_hundred_at_once() {
    let endpoint = Timestream::slow(Duration::from_millis(50));
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let arguments = ["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", &url];
    let connector = Connector::start(&arguments, KEYS);
    let request = |time: i64| -> Vec<Series> {
        let series =
            |index: usize| series(&[("__name__", "m"), ("job", "a"), ("i", &index.to_string())], &[(1.0, time)]);
        (0..2000).map(series).collect()
    };
    let now = now_ms();
    // The first request opens the connections; other tests may keep the machine busy.
    let mut fastest = Duration::MAX;
    let mut rounds = 0;
    while rounds < 3 || (fastest >= Duration::from_millis(200) && rounds < 40) {
        let request = request(now + rounds as i64);
        let start = Instant::now();
        assert_eq!(write(&connector.address, &request).status, 204);
        fastest = fastest.min(start.elapsed());
        rounds += 1;
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    assert_eq!(endpoint.counts(), (rounds * 20, rounds * 2000));
    let samples = (rounds * 2000) as f64;
    assert_eq!(connector.assert_conserved(), (samples, samples));
}

#[test]
fn small_requests_share_calls() {
    let endpoint = Timestream::slow(Duration::from_millis(50));
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let arguments =
        ["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", "--write.linger=300ms", &url];
    let connector = Connector::start(&arguments, KEYS);
    std::thread::scope(|scope| {
        for sender in 0..10 {
            let address = &connector.address;
            scope.spawn(move || {
                let one = |index: usize| {
                    series(
                        &[("__name__", "m"), ("s", &sender.to_string()), ("i", &index.to_string())],
                        &[(1.0, now_ms())],
                    )
                };
                let request: Vec<Series> = (0..10).map(one).collect();
                assert_eq!(write(address, &request).status, 204);
            });
        }
    });
    let (calls, records) = endpoint.counts();
    assert_eq!(records, 100);
    assert!(calls < 10, "{calls} calls for 100 records of ten requests");
    assert_eq!(connector.assert_conserved(), (100.0, 100.0));
}
