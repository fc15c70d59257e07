//! What was answered 2xx is there after a crash.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::connector::{Connector, Scratch};
use super::remote::{WRITE_HEADERS, eq, now_ms, query, read, series, try_post, write_request};
use super::waiting::{StopAtEnd, eventually};

const SENDERS: usize = 4;
const SERIES_PER_REQUEST: usize = 150;

#[test]
fn kill_9_during_writes_loses_nothing_that_was_answered() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let address = connector.address.clone();
    let start = now_ms();
    let stop = AtomicBool::new(false);
    let progress = [const { AtomicUsize::new(0) }; SENDERS];
    let answered: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (address, stop, progress) = (&address, &stop, &progress[sender]);
                scope.spawn(move || {
                    let sender = sender.to_string();
                    let mut times = Vec::new();
                    for time in start.. {
                        let request: Vec<_> = (0..SERIES_PER_REQUEST)
                            .map(|index| {
                                let index = index.to_string();
                                series(&[("__name__", "k"), ("sender", &sender), ("i", &index)], &[(time as f64, time)])
                            })
                            .collect();
                        let answer =
                            try_post(&format!("http://{address}/write"), WRITE_HEADERS, &write_request(&request));
                        match answer {
                            Ok(answer) if answer.status == 204 => {
                                times.push(time);
                                progress.store(times.len(), Ordering::SeqCst);
                            }
                            Ok(answer) => panic!("{}", answer.text()),
                            // Only the kill breaks connections.
                            Err(_) => break,
                        }
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                    times
                })
            })
            .collect();
        eventually("each sender is in the middle of it", || {
            progress.iter().all(|answered| answered.load(Ordering::SeqCst) >= 5)
        });
        connector.kill();
        stop.store(true, Ordering::SeqCst);
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answered.iter().all(|times| !times.is_empty()), "the kill came before the first answer");

    let connector = Connector::embedded(scratch.path(), &[]);
    for (sender, times) in answered.iter().enumerate() {
        let matchers = [eq("__name__", "k"), eq("sender", &sender.to_string())];
        let stored = read(&connector.address, &[query(start, start + 1_000_000, &matchers)]).remove(0);
        assert_eq!(stored.len(), SERIES_PER_REQUEST);
        for (labels, samples) in stored {
            for time in times {
                assert!(samples.contains(&(*time as f64, *time)), "{labels:?} at {time}");
            }
        }
    }
}
