//! A STREAMED_XOR_CHUNKS answer, sent while later pages arrive.
//!
//! Each query has a task that turns its pages into frames; a few run side by side, each at most a piece ahead. The driver
//! hands their pieces on in the order of the queries, under the deadline of the request. When the answer is dropped, so are
//! the tasks, and their queries are cancelled in Timestream.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use metrics::Counter;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::frames::{FrameWriter, PIECE_BYTES};
use super::limits::{SIDE_BY_SIDE, no_memory, too_late};
use super::request::ParsedQuery;
use super::runs::SeriesRuns;
use super::source::Source;
use super::sql::Order;
use crate::budget::Budget;
use crate::error::{Error, Kind};

/// What a query may hold of frames before it takes memory from that of all reads: a piece, and a series of no more.
const OWN_BYTES: usize = 2 * PIECE_BYTES;

type Task = AbortOnDropHandle<Result<(), Error>>;

/// The body of a streamed answer.
#[derive(Debug)]
pub struct ChunkStream {
    first: Option<Bytes>,
    pieces: mpsc::Receiver<Bytes>,
    driver: Option<Task>,
    aborts: Counter,
}

impl ChunkStream {
    /// Starts to answer, and waits for the first piece or the end. Whatever fails until then is told with a status.
    pub(super) async fn start(
        source: Source,
        queries: Vec<ParsedQuery>,
        max_samples: usize,
        memory: Budget,
        deadline: Instant,
        permit: OwnedSemaphorePermit,
    ) -> Result<ChunkStream, Error> {
        let aborts = source.asking.metrics.aborts.clone();
        let (sender, mut pieces) = mpsc::channel(1);
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            let driven = drive(source, queries, max_samples, memory, sender);
            let ended = tokio::time::timeout_at(deadline, driven).await.unwrap_or_else(|_| Err(too_late()));
            // A slow reader does not keep others waiting.
            drop(permit);
            ended
        }));
        match pieces.recv().await {
            Some(first) => Ok(ChunkStream { first: Some(first), pieces, driver: Some(driver), aborts }),
            None => {
                ended(driver.await)?;
                Ok(ChunkStream { first: None, pieces, driver: None, aborts })
            }
        }
    }
}

fn ended(result: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    result.unwrap_or_else(|_| Err(Error::new(Kind::Unavailable, "InternalError", "reading was aborted")))
}

async fn drive(
    source: Source,
    queries: Vec<ParsedQuery>,
    max_samples: usize,
    memory: Budget,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), Error> {
    let source = Arc::new(source);
    let mut waiting = (0..).zip(queries);
    let mut running: VecDeque<(mpsc::Receiver<Bytes>, Task)> = VecDeque::new();
    loop {
        while running.len() < SIDE_BY_SIDE
            && let Some((index, query)) = waiting.next()
        {
            let (sender, pieces) = mpsc::channel(1);
            let task = tokio::spawn(produce(Arc::clone(&source), query, index, max_samples, memory.clone(), sender));
            running.push_back((pieces, AbortOnDropHandle::new(task)));
        }
        let Some((mut pieces, task)) = running.pop_front() else { return Ok(()) };
        while let Some(piece) = pieces.recv().await {
            source.asking.sent.store(true, Ordering::SeqCst);
            if sender.send(piece).await.is_err() {
                return Ok(());
            }
        }
        ended(task.await)?;
    }
}

/// Answers one query.
async fn produce(
    source: Arc<Source>,
    query: ParsedQuery,
    index: i64,
    max_samples: usize,
    memory: Budget,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), Error> {
    let no_memory = |why| no_memory(why, &memory);
    let mut reservation = memory.reserve(0).await.map_err(no_memory)?;
    let Some((mut rows, columns)) = source.open(&query, Order::Series).await? else { return Ok(()) };
    let start = |columns| SeriesRuns::new(columns, Arc::clone(&query.matchers), max_samples, FrameWriter::new(index));
    let mut runs = start(columns);
    let mut was_sent = false;
    loop {
        let page = match rows.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            // If a part was sent, only the reader can start again.
            Err(error) if was_sent => {
                source.learn(&rows, &error);
                return Err(error);
            }
            Err(error) => {
                let again = source.open_again(&query, Order::Series, &rows, error).await?;
                let Some((again, columns)) = again else { return Ok(()) };
                (rows, runs) = (again, start(columns));
                continue;
            }
        };
        runs.add_page(page.output.rows, page.points)?;
        let bytes = runs.held_bytes() + runs.sink().bytes();
        reservation.resize(bytes.saturating_sub(OWN_BYTES)).await.map_err(no_memory)?;
        if runs.sink().ready_bytes() >= PIECE_BYTES {
            was_sent = true;
            if send(runs.sink(), &sender).await.is_err() {
                return Ok(());
            }
        }
    }
    runs.finish()?;
    source.asking.metrics.samples.increment(runs.samples() as u64);
    source.asking.metrics.other_rows.increment(runs.other_rows());
    // The reader may have gone.
    let _ = send(runs.sink(), &sender).await;
    Ok(())
}

/// Sends the frames that are ready.
async fn send(frames: &mut FrameWriter, sender: &mpsc::Sender<Bytes>) -> Result<(), mpsc::error::SendError<Bytes>> {
    for piece in frames.take() {
        sender.send(piece.into()).await?;
    }
    Ok(())
}

impl Body for ChunkStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some(piece) = ready!(self.pieces.poll_recv(context)) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(driver) = self.driver.as_mut() else { return Poll::Ready(None) };
        let result = ready!(Pin::new(driver).poll(context));
        self.driver = None;
        Poll::Ready(match ended(result) {
            Ok(()) => None,
            // An error ends the connection, so that nobody takes a part for the whole.
            Err(error) => {
                tracing::warn!(error = %error, "streamed answer broken off");
                self.aborts.increment(1);
                Some(Err(io::Error::other(error)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.driver.is_none()
    }
}
