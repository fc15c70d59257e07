//! Answers operators, under the paths and in the formats of Prometheus: health, readiness, status, reload and the level
//! of the log.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tracing::info;

use crate::batcher::Queue;
use crate::budget::Budget;
use crate::door::Door;
use crate::error::{Direction, Error, Kind};
use crate::http::answer::{AnswerBody, error_answer, text};
use crate::paths::AdminPath;
use crate::telemetry::health::Readiness;
use crate::telemetry::log;

/// What operators may see and do.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// All options with the values that are in force, without secrets.
    pub flags: BTreeMap<&'static str, String>,
    /// Whether requests may change the process.
    pub may_change: bool,
    /// Whether there is a log.
    pub logs: bool,
    /// Write requests that the queue may hold.
    pub queue_limit: usize,
}

/// Answers operators.
#[derive(Debug)]
pub struct Admin {
    settings: AdminSettings,
    started: SystemTime,
    door: Door,
    readiness: Readiness,
    budget: Budget,
    queue: Queue,
}

impl Admin {
    /// Answers for a process with these settings and rooms.
    pub fn new(settings: AdminSettings, door: Door, readiness: Readiness, budget: Budget, queue: Queue) -> Self {
        Admin { settings, started: SystemTime::now(), door, readiness, budget, queue }
    }

    /// Answers a request with one of the path's methods. `query` is the part after the path's question mark.
    pub async fn answer(&self, method: &Method, path: AdminPath, query: Option<&str>) -> Response<AnswerBody> {
        let changes = method == Method::POST || method == Method::PUT;
        if changes && !self.settings.may_change {
            let message = "this changes the process; --web.enable-lifecycle allows that";
            return failure(&Error::new(Kind::Forbidden, "LifecycleDisabled", message));
        }
        match path {
            AdminPath::Healthy => plain(StatusCode::OK, "healthy\n"),
            AdminPath::Ready => self.ready(),
            AdminPath::Reload => self.reload().await,
            AdminPath::LogLevel if changes => self.set_level(query.unwrap_or_default()),
            AdminPath::LogLevel => plain(StatusCode::OK, format!("{}\n", log::lower_case(log::level()))),
            AdminPath::BuildInfo => success(&build_info()),
            AdminPath::RuntimeInfo => success(&self.runtime_info()),
            AdminPath::Flags => success(&json!(self.settings.flags)),
            AdminPath::Config => success(&self.config()),
        }
    }

    fn ready(&self) -> Response<AnswerBody> {
        match self.readiness.waiting_for().as_slice() {
            [] => plain(StatusCode::OK, "ready\n"),
            reasons => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join(", "))),
        }
    }

    async fn reload(&self) -> Response<AnswerBody> {
        match self.door.reload().await {
            Ok(()) => plain(StatusCode::OK, ""),
            // 500 as in Prometheus: the request is not at fault.
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")),
        }
    }

    fn set_level(&self, query: &str) -> Response<AnswerBody> {
        if !self.settings.logs {
            return failure(&Error::invalid("LoggingDisabled", "there is no log: --enable-logging is false"));
        }
        let given = query.split('&').find_map(|pair| pair.strip_prefix("level=")).unwrap_or_default();
        let Some(level) = log::parse_level(given) else {
            let message = format!("level is {given:?}; accepted: ?level=debug, info, warn or error");
            return failure(&Error::invalid("ParseOptionError", message));
        };
        let before = log::lower_case(log::level());
        log::set_level(level);
        info!(before, now = given, "the level of the log was changed");
        plain(StatusCode::OK, format!("{given}\n"))
    }

    fn runtime_info(&self) -> Value {
        let waiting_for = self.readiness.waiting_for();
        let runtime = tokio::runtime::Handle::current().metrics();
        let reload = self.door.last_reload();
        let reloaded_at = UNIX_EPOCH + Duration::from_secs(u64::try_from(reload.succeeded_at).unwrap_or_default());
        json!({
            "startTime": log::timestamp(self.started),
            "serverTime": log::timestamp(SystemTime::now()),
            "reloadConfigSuccess": reload.successful,
            "lastConfigTime": log::timestamp(reloaded_at),
            "ready": waiting_for.is_empty(),
            "waitingFor": waiting_for,
            "logLevel": log::lower_case(log::level()),
            "workers": runtime.num_workers(),
            "aliveTasks": runtime.num_alive_tasks(),
            "queueLength": self.queue.len(),
            "queueLimit": self.settings.queue_limit,
            "memoryBytes": self.budget.in_use(),
            "memoryLimitBytes": self.budget.limit(),
        })
    }

    /// The web configuration in force, as Prometheus shows its own: as YAML. JSON is valid YAML.
    fn config(&self) -> Value {
        json!({ "yaml": format!("{:#}\n", self.door.last_reload().config) })
    }
}

fn build_info() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        "embedded": cfg!(feature = "embedded"),
    })
}

/// The envelope of Prometheus' HTTP API.
fn success(data: &Value) -> Response<AnswerBody> {
    let body = json!({ "status": "success", "data": data });
    text(StatusCode::OK, "application/json", format!("{body}\n"))
}

fn failure(error: &Error) -> Response<AnswerBody> {
    error_answer(error, Direction::Read, 0)
}

fn plain(status: StatusCode, body: impl Into<String>) -> Response<AnswerBody> {
    text(status, "text/plain; charset=utf-8", body.into())
}
