//! Gathers the records of many requests into calls.
//!
//! Requests come over a bounded channel to one thread, which hands their samples out to calls of a hundred, by caller.
//! A full call leaves at once; one that is not full leaves after a short linger. The thread only moves numbers: decoding
//! is done before it and bodies are written after it, on the runtime's threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use crate::sink::Sink;
use crate::sink::call::{Call, Part, Record};
use crate::sink::caller_clients::CallerClients;
use crate::sink::caller_keys::CallerId;
use crate::sink::pending::PendingWrite;

/// Records per WriteRecords call (Timestream quota).
pub const MAX_RECORDS_PER_CALL: usize = 100;

/// A request whose samples are to be written under its caller's credentials.
#[derive(Debug)]
pub struct QueuedWrite {
    /// The caller.
    pub caller: Arc<CallerClients>,
    /// The request, with at least one sample.
    pub write: Arc<PendingWrite>,
}

/// The way into the batcher. Cloning shares the queue; the batcher ends when the last clone is dropped and all that was
/// queued is handed on.
#[derive(Debug, Clone)]
pub struct Queue {
    sender: Sender<QueuedWrite>,
}

/// The queue holds as many requests as it may. This one comes back.
#[derive(Debug)]
pub struct QueueFull(pub QueuedWrite);

impl Queue {
    /// Queues a request.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub fn push(&self, queued: QueuedWrite) -> Result<(), QueueFull> {
        match self.sender.try_send(queued) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(queued) | TrySendError::Disconnected(queued)) => Err(QueueFull(queued)),
        }
    }

    /// Requests that wait.
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }
}

/// Starts the batcher's thread.
///
/// # Errors
/// The system can't start a thread.
pub fn start(capacity: usize, linger: Duration, sink: Sink) -> std::io::Result<(Queue, JoinHandle<()>)> {
    let (sender, receiver) = crossbeam_channel::bounded(capacity.max(1));
    let batcher = Batcher { receiver, linger, sink, gathering: HashMap::new() };
    let thread = std::thread::Builder::new().name("batcher".into()).spawn(move || batcher.run())?;
    Ok((Queue { sender }, thread))
}

struct Batcher {
    receiver: Receiver<QueuedWrite>,
    linger: Duration,
    sink: Sink,
    /// Calls that are not full, by caller. None is empty.
    gathering: HashMap<CallerId, Gathering>,
}

struct Gathering {
    call: Call,
    records: usize,
    leaves_at: Instant,
}

impl Batcher {
    fn run(mut self) {
        loop {
            let next_departure = self.gathering.values().map(|gathering| gathering.leaves_at).min();
            let received = match next_departure {
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.receiver.recv_deadline(at),
            };
            match received {
                Ok(queued) => self.gather(&queued),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if next_departure.is_some_and(|at| at <= Instant::now()) {
                self.depart_due();
            }
        }
        for (_, gathering) in self.gathering.drain() {
            self.sink.deliver(gathering.call);
        }
    }

    fn gather(&mut self, queued: &QueuedWrite) {
        let QueuedWrite { caller, write } = queued;
        let mut gathering = self.gathering.remove(&caller.id()).unwrap_or_else(|| self.empty(caller));
        let request = write.request();
        let mut records = (0..).zip(request.series()).flat_map(|(series, one)| {
            let samples = one.sample_indexes();
            samples.map(move |sample| Record { series, sample })
        });
        loop {
            let part: Vec<Record> = records.by_ref().take(MAX_RECORDS_PER_CALL - gathering.records).collect();
            if part.is_empty() {
                break;
            }
            gathering.records += part.len();
            gathering.call.parts.push(Part { write: write.clone(), records: part });
            if gathering.records == MAX_RECORDS_PER_CALL {
                let full = std::mem::replace(&mut gathering, self.empty(caller));
                self.sink.deliver(full.call);
            }
        }
        if gathering.records > 0 {
            self.gathering.insert(caller.id(), gathering);
        }
    }

    fn empty(&self, caller: &Arc<CallerClients>) -> Gathering {
        let call = Call { caller: caller.clone(), parts: Vec::new() };
        Gathering { call, records: 0, leaves_at: Instant::now() + self.linger }
    }

    fn depart_due(&mut self) {
        let now = Instant::now();
        for (_, gathering) in self.gathering.extract_if(|_, gathering| gathering.leaves_at <= now) {
            self.sink.deliver(gathering.call);
        }
    }
}
