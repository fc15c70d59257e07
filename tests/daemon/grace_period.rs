//! What a client leaves unsent or unread does not keep the process beyond the grace period; nor does a part that fails.

use std::io::Write;
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use timestream_prometheus_connector::options::Options;
use timestream_prometheus_connector::proto;
use timestream_prometheus_connector::run::daemon::Daemon;
use tokio_util::sync::CancellationToken;

use super::connector::{Connector, Scratch};
use super::remote::{WRITE_HEADERS, eq, now_ms, packed, query, series, try_post, write_request};
use super::streaming::write_much;
use super::waiting::eventually;

/// The grace period is a second and what comes behind it a few, but the machine may be busy. It is far less than the hour that
/// the client would be given.
const END: Duration = Duration::from_secs(60);

fn assert_ends(mut connector: Connector) {
    let start = Instant::now();
    connector.terminate();
    assert_eq!(connector.wait().code(), Some(0));
    assert!(start.elapsed() < END, "{:?}", start.elapsed());
}

#[test]
fn a_body_that_does_not_end_is_cut_off_with_the_grace_period() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--shutdown.grace-period=1s", "--web.read-timeout=1h"]);
    let mut sender = TcpStream::connect(&connector.address).unwrap();
    sender.write_all(b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun").unwrap();
    // The other one asks for the metrics.
    eventually("the request is taken", || connector.metric("timestream_connector_http_requests_in_flight") == 2.0);
    assert_ends(connector);
}

#[test]
fn an_answer_that_is_not_read_is_cut_off_with_the_grace_period() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--shutdown.grace-period=1s", "--web.write-timeout=1h"]);
    write_much(&connector, &["a", "b", "c"]);
    let request = packed(&proto::ReadRequest {
        queries: vec![query(0, now_ms(), &[eq("__name__", "much")])],
        accepted_response_types: vec![1],
    });
    let mut reader = with_small_buffer(&connector.address);
    let head = format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", request.len());
    reader.write_all(&[head.as_bytes(), &request].concat()).unwrap();
    // Its head is sent with the first piece.
    reader.peek(&mut [0]).unwrap();
    assert_ends(connector);
}

/// A connection that takes little of an answer unless it is read.
fn with_small_buffer(address: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(address.parse().unwrap()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// The batcher's thread panics at its first record: no time is so far ahead. A part that fails ends the process, so that
/// whoever runs it starts a sound one.
#[test]
fn a_part_that_fails_ends_the_process() {
    let scratch = Scratch::new();
    let data = format!("--embedded.data-dir={}", scratch.path().join("data").display());
    let arguments = ["connector", "--embedded", &data, "--embedded.listen-address=127.0.0.1:0"];
    let arguments = [&arguments[..], &["--web.listen-address=127.0.0.1:0"]].concat();
    let mut options = Options::parse(arguments.iter().map(|argument| (*argument).to_owned()), |_| None).unwrap();
    options.batcher.linger = Duration::MAX;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let daemon = runtime.block_on(Daemon::start(options)).unwrap();
    let url = format!("http://{}/write", daemon.address());
    let sender = std::thread::spawn(move || {
        let one = write_request(&[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])]);
        try_post(&url, WRITE_HEADERS, &one).unwrap().status
    });
    let code = runtime.block_on(daemon.run(CancellationToken::new()));
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    assert_eq!(sender.join().unwrap(), 503, "the sample is sent again");
}
