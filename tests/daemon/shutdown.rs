//! SIGTERM: no new work, what is in flight is finished or answered 503, exit 0 within the grace period.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use timestream_prometheus_connector::proto;

use super::connector::{Connector, Scratch};
use super::remote::{WRITE_HEADERS, eq, now_ms, packed, post, query, series, try_post, write, write_request};
use super::timestream::Timestream;

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];

fn slow_connector(delay: Duration, arguments: &[&str]) -> Connector {
    let endpoint = Timestream::slow(delay);
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let mut all = vec!["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", &url];
    all.extend(arguments);
    Connector::start(&all, KEYS)
}

fn write_one(address: &str) -> super::remote::Answer {
    write(address, &[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])])
}

fn try_write_one(address: &str) -> Option<super::remote::Answer> {
    let request = write_request(&[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])]);
    try_post(&format!("http://{address}/write"), WRITE_HEADERS, &request).ok()
}

#[test]
fn sigterm_lets_what_is_in_flight_finish() {
    let mut connector = slow_connector(Duration::from_millis(1500), &[]);
    let address = connector.address.clone();
    let in_flight = std::thread::spawn(move || write_one(&address));
    std::thread::sleep(Duration::from_millis(500));
    connector.terminate();
    let answer = in_flight.join().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert_eq!(connector.wait().code(), Some(0));
}

#[test]
fn for_the_delay_it_serves_on_but_is_not_ready_and_sends_clients_away() {
    let mut connector = slow_connector(Duration::ZERO, &["--shutdown.delay=2s"]);
    let mut kept = TcpStream::connect(&connector.address).unwrap();
    let mut idle = TcpStream::connect(&connector.address).unwrap();
    for stream in [&mut kept, &mut idle] {
        let head = head_of_ready(stream);
        assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    }
    let start = Instant::now();
    connector.terminate();
    connector.wait_for_log("serving until the delay is over");
    let head = head_of_ready(&mut kept);
    assert!(head.starts_with("http/1.1 503") && head.contains("connection: close"), "{head}");
    assert_eq!(kept.read(&mut [0; 64]).unwrap(), 0, "it is closed once it was told");
    let answer = write_one(&connector.address);
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")), "a new connection is served");
    assert_eq!(connector.wait().code(), Some(0));
    assert!((2..5).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
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
    let mut connector = slow_connector(Duration::from_secs(60), &["--shutdown.grace-period=1s"]);
    let address = connector.address.clone();
    let in_flight = std::thread::spawn(move || write_one(&address));
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    connector.terminate();
    let answer = in_flight.join().unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert_eq!(connector.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_read_that_does_not_finish_in_the_grace_period_is_answered_503() {
    // Connections are made and never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("--query-base-endpoint=http://{}", silent.local_addr().unwrap());
    for accepted in [vec![0], vec![1]] {
        let mut connector = slow_connector(Duration::ZERO, &["--shutdown.grace-period=1s", &endpoint]);
        let (queries, url) = ([query(0, 1, &[eq("a", "b")])], format!("http://{}/read", connector.address));
        let request = proto::ReadRequest { queries: queries.to_vec(), accepted_response_types: accepted };
        let in_flight = std::thread::spawn(move || post(&url, &[], &packed(&request)));
        std::thread::sleep(Duration::from_millis(500));
        connector.terminate();
        let answer = in_flight.join().unwrap();
        assert_eq!((answer.status, answer.text().starts_with("Shutdown")), (503, true), "{}", answer.text());
        assert_eq!(connector.wait().code(), Some(0));
    }
}

#[test]
fn sigterm_under_load_loses_nothing_that_was_answered() {
    let timestream = Timestream::slow(Duration::from_millis(30));
    let url = format!("--write-base-endpoint=http://{}", timestream.address);
    let arguments = ["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", &url];
    let mut connector = Connector::start(&arguments, KEYS);
    let address = connector.address.clone();
    let answered = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..16)
            .map(|sender| {
                let address = &address;
                scope.spawn(move || {
                    let (mut answered, sender) = (0, sender.to_string());
                    for at in now_ms().. {
                        let one = |index: usize| {
                            series(&[("__name__", "m"), ("s", &sender), ("i", &index.to_string())], &[(1.0, at)])
                        };
                        let request = write_request(&(0..30).map(one).collect::<Vec<_>>());
                        match try_post(&format!("http://{address}/write"), WRITE_HEADERS, &request) {
                            Ok(answer) if answer.status == 204 => answered += 30,
                            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                            // Nobody listens any more.
                            Err(_) => break,
                        }
                    }
                    answered
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(700));
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
    let mut connector = slow_connector(Duration::from_secs(60), &[]);
    let address = connector.address.clone();
    let in_flight = std::thread::spawn(move || try_write_one(&address));
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    connector.terminate();
    connector.wait_for_log("stopping: finishing what is in flight");
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(1));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(in_flight.join().unwrap().is_none(), "no answer that could be taken for a good one");
}

#[test]
fn an_idle_connector_ends_at_once() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &[]);
    let start = Instant::now();
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
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
