//! The import as a whole: what is left of it, what became of each piece, and how far it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::input::{self, Input};
use super::lines::Place;
use super::reading::{self, End, Piece, Reading};
use super::retention::{self, Weight};
use super::sending::{Delivery, Failure};
use super::settings::ImportSettings;
use super::text::{self, Text};
use super::totals::Totals;
use crate::error::{Error, Kind};
use crate::ingest::stored::Stored;
use crate::ingest::write::Writer;
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::transfer::{Progress, State};

/// Pieces that are delivered side by side.
const MAX_UNDER_WAY: usize = 8;
/// Pieces that are read ahead.
const MAX_READ: usize = 2;
/// How often it is noted at most how far a text is stored. What was stored since is sent again after a crash, which does no
/// harm.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// What an import works with.
pub struct Import {
    /// What to import.
    pub settings: ImportSettings,
    /// The way into Timestream.
    pub writer: Arc<Writer>,
    /// Whose credentials calls are made with.
    pub caller: Arc<CallerClients>,
    /// The table.
    pub destination: Destination,
    /// Where the table is: a region, or the directory of the embedded Timestream.
    pub place: String,
    /// Whether writes cost money.
    pub is_billed: bool,
    /// What all write requests may hold in memory, in bytes.
    pub memory_limit: usize,
}

/// Imports until all is stored that can be, or `stop` is cancelled, and prints what became of it. Gives whether all is
/// stored.
///
/// # Errors
/// There is nothing to import, the state file can't be used, or Timestream does not take the samples even after waiting.
pub async fn run(import: Import, stop: CancellationToken) -> Result<bool, Error> {
    let Import { settings, writer, caller, destination, place, is_billed, memory_limit } = import;
    let inputs = input::find(&settings.from)?;
    let (retention, which) = retention::ask(&caller, &destination).await?;
    let mut job = Job::new(inputs, text::open_state(&settings, &destination, &place, which)?)?;
    for (weight, note) in retention.notes(reading::now(), &destination, is_billed) {
        match weight {
            Weight::Info => info!("{note}"),
            Weight::Warning => warn!("{note}"),
        }
    }
    let (pieces, received) = mpsc::channel(MAX_READ);
    // Beside the records' JSON a request holds its labels, which take less.
    let max_record_bytes = memory_limit / (2 * MAX_UNDER_WAY);
    let reading = Reading { inputs: job.left(), retention, max_record_bytes, pieces };
    let progress = Progress::start("imported", job.stored_bytes(), job.finished_bytes());
    // It may wait for standard input for ever, so nobody waits for it.
    let _reading = tokio::task::spawn_blocking(move || reading::read(reading));
    let delivery = Delivery { writer, caller, give_up_after: settings.give_up_after, stop: stop.clone() };
    let ended = job.deliver(&delivery, received, &progress, &stop).await;
    drop(progress);
    job.tell(&settings.from, &destination);
    ended?;
    Ok(job.is_good())
}

/// All texts, what became of them so far, and what they are noted in.
struct Job {
    texts: Vec<Text>,
    state: Option<State>,
    noted: Instant,
    /// Of pieces behind one that failed. They are not noted, so they are sent again by the next run.
    not_noted: Totals,
    has_failed: bool,
    /// Texts that can't be read to their end.
    damaged: usize,
}

/// A piece on its way.
struct UnderWay {
    piece: Piece,
    outcome: JoinHandle<Result<Stored, Failure>>,
}

impl Job {
    fn new(inputs: Vec<Input>, state: Option<State>) -> Result<Self, Error> {
        let texts = inputs.into_iter().map(|input| Text::new(input, state.as_ref())).collect::<Result<_, _>>()?;
        Ok(Job { texts, state, noted: Instant::now(), not_noted: Totals::default(), has_failed: false, damaged: 0 })
    }

    fn left(&self) -> Vec<(usize, Input, Place)> {
        let numbered = self.texts.iter().enumerate().filter(|(_, text)| !text.is_finished);
        numbered.map(|(number, text)| (number, text.input.clone(), text.stored)).collect()
    }

    fn stored_bytes(&self) -> u64 {
        self.texts.iter().map(|text| text.input.stored_bytes).sum()
    }

    fn finished_bytes(&self) -> u64 {
        self.texts.iter().filter(|text| text.is_finished).map(|text| text.input.stored_bytes).sum()
    }

    /// Delivers pieces as they come, several at once, and settles them in their order. After the first that fails, no
    /// more are taken, and those under way are waited for.
    async fn deliver(
        &mut self,
        delivery: &Delivery,
        mut pieces: mpsc::Receiver<Piece>,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut under_way: VecDeque<UnderWay> = VecDeque::new();
        let mut first_error = None;
        let mut takes_more = true;
        while takes_more || !under_way.is_empty() {
            let has_place = takes_more && under_way.len() < MAX_UNDER_WAY;
            tokio::select! {
                biased;
                () = stop.cancelled(), if takes_more => {
                    takes_more = false;
                    let message = "the import was interrupted: started again with the same options, it goes on where it was";
                    first_error.get_or_insert(Error::new(Kind::Stopping, "Interrupted", message));
                }
                outcome = first(&mut under_way), if !under_way.is_empty() => {
                    let Some(UnderWay { piece, .. }) = under_way.pop_front() else { continue };
                    progress.advance(piece.stored_bytes);
                    progress.add_samples(piece.totals.read);
                    if let Err(error) = self.settle(piece, outcome) {
                        takes_more = false;
                        first_error.get_or_insert(error);
                    }
                }
                piece = pieces.recv(), if has_place => match piece {
                    Some(mut piece) => {
                        let request = std::mem::take(&mut piece.request);
                        let delivery = delivery.clone();
                        let outcome = tokio::spawn(async move { delivery.deliver(request).await });
                        under_way.push_back(UnderWay { piece, outcome });
                    }
                    None => takes_more = false,
                },
            }
        }
        // After an error, what is stored up to there is noted too.
        let noted = (0..self.texts.len()).try_for_each(|number| self.note(number));
        first_error.map_or(noted, Err)
    }

    /// Counts and notes what became of a piece.
    fn settle(&mut self, piece: Piece, outcome: Result<Stored, Failure>) -> Result<(), Error> {
        let Piece { input, place, mut totals, end, .. } = piece;
        let sent = totals.read - totals.rejected.values().sum::<u64>();
        let failed = match outcome {
            Ok(stored) => {
                totals.add_stored(&stored);
                None
            }
            Err(Failure { error, stored }) => {
                match stored {
                    Some(stored) => totals.add_stored(&stored),
                    None => totals.failed += sent,
                }
                Some(error)
            }
        };
        if let Some(error) = failed {
            self.has_failed = true;
            self.not_noted += &totals;
            return Err(error);
        }
        let Some(text) = self.texts.get_mut(input).filter(|_| !self.has_failed) else {
            self.not_noted += &totals;
            return Ok(());
        };
        text.totals += &totals;
        text.stored = place;
        match &end {
            Some(End::Damaged(why)) => {
                self.damaged += 1;
                warn!("{} can't be read behind line {}: {why}", text.input.name, place.lines);
            }
            Some(End::Unmarked) => {
                warn!("{} does not end with # EOF: something may be missing at its end", text.input.name);
            }
            Some(End::Marked) | None => {}
        }
        text.is_finished = matches!(end, Some(End::Marked | End::Unmarked));
        text.is_noted = false;
        if end.is_some() || self.noted.elapsed() >= NOTE_INTERVAL {
            self.note(input)?;
        }
        Ok(())
    }

    /// Writes into the state file how far a text is stored, if that is not there yet.
    fn note(&mut self, number: usize) -> Result<(), Error> {
        let (Some(state), Some(text)) = (self.state.as_mut(), self.texts.get_mut(number)) else { return Ok(()) };
        if text.is_noted {
            return Ok(());
        }
        self.noted = Instant::now();
        text.note(state)
    }

    fn totals(&self) -> Totals {
        let mut totals = self.not_noted.clone();
        self.texts.iter().for_each(|text| totals += &text.totals);
        totals
    }

    fn is_good(&self) -> bool {
        self.damaged == 0 && self.totals().are_good()
    }

    /// Prints what became of all.
    fn tell(&self, from: &str, Destination { database, table }: &Destination) {
        use std::io::Write;
        let from = if from == "-" { "standard input" } else { from };
        let mut text = format!("{from} into {database}.{table}:\n{}", self.totals().table());
        if self.damaged > 0 {
            text.push_str(&format!("texts that can't be read to their end: {}\n", self.damaged));
        }
        // If the reader has closed the pipe, nobody wants the text.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// The outcome of the first piece under way.
async fn first(under_way: &mut VecDeque<UnderWay>) -> Result<Stored, Failure> {
    let Some(UnderWay { outcome, .. }) = under_way.front_mut() else { return std::future::pending().await };
    outcome.await.unwrap_or_else(|error| {
        let error = Error::new(Kind::Unavailable, "InternalError", format!("a task of the import failed: {error}"));
        Err(Failure { error, stored: None })
    })
}
