//! The state file of a transfer: what is finished of it, so that a later process goes on where an interrupted one was.
//!
//! Each line is a JSON object. The first says what the transfer is; each further one is written, and forced to the disk,
//! when a piece is finished or has come further. A process may be killed in the middle of a line: a line without its
//! end is no line, and is taken away.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind};

/// The largest file that is taken for a state file. A line has about 200 bytes.
const MAX_BYTES: u64 = 1 << 30;

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
        let mut state =
            State { file, path: path.to_owned(), finished: HashMap::new(), reached: HashMap::new(), is_new: false };
        if state.file.metadata().map_err(failed)?.len() > MAX_BYTES {
            return Err(state.refused("is no state of a transfer: it is too large"));
        }
        let mut bytes = Vec::new();
        state.file.read_to_end(&mut bytes).map_err(failed)?;
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let first = text_of(&Line::Transfer(identity.clone()))?;
        if complete == 0 {
            // A process was killed in the middle of the first line, or there is no file yet.
            if !first.as_bytes().starts_with(&bytes) {
                return Err(state.refused("is no state of a transfer"));
            }
            state.is_new = true;
        }
        if !state.is_new {
            state.read(bytes.get(..complete).unwrap_or_default(), identity)?;
        }
        // Only now is it known to be a state, from which a line may be cut off.
        state.file.set_len(complete as u64).map_err(failed)?;
        state.file.seek(SeekFrom::End(0)).map_err(failed)?;
        if state.is_new {
            state.append(&first)?;
            // The name, too, must be on the disk.
            let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))
                .and_then(|directory| directory.sync_all())
                .map_err(failed)?;
        }
        Ok(state)
    }

    fn read(&mut self, bytes: &[u8], identity: &Identity) -> Result<(), Error> {
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match (index, serde_json::from_slice(line)) {
                (0, Ok(Line::Transfer(known))) => self.compare(&known, identity)?,
                (1.., Ok(Line::Finished { piece, outcome })) => {
                    self.finished.insert(piece, outcome);
                }
                (1.., Ok(Line::Reached { piece, position, so_far })) => {
                    self.reached.insert(piece, (position, so_far));
                }
                (0, _) => return Err(self.refused("is no state of a transfer")),
                _ => return Err(self.refused(&format!("is damaged in line {}", index + 1))),
            }
        }
        Ok(())
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

    fn append(&mut self, line: &str) -> Result<(), Error> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| of_system(&self.path, &error))
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
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    fn identity(start: &str) -> Identity {
        [("--start".to_owned(), start.to_owned()), ("--to".to_owned(), "out".to_owned())].into()
    }

    /// A state with three lines behind its first, and its file's bytes.
    fn written(path: &Path) -> Vec<u8> {
        let mut state = State::open(path, &identity("0")).unwrap();
        assert!(state.is_new);
        state.reach("b", 7).unwrap();
        state.finish("a", json!({"samples": 3})).unwrap();
        state.reach_with("b", 8, json!([1])).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn what_is_noted_is_known_wherever_a_line_was_cut_off() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("state");
        let bytes = written(&path);
        let lines_in = |length: usize| bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        for length in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let mut state = State::open(&path, &identity("0")).unwrap();
            let lines = lines_in(length);
            assert_eq!(state.is_new, lines == 0);
            assert_eq!(state.reached("b"), [0, 0, 7, 7, 8][lines], "{length}");
            assert_eq!(
                state.so_far("b"),
                [None, None, Some(&Value::Null), Some(&Value::Null), Some(&json!([1]))][lines]
            );
            assert_eq!(state.finished("a"), (lines > 2).then(|| json!({"samples": 3})).as_ref());
            state.finish("c", json!(null)).unwrap();
            drop(state);
            let state = State::open(&path, &identity("0")).unwrap();
            assert_eq!((state.finished("c"), state.reached("a")), (Some(&Value::Null), 0));
        }
    }

    #[test]
    fn another_transfer_another_file_and_a_second_process_are_refused() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("state");
        let error = |identity: &Identity| State::open(&path, identity).unwrap_err().message().to_owned();
        let bytes = written(&path);
        let held = State::open(&path, &identity("0")).unwrap();
        assert!(error(&identity("0")).contains("in use"));
        drop(held);
        assert!(error(&identity("1")).contains("--start was \"0\" and now is \"1\""));
        assert!(error(&Identity::new()).contains("--start was \"0\" and now is nothing"));
        for other in ["", "x"] {
            std::fs::write(&path, format!("{other}{{\"a\":1}}\n")).unwrap();
            assert!(error(&identity("0")).contains("no state of a transfer"));
            assert!(std::fs::read(&path).unwrap().ends_with(b"1}\n"), "another file is left as it is");
        }
        for other in ["a note\nand another", "{}\n{"] {
            std::fs::write(&path, other).unwrap();
            assert!(error(&identity("0")).contains("no state of a transfer"));
            assert_eq!(std::fs::read(&path).unwrap(), other.as_bytes(), "another file is left as it is");
        }
        std::fs::write(&path, "something else").unwrap();
        assert!(error(&identity("0")).contains("no state of a transfer"));
        assert_eq!(std::fs::read(&path).unwrap(), b"something else");
        std::fs::write(&path, [&bytes[..], b"nonsense\n"].concat()).unwrap();
        assert!(error(&identity("0")).contains("damaged in line 5"));
    }
}
