//! Sends scrapes over several connections, and notes when which samples were answered for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::remote::WRITE_HEADERS;
use crate::waiting::PATIENCE;

const SENDERS: usize = 8;

/// When how many samples were answered for.
pub struct Progress(Vec<(Duration, usize)>);

impl Progress {
    /// Samples a second between two numbers of samples.
    pub fn rate(&self, from: usize, to: usize) -> f64 {
        let at = |samples| match self.0.partition_point(|(_, answered)| *answered < samples) {
            _ if samples == 0 => (Duration::ZERO, 0),
            place => self.0[place],
        };
        let ((began, first), (ended, last)) = (at(from), at(to));
        (last - first) as f64 / (ended - began).as_secs_f64()
    }

    pub fn samples(&self) -> usize {
        self.0.last().map_or(0, |(_, samples)| *samples)
    }
}

/// Sends the next scrapes of all series. Those of a series are sent one after the other.
pub fn send(load: &Load, scrapes: usize, url: &str) -> Progress {
    let (started, next, progress) = (Instant::now(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let blocks = &load.blocks;
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
                let agent: ureq::Agent = config.build().into();
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= scrapes * blocks.len() {
                        return;
                    }
                    let mut block = blocks[place % blocks.len()].lock().unwrap();
                    let (body, samples) = block.request();
                    write(&agent, url, &body);
                    let mut progress = progress.lock().unwrap();
                    let before = progress.last().map_or(0, |(_, samples)| *samples);
                    progress.push((started.elapsed(), before + samples));
                }
            });
        }
    });
    Progress(progress.into_inner().unwrap())
}

/// Writes a request, again where the server asks for that.
fn write(agent: &ureq::Agent, url: &str, body: &[u8]) {
    loop {
        let request =
            WRITE_HEADERS.iter().fold(agent.post(url), |request, (name, value)| request.header(*name, *value));
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        match answer.status().as_u16() {
            204 => return,
            503 => std::thread::sleep(Duration::from_millis(100)),
            status => panic!("{status} {text}"),
        }
    }
}
