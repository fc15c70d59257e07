//! Sends requests as Prometheus does: what is answered 5xx again and again, over connections that it keeps for a while.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;

use crate::churn::Churn;

/// Requests of one connection.
const KEPT_FOR: u64 = 500;
/// Before one in so many requests a client sends the same and does not wait for the answer.
const HANG_UP_EACH: u64 = 200;
/// How long a refused sender waits, as Prometheus does at first.
const BACKOFF: Duration = Duration::from_millis(100);

/// What the senders have done.
#[derive(Default)]
pub struct Tally {
    /// Number of the next request.
    pub next: AtomicU64,
    /// Samples of requests that were answered 204.
    pub stored: AtomicU64,
    /// Samples of requests that were answered 400, of which Timestream has rejected some.
    pub partly: AtomicU64,
    /// Answers of 503.
    pub refused: AtomicU64,
}

/// Where requests go, and when.
#[derive(Clone, Copy)]
pub struct Plan {
    pub address: SocketAddr,
    /// Between two requests of all senders together.
    pub interval: Duration,
    /// How long a sender uses its keys, as with temporary credentials.
    pub keys_for: Duration,
}

/// Sends every request of which the time has come, until `stop`.
pub fn send(sender: usize, plan: Plan, churn: &Churn, tally: &Tally, stop: &AtomicBool) {
    let Plan { address, interval, keys_for } = plan;
    let start = Instant::now();
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        let number = tally.next.fetch_add(1, Ordering::Relaxed);
        let due = interval.mul_f64(number as f64);
        if let Some(early) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(early);
        }
        let body = churn.request(number);
        let user = format!("AKIASOAK{sender}X{}", start.elapsed().as_secs() / keys_for.as_secs());
        if number.is_multiple_of(HANG_UP_EACH) {
            let _ = TcpStream::connect(address).and_then(|stream| post(stream, &user, "/write", &body.0));
        }
        if number.is_multiple_of(KEPT_FOR) {
            connection = None;
        }
        // What was begun is brought to its end, so that the tally is true.
        loop {
            match exchange(&mut connection, address, &user, "/write", &body.0) {
                Ok(204) => {
                    tally.stored.fetch_add(body.1 as u64, Ordering::Relaxed);
                    break;
                }
                Ok(400) => {
                    tally.partly.fetch_add(body.1 as u64, Ordering::Relaxed);
                    break;
                }
                Ok(503) => {
                    tally.refused.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(BACKOFF);
                }
                Ok(status) => panic!("answered {status}"),
                Err(error) => panic!("the connector does not answer: {error}"),
            }
        }
    }
}

/// Sends a request over a connection that is kept, or a new one; the status of its answer.
pub fn exchange(
    kept: &mut Option<BufReader<TcpStream>>,
    address: SocketAddr,
    user: &str,
    path: &str,
    body: &[u8],
) -> io::Result<u16> {
    let stream = match kept {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            kept.insert(BufReader::new(stream))
        }
    };
    post(stream.get_ref().try_clone()?, user, path, body)?;
    read_answer(stream).map(|(status, _)| status)
}

fn post(mut stream: TcpStream, user: &str, path: &str, body: &[u8]) -> io::Result<()> {
    let keys = base64::engine::general_purpose::STANDARD.encode(format!("{user}:hidden-soak"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Type: application/x-protobuf\r\nAuthorization: Basic {keys}\r\n\
         Content-Encoding: snappy\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// The text of a page.
pub fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: soak\r\n\r\n").as_bytes())?;
    read_answer(&mut BufReader::new(stream)).map(|(_, body)| String::from_utf8_lossy(&body).into_owned())
}

fn read_answer(answers: &mut BufReader<TcpStream>) -> io::Result<(u16, Vec<u8>)> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no HTTP answer: {line:?}")))?;
    let mut length = 0;
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    Ok((status, body))
}
