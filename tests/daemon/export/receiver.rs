//! `export` to a receiver that loses answers, refuses, or is asked again for another table.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use prost::Message;
use timestream_prometheus_connector::proto::WriteRequest;

use super::super::cases::Series;
use super::super::connector::{Connector, Scratch};
use super::super::remote::{self, now_ms, series};
use super::super::waiting::eventually;
use super::{Export, Killed, arguments, between};

const HOUR: i64 = 3_600_000;

/// What a receiver does with a request.
#[derive(Debug, Clone, Copy)]
enum Does {
    Takes,
    Refuses(u16, &'static str),
    /// It takes the samples and breaks the connection off.
    Breaks,
    /// It takes the samples and never answers.
    Holds,
}

type Plan = Box<dyn FnMut(usize) -> Does + Send>;

/// A receiver as Prometheus is: it takes a sample again only if it is the last of its series.
struct Receiver {
    address: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    /// What it does with which request, from 1 on.
    plan: Plan,
    takes_late: bool,
    requests: usize,
    samples: BTreeMap<(String, i64), u64>,
    last: HashMap<String, (i64, u64)>,
    held: Vec<TcpStream>,
}

impl Receiver {
    fn start(plan: impl FnMut(usize) -> Does + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Mutex::new(Shared {
            plan: Box::new(plan),
            takes_late: false,
            requests: 0,
            samples: BTreeMap::new(),
            last: HashMap::new(),
            held: Vec::new(),
        }));
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve(connection, &serving);
            }
        });
        Receiver { address, shared }
    }

    fn to(&self) -> String {
        format!("--to=http://{}/api/v1/write", self.address)
    }

    /// From now on it does so.
    fn does(&self, plan: impl FnMut(usize) -> Does + Send + 'static) {
        self.shared.lock().unwrap().plan = Box::new(plan);
    }

    fn requests(&self) -> usize {
        self.shared.lock().unwrap().requests
    }

    fn samples(&self) -> usize {
        self.shared.lock().unwrap().samples.len()
    }
}

impl Shared {
    /// Takes all samples or none.
    fn take(&mut self, request: &WriteRequest) -> bool {
        let mut last = self.last.clone();
        let mut samples = Vec::new();
        for series in &request.timeseries {
            let name = format!("{:?}", series.labels);
            for sample in &series.samples {
                let (time, bits) = (sample.timestamp, sample.value.unwrap_or_default().to_bits());
                let before = last.get(&name).copied();
                if before.is_some_and(|before| time < before.0 || (time == before.0 && bits != before.1))
                    && !self.takes_late
                {
                    return false;
                }
                last.insert(name.clone(), (time, bits));
                samples.push(((name.clone(), time), bits));
            }
        }
        self.last = last;
        self.samples.extend(samples);
        true
    }
}

/// Answers one request, and then the connection is closed.
fn serve(mut connection: TcpStream, shared: &Mutex<Shared>) {
    let Some(body) = body_of(&mut connection) else { return };
    let bytes = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let request = WriteRequest::decode(bytes.as_slice()).unwrap();
    let mut shared = shared.lock().unwrap();
    shared.requests += 1;
    let number = shared.requests;
    let does = (shared.plan)(number);
    let refusal = match does {
        Does::Refuses(status, words) => Some((status, words)),
        _ if shared.take(&request) => None,
        _ => Some((400, "out of order sample")),
    };
    let answer = match (refusal, does) {
        (Some((status, words)), _) => format!("HTTP/1.1 {status} No\r\nconnection: close\r\n\r\n{words}\n"),
        (None, Does::Breaks) => String::new(),
        (None, Does::Holds) => return shared.held.push(connection),
        (None, _) => "HTTP/1.1 204 Yes\r\nconnection: close\r\n\r\n".to_owned(),
    };
    let _ = connection.write_all(answer.as_bytes());
}

fn body_of(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1 << 16]);
    loop {
        let read = connection.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        if bytes.len() >= end + 4 + length.trim().parse::<usize>().unwrap() {
            return Some(bytes.split_off(end + 4));
        }
    }
}

/// A connector with five requests of samples in one hour.
struct Stored {
    connector: Connector,
    scratch: Scratch,
    start: i64,
}

/// Samples of each series, and series.
const EACH: i64 = 1000;
const SERIES: i64 = 10;
const ALL: usize = (EACH * SERIES) as usize;

impl Stored {
    fn new() -> Self {
        let scratch = Scratch::new();
        let connector = Connector::embedded(scratch.path(), &[]);
        let stored = Stored { connector, scratch, start: (now_ms() / HOUR - 2) * HOUR };
        (0..SERIES).for_each(|index| stored.write(&format!("sent_{index}"), EACH));
        stored
    }

    fn write(&self, name: &str, samples: i64) {
        let samples: Vec<(f64, i64)> = (0..samples).map(|index| (index as f64, self.start + index * 1000)).collect();
        let all: [Series; 1] = [series(&[("__name__", name)], &samples)];
        assert_eq!(remote::write(&self.connector.address, &all).status, 204);
    }

    fn state(&self) -> PathBuf {
        self.scratch.path().join("sent.state")
    }

    /// Exports the hour, and says whether that succeeds and what was said.
    fn export(&self, receiver: &Receiver) -> (bool, String) {
        let output = self.with(receiver, |export, arguments| export.run(arguments));
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    fn with<T>(&self, receiver: &Receiver, run: impl FnOnce(&Export, &[&str]) -> T) -> T {
        let (to, state) = (receiver.to(), format!("--state={}", self.state().display()));
        let times = between(self.start, self.start + HOUR);
        let arguments = arguments(&times, &["--format=remote-write", &to, &state]);
        run(&Export::of(&self.connector, &self.scratch), &arguments)
    }
}

#[test]
fn what_was_refused_is_not_taken_to_be_there_by_the_next_run() {
    let stored = Stored::new();
    for words in ["out of order sample", "the metric duplicate_samples_total has too many labels"] {
        let _ = std::fs::remove_file(stored.state());
        let receiver = Receiver::start(move |number| if number > 1 { Does::Refuses(400, words) } else { Does::Takes });
        for run in 0..3 {
            let (succeeds, said) = stored.export(&receiver);
            assert!(!succeeds && said.contains(words), "run {run}: {said}");
            assert_eq!(receiver.requests(), 2 + run, "one is sent by each run");
        }
        receiver.does(|_| Does::Takes);
        assert!(stored.export(&receiver).0);
        assert_eq!(receiver.samples(), ALL);
    }
}

#[test]
fn what_is_refused_as_old_with_all_that_follow_is_not_taken_to_be_there() {
    let stored = Stored::new();
    // It is restarting, and takes no samples that are so old.
    let receiver = Receiver::start(|number| match number {
        1 => Does::Refuses(503, ""),
        _ => Does::Refuses(400, "too old sample"),
    });
    for requests in [3, 5] {
        let (succeeds, said) = stored.export(&receiver);
        assert!(!succeeds && said.contains("too old sample"), "{said}");
        assert_eq!(receiver.requests(), requests);
    }
    receiver.does(|_| Does::Takes);
    let (succeeds, said) = stored.export(&receiver);
    assert!(succeeds, "{said}");
    assert_eq!(receiver.samples(), ALL);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let stored = Stored::new();
    let receiver = Receiver::start(|number| if number == 2 { Does::Breaks } else { Does::Takes });
    let (succeeds, said) = stored.export(&receiver);
    assert!(succeeds, "{said}");
    assert_eq!((receiver.samples(), receiver.requests()), (ALL, 6));
}

#[test]
fn what_is_sent_when_it_is_killed_may_be_there() {
    let stored = Stored::new();
    let receiver = Receiver::start(|number| if number == 2 { Does::Holds } else { Does::Takes });
    stored.with(&receiver, |export, arguments| {
        let command = &mut export.command(arguments);
        let _child = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        eventually("a request is under way", || receiver.requests() == 2);
    });
    // That says nothing of the samples.
    receiver.does(|_| Does::Refuses(401, "who is it?"));
    let (succeeds, said) = stored.export(&receiver);
    assert!(!succeeds && said.contains("who is it?"), "{said}");
    receiver.does(|_| Does::Takes);
    let (succeeds, said) = stored.export(&receiver);
    assert!(succeeds && said.contains("taken to be there already"), "{said}");
    assert_eq!((receiver.samples(), receiver.requests()), (ALL, 7));
}

#[test]
fn an_hour_whose_samples_have_changed_is_sent_again() {
    for (name, samples, more) in [("a_before_all", 2 * EACH, 2 * EACH), ("sent_0", EACH + 1, 1)] {
        let stored = Stored::new();
        let receiver =
            Receiver::start(|number| if number > 3 { Does::Refuses(400, "out of bounds") } else { Does::Takes });
        assert!(!stored.export(&receiver).0);
        stored.write(name, samples);
        receiver.does(|_| Does::Takes);
        receiver.shared.lock().unwrap().takes_late = true;
        let (succeeds, said) = stored.export(&receiver);
        assert!(succeeds && said.contains("are sent again"), "{said}");
        assert_eq!(receiver.samples(), ALL + more as usize);
    }
}

#[test]
fn an_hour_that_has_fewer_requests_than_were_sent_is_sent_again() {
    let stored = Stored::new();
    let receiver = Receiver::start(|number| if number > 3 { Does::Refuses(400, "out of bounds") } else { Does::Takes });
    assert!(!stored.export(&receiver).0);
    // As if the table had lost samples since.
    let noted = std::fs::read_to_string(stored.state()).unwrap();
    assert!(noted.contains("\"position\":3"), "{noted}");
    std::fs::write(stored.state(), noted.replace("\"position\":3", "\"position\":9")).unwrap();
    receiver.does(|_| Does::Takes);
    receiver.shared.lock().unwrap().takes_late = true;
    let (succeeds, said) = stored.export(&receiver);
    assert!(succeeds && said.contains("are sent again"), "{said}");
    assert_eq!((receiver.samples(), receiver.requests()), (ALL, 9));
}
