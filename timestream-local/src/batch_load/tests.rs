use std::path::PathBuf;

use super::*;
use crate::calendar::Clock;

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn task(number: usize, status: Status) -> Task {
    let asked = Asked {
        database: "db1".into(),
        table: "metrics".into(),
        source: DataSourceConfiguration::default(),
        model: DataModelConfiguration::default(),
        report: ReportConfiguration::default(),
        version: None,
    };
    Task {
        id: format!("{number:04}"),
        client_token: None,
        asked,
        model: model::DataModel::default(),
        files: Vec::new(),
        status,
        created: 1.0,
        updated: 1.0,
        resumable_until: None,
        error_message: None,
        file: 0,
        place: source::Place::default(),
        progress: task::Progress::default(),
        errors: errors::Errors::default(),
    }
}

#[tokio::test]
async fn a_task_that_is_resumed_after_a_restart_is_not_forgotten() {
    let folder = std::env::temp_dir().join(format!("timestream-batch-load-{}", std::process::id()));
    let scratch = Scratch(folder);
    let (storage, _writer) = Storage::open(&scratch.0.join("data"), 1 << 30, Clock::system()).unwrap();
    let root = ObjectRoot::open(&scratch.0.join("objects")).unwrap();
    // What a process left that was killed: its oldest task was under way, and as many are kept as may be.
    for number in 0..=MAX_KEPT {
        let status = if number == 0 { Status::InProgress } else { Status::Succeeded };
        storage.put_document(document(&task(number, status)).unwrap()).await.unwrap();
    }
    let loads = BatchLoads::open(storage, Some(root)).await.unwrap();
    // No thread takes it.
    loads.0.locked().running = MAX_RUNNING;
    assert_eq!(loads.task("0000").unwrap().status, Status::ProgressStopped);
    loads.resume("0000").await.unwrap();
    assert_eq!(loads.task("0000").unwrap().status, Status::PendingResume);
    assert!(loads.task("0001").is_err(), "the oldest that is over makes room");
    assert_eq!(loads.summaries(None).len(), MAX_KEPT);
    let error = loads.resume("0000").await.unwrap_err();
    assert!(error.message.contains("is PENDING_RESUME"), "{}", error.message);
}
