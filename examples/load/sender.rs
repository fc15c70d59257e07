//! Sends requests over one keep-alive connection, as cheaply as can be, so that the load takes little from the loaded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sends one request after the other until `stop`; how long each took that fell into `counting`, and its samples.
pub fn send_until(
    stop: &AtomicBool,
    counting: &AtomicBool,
    next: &AtomicU64,
    address: SocketAddr,
    requests: &[(Vec<u8>, usize)],
) -> Vec<(Duration, usize)> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let (body, samples) = &requests[next.fetch_add(1, Ordering::Relaxed) as usize % requests.len()];
        let start = Instant::now();
        let head = format!(
            "POST /write HTTP/1.1\r\nHost: load\r\nContent-Type: application/x-protobuf\r\n\
             Content-Encoding: snappy\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let status = read_answer(&mut answers).0;
        assert_eq!(status, 204, "the server does not take the load");
        if counting.load(Ordering::Relaxed) {
            took.push((start.elapsed(), *samples));
        }
    }
    took
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
