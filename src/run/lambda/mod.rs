//! The connector on AWS Lambda: each invocation is one HTTP request, answered by the routes of the daemon.
//!
//! Lambda freezes the process between invocations. So all work ends before an invocation is answered: calls do not wait
//! for other requests' records, and Timestream gets no more time than the invocation has.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::HeaderValue;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use tokio::time::Instant;
use tracing::info;

use crate::door::{self, Sources};
use crate::error::{Direction, Error};
use crate::http::answer::{OnePiece, error_answer};
use crate::options::Options;
use crate::routes::{REQUEST_ID, Routes, refusal};
use crate::run::connector::{self, Connector, start_error};
use crate::telemetry::Metrics;
use crate::telemetry::embedded_metrics::EmbeddedMetrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::request_id::RequestId;

mod answer;
mod event;
mod settings;

pub use answer::Answer;
use event::Event;
pub use settings::environment;

/// How long before the end of an invocation it is answered, whatever Timestream does. A quarter of the invocation's
/// time if that is less.
const MARGIN: Duration = Duration::from_secs(1);

/// Variables that Lambda sets. lambda_runtime does not start without them.
const NEEDED: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// Whether a program of this name must serve Lambda: it is the `bootstrap` of a custom runtime, or Lambda started it.
pub fn is_meant(program: &str, environment: impl Fn(&str) -> Option<String>) -> bool {
    let is_bootstrap = Path::new(program).file_name().is_some_and(|name| name == "bootstrap");
    is_bootstrap || environment("LAMBDA_TASK_ROOT").is_some()
}

/// Serves invocations for as long as Lambda lets the process live. If `options` is an error, each invocation is
/// answered with it, since operators look at the answers.
///
/// # Errors
/// The process was not started by Lambda, or Lambda's runtime API can't be reached.
pub async fn run(options: Result<Options, Error>) -> Result<(), Error> {
    if let Some(missing) = NEEDED.iter().find(|name| std::env::var_os(name).is_none()) {
        return Err(start_error("not in AWS Lambda", &format_args!("{missing} is not set")));
    }
    let function_name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let function = Arc::new(Function::new(options, &function_name));
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let function = function.clone();
        async move {
            let id = RequestId::of(Some(&event.context.request_id));
            let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            let answer = id.clone().scope(function.answer(event.payload, left)).await;
            if let Some(line) = function.metrics_line(id.as_str()) {
                // There is nowhere to report that stdout is closed.
                let _ = std::io::stdout().lock().write_all(line.as_bytes());
            }
            Ok::<_, Infallible>(answer)
        }
    });
    Runtime::new(service).run().await.map_err(|error| start_error("Lambda's runtime API", &error))
}

/// What answers invocations, one at a time.
#[derive(Debug)]
pub struct Function {
    connector: Result<Running, Error>,
}

#[derive(Debug)]
struct Running {
    routes: Arc<Routes>,
    metrics: EmbeddedMetrics,
}

impl Function {
    /// The function of this name. Must be called on a tokio runtime.
    pub fn new(options: Result<Options, Error>, name: &str) -> Self {
        let connector = options.and_then(|options| Running::new(options, name));
        if let Err(error) = &connector {
            tracing::error!(error = %error, "the connector can't work like this: every request is answered with the error");
        }
        Function { connector }
    }

    /// The answer to an event, within the time `left`. The event's sender understands every answer.
    pub async fn answer(&self, event: Value, left: Duration) -> Answer {
        let by = Instant::now() + left - MARGIN.min(left / 4);
        let event = match Event::read(event) {
            Ok(event) => event,
            Err(error) => return Answer::new(error_answer(&error, Direction::Read, 0), Default::default()).await,
        };
        let form = event.form();
        let answer = match (event.request(), &self.connector) {
            (Err(error), _) => error_answer(&error, Direction::Read, 0),
            (Ok(request), Err(error)) => refusal(error, &request),
            (Ok(mut request), Ok(connector)) => {
                // The id of Lambda's own log lines replaces one that the caller may have given.
                if let Some(id) = RequestId::current().and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
                    request.headers_mut().insert(REQUEST_ID, id);
                }
                request.extensions_mut().insert(OnePiece { by });
                connector.routes.answer(request).await
            }
        };
        let answer = Answer::new(answer, form).await;
        if let Ok(connector) = &self.connector {
            connector.routes.reader.cancelled(by).await;
        }
        answer
    }

    /// A line of CloudWatch's Embedded Metric Format with the counts since the last one.
    fn metrics_line(&self, request_id: &str) -> Option<String> {
        self.connector.as_ref().ok()?.metrics.line(request_id, SystemTime::now())
    }
}

impl Running {
    fn new(mut options: Options, name: &str) -> Result<Self, Error> {
        if options.embedded.is_some() {
            return Err(Error::invalid("ParseOptionError", "the embedded Timestream can't be used in AWS Lambda"));
        }
        if options.write.ha.is_some() {
            // Each instance of a function would elect a replica of its own.
            let message = "--ha.enable can't be used in AWS Lambda: a pair must reach one process";
            return Err(Error::invalid("ParseOptionError", message));
        }
        // An invocation is one request, so no other request can share its calls.
        options.batcher.linger = Duration::ZERO;
        let metrics = Arc::new(Metrics::new());
        let sources = Sources { tls: None, ..options.web.sources.clone() };
        let pass_through = connector::takes_keys(&options);
        let (door, _, _) = door::open(sources, pass_through, metrics.clone())?;
        let clients = connector::clients(&options, metrics.clone());
        // A `fail-on-…` option refuses its request. The process goes on, since a new one would do the same.
        let Connector { routes, .. } =
            Connector::build(&options, clients, door, metrics.clone(), Readiness::default())?;
        info!(
            version = env!("CARGO_PKG_VERSION"),
            database = options.destination.database,
            table = options.destination.table,
            region = options.clients.region,
            "Timestream Prometheus Connector is ready"
        );
        Ok(Running { routes, metrics: EmbeddedMetrics::new(metrics, name) })
    }
}
