//! The state file of a transfer: what is finished of it, so that a later process goes on where an interrupted one was.
//!
//! Each line is a JSON object. The first says what the transfer is; each further one is written, and forced to the disk,
//! when a piece is finished or has come further. A process may be killed in the middle of a line: a line without its
//! end is no line, and the next one takes its place.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind};

/// The longest line that is read, in bytes. Most have about 200, and the first has as many as a command line.
const MAX_LINE: u64 = 1 << 24;

/// What a transfer is: each option that changes what comes out of it, with its value. Without secrets.
pub type Identity = BTreeMap<String, String>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line.
    Transfer(Identity),
    Finished {
        piece: String,
        outcome: Value,
    },
    Reached {
        piece: String,
        position: u64,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        so_far: Value,
    },
}

/// The state of one transfer, whose file is locked as long as this lives.
#[derive(Debug)]
pub struct State {
    file: File,
    path: PathBuf,
    /// The end of the last line that is on the disk. What stands behind it is no line.
    whole: u64,
    finished: HashMap<String, Value>,
    reached: HashMap<String, (u64, Value)>,
    is_new: bool,
}

impl State {
    /// Opens the state of the transfer that `identity` says, and makes it where there is none.
    ///
    /// # Errors
    /// `StateFileError`: the file is of another transfer, of no transfer, in use by another process, or the system
    /// refuses it.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, Error> {
        let failed = |error: std::io::Error| of_system(path, &error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => refused(path, "is in use by another process"),
            TryLockError::Error(error) => failed(error),
        })?;
        let (finished, reached) = (HashMap::new(), HashMap::new());
        let mut state = State { file, path: path.to_owned(), whole: 0, finished, reached, is_new: false };
        let rest = state.read(identity)?;
        state.is_new = state.whole == 0;
        if state.is_new {
            // A process was killed in the middle of the first line, or there is no file yet.
            let first = text_of(&Line::Transfer(identity.clone()))?;
            if !first.as_bytes().starts_with(&rest) {
                return Err(state.refused("is no state of a transfer"));
            }
            state.append(&first)?;
            // The name, too, must be on the disk.
            let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))
                .and_then(|directory| directory.sync_all())
                .map_err(failed)?;
        }
        Ok(state)
    }

    /// Reads all lines, one after the other since they may be many, and gives what stands behind the last one.
    fn read(&mut self, identity: &Identity) -> Result<Vec<u8>, Error> {
        let mut lines = BufReader::new(&self.file);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            let length = read.map_err(|error| of_system(&self.path, &error))? as u64;
            if length < MAX_LINE && !line.ends_with(b"\n") {
                break;
            }
            match (number, serde_json::from_slice(&line)) {
                (1, Ok(Line::Transfer(known))) => self.compare(&known, identity)?,
                (1, _) => return Err(self.refused("is no state of a transfer")),
                (_, Ok(Line::Finished { piece, outcome })) => {
                    self.finished.insert(piece, outcome);
                }
                (_, Ok(Line::Reached { piece, position, so_far })) => {
                    self.reached.insert(piece, (position, so_far));
                }
                _ => return Err(self.refused(&format!("is damaged in line {number}"))),
            }
            self.whole += length;
        }
        Ok(line)
    }

    fn compare(&self, known: &Identity, identity: &Identity) -> Result<(), Error> {
        let names = known.keys().chain(identity.keys().filter(|name| !known.contains_key(*name)));
        let shown = |value: Option<&String>| value.map_or("nothing".to_owned(), |value| format!("{value:?}"));
        for name in names {
            let (was, is) = (known.get(name), identity.get(name));
            if was != is {
                let (was, is) = (shown(was), shown(is));
                let why =
                    format!("is of another transfer: {name} was {was} and now is {is}; give it a state of its own, or");
                return Err(self.refused(&why));
            }
        }
        Ok(())
    }

    /// The outcome of a piece, if it is finished.
    pub fn finished(&self, piece: &str) -> Option<&Value> {
        self.finished.get(piece)
    }

    /// How far a piece that is not finished has come; 0 if it has not begun.
    pub fn reached(&self, piece: &str) -> u64 {
        self.reached.get(piece).map_or(0, |(position, _)| *position)
    }

    /// What the transfer wants to know of a piece that has come as far as [`State::reached`] says.
    pub fn so_far(&self, piece: &str) -> Option<&Value> {
        self.reached.get(piece).map(|(_, so_far)| so_far)
    }

    /// Notes that a piece is finished, with what the transfer wants to know of it later. It is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn finish(&mut self, piece: &str, outcome: Value) -> Result<(), Error> {
        self.append(&text_of(&Line::Finished { piece: piece.to_owned(), outcome: outcome.clone() })?)?;
        self.finished.insert(piece.to_owned(), outcome);
        Ok(())
    }

    /// Notes how far a piece has come, in a unit of the transfer's. It is on the disk when this returns.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn reach(&mut self, piece: &str, position: u64) -> Result<(), Error> {
        self.reach_with(piece, position, Value::Null)
    }

    /// The same, with what the transfer wants to know of it later.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn reach_with(&mut self, piece: &str, position: u64, so_far: Value) -> Result<(), Error> {
        self.append(&text_of(&Line::Reached { piece: piece.to_owned(), position, so_far: so_far.clone() })?)?;
        self.reached.insert(piece.to_owned(), (position, so_far));
        Ok(())
    }

    /// Writes a line behind the last one. A write that failed may have left a part of its line there, or all of it.
    fn append(&mut self, line: &str) -> Result<(), Error> {
        let (file, end) = (&self.file, self.whole);
        let written = file.set_len(end).and_then(|()| file.write_all_at(line.as_bytes(), end));
        let synced = written.and_then(|()| file.sync_data());
        synced.map_err(|error| of_system(&self.path, &error))?;
        self.whole += line.len() as u64;
        Ok(())
    }

    fn refused(&self, why: &str) -> Error {
        refused(&self.path, why)
    }
}

fn text_of(line: &Line) -> Result<String, Error> {
    let text = serde_json::to_string(line);
    let text = text.map_err(|error| Error::new(Kind::Unavailable, "InternalError", error.to_string()))?;
    Ok(text + "\n")
}

fn of_system(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Unavailable, "StateFileError", format!("{}: {error}", path.display()))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::invalid("StateFileError", format!("{} {why}; remove it to begin anew", path.display()))
}

#[cfg(test)]
mod tests;
