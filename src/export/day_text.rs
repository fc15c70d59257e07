//! The text of a day, in blocks for the thread that writes its files.

use tokio::sync::mpsc;

use super::day_files::Block;
use super::page_sink::Run;
use crate::openmetrics::TextWriter;

/// A block ends with the line that makes it pass this size, in bytes: so little that it is still in the processor's cache
/// when it is compressed.
const BLOCK: usize = 256 << 10;

/// Sends the series of a day as text.
pub(super) struct DayText {
    text: TextWriter,
    max_bytes: usize,
    /// Text of the file under way that was sent.
    sent: usize,
    blocks: mpsc::Sender<Block>,
}

impl DayText {
    /// Begins the first file. A file ends before the series that would begin beyond `max_bytes`.
    pub(super) fn new(max_bytes: usize, blocks: mpsc::Sender<Block>) -> Self {
        DayText { text: TextWriter::default(), max_bytes, sent: 0, blocks }
    }

    /// Writes samples, and waits until there is room for their text. `None` if nobody takes it any more.
    pub(super) async fn write(&mut self, run: Run) -> Option<()> {
        if let Some(labels) = run.labels {
            if self.sent + self.text.len() >= self.max_bytes {
                self.send().await?;
                self.blocks.send(Block::NextFile).await.ok()?;
                self.sent = 0;
            }
            self.text.start_series(&labels);
        }
        for (time, value) in run.samples {
            self.text.push(time, value);
            if self.text.len() >= BLOCK {
                self.send().await?;
            }
        }
        Some(())
    }

    /// Sends the rest. `None` if nobody takes it any more.
    pub(super) async fn end(mut self) -> Option<()> {
        self.send().await?;
        self.blocks.send(Block::End).await.ok()
    }

    async fn send(&mut self) -> Option<()> {
        self.sent += self.text.len();
        self.blocks.send(Block::Text(self.text.take())).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Label;

    const START: i64 = 1_700_000_000_000;

    fn run(name: Option<&str>, samples: i64) -> Run {
        let labels = |name: &str| vec![Label { name: "__name__".to_owned(), value: name.to_owned() }];
        Run { labels: name.map(labels), samples: (0..samples).map(|time| (START + time, 1.0)).collect() }
    }

    /// The sizes of the blocks of text, and all text with the ends of files.
    async fn written(max_bytes: usize, runs: Vec<Run>) -> (Vec<usize>, String) {
        let (sender, mut blocks) = mpsc::channel(1);
        let writing = tokio::spawn(async move {
            let mut text = DayText::new(max_bytes, sender);
            for run in runs {
                text.write(run).await.unwrap();
            }
            text.end().await.unwrap();
        });
        let (mut sizes, mut all) = (Vec::new(), String::new());
        while let Some(block) = blocks.recv().await {
            match block {
                Block::Text(text) => {
                    sizes.push(text.capacity());
                    all.push_str(&String::from_utf8(text).unwrap());
                }
                Block::NextFile => all.push_str("---\n"),
                Block::End => all.push_str("end\n"),
            }
        }
        writing.await.unwrap();
        (sizes, all)
    }

    fn lines(name: &str, samples: i64) -> String {
        let line = |time: i64| format!("{name} 1 {}.{:03}\n", time / 1000, time % 1000);
        (START..START + samples).map(line).collect()
    }

    #[tokio::test]
    async fn a_file_ends_before_the_series_that_would_pass_its_size_and_a_series_is_never_split() {
        let runs = vec![run(Some("a"), 1), run(Some("b"), 1), run(Some("c"), 3), run(None, 2), run(Some("d"), 1)];
        let (_, text) = written(40, runs).await;
        let c = [lines("c", 3), lines("c", 2)].concat();
        assert_eq!(text, [&lines("a", 1), &lines("b", 1), &c, "---\n", &lines("d", 1), "end\n"].concat());
    }

    #[tokio::test]
    async fn a_page_with_long_labels_becomes_blocks_of_a_bounded_size() {
        let long = "x".repeat(1500);
        let (sizes, text) = written(usize::MAX, vec![run(Some(&long), 12_000), run(Some("y"), 1)]).await;
        assert!(text == [lines(&long, 12_000), lines("y", 1), "end\n".to_owned()].concat());
        assert!(sizes.len() > 15 && sizes.iter().all(|size| *size <= 2 * BLOCK), "{sizes:?}");
    }

    #[tokio::test]
    async fn nothing_is_written_when_nobody_takes_it() {
        let (sender, blocks) = mpsc::channel(1);
        drop(blocks);
        let mut text = DayText::new(1, sender);
        assert!(text.write(run(Some("a"), 1)).await.is_some(), "it is not sent yet");
        assert!(text.write(run(Some("b"), 1)).await.is_none());
        assert!(text.end().await.is_none());
    }
}
