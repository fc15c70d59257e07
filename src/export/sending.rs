//! All hours of an export to a receiver, one after the other.
//!
//! Prometheus takes a sample of any series that is at most an hour older than the newest of all, unless it is set to take
//! older ones (tsdb/head_append.go, appendableMinValidTime: half of a block's two hours). So an hour is sent series by
//! series, each in the order of time, and then the next hour.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::files::known;
use super::outcome::{Outcome, Report};
use super::pieces::{self, Piece};
use super::receiver::{NotTaken, Receiver, Taken};
use super::requests::{Packed, RequestSink};
use super::settings::{ExportSettings, ReceiverSettings};
use super::share::Share;
use super::so_far::SoFar;
use super::table::Table;
use crate::error::{Error, Kind};
use crate::query::Caller;
use crate::transfer::{Progress, State};

/// Sends the hours that `state` does not know, and notes them there.
///
/// # Errors
/// What Timestream answers, or the receiver.
pub(super) async fn export(
    table: &Table,
    settings: &ExportSettings,
    receiver: &ReceiverSettings,
    state: &mut State,
) -> Result<Report, Error> {
    let hours: Vec<Piece> = pieces::hours(settings.start_ms, settings.end_ms).collect();
    let is_done = |hour: &&Piece| state.finished(&hour.name).is_some() || state.finished(hour.day()).is_some();
    let done = hours.iter().filter(is_done).count() as u64;
    if done > 0 {
        tracing::info!(finished = done, hours = hours.len(), "the export goes on where it was");
    }
    let sending = Sending {
        table,
        settings,
        receiver: Receiver::new(receiver)?,
        progress: Progress::start("sent", hours.len() as u64 * Share::WHOLE, done * Share::WHOLE),
        state: Mutex::new(state),
    };
    let mut report = Report { parts: "requests", ..Report::default() };
    for day in pieces::days(settings.start_ms, settings.end_ms) {
        let known_day = sending.state().finished(&day.name).map(known).transpose()?;
        let outcome = match known_day {
            Some(outcome) => outcome,
            None => {
                let outcome = sending.day(&day).await?;
                sending.state().finish(&day.name, json!(outcome))?;
                outcome
            }
        };
        report.days.insert(day.name, outcome);
    }
    Ok(report)
}

struct Sending<'a> {
    table: &'a Table,
    settings: &'a ExportSettings,
    receiver: Receiver,
    progress: Progress,
    state: Mutex<&'a mut State>,
}

impl<'a> Sending<'a> {
    fn state(&self) -> MutexGuard<'_, &'a mut State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn day(&self, day: &Piece) -> Result<Outcome, Error> {
        let hours: Vec<Piece> = pieces::hours(day.bounds.0, day.bounds.1 + 1).collect();
        let counted = self.table.count(&self.settings.selectors, day.bounds).await?;
        let mut outcome = Outcome { counted, ..Outcome::default() };
        for hour in &hours {
            let known_hour = self.state().finished(&hour.name).map(known).transpose()?;
            let sent = match known_hour {
                Some(sent) => sent,
                None if counted == 0 => {
                    self.progress.advance(Share::WHOLE);
                    continue;
                }
                None => {
                    let expected = AtomicU64::new(counted / hours.len() as u64);
                    let sent = self.table.asking(|caller| self.hour(caller, hour, &expected)).await?;
                    self.state().finish(&hour.name, json!(sent))?;
                    sent
                }
            };
            outcome.add(sent);
        }
        Ok(outcome)
    }

    /// Sends what is left of an hour, or all of it if what was sent before is no longer what the table has.
    async fn hour(&self, caller: Caller, hour: &Piece, expected: &AtomicU64) -> Result<Outcome, Error> {
        if let Some(sent) = self.rest(&caller, hour, expected).await? {
            return Ok(sent);
        }
        tracing::warn!(hour = %hour.name, "its samples have changed since a part of them was sent, and all are sent again");
        self.state().reach(&hour.name, 0)?;
        let changed = || Error::new(Kind::Unavailable, "InternalError", "nothing was sent and yet it has changed");
        self.rest(&caller, hour, expected).await?.ok_or_else(changed)
    }

    /// Sends the requests of an hour that were not taken before. `None` if those that were are others now.
    async fn rest(&self, caller: &Caller, hour: &Piece, expected: &AtomicU64) -> Result<Option<Outcome>, Error> {
        let mut share = Share::new(&self.progress, expected);
        let mut sink = RequestSink::new();
        let mut outcome = Outcome::default();
        let selectors = &self.settings.selectors;
        for (index, selector) in selectors.iter().enumerate() {
            // What an earlier selector selects has been sent.
            sink.earlier = selectors.get(..index).unwrap_or_default().to_vec();
            let mut scan = self.table.reader.scan(caller, self.table.range(selector, hour.bounds), &mut sink).await?;
            let before = outcome.read;
            while let Some(sink) = scan.next().await? {
                if self.send(hour, sink.take(), &mut outcome).await?.is_none() {
                    return Ok(None);
                }
                outcome.read = before + scan.received();
                share.is_at(outcome.read);
            }
            outcome.other_rows += scan.other_rows();
        }
        let sent = self.send(hour, sink.finish()?, &mut outcome).await?;
        if sent.is_none() || outcome.parts < self.state().reached(&hour.name) {
            return Ok(None);
        }
        share.finish();
        outcome.series = sink.series;
        Ok(Some(outcome))
    }

    /// Sends requests, but for those that were taken before. `None` if those are others now.
    async fn send(&self, hour: &Piece, requests: Vec<Packed>, outcome: &mut Outcome) -> Result<Option<()>, Error> {
        let mut requests = requests.into_iter().peekable();
        // Whether the note of the request before says already that this one is sent.
        let mut is_noted = false;
        while let Some(Packed { body, samples, digest }) = requests.next() {
            outcome.parts += 1;
            outcome.samples += samples;
            let taken = self.state().reached(&hour.name);
            let mut so_far = SoFar::of(self.state().so_far(&hour.name));
            if outcome.parts <= taken {
                if outcome.parts == taken && so_far.digest != digest {
                    return Ok(None);
                }
                continue;
            }
            let may_be_there = !is_noted && so_far.sending.contains(&digest);
            if !is_noted && !may_be_there {
                so_far.sending.push(digest.clone());
                self.note(hour, taken, &so_far)?;
            }
            match self.receiver.send(body.into(), may_be_there).await {
                Ok(Taken::Surely) => {
                    // A receiver that refuses all that are so old would have refused this one too: the times of those that
                    // were supposed to be there are near.
                    let sending: Vec<String> = requests.peek().map(|next| next.digest.clone()).into_iter().collect();
                    is_noted = !sending.is_empty();
                    self.note(hour, outcome.parts, &SoFar { digest, sending })?;
                }
                // Its note stays until a later one is taken: if that is refused as well, both are sent again.
                Ok(Taken::Supposedly) => is_noted = false,
                Err(NotTaken { error, may_be_there }) => {
                    if !may_be_there {
                        so_far.sending.retain(|sending| *sending != digest);
                        self.note(hour, taken, &so_far)?;
                    }
                    return Err(error);
                }
            }
        }
        Ok(Some(()))
    }

    fn note(&self, hour: &Piece, taken: u64, so_far: &SoFar) -> Result<(), Error> {
        self.state().reach_with(&hour.name, taken, json!(so_far))
    }
}
