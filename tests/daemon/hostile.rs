//! Hostile clients over plain sockets: memory stays bounded, nothing panics, and a good caller beside them is served.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use timestream_prometheus_connector::proto;

use super::connector::{Connector, resident_bytes};
use super::remote::{WRITE_HEADERS, now_ms, series, try_post, write_request};
use super::timestream::{Fault, Timestream};
use super::v2;
use super::waiting::{PATIENCE, eventually};

const MIB: u64 = 1 << 20;
/// What the process may grow by, whatever is done to it.
const MAX_GROWTH: u64 = 64 * MIB;
/// A caller that is locked out waits for longer, until the attack ends or its connections have had their 30 seconds. One
/// that is served does not, even on a busy machine.
const LOCKED_OUT: Duration = Duration::from_secs(25);

/// A connector that is under attack, and the good caller beside.
pub struct Siege {
    connector: Connector,
    calm: u64,
    peak: AtomicU64,
    over: AtomicBool,
    latencies: Mutex<Vec<Duration>>,
}

impl Siege {
    /// Starts the connector, and lets it reach the memory that good callers cost.
    pub fn lay(arguments: &[&str], secured: bool) -> Self {
        let timestream = Timestream::start(|_, _| Fault::None);
        let [database, table, url] = timestream.arguments();
        let all = [&[database.as_str(), &table, &url, "--enable-sigv4-auth"], arguments].concat();
        let environment = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
        let start = if secured { Connector::listening } else { Connector::start };
        let connector = start(&all, &environment);
        let (peak, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut siege = Siege { connector, calm: 0, peak, over, latencies: Mutex::default() };
        if !secured {
            for _ in 0..20 {
                siege.write_well();
            }
        }
        siege.calm = resident_bytes(siege.connector.pid());
        siege
    }

    pub fn address(&self) -> &str {
        &self.connector.address
    }

    pub fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// A connection that holds few bytes which are not read. Reads and writes do not wait.
    fn connect_small(&self) -> TcpStream {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(self.address().parse().unwrap()).await.unwrap().into_std().unwrap()
        })
    }

    /// One good write. A connection that was idle may be closed in its face, as HTTP has it; then it is sent again.
    fn write_well(&self) {
        let start = Instant::now();
        let body = write_request(&[series(&[("__name__", "m"), ("a", "b")], &[(1.0, now_ms())])]);
        let url = format!("http://{}/write", self.address());
        let answer = (0..3).find_map(|_| try_post(&url, WRITE_HEADERS, &body).ok()).expect("a good caller is served");
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.latencies.lock().unwrap().push(start.elapsed());
    }

    /// Attacks while a good caller writes; what the siege did to it is checked afterwards.
    pub fn attack(&self, name: &str, attack: impl FnOnce() + Send, good: Option<&(dyn Fn() + Sync)>) {
        self.over.store(false, Ordering::Relaxed);
        self.latencies.lock().unwrap().clear();
        let write_well = || {
            let start = Instant::now();
            match good {
                Some(good) => {
                    good();
                    self.latencies.lock().unwrap().push(start.elapsed());
                }
                None => self.write_well(),
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !self.over.load(Ordering::Relaxed) {
                    self.peak.fetch_max(resident_bytes(self.connector.pid()), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            scope.spawn(|| {
                loop {
                    write_well();
                    if self.over.load(Ordering::Relaxed) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            // A panic must not leave the others running.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(attack));
            self.over.store(true, Ordering::Relaxed);
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic);
            }
        });
        let mut latencies = self.latencies.lock().unwrap().clone();
        latencies.sort();
        let (median, longest) = (latencies[latencies.len() / 2], latencies[latencies.len() - 1]);
        let growth = self.peak.load(Ordering::Relaxed).saturating_sub(self.calm);
        eprintln!(
            "{name}: grown by {} MiB, {} good requests, median {median:?}, longest {longest:?}",
            growth / MIB,
            latencies.len()
        );
        assert!(growth < MAX_GROWTH, "{name}: grown by {} MiB", growth / MIB);
        assert!(longest < LOCKED_OUT, "{name}: a good caller waited {longest:?}");
    }

    /// Waits until the good caller beside an attack was served this many times more.
    fn serves_on(&self, more: usize) {
        let served = || self.latencies.lock().unwrap().len();
        let before = served();
        eventually("a good caller is served", || served() >= before + more);
    }

    /// Ends it: nothing panicked.
    pub fn end(mut self) {
        self.connector.terminate();
        assert_eq!(self.connector.wait().code(), Some(0));
        let panic = self.connector.log_lines().into_iter().find(|line| line.contains("panicked"));
        assert_eq!(panic, None);
    }
}

/// Reads to the end, or to a reset: what was answered.
pub fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    let is_open = end.is_err_and(|error| would_block(&error));
    assert!(!is_open, "the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether an error only says that nothing can be read or written now, or in time.
pub fn would_block(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()
}

/// A POST of `body` to `path`, whose head says that it has `length` bytes.
fn request(path: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: snappy\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

impl Siege {
    /// Sends bytes, as far as they are taken, and tells the status of the answer.
    fn send(&self, bytes: &[u8]) -> Option<u16> {
        let mut stream = self.connect().ok()?;
        let _ = stream.write_all(bytes);
        status(&answer(&mut stream))
    }
}

/// A varint of 4 GiB - 1, and nothing behind it.
const BOMB: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f];

#[test]
fn bombs_and_whatever_is_too_long_or_too_short_cost_nothing() {
    let siege = Siege::lay(&["--web.read-timeout=2s"], false);
    siege.attack(
        "bombs",
        || {
            for path in ["/write", "/read"] {
                for _ in 0..200 {
                    assert_eq!(siege.send(&request(path, BOMB.len(), BOMB)), Some(413), "{path}");
                }
                let lie = [&[0x80, 0x80, 0x80, 0x11][..], &[0; 100]].concat();
                assert_eq!(siege.send(&request(path, lie.len(), &lie)), Some(413), "over the limit of decoded bytes");
                let lie = [&[0x80, 0x80, 0x80, 0x08][..], &[0; 100]].concat();
                assert_eq!(siege.send(&request(path, lie.len(), &lie)), Some(400), "more than it can hold");
                // The tightest that snappy can be, and no protobuf: it fits the memory for reads, and not that for writes.
                let zeros = snap::raw::Encoder::new().compress_vec(&vec![0; 31 << 20]).unwrap();
                let status = siege.send(&request(path, zeros.len(), &zeros));
                assert!(matches!(status, Some(400 | 413)), "{path}: {status:?}");
                assert_eq!(siege.send(&request(path, 4 << 30, b"x")), Some(413), "it says 4 GiB");
                let chunked = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
                for size in ["ffffffff", "ffffffffffffffff", "fffffffffffffffff", "-1", "g", &"0".repeat(100_000)] {
                    let status = siege.send(format!("{chunked}{size}\r\nx").as_bytes());
                    assert!(matches!(status, None | Some(400 | 408 | 413 | 503)), "a chunk of {size:.20}: {status:?}");
                }
            }
        },
        None,
    );
    siege.attack(
        "overlong",
        || {
            let long = "a".repeat(1 << 20);
            for (head, expected) in [
                (format!("GET /{long} HTTP/1.1\r\n\r\n"), &[414, 431][..]),
                (format!("{long} / HTTP/1.1\r\n\r\n"), &[400, 431]),
                (format!("GET / HTTP/1.1\r\n{long}: a\r\n\r\n"), &[431]),
                (format!("GET / HTTP/1.1\r\na: {long}\r\n\r\n"), &[431]),
                (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)), &[431]),
                (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100_000)), &[431]),
                (long.clone(), &[400, 431]),
            ] {
                // Where much is left unread the answer may be lost in the reset of the connection.
                let status = siege.send(head.as_bytes());
                assert!(status.is_none_or(|status| expected.contains(&status)), "{head:.40}: {status:?}");
            }
            let many_fields =
                format!("GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", "a: b\r\n".repeat(99));
            assert_eq!(siege.send(many_fields.as_bytes()), Some(431));
        },
        None,
    );
    siege.attack(
        "truncated",
        || {
            let body = write_request(&[series(&[("__name__", "m"), ("a", "b")], &[(1.0, now_ms())])]);
            let whole = request("/write", body.len(), &body);
            for length in 0..whole.len() {
                let mut stream = siege.connect().unwrap();
                stream.write_all(&whole[..length]).unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                assert_ne!(status(&answer(&mut stream)), Some(204), "after {length} bytes");
            }
            for length in 0..body.len() {
                assert_eq!(
                    siege.send(&request("/write", length, &body[..length])),
                    Some(400),
                    "{length} bytes of a body"
                );
            }
        },
        None,
    );
    siege.end();
}

#[test]
fn symbols_of_megabytes_cost_no_more_than_their_bytes() {
    let siege = Siege::lay(&["--native-histograms=expand"], false);
    // Each character is six in a message.
    let long = "\u{7f}".repeat(20 << 20);
    let series = |labels_refs: [u32; 4], rest| proto::v2::TimeSeries { labels_refs: labels_refs.to_vec(), ..rest };
    let send = |symbols: [&str; 5], timeseries| {
        let symbols = symbols.map(str::to_owned).to_vec();
        let answer = v2::Builder(proto::v2::Request { symbols, timeseries }).send(siege.address());
        assert!(matches!(answer.status, 204 | 400), "{:.200}", answer.text());
        assert!(answer.body.len() < 10_000, "{:.200}", answer.text());
    };
    let one = || v2::samples(&[(1.0, now_ms())]);
    siege.attack(
        "long names and values",
        || {
            for labels in [[1, 2, 3, 4], [1, 2, 4, 3], [1, 4, 3, 2]] {
                send(["", "__name__", "up", "a", &long], vec![series(labels, one())]);
            }
        },
        None,
    );
    let live = siege.connector.get("/api/v1/status/live");
    assert!(live.body.len() < 100_000, "{}", live.body.len());
    siege.attack(
        "series that share them",
        || {
            for (metric, label) in [("up", "job"), ("up_bucket", "le")] {
                let mut all = vec![series([1, 2, 3, 4], proto::v2::TimeSeries::default()); 50_000];
                all.push(proto::v2::TimeSeries { labels_refs: vec![1, 2], ..one() });
                send(["", "__name__", metric, label, &long], all);
            }
        },
        None,
    );
    siege.end();
}

#[test]
fn thousands_of_idle_connections_lock_nobody_out() {
    let siege = Siege::lay(&[], false);
    let mut idle = Vec::new();
    siege.attack(
        "idle connections",
        || {
            while idle.len() < 10_000 {
                match siege.connect() {
                    Ok(stream) => idle.push(stream),
                    Err(error) => {
                        eprintln!("ONLY {} IDLE CONNECTIONS: {error}", idle.len());
                        break;
                    }
                }
            }
            siege.serves_on(20);
        },
        None,
    );
    assert!(idle.len() >= 900, "{} connections", idle.len());
    // Half a head each is no better.
    siege.attack(
        "connections with half a head",
        || {
            for stream in &mut idle {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nHo");
            }
            for _ in 0..3000 {
                if let Ok(mut stream) = siege.connect() {
                    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHo");
                    idle.push(stream);
                }
            }
        },
        None,
    );
    drop(idle);
    siege.end();
}

#[test]
fn slow_senders_and_readers_are_cut() {
    let siege = Siege::lay(&["--web.read-timeout=2s", "--web.write-timeout=2s", "--web.idle-timeout=3s"], false);
    let trickle = |start: &[u8], expected: &[Option<u16>]| {
        let mut streams: Vec<_> = (0..300).map(|_| siege.connect().unwrap()).collect();
        for stream in &mut streams {
            stream.write_all(start).unwrap();
        }
        eventually("none of the slow is open any more", || {
            streams.iter_mut().filter(|stream| (&**stream).write_all(b"a").is_ok()).count() == 0
        });
        for stream in &mut streams {
            let status = status(&answer(stream));
            assert!(expected.contains(&status), "{status:?}");
        }
    };
    siege.attack("slow heads", || trickle(b"GET / HTTP/1.1\r\nA: ", &[None]), None);
    // The answer may be lost in the reset of the connection.
    siege.attack("slow bodies", || trickle(&request("/write", 10_000, b""), &[Some(503), None]), None);
    siege.attack(
        "silence",
        || {
            let mut streams: Vec<_> = (0..300).map(|_| siege.connect().unwrap()).collect();
            for stream in &mut streams {
                assert_eq!(answer(stream), "");
            }
        },
        None,
    );
    siege.attack(
        "clients that do not read",
        || {
            let ask = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000);
            let mut streams: Vec<_> = (0..20).map(|_| (siege.connect_small(), 0)).collect();
            // It stops taking requests when its answers are not taken. A connection that is full is not cut yet.
            eventually("all connections are cut", || {
                streams.retain_mut(|(stream, sent)| match stream.write(&ask.as_bytes()[*sent % ask.len()..]) {
                    Ok(more) => {
                        *sent += more;
                        true
                    }
                    Err(error) => {
                        assert!(would_block(&error) || *sent > 0, "it is cut before it has asked: {error}");
                        would_block(&error)
                    }
                });
                streams.is_empty()
            });
        },
        None,
    );
    siege.end();
}

#[test]
fn pipelined_garbage_is_refused() {
    let siege = Siege::lay(&["--web.read-timeout=2s"], false);
    let good = "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n";
    siege.attack(
        "garbage",
        || {
            let mut state = 88_172_645_463_325_252_u64;
            for round in 0..300 {
                let mut garbage = good.repeat(round % 20).into_bytes();
                for _ in 0..200 + round * 10 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    garbage.push(state as u8);
                }
                garbage.extend(b"\r\n\r\n");
                let mut stream = siege.connect().unwrap();
                let _ = stream.write_all(&garbage);
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let answers = answer(&mut stream);
                assert!(answers.matches("HTTP/1.1 200").count() <= round % 20);
            }
            for smuggled in [
                "POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\naaaaa",
                "POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                "POST /write HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: nonsense\r\n\r\n",
                "GET / HTTP/3.7\r\n\r\n",
                "GET / HTTP/1.1\r\nA\0: b\r\n\r\n",
                "GET / HTTP/1.1\r\n : b\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ] {
                let status = siege.send(smuggled.as_bytes());
                assert!(matches!(status, None | Some(400 | 404 | 405 | 505)), "{smuggled:?}: {status:?}");
            }
        },
        None,
    );
    siege.end();
}

#[test]
fn a_connection_ends_in_good_order_after_its_last_request() {
    let siege = Siege::lay(&["--web.max-requests-per-connection=3"], false);
    let mut stream = siege.connect().unwrap();
    stream.write_all("GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5).as_bytes()).unwrap();
    let answers = answer(&mut stream);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
    assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
    siege.end();
}
