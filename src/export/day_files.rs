//! The OpenMetrics files of a day: written under temporary names, and renamed when all are whole.
//!
//! They are written by a thread of their own, since text takes as long as reading does.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::disk::failed;
use super::output::{Ended, Output};
use super::page_sink::Run;
use super::settings::{Compression, FileSettings};
use crate::error::{Error, Kind};

/// What the files are written from.
#[derive(Debug)]
pub(super) enum Block {
    /// Series in their order.
    Runs(Vec<Run>),
    /// That was all. Without it the files are not whole.
    End,
}

/// Files that are whole, under their temporary names.
#[derive(Debug)]
pub(super) struct DayFiles {
    directory: PathBuf,
    names: Vec<String>,
}

/// Writes the files of a day from `blocks`. A day without samples has none. A file ends before the series that would begin
/// beyond its size.
///
/// # Errors
/// `ExportFileError`: the system refuses a file. [`Kind::Unavailable`] if the blocks have no end.
pub(super) fn write(settings: &FileSettings, day: &str, mut blocks: mpsc::Receiver<Block>) -> Result<DayFiles, Error> {
    // An attempt before, or a process that was interrupted, may have made more files than this one will.
    remove(&settings.directory, day)?;
    let mut files = DayFiles { directory: settings.directory.clone(), names: Vec::new() };
    let mut open: Option<Output> = None;
    // The file before, which goes to the disk meanwhile.
    let mut ended: Option<Ended> = None;
    while let Some(block) = blocks.blocking_recv() {
        let Block::Runs(runs) = block else {
            for file in ended.into_iter().chain(open.map(Output::finish).transpose()?) {
                file.wait()?;
            }
            return Ok(files);
        };
        for run in runs {
            if run.labels.is_some()
                && let Some(full) = open.take_if(|output| output.text_length() >= settings.max_bytes as u64)
                && let Some(before) = ended.replace(full.finish()?)
            {
                before.wait()?;
            }
            let output = match &mut open {
                Some(output) => output,
                None => {
                    files.names.push(name(day, files.names.len() + 1, settings.compression));
                    open.insert(Output::create(files.temporary_path(), settings.compression)?)
                }
            };
            output.write(&run)?;
        }
    }
    Err(Error::new(Kind::Unavailable, "InternalError", "an export was given up"))
}

impl DayFiles {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Gives all files their names. They are on the disk when this returns.
    ///
    /// # Errors
    /// `ExportFileError`: the system refuses it.
    pub(super) fn rename(&self) -> Result<(), Error> {
        for name in &self.names {
            let path = self.directory.join(name);
            std::fs::rename(self.directory.join(temporary(name)), &path).map_err(|error| failed(&path, &error))?;
        }
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| failed(&self.directory, &error))
    }

    /// The path of the last file until it is renamed.
    fn temporary_path(&self) -> PathBuf {
        self.directory.join(temporary(self.names.last().map_or("", String::as_str)))
    }
}

/// Removes what is there of the files of a day.
fn remove(directory: &Path, day: &str) -> Result<(), Error> {
    for path in of_days(directory, |name| is_of(name, day))? {
        std::fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// The files in a directory whose names, those of temporary files as they will be, `is_wanted` picks.
///
/// # Errors
/// `ExportFileError`: the system refuses to list them.
pub(super) fn of_days(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(directory, &error))?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART)).unwrap_or(name);
        if is_wanted(name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The end of temporary names.
const PART: &str = ".part";

fn temporary(name: &str) -> String {
    format!(".{name}{PART}")
}

fn name(day: &str, number: usize, compression: Compression) -> String {
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    let end = match compression {
        Compression::Gzip => ".gz",
        Compression::None => "",
    };
    format!("{day}{number}.om{end}")
}

/// Whether a file with this name may be one of the day.
pub(super) fn is_of(name: &str, day: &str) -> bool {
    let Some(rest) = name.strip_prefix(day).and_then(|rest| rest.strip_prefix('.')) else { return false };
    let rest = rest.strip_suffix(".gz").unwrap_or(rest);
    let number = rest.strip_suffix(".om");
    rest == "om" || number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::decimal::Number;
    use crate::proto::Label;
    use crate::query::Point;

    fn settings(directory: &Path, max_bytes: usize) -> FileSettings {
        FileSettings { directory: directory.to_owned(), compression: Compression::None, max_bytes }
    }

    fn written(settings: &FileSettings, blocks: Vec<Block>) -> Result<DayFiles, Error> {
        let (sender, receiver) = mpsc::channel(blocks.len().max(1));
        blocks.into_iter().for_each(|block| sender.try_send(block).unwrap());
        drop(sender);
        write(settings, "2026-11-28", receiver)
    }

    fn names(directory: &Path) -> Vec<String> {
        let found = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn sample(time: i64) -> Point<Number> {
        Point { time, value: 1.0.into() }
    }

    fn run(name: Option<&str>, samples: i64) -> Run {
        let labels = |name: &str| vec![Label { name: "__name__".to_owned(), value: name.to_owned() }];
        Run { labels: name.map(labels), samples: (0..samples).map(sample).collect() }
    }

    #[test]
    fn files_have_their_names_only_when_they_are_whole() {
        let folder = TempDir::new().unwrap();
        let settings = settings(folder.path(), 1);
        let blocks = || vec![Block::Runs(vec![run(Some("a"), 2), run(Some("b"), 1)]), Block::End];
        let files = written(&settings, blocks()).unwrap();
        assert_eq!(names(folder.path()), [".2026-11-28.2.om.part", ".2026-11-28.om.part"]);
        files.rename().unwrap();
        assert_eq!(names(folder.path()), ["2026-11-28.2.om", "2026-11-28.om"]);
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("2026-11-28.om"), "a 1 0.000\na 1 0.001\n# EOF\n");
        assert_eq!(read("2026-11-28.2.om"), "b 1 0.000\n# EOF\n");
        // Without an end nothing is whole.
        let mut cut = blocks();
        cut.pop();
        assert_eq!(written(&settings, cut).unwrap_err().kind(), Kind::Unavailable);
        std::fs::write(folder.path().join("2026-11-281.om"), "").unwrap();
        remove(folder.path(), "2026-11-28").unwrap();
        assert_eq!(names(folder.path()), ["2026-11-281.om"]);
        assert_eq!(written(&settings, vec![Block::Runs(Vec::new()), Block::End]).unwrap().count(), 0);
    }

    #[test]
    fn a_file_ends_before_the_series_that_would_pass_its_size_and_a_series_is_never_split() {
        let folder = TempDir::new().unwrap();
        let blocks = vec![
            Block::Runs(vec![run(Some("a"), 1), run(Some("b"), 1), run(Some("c"), 3)]),
            Block::Runs(vec![run(None, 2), run(Some("d"), 1)]),
            Block::End,
        ];
        let files = written(&settings(folder.path(), 21), blocks).unwrap();
        files.rename().unwrap();
        let read = |name: &String| {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            text.lines().map(|line| &line[..1]).collect::<String>()
        };
        assert_eq!(files.names.iter().map(read).collect::<Vec<_>>(), ["abccccc#", "d#"]);
    }

    #[test]
    fn gzip_gives_the_same_text_however_the_samples_come_and_nothing_is_left_of_an_attempt_before() {
        let gzip = |blocks| {
            let folder = TempDir::new().unwrap();
            std::fs::write(folder.path().join(".2026-11-28.3.om.gz.part"), "of an attempt before").unwrap();
            let settings = FileSettings { compression: Compression::Gzip, ..settings(folder.path(), 1 << 20) };
            written(&settings, blocks).unwrap().rename().unwrap();
            assert_eq!(names(folder.path()), ["2026-11-28.om.gz"]);
            let file = File::open(folder.path().join("2026-11-28.om.gz")).unwrap();
            std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap()
        };
        let text = gzip(vec![Block::Runs(vec![run(Some("a"), 5), run(Some("b"), 1)]), Block::End]);
        let of = |name, from: i64, to| Run { samples: (from..to).map(sample).collect(), ..run(name, 0) };
        let parts = [vec![of(Some("a"), 0, 1), of(None, 1, 2)], vec![of(None, 2, 5)], vec![], vec![run(Some("b"), 1)]];
        let blocks = parts.map(Block::Runs).into_iter().chain([Block::End]).collect();
        assert_eq!(gzip(blocks), text);
        assert!(text.starts_with("a 1 0.000\na 1 0.001\n") && text.ends_with("b 1 0.000\n# EOF\n"), "{text}");
    }

    #[test]
    fn names_of_other_files_are_not_of_the_day() {
        for name in ["2026-11-28.om", "2026-11-28.om.gz", "2026-11-28.12.om.gz"] {
            assert!(is_of(name, "2026-11-28"), "{name}");
        }
        for name in
            ["2026-11-28", "2026-11-28.om.txt", "2026-11-28.x.om", "2026-11-28..om", "a2026-11-28.om", "2026-11-29.om"]
        {
            assert!(!is_of(name, "2026-11-28"), "{name}");
        }
    }
}
