//! Soaks a whole connector: series that come and go, callers whose keys change, faults of every kind, for as long as asked.
//!
//! ```sh
//! cargo run --release --example soak                              # 30 minutes at 100,000 samples/s
//! cargo run --release --example soak -- --seconds 60 --rate 20000
//! ```
//!
//! The connector is a process of its own, in front of a Timestream that keeps nothing, throttles all calls for four
//! seconds each minute, and fails single ones in each way it can. A tenth of the series is replaced in each round over all
//! of them, some series have values or are in calls that can't be stored, clients hang up, others read. Once warmed up,
//! memory, open files, threads and tasks of the connector are looked at each second. It exits 1 if memory or threads are
//! more in the last third than in the first (memory: over 10 % more, and in less than ten minutes over 16 MiB more), if files
//! or tasks are left when all clients and the Timestream have gone, if a sample is unaccounted for, or if the rate is not
//! reached by nine tenths.
//!
//! Options: `--seconds 1800 --rate 100000 --series 200000 --per-request 2000 --senders 8 --keys-for 60`, the last
//! in seconds: so long each sender uses its keys.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tikv_jemallocator::Jemalloc;

mod churn;
#[path = "../../tests/common/mod.rs"]
mod common;
mod reader;
mod sender;
mod timestream;
mod watch;
#[path = "../../benches/workload/mod.rs"]
mod workload;

use churn::Churn;
use common::metrics::sum;
use common::port::Port;
use common::waiting::eventually;
use sender::{Plan, Tally};
use timestream::Timestream;
use watch::Look;

const LOOK_EACH: Duration = Duration::from_secs(1);
/// How long the connector may take to finish what clients that hung up have left.
const SETTLING: Duration = Duration::from_secs(30);
/// Series in flight, connections and callers are many only after a while.
const WARM_UP: Duration = Duration::from_secs(60);

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "be-connector") {
        return be_connector(&arguments[1..]);
    }
    let given: HashMap<&str, &str> =
        arguments.chunks(2).map(|pair| (pair[0].as_str(), pair.get(1).map_or("", String::as_str))).collect();
    let number = |name: &str, default: u64| given.get(name).map_or(default, |text| text.parse().expect(name));
    let settings = Settings {
        duration: Duration::from_secs(number("--seconds", 1800)),
        rate: number("--rate", 100_000) as f64,
        series: number("--series", 200_000) as usize,
        per_request: number("--per-request", 2000) as usize,
        senders: number("--senders", 8) as usize,
        keys_for: Duration::from_secs(number("--keys-for", 60)),
    };
    let complaints = soak(&settings);
    complaints.iter().for_each(|complaint| println!("NOT MET: {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn be_connector(arguments: &[String]) -> ExitCode {
    use timestream_prometheus_connector::{options::Options, run::daemon::Daemon};
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |name| std::env::var(name).ok()).expect("options");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(options).await.unwrap();
        daemon.run(tokio_util::sync::CancellationToken::new()).await
    })
}

struct Settings {
    duration: Duration,
    rate: f64,
    series: usize,
    per_request: usize,
    senders: usize,
    keys_for: Duration,
}

/// Soaks a connector; what is not as it should be.
fn soak(settings: &Settings) -> Vec<String> {
    let Settings { duration, rate, series, per_request, senders, keys_for } = *settings;
    println!(
        "{rate} samples/s of {series} series at a time for {duration:?}, {per_request} a request, {senders} senders"
    );
    let timestream = Timestream::start((duration / 4).min(Duration::from_secs(60)));
    let connector = Connector::start(timestream.sink.address);
    let (churn, tally, stop) = (Churn::new(series, per_request), Tally::default(), AtomicBool::new(false));
    let interval = Duration::from_secs_f64(per_request as f64 / rate);
    let plan = Plan { address: connector.address, interval, keys_for };
    let start = Instant::now();
    let at_start = connector.look(start);
    let mut looks = Vec::new();
    let (took, reads) = std::thread::scope(|scope| {
        for sender in 0..senders {
            let (churn, tally, stop) = (&churn, &tally, &stop);
            scope.spawn(move || {
                // A sender that gave up ends the soak.
                let _stop = StopOnPanic(stop);
                sender::send(sender, plan, churn, tally, stop);
            });
        }
        let reader = scope.spawn(|| reader::read(connector.address, &stop));
        let warm_up = (duration / 4).min(WARM_UP);
        while start.elapsed() < duration && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EACH);
            let look = connector.look(start);
            if look.at.as_secs().is_multiple_of(30) {
                println!(
                    "{:>5} s: {:.1} MiB, {} files, {} threads, {} tasks",
                    look.at.as_secs(),
                    look.resident_mib,
                    look.files,
                    look.threads,
                    look.tasks
                );
            }
            if look.at > warm_up {
                looks.push(look);
            }
        }
        stop.store(true, Ordering::Relaxed);
        (start.elapsed(), reader.join().unwrap())
    });
    let mut complaints = watch::grown(&looks);
    let answered = (tally.stored.load(Ordering::Relaxed), tally.partly.load(Ordering::Relaxed));
    let reached = (answered.0 + answered.1) as f64 / took.as_secs_f64();
    println!(
        "{} samples of {} series answered at {reached:.0}/s, {} requests refused and sent again, {} calls failed, {reads} reads",
        answered.0 + answered.1,
        churn.series_by(tally.next.load(Ordering::Relaxed)),
        tally.refused.load(Ordering::Relaxed),
        timestream.faults(),
    );
    if reached < rate * 0.9 {
        complaints.push(format!("{reached:.0} samples/s instead of {rate}"));
    }
    complaints.extend(unaccounted(&connector, &timestream, answered.0));
    timestream.sink.end();
    complaints.extend(left_at_rest(&connector, start, &at_start));
    complaints
}

/// What the connector still holds once nobody is connected to it.
fn left_at_rest(connector: &Connector, start: Instant, at_start: &Look) -> Vec<String> {
    let deadline = Instant::now() + SETTLING;
    loop {
        std::thread::sleep(LOOK_EACH);
        let at_rest = connector.look(start);
        let left = watch::left(at_start, &at_rest);
        if left.is_empty() || Instant::now() > deadline {
            println!(
                "at rest: {} files, {} tasks; {} and {} at the start",
                at_rest.files, at_rest.tasks, at_start.files, at_start.tasks
            );
            return left;
        }
    }
}

/// What does not add up once nothing is in flight.
fn unaccounted(connector: &Connector, timestream: &Timestream, answered: u64) -> Vec<String> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let text = connector.metrics();
        let of = |name: &str| sum(&text, &format!("timestream_connector_{name}")).unwrap_or(f64::NAN);
        let [received, written, ignored, rejected, failed] =
            ["received", "written", "ignored", "rejected", "failed"].map(|name| of(&format!("{name}_samples_total")));
        let (memory, queue) = (of("memory_bytes"), of("queue_length"));
        let stored = timestream.sink.counts().stored as f64;
        let all_there = written + ignored + rejected >= answered as f64 && stored >= written;
        if received == written + ignored + rejected + failed && memory == 0.0 && queue == 0.0 && all_there {
            println!(
                "{received} received = {written} written + {ignored} ignored + {rejected} rejected + {failed} failed"
            );
            return Vec::new();
        }
        if Instant::now() > deadline {
            return vec![format!(
                "{received} received, {written} written, {ignored} ignored, {rejected} rejected, {failed} failed; \
                 {stored} stored, {answered} answered 204; {memory} bytes and {queue} requests held"
            )];
        }
        std::thread::sleep(LOOK_EACH);
    }
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

struct Connector {
    child: Child,
    address: SocketAddr,
    _port: Port,
}

impl Connector {
    fn start(timestream: SocketAddr) -> Self {
        let port = Port::new();
        let address = port.address;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["be-connector", "--default-database=dat", "--default-table=tab"])
            // Shorter than a storm and a slow call, so that requests fail too.
            .arg("--write.timeout=2500ms")
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--write-base-endpoint=http://{timestream}"))
            .arg(format!("--query-base-endpoint=http://{timestream}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the connector listens", || TcpStream::connect(address).is_ok());
        Connector { child, address, _port: port }
    }

    fn look(&self, start: Instant) -> Look {
        Look::take(start.elapsed(), self.child.id(), &self.metrics())
    }

    fn metrics(&self) -> String {
        sender::get(self.address, "/metrics").unwrap()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
