//! The OpenMetrics files of a day: written under temporary names, and renamed when all are whole.
//!
//! They are written by a thread of their own, since compression takes as long as reading does.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::settings::{Compression, FileSettings};
use crate::error::{Error, Kind};
use crate::openmetrics;

/// How hard gzip tries: the fastest. Each line repeats most of the one before, so harder work gains little.
const LEVEL: u32 = 1;

/// Bytes that gzip is given at once. What it makes of a text depends on that, and a text comes in blocks of any size.
const CHUNK: usize = 64 << 10;

/// What the files are written from.
#[derive(Debug)]
pub(super) enum Block {
    /// Lines of the file under way.
    Text(Vec<u8>),
    /// The next line begins another file.
    NextFile,
    /// That was all. Without it the files are not whole.
    End,
}

/// Files that are whole, under their temporary names.
#[derive(Debug)]
pub(super) struct DayFiles {
    directory: PathBuf,
    names: Vec<String>,
}

/// Writes the files of a day from `blocks`. A day without lines has none.
///
/// # Errors
/// `ExportFileError`: the system refuses a file. [`Kind::Unavailable`] if the blocks have no end.
pub(super) fn write(settings: &FileSettings, day: &str, mut blocks: mpsc::Receiver<Block>) -> Result<DayFiles, Error> {
    let mut files = DayFiles { directory: settings.directory.clone(), names: Vec::new() };
    let mut open: Option<Encoder> = None;
    while let Some(block) = blocks.blocking_recv() {
        match block {
            Block::Text(text) if text.is_empty() => {}
            Block::Text(text) => {
                let encoder = match &mut open {
                    Some(encoder) => encoder,
                    None => {
                        files.names.push(name(day, files.names.len() + 1, settings.compression));
                        open.insert(Encoder::create(&files.temporary_path(), settings.compression)?)
                    }
                };
                encoder.write(&text)?;
            }
            Block::NextFile => open.take().map_or(Ok(()), Encoder::finish)?,
            Block::End => {
                open.take().map_or(Ok(()), Encoder::finish)?;
                return Ok(files);
            }
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

/// Removes what an interrupted process has left of the files of a day.
///
/// # Errors
/// `ExportFileError`: the system refuses it.
pub(super) fn remove(directory: &Path, day: &str) -> Result<(), Error> {
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

/// A file under way.
struct Encoder {
    path: PathBuf,
    output: Output,
}

enum Output {
    Gzip(Chunked),
    Plain(BufWriter<File>),
}

/// gzip that is given its text in chunks of the same size.
struct Chunked {
    encoder: Box<GzEncoder<File>>,
    /// Less than a chunk.
    pending: Vec<u8>,
}

impl Chunked {
    fn write_all(&mut self, text: &[u8]) -> std::io::Result<()> {
        let mut rest = text;
        if !self.pending.is_empty() {
            let (first, others) = rest.split_at(rest.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(first);
            rest = others;
            if self.pending.len() < CHUNK {
                return Ok(());
            }
            self.encoder.write_all(&self.pending)?;
            self.pending.clear();
        }
        let chunks = rest.chunks_exact(CHUNK);
        self.pending.extend_from_slice(chunks.remainder());
        chunks.into_iter().try_for_each(|chunk| self.encoder.write_all(chunk))
    }

    fn finish(mut self) -> std::io::Result<File> {
        self.encoder.write_all(&self.pending)?;
        self.encoder.finish()
    }
}

impl Encoder {
    fn create(path: &Path, compression: Compression) -> Result<Self, Error> {
        let file = File::create(path).map_err(|error| failed(path, &error))?;
        let output = match compression {
            // The same text gives the same bytes, so the header has no time.
            Compression::Gzip => {
                let encoder = GzBuilder::new().mtime(0).write(file, flate2::Compression::new(LEVEL));
                Output::Gzip(Chunked { encoder: Box::new(encoder), pending: Vec::with_capacity(CHUNK) })
            }
            Compression::None => Output::Plain(BufWriter::new(file)),
        };
        Ok(Encoder { path: path.to_owned(), output })
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        let written = match &mut self.output {
            Output::Gzip(encoder) => encoder.write_all(text),
            Output::Plain(file) => file.write_all(text),
        };
        written.map_err(|error| failed(&self.path, &error))
    }

    fn finish(mut self) -> Result<(), Error> {
        self.write(openmetrics::END)?;
        let file = match self.output {
            Output::Gzip(encoder) => encoder.finish(),
            Output::Plain(file) => file.into_inner().map_err(|error| error.into_error()),
        };
        file.and_then(|file| file.sync_all()).map_err(|error| failed(&self.path, &error))
    }
}

/// An error of the system's, for which no retry helps soon.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid("ExportFileError", format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use tempfile::TempDir;

    use super::*;

    fn settings(directory: &Path, compression: Compression) -> FileSettings {
        FileSettings { directory: directory.to_owned(), compression, max_bytes: 1 }
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

    fn text(text: &str) -> Block {
        Block::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn files_have_their_names_only_when_they_are_whole() {
        let folder = TempDir::new().unwrap();
        let settings = settings(folder.path(), Compression::None);
        let blocks = || vec![text("a 1\n"), text("a 2\n"), Block::NextFile, text(""), text("b 1\n"), Block::End];
        let files = written(&settings, blocks()).unwrap();
        assert_eq!(names(folder.path()), [".2026-11-28.2.om.part", ".2026-11-28.om.part"]);
        files.rename().unwrap();
        assert_eq!(names(folder.path()), ["2026-11-28.2.om", "2026-11-28.om"]);
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("2026-11-28.om"), "a 1\na 2\n# EOF\n");
        assert_eq!(read("2026-11-28.2.om"), "b 1\n# EOF\n");
        // Without an end nothing is whole.
        let mut cut = blocks();
        cut.pop();
        assert_eq!(written(&settings, cut).unwrap_err().kind(), Kind::Unavailable);
        std::fs::write(folder.path().join("2026-11-281.om"), "").unwrap();
        remove(folder.path(), "2026-11-28").unwrap();
        assert_eq!(names(folder.path()), ["2026-11-281.om"]);
        assert_eq!(written(&settings, vec![text(""), Block::End]).unwrap().count(), 0);
    }

    #[test]
    fn gzip_gives_the_same_bytes_however_the_text_comes() {
        let mut all = String::new();
        for line in 0..40_000 {
            all.push_str(&format!("up{{job=\"x\",instance=\"host-{}\"}} {} {}.000\n", line / 100, line * line, line));
        }
        let mut files = Vec::new();
        for size in [all.len(), 1 << 16, 1000, 77] {
            let folder = TempDir::new().unwrap();
            let settings = settings(folder.path(), Compression::Gzip);
            let mut blocks: Vec<Block> = all.as_bytes().chunks(size).map(|chunk| Block::Text(chunk.to_vec())).collect();
            blocks.push(Block::End);
            written(&settings, blocks).unwrap().rename().unwrap();
            files.push(std::fs::read(folder.path().join("2026-11-28.om.gz")).unwrap());
        }
        let mut read = String::new();
        GzDecoder::new(files[0].as_slice()).read_to_string(&mut read).unwrap();
        assert!(read == all + "# EOF\n");
        assert!(files.windows(2).all(|pair| pair[0] == pair[1]), "the size of blocks changes the bytes");
        assert!(files[0].len() * 4 < read.len(), "{} of {}", files[0].len(), read.len());
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
