//! Calls overlap, so that a request takes about as long as one call and not as all of them.

use super::connector::Connector;
use super::remote::{Series, now_ms, series, write};
use super::timestream::{Fault, Gate, Timestream};

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];

#[test]
fn two_thousand_samples_take_twenty_calls_of_a_hundred_at_once() {
    // No call is answered before all have come.
    let gate = Gate::default();
    let endpoint = Timestream::start(move |_, number| {
        if number == 19 {
            gate.open();
        }
        Fault::Held(gate.clone())
    });
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let arguments = ["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", &url];
    let connector = Connector::start(&arguments, KEYS);
    let now = now_ms();
    let one = |index: usize| series(&[("__name__", "m"), ("job", "a"), ("i", &index.to_string())], &[(1.0, now)]);
    let request: Vec<Series> = (0..2000).map(one).collect();
    let answer = write(&connector.address, &request);
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(endpoint.counts(), (20, 2000));
    assert_eq!(connector.assert_conserved(), (2000.0, 2000.0));
}

#[test]
fn small_requests_share_calls() {
    let endpoint = Timestream::start(|_, _| Fault::None);
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let arguments =
        ["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", "--write.linger=10s", &url];
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
