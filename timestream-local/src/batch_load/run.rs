//! The thread of a task: reads file after file, and stores their records through the writer, as WriteRecords does.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::check;
use super::form::CsvForm;
use super::plan::Plan;
use super::rows::{Refusal, Rows};
use super::shared::{Shared, now};
use super::source::{Place, Row, Source};
use super::task::{Status, Task};
use super::window::Window;
use crate::error::{ApiError, ErrorKind};
use crate::objects::{Address, ObjectError, ObjectRoot};

/// How often the place in the files is kept, from which a task is resumed.
const KEEP: Duration = Duration::from_secs(5);
/// Most reports that a task may have written before it was broken off.
const MAX_REPORTS: usize = 10;

/// Why a task does not go on.
enum Halt {
    /// It can be resumed.
    Stopped(String),
    /// It is over.
    Failed(String),
}

impl From<ApiError> for Halt {
    fn from(error: ApiError) -> Self {
        match error.kind {
            ErrorKind::InternalServer | ErrorKind::Throttling => Halt::Stopped(error.message),
            _ => Halt::Failed(error.message),
        }
    }
}

/// Runs a task to its end, or until it is broken off.
pub(super) fn run(shared: &Shared, mut task: Task) {
    task.status = Status::InProgress;
    task.updated = now();
    (task.resumable_until, task.error_message) = (None, None);
    let kept = shared.keep(&task);
    let ended = kept.map_err(Halt::from).and_then(|()| {
        let mut run = Run { shared, kept: task.clone(), task: &mut task };
        let loaded = run.load().and_then(|()| run.end());
        if loaded.is_err() {
            // What came after the last place that was kept is read again.
            let Run { kept, task, .. } = run;
            *task = kept;
        }
        loaded
    });
    task.updated = now();
    match ended {
        Ok(()) => {}
        Err(Halt::Stopped(why)) => task.stop(now(), &why),
        Err(Halt::Failed(why)) => {
            task.errors.of_task(why.clone());
            task.status = Status::Failed;
            task.error_message = Some(why.chars().take(2048).collect());
            if let Err(error) = report(shared, &task) {
                tracing::warn!(%error, task = task.id, "the report of a batch load task can't be written");
            }
        }
    }
    if let Err(error) = shared.keep(&task) {
        tracing::error!(%error, task = task.id, "the state of a batch load task can't be kept");
    }
}

/// A task that runs.
struct Run<'r> {
    shared: &'r Shared,
    task: &'r mut Task,
    /// The task as it was kept last.
    kept: Task,
}

impl Run<'_> {
    fn load(&mut self) -> Result<(), Halt> {
        let shared = self.shared;
        let root = shared.root()?;
        let plan = Plan::new(&self.task.model)?;
        let form = CsvForm::new(self.task.asked.source.csv_configuration.as_ref())?;
        while let Some(file) = self.task.files.get(self.task.file).cloned() {
            let bytes = self.task.progress.bytes_metered - self.task.place.byte;
            if let Err(reason) = self.file(root, &plan, &form, &file.key, file.bytes)? {
                self.task.progress.file_failures += 1;
                self.task.errors.of_file(&file.key, None, &reason);
            }
            self.task.progress.bytes_metered = bytes + self.task.place.byte;
            self.task.file += 1;
            self.task.place = Place::default();
            self.keep()?;
        }
        Ok(())
    }

    /// Loads a file. Why it can't be read to its end, if it can't.
    fn file(
        &mut self,
        root: &ObjectRoot,
        plan: &Plan<String>,
        form: &CsvForm,
        key: &str,
        bytes: u64,
    ) -> Result<Result<(), String>, Halt> {
        let mut source = match open(self.task, root, form, key, bytes) {
            Ok(source) => source,
            Err(reason) => return Ok(Err(reason)),
        };
        let plan = match plan.bind(|name| source.column(name)) {
            Ok(plan) => plan,
            Err(column) => return Ok(Err(format!("The header has no column {column}."))),
        };
        let asked = self.task.asked.clone();
        let rows = Rows { plan, null: form.null.as_deref(), version: asked.version.unwrap_or(1) };
        let shared = self.shared;
        let mut window = Window::new(&shared.storage, (&asked.database, &asked.table), key);
        let base = self.task.progress.bytes_metered - self.task.place.byte;
        let (mut kept, mut made) = (Instant::now(), Vec::new());
        let ended = loop {
            let stops = shared.stops.load(Ordering::Relaxed);
            if stops || kept.elapsed() > KEEP {
                window.drain((&mut self.task.progress, &mut self.task.errors))?;
                self.task.place = source.place();
                self.task.progress.bytes_metered = base + self.task.place.byte;
                self.keep()?;
                kept = Instant::now();
            }
            if stops {
                return Err(Halt::Stopped("The server was stopped.".to_owned()));
            }
            match source.next() {
                Ok(None) => break Ok(()),
                Err(reason) => break Err(reason),
                Ok(Some((line, Row::Bad(reason)))) => self.refused(key, line, Refusal::Parse(reason)),
                Ok(Some((line, Row::Whole))) => {
                    rows.records(source.row(), &mut made);
                    for made in made.drain(..) {
                        let outcome = (&mut self.task.progress, &mut self.task.errors);
                        match made {
                            Ok(record) => window.push(record, line, outcome)?,
                            Err(refusal) => self.refused(key, line, refusal),
                        }
                    }
                }
            }
            shared.show(&self.task.id, self.task.progress);
        };
        window.drain((&mut self.task.progress, &mut self.task.errors))?;
        self.task.place = source.place();
        Ok(ended)
    }

    /// Counts and notes a record that is not stored.
    fn refused(&mut self, key: &str, line: u64, refusal: Refusal) {
        let progress = &mut self.task.progress;
        progress.records_processed += 1;
        let (count, reason) = match refusal {
            Refusal::Parse(reason) => (&mut progress.parse_failures, reason),
            Refusal::Rule(reason) => (&mut progress.record_ingestion_failures, reason),
        };
        *count += 1;
        self.task.errors.of_file(key, Some(line), &reason);
    }

    /// Keeps the task, so that it goes on from here if it is broken off.
    fn keep(&mut self) -> Result<(), Halt> {
        self.task.updated = now();
        self.shared.keep(self.task)?;
        self.kept = self.task.clone();
        Ok(())
    }

    /// All files are read.
    fn end(&mut self) -> Result<(), Halt> {
        if self.task.errors.are_none() {
            self.task.status = Status::Succeeded;
            return Ok(());
        }
        let report = report(self.shared, self.task).map_err(|error| Halt::Stopped(error.message))?;
        self.task.status = Status::Failed;
        self.task.error_message = Some(format!("The task has errors; {report} lists them."));
        Ok(())
    }
}

fn open(task: &Task, root: &ObjectRoot, form: &CsvForm, key: &str, bytes: u64) -> Result<Source, String> {
    let bucket = task.asked.source.s3.as_ref().and_then(|s3| s3.bucket_name.as_deref()).unwrap_or_default();
    let file = Address::new(bucket, key).and_then(|address| root.read(&address));
    let file = file.map_err(|error| format!("The file can't be read: {error}"))?;
    let found = file.metadata().map_err(|error| format!("The file can't be read: {error}"))?.len();
    if found != bytes {
        return Err(format!("The file has {found} bytes, and had {bytes} when the task was created."));
    }
    Source::open(file, form, task.place)
}

/// Writes the report of a task. Returns its address.
fn report(shared: &Shared, task: &Task) -> Result<String, ApiError> {
    let (root, folder) = (shared.root()?, check::report(&task.asked.report)?);
    let text = task.errors.report(&task.id).to_string();
    let mut number = 1;
    loop {
        // A task that was broken off behind its report has one already.
        let again = if number > 1 { format!("_{number}") } else { String::new() };
        let address = folder.object(&format!("{}_error_report{again}.json", task.id))?;
        match root.put(address.clone(), text.as_bytes()) {
            Err(ObjectError::Exists(_)) if number < MAX_REPORTS => number += 1,
            written => return Ok(written.map(|()| address.to_string())?),
        }
    }
}
