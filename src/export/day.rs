//! A day to OpenMetrics files.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::day_files::{self, Block, DayFiles};
use super::outcome::Outcome;
use super::page_sink::PageSink;
use super::pieces::Piece;
use super::settings::FileSettings;
use super::share::Share;
use super::table::Table;
use crate::error::{Error, Kind};
use crate::query::{Caller, Selector};
use crate::transfer::Progress;

/// Pages that may wait for the thread that writes files.
const WAITING: usize = 2;

/// Reads a day into files that still have their temporary names.
pub(super) async fn export(
    table: &Table,
    selectors: &[Selector],
    settings: &FileSettings,
    day: &Piece,
    progress: &Progress,
) -> Result<(Outcome, DayFiles), Error> {
    let expected = AtomicU64::new(0);
    let expected = &expected;
    let counting = async {
        let counted = table.count(selectors, day.bounds).await?;
        expected.store(counted, Ordering::Relaxed);
        Ok(counted)
    };
    let attempt = |caller| async move {
        let mut share = Share::new(progress, expected);
        let (sender, blocks) = mpsc::channel(WAITING);
        let (own, name) = (settings.clone(), day.name.clone());
        let writing = tokio::task::spawn_blocking(move || day_files::write(&own, &name, blocks));
        let outcome = read(table, &caller, selectors, day, sender, &mut share).await;
        // Even after an error: another attempt writes files of the same names.
        let written = writing.await;
        let written = written.map_err(|_| Error::new(Kind::Unavailable, "InternalError", "writing was aborted"))?;
        // What ended the writing also ended the reading.
        let (outcome, files) = match (outcome, written) {
            (Ok(Some(outcome)), Ok(files)) => (outcome, files),
            (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
            (Ok(None), Ok(_)) => return Err(Error::new(Kind::Unavailable, "InternalError", "writing ended early")),
        };
        share.finish();
        Ok((Outcome { parts: files.count() as u64, ..outcome }, files))
    };
    // Side by side, since both go through all samples of the day.
    let (counted, (outcome, files)) = tokio::try_join!(counting, table.asking(attempt))?;
    Ok((Outcome { counted, ..outcome }, files))
}

/// Reads a day into blocks. `None` if nobody takes them any more.
async fn read(
    table: &Table,
    caller: &Caller,
    selectors: &[Selector],
    day: &Piece,
    blocks: mpsc::Sender<Block>,
    share: &mut Share<'_>,
) -> Result<Option<Outcome>, Error> {
    let mut sink = PageSink::default();
    let mut outcome = Outcome::default();
    for (index, selector) in selectors.iter().enumerate() {
        // What an earlier selector selects is in the files already.
        sink.earlier = selectors.get(..index).unwrap_or_default().to_vec();
        let mut scan = table.reader.scan(caller, table.range(selector, day.bounds), &mut sink).await?;
        let before = outcome.read;
        while let Some(sink) = scan.next().await? {
            if blocks.send(Block::Runs(sink.take())).await.is_err() {
                return Ok(None);
            }
            outcome.read = before + scan.received();
            share.is_at(outcome.read);
        }
        outcome.other_rows += scan.other_rows();
    }
    (outcome.series, outcome.samples) = (sink.series, sink.samples);
    Ok(blocks.send(Block::End).await.ok().map(|()| outcome))
}
