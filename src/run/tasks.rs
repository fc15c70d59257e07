//! The long-lived tasks of the process. If one panics, this is noticed, so that the process does not go on without it.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tracing::error;

/// Tasks by name. Dropping it aborts them.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts a task.
    pub(crate) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until a task panics, and gives its name. A task may end without a panic.
    pub(crate) async fn panicked(&mut self) -> &'static str {
        loop {
            match self.set.join_next().await {
                Some(Ok(())) => {}
                Some(Err(error)) => return self.name(&error),
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until all tasks have ended, but not for longer than `patience`.
    pub(crate) async fn end(mut self, patience: Duration) {
        let all = async {
            while let Some(ended) = self.set.join_next().await {
                if let Err(error) = ended {
                    error!(task = self.name(&error), "a task panicked");
                }
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            error!(tasks = self.set.len(), "tasks did not end in time");
        }
    }

    fn name(&self, error: &JoinError) -> &'static str {
        self.names.get(&error.id()).copied().unwrap_or("unknown")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_task_that_panics_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("ends", async {});
        tasks.spawn("lives", std::future::pending());
        tasks.spawn("panics", async { panic!("as the test wants") });
        assert_eq!(tasks.panicked().await, "panics");
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_waited_for_so_long_and_no_longer() {
        let mut tasks = Tasks::default();
        let (told, hears) = tokio::sync::oneshot::channel();
        tasks.spawn("ends", async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = told.send(());
        });
        tasks.spawn("lives", std::future::pending());
        tasks.end(Duration::from_secs(2)).await;
        assert_eq!(hears.await, Ok(()));
    }
}
