//! A Timestream that now and then fails in each way that the real one does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::fault::Fault;
use crate::common::sink::Sink;

/// How long a storm lasts, in which every call is throttled; at most a third of the time.
const STORM: Duration = Duration::from_secs(4);
/// How long a slow call takes.
const SLOW: Duration = Duration::from_secs(3);
/// One in so many records of a call with rejections is rejected.
const REJECT_EACH: usize = 50;

pub struct Timestream {
    pub sink: Sink,
    faults: Arc<AtomicU64>,
}

impl Timestream {
    /// Starts one that has a storm each `storm_every`, the first after a third of that.
    pub fn start(storm_every: Duration) -> Self {
        let (start, faults) = (Instant::now(), Arc::<AtomicU64>::default());
        let counting = faults.clone();
        let sink = Sink::start(move |number| {
            let fault = if storms(start, storm_every) { THROTTLED } else { fault(number) };
            let is_failure = !matches!(fault, Fault::None | Fault::Slow(_));
            counting.fetch_add(u64::from(is_failure), Ordering::SeqCst);
            fault
        });
        Timestream { sink, faults }
    }

    /// WriteRecords calls that met a fault so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }
}

fn storms(start: Instant, every: Duration) -> bool {
    let into = (start.elapsed().as_secs_f64() / every.as_secs_f64() + 2.0 / 3.0).fract();
    into * every.as_secs_f64() < STORM.min(every / 3).as_secs_f64()
}

const THROTTLED: Fault = Fault::Exception(429, "ThrottlingException");

/// Numbers without common factors, so that the faults fall on all kinds of calls.
fn fault(call: u64) -> Fault {
    match call {
        n if n % 97 == 0 => THROTTLED,
        n if n % 211 == 0 => Fault::Exception(500, "InternalServerException"),
        n if n % 307 == 0 => Fault::Broken,
        n if n % 401 == 0 => Fault::StoredThenBroken,
        n if n % 503 == 0 => Fault::Rejecting(REJECT_EACH),
        n if n % 1009 == 0 => Fault::Slow(SLOW),
        _ => Fault::None,
    }
}
