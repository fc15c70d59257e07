//! A day to OpenMetrics files.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::day_files::{self, Block, DayFiles};
use super::outcome::Outcome;
use super::pieces::Piece;
use super::settings::FileSettings;
use super::share::Share;
use super::table::Table;
use crate::error::{Error, Kind};
use crate::openmetrics::TextWriter;
use crate::proto::Label;
use crate::query::{Caller, Selector, SeriesSink};
use crate::transfer::Progress;

/// Blocks that may wait for the thread that writes files. A block is the text of one page of an answer.
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
        let outcome = read(table, &caller, selectors, day, settings.max_bytes, sender, &mut share).await;
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
    max_bytes: usize,
    blocks: mpsc::Sender<Block>,
    share: &mut Share<'_>,
) -> Result<Option<Outcome>, Error> {
    let mut sink = DaySink::new(max_bytes);
    let mut outcome = Outcome::default();
    for (index, selector) in selectors.iter().enumerate() {
        // What an earlier selector selects is in the files already.
        sink.earlier = selectors.get(..index).unwrap_or_default().to_vec();
        let mut scan = table.reader.scan(caller, table.range(selector, day.bounds), &mut sink).await?;
        let before = outcome.read;
        while let Some(sink) = scan.next().await? {
            for block in sink.take() {
                if blocks.send(block).await.is_err() {
                    return Ok(None);
                }
            }
            outcome.read = before + scan.received();
            share.is_at(outcome.read);
        }
        outcome.other_rows += scan.other_rows();
    }
    (outcome.series, outcome.samples) = (sink.series, sink.samples);
    Ok(blocks.send(Block::End).await.is_ok().then_some(outcome))
}

/// Writes the series of a day as text for its files.
struct DaySink {
    text: TextWriter,
    max_bytes: usize,
    /// Series that these select are left out.
    earlier: Vec<Selector>,
    is_wanted: bool,
    has_samples: bool,
    /// Text of the file under way that was taken.
    taken: usize,
    ready: Vec<Block>,
    series: u64,
    samples: u64,
}

impl DaySink {
    fn new(max_bytes: usize) -> Self {
        DaySink {
            text: TextWriter::default(),
            max_bytes,
            earlier: Vec::new(),
            is_wanted: false,
            has_samples: false,
            taken: 0,
            ready: Vec::new(),
            series: 0,
            samples: 0,
        }
    }

    /// What is to be written so far.
    fn take(&mut self) -> Vec<Block> {
        self.taken += self.text.len();
        let text = self.text.take();
        self.ready.push(Block::Text(text));
        std::mem::take(&mut self.ready)
    }
}

impl SeriesSink for DaySink {
    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        self.is_wanted = !self.earlier.iter().any(|selector| selector.selects(labels));
        self.has_samples = false;
        if self.is_wanted {
            self.text.start_series(labels);
        }
        Ok(())
    }

    fn push(&mut self, time: i64, value: f64) -> Result<(), Error> {
        if !self.is_wanted {
            return Ok(());
        }
        if !self.has_samples {
            self.has_samples = true;
            self.series += 1;
            if self.taken + self.text.len() >= self.max_bytes {
                self.ready.extend([Block::Text(self.text.take()), Block::NextFile]);
                self.taken = 0;
            }
        }
        self.text.push(time, value);
        self.samples += 1;
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Vec<Label> {
        vec![Label { name: "__name__".to_owned(), value: name.to_owned() }]
    }

    fn shown(blocks: Vec<Block>) -> String {
        let show = |block| match block {
            Block::Text(text) => String::from_utf8(text).unwrap(),
            Block::NextFile => "---\n".to_owned(),
            Block::End => "end\n".to_owned(),
        };
        blocks.into_iter().map(show).collect()
    }

    #[test]
    fn a_file_ends_before_the_series_that_would_pass_its_size_and_a_series_is_never_split() {
        let mut sink = DaySink::new(24);
        for (name, samples) in [("a", 1), ("empty", 0), ("b", 1), ("c", 5), ("d", 1), ("empty", 0)] {
            sink.start_series(&labels(name)).unwrap();
            (0..samples).for_each(|time| sink.push(time, 1.0).unwrap());
            sink.end_series().unwrap();
        }
        let lines = |name: &str, samples: i64| (0..samples).map(|t| format!("{name} 1 0.00{t}\n")).collect::<String>();
        let wanted = [&lines("a", 1), &lines("b", 1), &lines("c", 5), "---\n", &lines("d", 1)].concat();
        assert_eq!(shown(sink.take()), wanted);
        assert_eq!((sink.series, sink.samples), (4, 8));
    }

    #[test]
    fn what_an_earlier_selector_selects_is_left_out() {
        let mut sink = DaySink::new(1000);
        sink.earlier = vec![Selector::parse("a").unwrap()];
        for name in ["a", "b"] {
            sink.start_series(&labels(name)).unwrap();
            sink.push(1, 2.0).unwrap();
        }
        assert_eq!(shown(sink.take()), "b 2 0.001\n");
        assert_eq!((sink.series, sink.samples), (1, 1));
    }
}
