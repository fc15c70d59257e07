//! A text of an import, how far it is stored, and how the state file notes that.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tracing::info;

use super::input::Input;
use super::lines::Place;
use super::settings::ImportSettings;
use super::totals::Totals;
use crate::error::{Error, Kind};
use crate::sink::destination::Destination;
use crate::transfer::{Identity, State};

/// Opens the state file of an import; `None` for standard input, unless one is named. `which` tells the table from others
/// of its name, as far as that is known.
///
/// # Errors
/// `StateFileError`: it is of another import, in use, damaged, or can't be written.
pub(super) fn open_state(
    settings: &ImportSettings,
    Destination { database, table }: &Destination,
    place: &str,
    which: Option<String>,
) -> Result<Option<State>, Error> {
    let from = Path::new(&settings.from);
    let is_input = settings.from == "-";
    let name = format!("import-{database}.{table}.state");
    let file = match &settings.state {
        Some(state) => state.clone(),
        None if is_input => return Ok(None),
        None if from.is_dir() => from.join(name),
        None => PathBuf::from(format!("{}.{name}", settings.from)),
    };
    let absolute = if is_input { from.to_owned() } else { std::path::absolute(from).unwrap_or(from.into()) };
    let mut identity = Identity::from([
        ("command".to_owned(), "import".to_owned()),
        ("--from".to_owned(), absolute.display().to_string()),
        ("table".to_owned(), format!("{database}.{table}, {place}")),
    ]);
    if let Some(which) = which {
        identity.insert("origin of the table".to_owned(), which);
    }
    State::open(&file, &identity).map(Some)
}

/// A text, and how far it is stored.
pub(super) struct Text {
    pub(super) input: Input,
    /// Up to where all samples are stored that can be.
    pub(super) stored: Place,
    /// What became of the lines up to there.
    pub(super) totals: Totals,
    pub(super) is_finished: bool,
    /// Whether the state file says so.
    pub(super) is_noted: bool,
}

impl Text {
    /// A text, as far as the state file says that it is stored.
    ///
    /// # Errors
    /// `StateFileError`: what is noted can't be read, or is of a standard input that was read to its end.
    pub(super) fn new(input: Input, state: Option<&State>) -> Result<Self, Error> {
        let (stored, totals) = (Place::default(), Totals::default());
        let mut text = Text { input, stored, totals, is_finished: false, is_noted: true };
        if let Some(state) = state {
            let key = text.key();
            let finished = state.finished(&key);
            text.is_finished = finished.is_some();
            if let Some(noted) = finished.or_else(|| state.so_far(&key)) {
                (text.stored, text.totals) = read(noted)?;
            }
        }
        if text.is_finished && text.input.path.is_none() {
            // It has neither a name nor a size that would tell another text.
            let message =
                "this state file is of a standard input that is imported already; for another text name another";
            return Err(Error::invalid("StateFileError", message));
        }
        if text.is_finished {
            info!("{} is imported already, as the state file says", text.input.name);
        } else if text.stored.lines > 0 {
            info!("{} is imported from line {} on", text.input.name, text.stored.lines + 1);
        }
        Ok(text)
    }

    /// Its name in the state file. A file that has another size, or was changed since, is another text.
    fn key(&self) -> String {
        let name = Path::new(&self.input.name).file_name().unwrap_or_default().to_string_lossy();
        format!("{name} ({} bytes, changed {})", self.input.stored_bytes, self.input.changed)
    }

    /// Notes how far it is stored.
    ///
    /// # Errors
    /// The system refuses to write.
    pub(super) fn note(&mut self, state: &mut State) -> Result<(), Error> {
        let failed = |error: serde_json::Error| Error::new(Kind::Unavailable, "InternalError", error.to_string());
        let noted = serde_json::to_value((self.stored, &self.totals)).map_err(failed)?;
        if self.is_finished {
            state.finish(&self.key(), noted)?;
        } else {
            state.reach_with(&self.key(), self.stored.bytes, noted)?;
        }
        self.is_noted = true;
        Ok(())
    }
}

/// What is noted of a text: up to where it is stored, and what became of its lines.
fn read(noted: &Value) -> Result<(Place, Totals), Error> {
    serde_json::from_value(noted.clone()).map_err(|error| {
        let message = format!("what the state file notes of a text can't be read: {error}; remove it to begin anew");
        Error::invalid("StateFileError", message)
    })
}
