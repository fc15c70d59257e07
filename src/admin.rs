//! What operators ask of the process and change in it, under the paths and in the formats of Prometheus: health, readiness,
//! status, reload and the level of the log.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tracing::info;

use crate::batcher::Queue;
use crate::budget::Budget;
use crate::error::{Direction, Error, Kind};
use crate::ingest::server::AnswerBody;
use crate::options::Options;
use crate::routes::{error_answer, text};
use crate::telemetry::health::Readiness;
use crate::telemetry::log;
use crate::web_config::Door;

/// The methods that a path of this room takes; none for a path of another room.
pub fn methods(path: &str) -> Option<&'static [Method]> {
    match path {
        "/-/healthy" | "/-/ready" => Some(&[Method::GET, Method::HEAD]),
        "/-/reload" => Some(&[Method::POST, Method::PUT]),
        "/-/log-level" => Some(&[Method::GET, Method::HEAD, Method::POST, Method::PUT]),
        "/api/v1/status/buildinfo"
        | "/api/v1/status/runtimeinfo"
        | "/api/v1/status/flags"
        | "/api/v1/status/config" => Some(&[Method::GET, Method::HEAD]),
        _ => None,
    }
}

/// Answers operators.
#[derive(Debug)]
pub struct Admin {
    flags: BTreeMap<&'static str, String>,
    may_change: bool,
    logs: bool,
    queue_limit: usize,
    started: SystemTime,
    door: Door,
    readiness: Readiness,
    budget: Budget,
    queue: Queue,
}

impl Admin {
    /// Answers for a process with these options and rooms.
    pub fn new(options: &Options, door: Door, readiness: Readiness, budget: Budget, queue: Queue) -> Self {
        Admin {
            flags: options.flags.clone(),
            may_change: options.web.enable_lifecycle,
            logs: options.log.enabled,
            queue_limit: options.write.queue_capacity,
            started: SystemTime::now(),
            door,
            readiness,
            budget,
            queue,
        }
    }

    /// Answers a request for one of the paths that [`methods`] knows.
    pub async fn answer(&self, method: &Method, path: &str, query: Option<&str>) -> Response<AnswerBody> {
        let changes = method == Method::POST || method == Method::PUT;
        if changes && !self.may_change {
            let message = format!("{path} changes the process; --web.enable-lifecycle allows that");
            return failure(&Error::new(Kind::Forbidden, "LifecycleDisabled", message));
        }
        match path {
            "/-/healthy" => plain(StatusCode::OK, "healthy\n"),
            "/-/ready" => self.ready(),
            "/-/reload" => self.reload().await,
            "/-/log-level" if changes => self.set_level(query.unwrap_or_default()),
            "/-/log-level" => plain(StatusCode::OK, format!("{}\n", log::lower_case(log::level()))),
            "/api/v1/status/buildinfo" => success(&build_info()),
            "/api/v1/status/runtimeinfo" => success(&self.runtime_info()),
            "/api/v1/status/flags" => success(&json!(self.flags)),
            _ => success(&self.config()),
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
            // As Prometheus has it: not the request is at fault.
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")),
        }
    }

    fn set_level(&self, query: &str) -> Response<AnswerBody> {
        if !self.logs {
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
            "queueLimit": self.queue_limit,
            "memoryBytes": self.budget.in_use(),
            "memoryLimitBytes": self.budget.limit(),
        })
    }

    /// The web configuration as it is in force, as Prometheus shows its own: YAML, of which JSON is a part.
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
