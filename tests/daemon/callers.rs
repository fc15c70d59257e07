//! A caller's keys sign its own calls and nobody else's, with hundreds of callers at once.

use super::connector::Connector;
use super::remote::{WRITE_HEADERS, basic_auth, now_ms, post, series, write_request};
use super::timestream::{Fault, Timestream};

const CALLERS: usize = 300;
const REQUESTS: usize = 4;

fn secret_of(caller: &str) -> String {
    format!("hidden-key-of-{caller}")
}

fn token_of(caller: &str) -> Option<String> {
    caller.ends_with('7').then(|| format!("hidden-token-of-{caller}"))
}

#[test]
fn hundreds_of_callers_at_once_each_sign_their_own_calls() {
    let timestream = Timestream::verifying(
        |_, number| if number % 5 == 4 { Fault::Broken } else { Fault::None },
        secret_of,
        token_of,
    );
    let [database, table, url] = timestream.arguments();
    // Records of one caller wait for more of it, so that those of many stand side by side in the connector.
    let connector = Connector::start(&[&database, &table, &url, "--write.linger=50ms", "--log.level=debug"], &[]);
    let now = now_ms();
    std::thread::scope(|scope| {
        for number in 0..CALLERS {
            let address = &connector.address;
            scope.spawn(move || {
                let caller = format!("AKIACALLER{number:04}");
                let authorization = basic_auth(&caller, &secret_of(&caller));
                let token = token_of(&caller);
                let mut headers = WRITE_HEADERS.to_vec();
                headers.push(("Authorization", &authorization));
                headers.extend(token.as_deref().map(|token| ("X-Amz-Security-Token", token)));
                for request in 0..REQUESTS {
                    let samples: Vec<_> = (0..3 + number % 150)
                        .map(|index| {
                            let index = format!("{request}-{index}");
                            series(&[("__name__", "m"), ("caller", &caller), ("i", &index)], &[(1.0, now)])
                        })
                        .collect();
                    let answer = post(&format!("http://{address}/write"), &headers, &write_request(&samples));
                    assert_eq!(answer.status, 204, "{}", answer.text());
                }
            });
        }
    });
    timestream.assert_sound();
    for number in 0..CALLERS {
        let caller = format!("AKIACALLER{number:04}");
        let records = timestream.records(&caller);
        assert_eq!(records.len(), REQUESTS * (3 + number % 150), "{caller}");
        assert!(records.keys().all(|(dimensions, _)| dimensions["caller"] == caller), "stored under another caller");
    }
    connector.assert_conserved();
}
