//! What is imported: files or standard input, plain or gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use flate2::bufread::MultiGzDecoder;

use crate::error::Error;

/// Endings of the files that are taken from a directory, each also with `.gz`.
const ENDINGS: [&str; 4] = [".om", ".openmetrics", ".prom", ".txt"];
/// What a gzip stream begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 256 << 10;

/// One text to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// The file; `None` for standard input.
    pub(super) path: Option<PathBuf>,
    /// Its name in messages and in the state.
    pub(super) name: String,
    /// Its bytes as they are stored; 0 for standard input, since they are not known.
    pub(super) stored_bytes: u64,
    /// When it was changed last, in seconds since 1970; 0 where that is not known.
    pub(super) changed: u64,
}

/// The texts that `--from` names: standard input for `-`, a file, or the files of a directory by name.
///
/// # Errors
/// `ImportInputError`: there is no such file, or none in the directory that can be taken.
pub(super) fn find(from: &str) -> Result<Vec<Input>, Error> {
    if from == "-" {
        return Ok(vec![Input { path: None, name: "standard input".to_owned(), stored_bytes: 0, changed: 0 }]);
    }
    let path = Path::new(from);
    let failed = |error: io::Error| input_error(format!("can't read {from}: {error}"));
    if !path.metadata().map_err(failed)?.is_dir() {
        return Ok(vec![input(path).map_err(failed)?]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if is_taken(&file) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let endings = ENDINGS.join(", ");
        return Err(input_error(format!("no file in {from} ends with one of {endings}, or with one of them and .gz")));
    }
    files.iter().map(|file| input(file).map_err(failed)).collect()
}

fn input(path: &Path) -> io::Result<Input> {
    let metadata = path.metadata()?;
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let (stored_bytes, changed) = (metadata.len(), changed.as_secs());
    Ok(Input { path: Some(path.to_owned()), name: path.display().to_string(), stored_bytes, changed })
}

fn is_taken(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.') && path.is_file()
}

fn input_error(message: String) -> Error {
    Error::invalid("ImportInputError", message)
}

impl Input {
    /// Opens the text. What is gzip is unpacked, all of its members. `read` counts the bytes as they are stored.
    ///
    /// # Errors
    /// The file can't be read.
    pub(super) fn open(&self, read: Arc<AtomicU64>) -> io::Result<Box<dyn BufRead + Send>> {
        let source: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        unpacked(Counted { source, read })
    }
}

fn unpacked(mut source: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut first = Vec::new();
    (&mut source).take(GZIP.len() as u64).read_to_end(&mut first)?;
    let is_gzip = first == GZIP;
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(first).chain(source));
    Ok(if is_gzip { Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))) } else { Box::new(whole) })
}

/// Counts the bytes that are read.
struct Counted<R> {
    source: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.source.read(buffer)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn text(stored: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        unpacked(Cursor::new(stored))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn gzip_is_known_by_its_first_bytes_and_all_members_are_read() {
        assert_eq!(text(b"up 1 2\n".to_vec()).unwrap(), "up 1 2\n");
        assert_eq!(text([gzip(b"up 1 2\n"), gzip(b"up 1 3\n"), gzip(b"")].concat()).unwrap(), "up 1 2\nup 1 3\n");
        assert_eq!(text(Vec::new()).unwrap(), "");
        assert_eq!(text(b"\x1f".to_vec()).unwrap(), "\x1f");
    }

    #[test]
    fn gzip_that_is_cut_off_or_damaged_is_an_error() {
        let whole = gzip(b"up 1 2\nup 1 3\nup 1 4\n");
        for cut in [2, 5, 12, whole.len() - 1] {
            assert!(text(whole[..cut].to_vec()).is_err(), "{cut}");
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(text(changed).is_err());
        assert!(text([whole, b"behind".to_vec()].concat()).is_err());
    }

    #[test]
    fn a_directory_gives_its_texts_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.om", "a.txt.gz", "c.prom", "d.openmetrics.gz", "e.json", ".hidden.om", "f.gz", "g.om.state"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("h.om")).unwrap();
        let found = find(&folder.path().display().to_string()).unwrap();
        let names: Vec<&str> = found.iter().map(|input| input.name.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["a.txt.gz", "b.om", "c.prom", "d.openmetrics.gz"]);
        assert_eq!(find("-").unwrap()[0].name, "standard input");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = find("/nonexistent/a.om").unwrap_err().to_string();
        assert!(error.starts_with("ImportInputError: can't read /nonexistent/a.om: "), "{error}");
        let folder = tempfile::tempdir().unwrap();
        assert!(find(&folder.path().display().to_string()).unwrap_err().to_string().contains("ends with one of .om, "));
    }
}
