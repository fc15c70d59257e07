//! SIGTERM: no new work, what is in flight is finished or answered 503, exit 0 within the grace period.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use timestream_prometheus_connector::proto;

use super::connector::{Connector, Scratch};
use super::remote::{Answer, WRITE_HEADERS, eq, now_ms, packed, post, query, series, try_post, write, write_request};
use super::timestream::{Fault, Timestream};
use super::waiting::{StopAtEnd, eventually};

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];

/// What ends sooner than this did not wait for it.
const FOR_EVER: [&str; 3] = ["--shutdown.grace-period=1h", "--write.timeout=1h", "--write.call-timeout=1h"];

fn writing_to(timestream: &Timestream, arguments: &[&str]) -> Connector {
    let [database, table, url] = timestream.arguments();
    Connector::start(&[&[database.as_str(), &table, &url, "--enable-sigv4-auth"], arguments].concat(), KEYS)
}

fn write_one(address: &str) -> Answer {
    write(address, &[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])])
}

/// Writes, and waits until Timestream has the call; the answer, or nothing where the connection breaks.
fn begin_write(connector: &Connector, timestream: &Timestream) -> JoinHandle<Option<Answer>> {
    let request = write_request(&[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])]);
    let url = format!("http://{}/write", connector.address);
    let in_flight = std::thread::spawn(move || try_post(&url, WRITE_HEADERS, &request).ok());
    eventually("the call is under way", || timestream.counts().0 == 1);
    in_flight
}

#[test]
fn sigterm_lets_what_is_in_flight_finish() {
    let (timestream, gate) = Timestream::held();
    let mut connector = writing_to(&timestream, &FOR_EVER);
    let in_flight = begin_write(&connector, &timestream);
    connector.terminate();
    connector.wait_for_log("stopping: finishing what is in flight");
    gate.open();
    let answer = in_flight.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert_eq!(connector.wait().code(), Some(0));
}

#[test]
fn for_the_delay_it_serves_on_but_is_not_ready_and_sends_clients_away() {
    let mut connector = writing_to(&Timestream::start(|_, _| Fault::None), &["--shutdown.delay=1h"]);
    let mut kept = TcpStream::connect(&connector.address).unwrap();
    let head = head_of_ready(&mut kept);
    assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    connector.terminate();
    connector.wait_for_log("serving until the delay is over");
    let head = head_of_ready(&mut kept);
    assert!(head.starts_with("http/1.1 503") && head.contains("connection: close"), "{head}");
    assert_eq!(kept.read(&mut [0; 64]).unwrap(), 0, "it is closed once it was told");
    let answer = write_one(&connector.address);
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")), "a new connection is served");
}

#[test]
fn after_the_delay_it_ends() {
    let delay = Duration::from_secs(1);
    let mut connector = writing_to(&Timestream::start(|_, _| Fault::None), &["--shutdown.delay=1s"]);
    let mut idle = TcpStream::connect(&connector.address).unwrap();
    let head = head_of_ready(&mut idle);
    assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    let start = Instant::now();
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(0));
    assert!(start.elapsed() >= delay, "{:?}", start.elapsed());
    assert_eq!(idle.read(&mut [0; 64]).unwrap(), 0, "an idle one is closed at the end");
}

/// Asks for readiness on a connection; the answer's head, in lower case.
fn head_of_ready(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: connector\r\n\r\n").unwrap();
    let mut answers = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        assert!(answers.read_line(&mut line).unwrap() > 0, "{head}");
        line.make_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    answers.read_exact(&mut vec![0; length]).unwrap();
    head
}

#[test]
fn what_does_not_finish_in_the_grace_period_is_answered_503() {
    let (timestream, _gate) = Timestream::held();
    let mut connector = writing_to(&timestream, &[FOR_EVER[1], FOR_EVER[2], "--shutdown.grace-period=1s"]);
    let in_flight = begin_write(&connector, &timestream);
    connector.terminate();
    let answer = in_flight.join().unwrap().unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert_eq!(connector.wait().code(), Some(0));
}

#[test]
fn a_read_that_does_not_finish_in_the_grace_period_is_answered_503() {
    // Connections are made and never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("--query-base-endpoint=http://{}", silent.local_addr().unwrap());
    for accepted in [vec![0], vec![1]] {
        let arguments = ["--shutdown.grace-period=1s", "--read.timeout=1h", &endpoint];
        let mut connector = writing_to(&Timestream::start(|_, _| Fault::None), &arguments);
        let (queries, url) = ([query(0, 1, &[eq("a", "b")])], format!("http://{}/read", connector.address));
        let request = proto::ReadRequest { queries: queries.to_vec(), accepted_response_types: accepted };
        let in_flight = std::thread::spawn(move || post(&url, &[], &packed(&request)));
        let _query = silent.accept().unwrap();
        connector.terminate();
        let answer = in_flight.join().unwrap();
        assert_eq!((answer.status, answer.text().starts_with("Shutdown")), (503, true), "{}", answer.text());
        assert_eq!(connector.wait().code(), Some(0));
    }
}

#[test]
fn sigterm_under_load_loses_nothing_that_was_answered() {
    let timestream = Timestream::slow(Duration::from_millis(30));
    let mut connector = writing_to(&timestream, &[]);
    let address = connector.address.clone();
    let (answers, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let answered = std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        let senders: Vec<_> = (0..16)
            .map(|sender| {
                let (address, answers, stop) = (&address, &answers, &stop);
                scope.spawn(move || {
                    let (mut answered, sender) = (0, sender.to_string());
                    for at in (now_ms()..).take_while(|_| !stop.load(Ordering::SeqCst)) {
                        let one = |index: usize| {
                            series(&[("__name__", "m"), ("s", &sender), ("i", &index.to_string())], &[(1.0, at)])
                        };
                        let request = write_request(&(0..30).map(one).collect::<Vec<_>>());
                        match try_post(&format!("http://{address}/write"), WRITE_HEADERS, &request) {
                            Ok(answer) if answer.status == 204 => {
                                answered += 30;
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                            // Nobody listens any more.
                            Err(_) => break,
                        }
                    }
                    answered
                })
            })
            .collect();
        eventually("all senders are in the middle of it", || answers.load(Ordering::Relaxed) >= 80);
        connector.terminate();
        assert_eq!(connector.wait().code(), Some(0));
        senders.into_iter().map(|sender| sender.join().unwrap()).sum::<usize>()
    });
    assert!(answered > 0);
    let stored = timestream.records("test").len();
    assert!(stored >= answered, "{stored} stored of {answered} answered");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (timestream, _gate) = Timestream::held();
    let mut connector = writing_to(&timestream, &FOR_EVER);
    let in_flight = begin_write(&connector, &timestream);
    connector.terminate();
    connector.wait_for_log("stopping: finishing what is in flight");
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(1));
    assert!(in_flight.join().unwrap().is_none(), "no answer that could be taken for a good one");
}

#[test]
fn an_idle_connector_ends_at_once() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &[FOR_EVER[0]]);
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(0));
}

#[test]
fn a_request_that_must_stop_the_program_is_answered_first() {
    for (flag, name, labels, value) in [
        ("--fail-on-long-label", "LongLabelNameError", [("__name__", "up"), (&*"l".repeat(61), "x")], 1.0),
        ("--fail-on-invalid-sample-value", "InvalidSampleValueError", [("__name__", "up"), ("job", "x")], f64::NAN),
    ] {
        let scratch = Scratch::new();
        let mut connector = Connector::embedded(scratch.path(), &[flag]);
        let answer = write(&connector.address, &[series(&labels, &[(value, now_ms())])]);
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with(name), "{}", answer.text());
        connector.wait_for_log(name);
        assert_eq!(connector.wait().code(), Some(1));
    }
}
