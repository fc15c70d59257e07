//! The settings of `import`.

use std::path::PathBuf;

use super::source::Source;
use crate::error::Error;
use crate::import::ImportSettings;

impl<E: Fn(&str) -> Option<String>> Source<E> {
    pub(super) fn import(&self) -> Result<ImportSettings, Error> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ImportSettings {
            from: self.parsed("from", "ParseOptionError", "a file, a directory, or -", given)?,
            state: self.text("state").map(PathBuf::from),
            give_up_after: self.duration("give-up-after")?,
        })
    }
}
