//! An OpenMetrics file under way.

use std::io::{self, Write};
use std::path::PathBuf;

use super::disk::{Disk, Ending, failed};
use super::gzip::GzipLines;
use super::page_sink::Run;
use super::settings::Compression;
use crate::error::Error;
use crate::openmetrics::{END, TextWriter};

/// Bytes of plain text that are written at once: so few that they are still in the processor's cache.
const CHUNK: usize = 256 << 10;

/// A file that gets lines.
pub(super) struct Output {
    path: PathBuf,
    form: Form,
}

enum Form {
    Gzip(Box<GzipLines<Disk>>),
    Plain { file: Disk, text: TextWriter, written: u64 },
}

/// A whole file.
pub(super) struct Ended {
    path: PathBuf,
    ending: Ending,
}

impl Output {
    /// Makes the file.
    ///
    /// # Errors
    /// `ExportFileError`: the system refuses it.
    pub(super) fn create(path: PathBuf, compression: Compression) -> Result<Self, Error> {
        let file = Disk::create(&path).map_err(|error| failed(&path, &error))?;
        let form = match compression {
            Compression::Gzip => Form::Gzip(Box::new(GzipLines::new(file))),
            Compression::None => Form::Plain { file, text: TextWriter::default(), written: 0 },
        };
        Ok(Output { path, form })
    }

    /// Writes the lines of samples.
    ///
    /// # Errors
    /// `ExportFileError`: the system refuses it.
    pub(super) fn write(&mut self, run: &Run) -> Result<(), Error> {
        self.form.write(run).map_err(|error| failed(&self.path, &error))
    }

    /// The length of the text so far.
    pub(super) fn text_length(&self) -> u64 {
        match &self.form {
            Form::Gzip(lines) => lines.text_length(),
            Form::Plain { text, written, .. } => written + text.len() as u64,
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `ExportFileError`: the system refuses it.
    pub(super) fn finish(self) -> Result<Ended, Error> {
        let Output { path, form } = self;
        match form.finish() {
            Ok(ending) => Ok(Ended { path, ending }),
            Err(error) => Err(failed(&path, &error)),
        }
    }
}

impl Ended {
    /// Waits until the file is on the disk.
    ///
    /// # Errors
    /// `ExportFileError`: the system refuses it.
    pub(super) fn wait(self) -> Result<(), Error> {
        self.ending.wait().map_err(|error| failed(&self.path, &error))
    }
}

impl Form {
    fn write(&mut self, run: &Run) -> io::Result<()> {
        match self {
            Form::Gzip(lines) => {
                if let Some(labels) = &run.labels {
                    lines.start_series(labels);
                }
                run.samples.iter().try_for_each(|sample| lines.push(sample.time, sample.value))
            }
            Form::Plain { file, text, written } => {
                if let Some(labels) = &run.labels {
                    text.start_series(labels);
                }
                for sample in &run.samples {
                    text.push(sample.time, sample.value);
                    if text.len() >= CHUNK {
                        *written += text.len() as u64;
                        text.write_to(file)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn finish(self) -> io::Result<Ending> {
        match self {
            Form::Gzip(lines) => lines.finish(END)?.finish(),
            Form::Plain { mut file, mut text, .. } => {
                text.write_to(&mut file)?;
                file.write_all(END)?;
                file.finish()
            }
        }
    }
}
