//! Hostile HTTP/2 clients over TLS, frame by frame, and TLS that is none.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::certificates::Authority;
use super::connector::Scratch;
use super::curl::Curl;
use super::hostile::{Siege, answer, would_block};
use super::tls::TlsClient;
use super::waiting::{PATIENCE, eventually};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// GET https://a/ in HPACK's static table.
const GET: &[u8] = &[0x82, 0x84, 0x87, 0x41, 1, b'a'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is not in a table and is put into none.
fn literal(name: &str, value_length: usize) -> Vec<u8> {
    let length = value_length - 127;
    let length = [0x7f, (length % 128) as u8 | 0x80, (length / 128) as u8];
    [&[0, name.len() as u8][..], name.as_bytes(), &length, &vec![b'v'; value_length]].concat()
}

struct Attacker(TlsClient);

impl Attacker {
    fn connect(siege: &Siege, authority: &Authority) -> Self {
        let client = TlsClient::connect(siege.address(), &authority.file, b"h2");
        client.0.sock.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut attacker = Attacker(client);
        let start = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(SETTINGS, 0, 0, &[]).as_slice()].concat();
        attacker.send(&start);
        attacker
    }

    /// Whether the connection took it.
    fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.0.0.write_all(bytes).and_then(|()| self.0.0.flush());
        assert!(!sent.as_ref().is_err_and(would_block), "the connection takes nothing, and stays open");
        sent.is_ok()
    }

    /// Reads what is there; whether the connection ended, or said that it does.
    fn is_told_to_go(&mut self, received: &mut Vec<u8>) -> bool {
        let mut buffer = [0; 16384];
        loop {
            match self.0.0.read(&mut buffer) {
                Ok(0) => return true,
                Ok(length) => received.extend(&buffer[..length]),
                Err(error) if would_block(&error) => break,
                Err(_) => return true,
            }
        }
        let mut at = 0;
        while let Some(head) = received.get(at..at + 9) {
            if head[3] == GOAWAY {
                return true;
            }
            at += 9 + u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        }
        false
    }

    /// Sends `attack(n)` for n = 0, 1, 2 … until the connection has had enough; how often.
    fn until_told_to_go(&mut self, most: u32, mut attack: impl FnMut(u32) -> Vec<u8>) -> u32 {
        let mut received = Vec::new();
        for number in 0..most {
            if !self.send(&attack(number)) || (number % 16 == 0 && self.is_told_to_go(&mut received)) {
                return number;
            }
        }
        most
    }
}

fn setup(scratch: &Scratch) -> (Authority, Siege) {
    let root = Authority::root(scratch.path(), "root");
    let [certificate, key] = root.certify(scratch.path(), "server", &["localhost", "127.0.0.1"]).flags();
    let timeouts = ["--web.read-timeout=2s", "--web.write-timeout=2s", "--web.idle-timeout=3s"];
    let siege = Siege::lay(&[&[certificate.as_str(), &key], &timeouts[..]].concat(), true);
    (root, siege)
}

#[test]
fn floods_of_frames_end_the_connection_and_nothing_else() {
    let scratch = Scratch::new();
    let (root, siege) = setup(&scratch);
    let curl = Curl::trusting(&root.file).with(&["--http2"]);
    let url = format!("https://{}/-/healthy", siege.address());
    let good = || assert_eq!(curl.status(&url), Some(200), "a good caller is served");
    let attack = |name: &str, most: u32, attack: &(dyn Fn(u32) -> Vec<u8> + Sync)| {
        let run = || {
            for _ in 0..3 {
                let sent = Attacker::connect(&siege, &root).until_told_to_go(most, attack);
                eprintln!("{name}: {sent} sent");
                assert!(sent < most, "{name} was never told to go");
            }
        };
        siege.attack(name, run, Some(&good));
    };
    attack("rapid reset", 100_000, &|number| {
        let stream = number * 2 + 1;
        let open = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
        [open, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    attack("a head without end", 100_000, &|number| match number {
        0 => frame(HEADERS, END_STREAM, 1, GET),
        _ => frame(CONTINUATION, 0, 1, &literal("a", 4000)),
    });
    attack("a head of empty pieces", 1_000_000, &|number| match number {
        0 => frame(HEADERS, END_STREAM, 1, GET),
        _ => frame(CONTINUATION, 0, 1, &[]),
    });
    attack("data that nobody asked for", 100_000, &|_| frame(0, 0, 1, &[0; 1000]));
    attack("broken HPACK", 1000, &|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &[0xff; 50]));
    attack("a frame that is too large", 10, &|_| frame(HEADERS, END_HEADERS, 1, &[0; 100_000]));
    siege.end();
}

#[test]
fn clients_that_only_ask_are_cut() {
    let scratch = Scratch::new();
    let (root, siege) = setup(&scratch);
    let curl = Curl::trusting(&root.file).with(&["--http2"]);
    let url = format!("https://{}/-/healthy", siege.address());
    let good = || assert_eq!(curl.status(&url), Some(200), "a good caller is served");
    siege.attack(
        "pings and settings that are not read",
        || {
            let flood = [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])].concat().repeat(500);
            let mut attacker = Attacker::connect(&siege, &root);
            let begin = Instant::now();
            while attacker.send(&flood) {
                assert!(begin.elapsed() < PATIENCE, "it is never cut");
            }
        },
        Some(&good),
    );
    siege.attack(
        "streams whose answers have no room",
        || {
            let metrics = [&[0x82, 0x87, 0x41, 1, b'a', 0x04, 8][..], b"/metrics"].concat();
            let mut attackers: Vec<_> = (0..20)
                .map(|_| {
                    let mut attacker = Attacker::connect(&siege, &root);
                    attacker.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
                    for stream in 0..100 {
                        attacker.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream * 2 + 1, &metrics));
                    }
                    (attacker, Vec::new())
                })
                .collect();
            eventually("all connections are cut", || {
                attackers.retain_mut(|(attacker, received)| !attacker.is_told_to_go(received));
                attackers.is_empty()
            });
        },
        Some(&good),
    );
    siege.attack(
        "large heads",
        || {
            for _ in 0..20 {
                let mut attacker = Attacker::connect(&siege, &root);
                for stream in 0..100 {
                    let mut head = GET.to_vec();
                    (0..4).for_each(|_| head.extend(literal("a", 4000)));
                    attacker.send(&frame(HEADERS, END_STREAM, stream * 2 + 1, &head[..16000]));
                    attacker.send(&frame(CONTINUATION, 0, stream * 2 + 1, &[]));
                    let rest = [&head[16000..], &literal("b", 12_000), &literal("c", 12_000)].concat();
                    attacker.send(&frame(CONTINUATION, END_HEADERS, stream * 2 + 1, &rest[..16000]));
                }
            }
        },
        Some(&good),
    );
    siege.attack(
        "TLS that is none, and handshakes that stop",
        || {
            let mut streams: Vec<_> = (0..200).map(|_| siege.connect().unwrap()).collect();
            for (number, stream) in streams.iter_mut().enumerate() {
                let garbage = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].repeat(1 + number % 30);
                let _ = stream.write_all(&garbage[..number % garbage.len()]);
            }
            for stream in &mut streams {
                answer(stream);
            }
        },
        Some(&good),
    );
    siege.end();
}
