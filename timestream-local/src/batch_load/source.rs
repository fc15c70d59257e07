//! A file that is read row by row, with a bound on what a row takes in memory.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use csv::{Position, StringRecord};
use serde::{Deserialize, Serialize};

use super::form::CsvForm;

/// Bytes of a row (quotas of the developer guide).
const MAX_ROW: u64 = 16 << 20;
/// What the reader takes from the file at once.
const BUFFER: usize = 64 << 10;
/// The mark of UTF-8 that some programs write, and that the guide says is an error.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A place between two rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// From 0. Nothing of the file is read at 0.
    pub(super) byte: u64,
    line: u64,
    record: u64,
}

/// An open file.
pub(super) struct Source {
    reader: csv::Reader<Bounded>,
    /// Until where the file may be read before the row ends.
    until: Rc<Cell<u64>>,
    /// The places of the columns.
    columns: HashMap<String, usize>,
    row: StringRecord,
}

/// What a row is.
pub(super) enum Row {
    /// As many values as the header has.
    Whole,
    /// It can't be read.
    Bad(String),
}

impl Source {
    /// Opens a file, reads its header, and goes on at a place.
    ///
    /// # Errors
    /// Why the file can't be read.
    pub(super) fn open(mut file: File, form: &CsvForm, place: Place) -> Result<Source, String> {
        let mut start = Vec::new();
        let told = |error: io::Error| format!("The file can't be read: {error}");
        (&mut file).take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start).map_err(told)?;
        if start == BYTE_ORDER_MARK {
            return Err("The file begins with a byte order mark.".to_owned());
        }
        file.seek(SeekFrom::Start(0)).map_err(told)?;
        let until = Rc::new(Cell::new(MAX_ROW + BUFFER as u64));
        let bounded = Bounded { file, read: 0, until: Rc::clone(&until) };
        let reader = form.reader().buffer_capacity(BUFFER).from_reader(bounded);
        let mut source = Source { reader, until, columns: HashMap::new(), row: StringRecord::new() };
        let mut header = StringRecord::new();
        match source.reader.read_record(&mut header) {
            Ok(true) => {}
            Ok(false) => return Err("The file has no header.".to_owned()),
            Err(error) => return Err(format!("The header can't be read: {}", reason(&error))),
        }
        for (place, name) in header.iter().enumerate() {
            if source.columns.insert(name.to_owned(), place).is_some() {
                return Err(format!("The header has two columns with the name {name}."));
            }
        }
        if place.byte > 0 {
            let mut position = Position::new();
            position.set_byte(place.byte).set_line(place.line).set_record(place.record);
            source.reader.seek(position).map_err(|error| format!("The file can't be read: {}", reason(&error)))?;
        }
        source.allow();
        Ok(source)
    }

    /// Where the header has a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// Reads the next row, which is [`Source::row`] then. The line where it begins, and what it is; `None` at the end.
    ///
    /// # Errors
    /// Why the rest of the file can't be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Row)>, String> {
        let line = self.reader.position().line();
        let read = self.reader.read_record(&mut self.row);
        let line = self.row.position().map_or(line, Position::line);
        let row = match read {
            Ok(false) => return Ok(None),
            Ok(true) if self.row.len() == self.columns.len() => Row::Whole,
            Ok(true) => Row::Bad("The row has not as many values as the header.".to_owned()),
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                Row::Bad("The row is not UTF-8.".to_owned())
            }
            Err(error) => return Err(format!("The file can't be read: {}", reason(&error))),
        };
        self.allow();
        Ok(Some((line, row)))
    }

    /// The last row.
    pub(super) fn row(&self) -> &StringRecord {
        &self.row
    }

    /// Where the next row begins.
    pub(super) fn place(&self) -> Place {
        let position = self.reader.position();
        Place { byte: position.byte(), line: position.line(), record: position.record() }
    }

    /// Lets the next row be read.
    fn allow(&self) {
        self.until.set(self.reader.position().byte() + MAX_ROW + BUFFER as u64);
    }
}

/// What went wrong, without the place, which reports have apart.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// A file that is read up to a place.
struct Bounded {
    file: File,
    read: u64,
    until: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.until.get() {
            return Err(io::Error::other("a row is larger than 16 MB"));
        }
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.read = self.file.seek(to)?;
        // What is read from here on ends with a row again.
        self.until.set(self.read + MAX_ROW + BUFFER as u64);
        Ok(self.read)
    }
}
