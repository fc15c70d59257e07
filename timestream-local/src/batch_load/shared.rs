//! What the tasks and the API share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::task::{Progress, Task};
use crate::calendar::now_ns;
use crate::error::ApiError;
use crate::objects::ObjectRoot;
use crate::storage::{Document, Storage};

/// The kind of the documents in which tasks are kept.
pub(super) const KIND: &str = "batch load task";

pub(super) struct Shared {
    pub(super) storage: Storage,
    /// What stands for S3, if anything does.
    pub(super) objects: Option<ObjectRoot>,
    pub(super) state: Mutex<State>,
    /// Tasks have to stop.
    pub(super) stops: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    /// By id, which is the order of their creation.
    pub(super) tasks: BTreeMap<String, Task>,
    /// Those that wait for their turn.
    pub(super) queue: VecDeque<String>,
    /// Threads that run.
    pub(super) running: usize,
}

impl Shared {
    pub(super) fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands for S3.
    pub(super) fn root(&self) -> Result<&ObjectRoot, ApiError> {
        self.objects.as_ref().ok_or_else(|| {
            ApiError::validation(
                "Batch load reads a directory in the place of S3, which timestream-local needs --object-root for, and the \
                 connector --embedded.object-root.",
            )
        })
    }

    /// Keeps a task on disk, and shows it. For threads that may wait.
    pub(super) fn keep(&self, task: &Task) -> Result<(), ApiError> {
        let kept = document(task).and_then(|document| self.storage.begin_document(document)?.wait());
        self.locked().tasks.insert(task.id.clone(), task.clone());
        kept
    }

    /// Shows how far a task is.
    pub(super) fn show(&self, id: &str, progress: Progress) {
        if let Some(task) = self.locked().tasks.get_mut(id) {
            task.progress = progress;
        }
    }
}

/// A task as a document.
pub(super) fn document(task: &Task) -> Result<Document, ApiError> {
    let body = serde_json::to_string(task).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Document { kind: KIND, id: task.id.clone(), body: Some(body) })
}

/// Seconds since 1970. Whole milliseconds are read back from JSON as they were.
pub(super) fn now() -> f64 {
    (now_ns() / 1_000_000) as f64 / 1e3
}
