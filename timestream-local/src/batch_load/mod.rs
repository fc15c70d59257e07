//! Batch load: CSV files into a table, in the background. Tasks are kept in the file, and those that were broken off can be
//! resumed.

mod check;
mod errors;
mod form;
mod model;
mod plan;
mod rows;
mod run;
mod shared;
mod source;
mod task;
mod window;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub(crate) use model::{DataModelConfiguration, DataSourceConfiguration, ReportConfiguration};
use shared::{KIND, Shared, State, document, now};
pub(crate) use task::{Asked, Status, Task};

use crate::calendar::now_ns;
use crate::error::{ApiError, ErrorKind};
use crate::objects::ObjectRoot;
use crate::storage::{Document, Storage, no_database, no_table};

/// Most tasks that run or wait, of a table and of all (quotas of the developer guide).
const MAX_OF_TABLE: usize = 5;
const MAX_ACTIVE: usize = 10;
/// Tasks that run at once. Further ones wait.
const MAX_RUNNING: usize = 2;
/// Most tasks that are kept. The oldest that are over make room.
const MAX_KEPT: usize = 1000;
/// Bytes of a new task as JSON: all tasks are in memory, and are read at the start.
const MAX_DOCUMENT: usize = 256 << 10;

/// All batch load tasks. Those that run are stopped when it is dropped.
pub(crate) struct BatchLoads(Arc<Shared>);

impl BatchLoads {
    /// Reads the tasks that are kept. Those that an end of the process broke off are stopped, and can be resumed.
    ///
    /// # Errors
    /// Tasks that can't be read, or written.
    pub(crate) async fn open(storage: Storage, objects: Option<ObjectRoot>) -> Result<Self, ApiError> {
        let mut state = State::default();
        for (id, body) in storage.documents(KIND)? {
            let read = serde_json::from_str::<Task>(&body);
            let mut task = read.map_err(|error| ApiError::internal(format!("batch load task {id}: {error}")))?;
            if task.status.is_active() {
                task.stop(now(), "The server was stopped while the task was under way.");
                storage.put_document(document(&task)?).await?;
            }
            state.tasks.insert(id, task);
        }
        let (state, stops) = (Mutex::new(state), AtomicBool::new(false));
        Ok(BatchLoads(Arc::new(Shared { storage, objects, state, stops })))
    }

    /// Makes a task, or finds the one that was made with the same token. Returns its id.
    pub(crate) async fn create(&self, asked: Asked, client_token: Option<String>) -> Result<String, ApiError> {
        let root = self.0.root()?.clone();
        let catalog = self.0.storage.catalog();
        let database = catalog.databases.get(&asked.database).ok_or_else(|| no_database(&asked.database))?;
        database.tables.get(&asked.table).ok_or_else(|| no_table(&asked.table))?;
        if let Some(id) = known(&self.0.locked(), &asked, client_token.as_deref())? {
            return Ok(id);
        }
        let checked = asked.clone();
        let checked = tokio::task::spawn_blocking(move || check::check(&checked, &root)).await;
        let (model, files) = checked.map_err(|error| ApiError::internal(error.to_string()))??;
        let id = format!("{:016X}{:016X}", now_ns(), RandomState::new().hash_one(now_ns()));
        let task = Task {
            id: id.clone(),
            client_token: client_token.clone(),
            asked,
            model,
            files,
            status: Status::Created,
            created: now(),
            updated: now(),
            resumable_until: None,
            error_message: None,
            file: 0,
            place: source::Place::default(),
            progress: task::Progress::default(),
            errors: errors::Errors::default(),
        };
        let kept = document(&task)?;
        if kept.body.as_ref().is_some_and(|body| body.len() > MAX_DOCUMENT) {
            return Err(ApiError::validation(format!("The task takes more than {MAX_DOCUMENT} bytes as JSON.")));
        }
        {
            let mut state = self.0.locked();
            // Another call may have made it meanwhile.
            if let Some(id) = known(&state, &task.asked, client_token.as_deref())? {
                return Ok(id);
            }
            check_room(&state, &task)?;
            state.tasks.insert(id.clone(), task.clone());
        }
        begin(Arc::clone(&self.0), task, kept, None).await?;
        Ok(id)
    }

    /// A task by its id.
    pub(crate) fn task(&self, id: &str) -> Result<Task, ApiError> {
        self.0.locked().tasks.get(id).cloned().ok_or_else(|| missing(id))
    }

    /// The summaries of all tasks in the order of their creation, or of those with a status: each with its id.
    pub(crate) fn summaries(&self, status: Option<&str>) -> Vec<(String, Value)> {
        let state = self.0.locked();
        let tasks = state.tasks.iter().filter(|(_, task)| status.is_none_or(|status| task.status.name() == status));
        tasks.map(|(id, task)| (id.clone(), task.summary())).collect()
    }

    /// Lets a task that stopped go on.
    pub(crate) async fn resume(&self, id: &str) -> Result<(), ApiError> {
        self.0.root()?;
        let mut task = self.task(id)?;
        if task.status != Status::ProgressStopped {
            let message =
                format!("The task {id} is {}; only one that is PROGRESS_STOPPED can be resumed.", task.status.name());
            return Err(ApiError::validation(message));
        }
        if task.resumable_until.is_some_and(|until| until < now()) {
            return Err(ApiError::validation(format!("The task {id} can't be resumed any more.")));
        }
        let stopped = task.clone();
        task.status = Status::PendingResume;
        // So that it does not make room for a new one.
        task.resumable_until = None;
        task.updated = now();
        let kept = document(&task)?;
        {
            let mut state = self.0.locked();
            check_room(&state, &task)?;
            let found = state.tasks.get_mut(id).filter(|found| found.status == Status::ProgressStopped);
            *found.ok_or_else(|| ApiError::validation(format!("The task {id} is being resumed already.")))? =
                task.clone();
        }
        begin(Arc::clone(&self.0), task, kept, Some(stopped)).await
    }
}

/// Keeps a task that is in the state already, and has it run. If it can't be kept, the one `before` is in the state again.
/// It goes on when the caller hangs up: a task that is active, and never runs, would take a place for ever.
async fn begin(shared: Arc<Shared>, task: Task, kept: Document, before: Option<Task>) -> Result<(), ApiError> {
    let begun = tokio::spawn(async move {
        if let Err(error) = shared.storage.put_document(kept).await {
            let mut state = shared.locked();
            match before {
                Some(before) => state.tasks.insert(task.id, before),
                None => state.tasks.remove(&task.id),
            };
            return Err(error);
        }
        enqueue(&shared, &task.id);
        if let Err(error) = make_room(&shared).await {
            tracing::warn!(%error, "an old batch load task can't be forgotten");
        }
        Ok(())
    });
    begun.await.map_err(|error| ApiError::internal(error.to_string()))?
}

/// Forgets the oldest tasks that are over, if there are too many.
async fn make_room(shared: &Shared) -> Result<(), ApiError> {
    loop {
        let oldest = {
            let mut state = shared.locked();
            if state.tasks.len() <= MAX_KEPT {
                return Ok(());
            }
            let over = state.tasks.iter().find(|(_, task)| task.status.is_over() || task.resumable_until.is_some());
            let Some(id) = over.map(|(id, _)| id.clone()) else { return Ok(()) };
            state.tasks.remove(&id);
            id
        };
        shared.storage.put_document(Document { kind: KIND, id: oldest, body: None }).await?;
    }
}

/// Has a task run when there is a place.
fn enqueue(shared: &Arc<Shared>, id: &str) {
    let mut state = shared.locked();
    state.queue.push_back(id.to_owned());
    if state.running >= MAX_RUNNING {
        return;
    }
    let own = Arc::clone(shared);
    match std::thread::Builder::new().name("batch load".to_owned()).spawn(move || work(&own)) {
        Ok(_) => state.running += 1,
        Err(error) => tracing::error!(%error, "no thread for a batch load task, which waits for another one"),
    }
}

/// The task that a token was used for.
fn known(state: &State, asked: &Asked, client_token: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(token) = client_token else { return Ok(None) };
    match state.tasks.values().find(|task| task.client_token.as_deref() == Some(token)) {
        None => Ok(None),
        Some(task) if task.asked == *asked => Ok(Some(task.id.clone())),
        Some(_) => Err(ApiError::new(ErrorKind::Conflict, "The ClientToken was used for another batch load task.")),
    }
}

/// Checks that one more task may be active.
fn check_room(state: &State, task: &Task) -> Result<(), ApiError> {
    let active = || state.tasks.values().filter(|task| task.status.is_active());
    let (database, table) = (&task.asked.database, &task.asked.table);
    let of_table = active().filter(|other| other.is_for(database, table)).count();
    if of_table >= MAX_OF_TABLE || active().count() >= MAX_ACTIVE {
        let message = format!(
            "At most {MAX_OF_TABLE} batch load tasks of a table, and {MAX_ACTIVE} in all, may be active. Try again later."
        );
        return Err(ApiError::new(ErrorKind::Throttling, message));
    }
    Ok(())
}

impl Drop for BatchLoads {
    fn drop(&mut self) {
        self.0.stops.store(true, Ordering::Relaxed);
    }
}

/// Runs the tasks that wait, one after the other.
fn work(shared: &Shared) {
    let mut place = Place { shared, is_taken: true };
    while let Some(task) = place.next() {
        run::run(shared, task);
    }
}

/// The place of a thread that runs tasks. It is free again however the thread ends.
struct Place<'s> {
    shared: &'s Shared,
    is_taken: bool,
}

impl Place<'_> {
    /// The next task that waits. Without one, the place is free at once, so that no task waits for a thread that ends.
    fn next(&mut self) -> Option<Task> {
        let mut state = self.shared.locked();
        while !self.shared.stops.load(Ordering::Relaxed)
            && let Some(id) = state.queue.pop_front()
        {
            if let Some(task) = state.tasks.get(&id) {
                return Some(task.clone());
            }
        }
        state.running -= 1;
        self.is_taken = false;
        None
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.shared.locked().running -= 1;
        }
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("The batch load task {id} does not exist."))
}

#[cfg(test)]
mod tests;
