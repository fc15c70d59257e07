//! Sends requests over one keep-alive connection, as cheaply as can be, so that the load takes little from the loaded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Request;

/// How long requests took, and how many samples they had.
pub struct Latencies(Vec<(Duration, usize)>);

impl Latencies {
    pub fn of(all: impl Iterator<Item = (Duration, usize)>) -> Self {
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        Latencies(all)
    }

    pub fn samples(&self) -> usize {
        self.0.iter().map(|(_, samples)| samples).sum()
    }

    pub fn percentile_ms(&self, part: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * part) as usize].0.as_secs_f64() * 1000.0
    }
}

/// Sends one request after the other until `stop`; how long each took that fell into `counting`, and its samples.
pub fn send_until(
    stop: &AtomicBool,
    counting: &AtomicBool,
    next: &AtomicU64,
    address: SocketAddr,
    requests: &[Request],
) -> Vec<(Duration, usize)> {
    let mut connection = Connection::new(address);
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let request = &requests[next.fetch_add(1, Ordering::Relaxed) as usize % requests.len()];
        let latency = connection.send(request);
        if counting.load(Ordering::Relaxed) {
            took.push((latency, request.1));
        }
    }
    took
}

/// Sends a request now and then, with nothing beside it.
pub fn send_alone(address: SocketAddr, request: &Request) -> Latencies {
    let mut connection = Connection::new(address);
    connection.send(request);
    Latencies::of((0..100).map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        (connection.send(request), request.1)
    }))
}

struct Connection {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Connection {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let answers = BufReader::new(stream.try_clone().unwrap());
        Connection { stream, answers }
    }

    fn send(&mut self, (body, _): &Request) -> Duration {
        let start = Instant::now();
        // Amazon's connector takes keys, here `load:load`, with each request; ours does not read them.
        let head = format!(
            "POST /write HTTP/1.1\r\nHost: load\r\nAuthorization: Basic bG9hZDpsb2Fk\r\n\
             Content-Type: application/x-protobuf\r\n\
             Content-Encoding: snappy\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(head.as_bytes()).unwrap();
        self.stream.write_all(body).unwrap();
        let status = read_answer(&mut self.answers).0;
        assert!(matches!(status, 200 | 204), "the server does not take the load: {status}");
        start.elapsed()
    }
}

/// The body of a page, or nothing where there is none.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: load\r\n\r\n").as_bytes()).ok()?;
    let (status, body) = read_answer(&mut BufReader::new(stream));
    (status == 200).then(|| String::from_utf8_lossy(&body).into_owned())
}

fn read_answer(answers: &mut BufReader<TcpStream>) -> (u16, Vec<u8>) {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an HTTP answer");
    let mut length = 0;
    loop {
        line.clear();
        answers.read_line(&mut line).unwrap();
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body).unwrap();
    (status, body)
}
