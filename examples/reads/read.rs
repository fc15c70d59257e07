//! One read: asked for, timed, and compared with what was written.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prost::Message;
use timestream_prometheus_connector::proto;

use crate::chunks;
use crate::process::Process;
use crate::remote::{Series, packed, series_of};

/// A server is read until it has worked for so long, but for the reads of [`MOST`]: its CPU is counted in hundredths of
/// a second.
const LEAST_CPU_SECONDS: f64 = 0.5;
const LEAST: usize = 3;
const MOST: usize = 20;
/// What a server does after its answer counts too.
const AFTERWARDS: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Samples,
    Streamed,
}

impl Form {
    pub const ALL: [Form; 2] = [Form::Samples, Form::Streamed];

    pub fn name(self) -> &'static str {
        match self {
            Form::Samples => "SAMPLES",
            Form::Streamed => "STREAMED_XOR_CHUNKS",
        }
    }

    fn request(self, query: &proto::Query) -> Vec<u8> {
        let accepted = match self {
            Form::Samples => proto::read_request::ResponseType::Samples,
            Form::Streamed => proto::read_request::ResponseType::StreamedXorChunks,
        };
        packed(&proto::ReadRequest { queries: vec![query.clone()], accepted_response_types: vec![accepted.into()] })
    }

    fn series(self, body: &[u8]) -> Vec<Series> {
        let mut results = match self {
            Form::Samples => {
                let unpacked = snap::raw::Decoder::new().decompress_vec(body).unwrap();
                series_of(proto::ReadResponse::decode(unpacked.as_slice()).unwrap().results)
            }
            Form::Streamed => chunks::series_of(body, 1, |_, _, _| ()),
        };
        assert_eq!(results.len(), 1);
        results.remove(0)
    }
}

/// The read, a small one to warm up with, and what the read must answer.
pub struct Expected {
    pub query: proto::Query,
    pub small: proto::Query,
    pub series: Vec<Series>,
    pub samples: usize,
}

/// What a read costs.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Microseconds of the server's process for a sample.
    pub cpu: f64,
    /// Milliseconds from the request to the end of the answer.
    pub wall: f64,
    /// Bytes of the answer.
    pub bytes: f64,
    /// MB at the highest, above what the server had when idle.
    pub peak: f64,
}

/// Reads from an idle server, a few times.
pub fn cost(server: &Process, path: &str, form: Form, expected: &Expected, who: &str) -> Cost {
    server.wait_until_idle();
    let url = format!("http://{}{path}", server.address);
    server.forget_peak();
    let idle = server.memory_mb("VmRSS");
    post(&url, &form.request(&expected.small));
    let request = form.request(&expected.query);
    let (mut walls, mut body, mut peak) = (Vec::new(), Vec::new(), 0.0);
    let before = server.cpu_seconds();
    while walls.len() < LEAST || (server.cpu_seconds() - before < LEAST_CPU_SECONDS && walls.len() < MOST) {
        let (took, answer) = post(&url, &request);
        walls.push(took.as_secs_f64() * 1000.0);
        body = answer;
        if walls.len() == LEAST {
            peak = server.memory_mb("VmHWM") - idle;
        }
    }
    std::thread::sleep(AFTERWARDS);
    let cpu = (server.cpu_seconds() - before) * 1e6 / (walls.len() * expected.samples) as f64;
    check(form, &body, expected, who);
    Cost { cpu, wall: median(walls), bytes: body.len() as f64, peak }
}

/// Warms a server up and reads once; what `counts` gives before and after that.
pub fn once<T>(
    address: SocketAddr,
    form: Form,
    expected: &Expected,
    who: &str,
    counts: impl Fn() -> T,
) -> (Duration, T, T) {
    let url = format!("http://{address}/read");
    post(&url, &form.request(&expected.small));
    let before = counts();
    let (took, body) = post(&url, &form.request(&expected.query));
    let after = counts();
    check(form, &body, expected, who);
    (took, before, after)
}

fn post(url: &str, body: &[u8]) -> (Duration, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let started = Instant::now();
    let mut answer = agent.post(url).header("Content-Encoding", "snappy").send(body).unwrap();
    let bytes = answer.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
    let took = started.elapsed();
    assert_eq!(answer.status().as_u16(), 200, "{}", String::from_utf8_lossy(&bytes));
    (took, bytes)
}

/// An answer has the samples that were written, to the bit.
fn check(form: Form, body: &[u8], expected: &Expected, who: &str) {
    let series = form.series(body);
    assert_eq!(series.len(), expected.series.len(), "series of {who} as {}", form.name());
    for (found, written) in series.iter().zip(&expected.series) {
        let bits = |(_, samples): &Series| -> Vec<(u64, i64)> {
            samples.iter().map(|(value, time)| (value.to_bits(), *time)).collect()
        };
        assert!(found.0 == written.0 && bits(found) == bits(written), "{who} as {}: {found:?}", form.name());
    }
}

pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let (lower, upper) = ((numbers.len() - 1) / 2, numbers.len() / 2);
    (numbers[lower] + numbers[upper]) / 2.0
}
