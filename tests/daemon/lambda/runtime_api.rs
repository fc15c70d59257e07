//! Lambda's side of a function: its runtime API (Lambda Developer Guide, "Using the Lambda runtime API"), and the process
//! that it starts.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::endpoint;
use super::super::output;
use super::super::waiting::PATIENCE;

/// What a function may answer with, in bytes; Lambda refuses more.
const MAX_ANSWER_BYTES: usize = 6_291_556;

struct Invocation {
    id: String,
    deadline_ms: u128,
    event: String,
}

/// An answer, or what the function reported in place of one.
type Outcome = Result<Value, String>;

/// A runtime API. Ends with the test's process.
#[derive(Clone)]
struct RuntimeApi {
    invocations: UnboundedSender<Invocation>,
    outcomes: Arc<Mutex<HashMap<String, mpsc::Sender<Outcome>>>>,
}

impl RuntimeApi {
    fn start() -> (Self, SocketAddr) {
        let (invocations, waiting) = unbounded_channel();
        let api = RuntimeApi { invocations, outcomes: Arc::default() };
        let (serving, waiting) = (api.clone(), Arc::new(tokio::sync::Mutex::new(waiting)));
        let listener = endpoint::listen();
        let address = listener.local_addr().unwrap();
        endpoint::serve(listener, None, move |request| {
            let (api, waiting) = (serving.clone(), waiting.clone());
            async move { api.serve(request, &waiting).await }
        });
        (api, address)
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
        waiting: &tokio::sync::Mutex<UnboundedReceiver<Invocation>>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let path = request.uri().path().strip_prefix("/2018-06-01/runtime/invocation/").unwrap().to_owned();
        if request.method() == Method::GET {
            assert_eq!(path, "next");
            let invocation = waiting.lock().await.recv().await.unwrap();
            let answer = Response::builder()
                .header("Content-Type", "application/json")
                .header("Lambda-Runtime-Aws-Request-Id", &invocation.id)
                .header("Lambda-Runtime-Deadline-Ms", invocation.deadline_ms.to_string())
                .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
                .header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0");
            return Ok(answer.body(Full::from(invocation.event)).unwrap());
        }
        let (id, kind) = path.split_once('/').unwrap();
        let body = request.into_body().collect().await?.to_bytes();
        assert!(body.len() <= MAX_ANSWER_BYTES, "{} bytes, over what Lambda takes", body.len());
        let body = String::from_utf8(body.to_vec()).unwrap();
        let outcome = match kind {
            "response" => Ok(serde_json::from_str(&body).unwrap()),
            _ => Err(format!("{kind}: {body}")),
        };
        self.outcomes.lock().unwrap().remove(id).unwrap().send(outcome).unwrap();
        let mut accepted = Response::new(Full::from("{\"status\":\"OK\"}"));
        *accepted.status_mut() = hyper::StatusCode::ACCEPTED;
        Ok(accepted)
    }
}

/// A running function. Killed when dropped.
pub struct Lambda {
    child: Child,
    api: RuntimeApi,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
    invoked: u32,
}

impl Lambda {
    /// Starts the connector as Lambda does, with nothing in its environment but these variables and Lambda's own.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"));
        command.env_clear().env("LAMBDA_TASK_ROOT", "/var/task");
        Lambda::start_command(command, variables)
    }

    pub fn start_command(mut command: Command, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            if ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(name) {
                output::must_be_marked(value);
            }
        }
        let (api, address) = RuntimeApi::start();
        let mut child = command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "connector")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            // Only a real function's environment has credentials; nobody waits for those of an instance.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Lambda { child, api, stdout, stderr, invoked: 0 }
    }

    /// Starts one with the role's credentials, for a table at `endpoint`.
    pub fn with_role(endpoint: &str, variables: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("default_database", "prometheus"),
            ("default_table", "metrics"),
            ("write_base_endpoint", endpoint),
            ("query_base_endpoint", endpoint),
            ("AWS_ACCESS_KEY_ID", "ASIAROLE"),
            ("AWS_SECRET_ACCESS_KEY", "hidden-key-of-ASIAROLE"),
            ("AWS_SESSION_TOKEN", "hidden-token-of-ASIAROLE"),
        ];
        all.extend(variables);
        Lambda::start(&all)
    }

    /// Invokes the function, which has a minute.
    pub fn invoke(&mut self, event: &Value) -> Value {
        self.invoke_for(event, Duration::from_secs(60))
    }

    /// Invokes the function, which has `limit`. It must answer, not fail.
    pub fn invoke_for(&mut self, event: &Value, limit: Duration) -> Value {
        self.invoked += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012}", self.invoked);
        let (sender, outcome) = mpsc::channel();
        self.api.outcomes.lock().unwrap().insert(id.clone(), sender);
        let deadline_ms = (SystemTime::now() + limit).duration_since(UNIX_EPOCH).unwrap().as_millis();
        assert!(self.api.invocations.send(Invocation { id, deadline_ms, event: event.to_string() }).is_ok());
        let outcome = outcome.recv_timeout(PATIENCE);
        let answer = outcome.expect("an invocation is answered").expect("an answer, and no failure");
        output::check(&answer.to_string());
        answer
    }

    /// The next line of CloudWatch metrics.
    pub fn metrics(&self) -> Value {
        let line = self.stdout.recv_timeout(PATIENCE).expect("a line of metrics");
        serde_json::from_str(&line).unwrap()
    }

    /// Whether it has said no metrics that were not taken yet.
    pub fn is_silent(&self) -> bool {
        self.stdout.try_recv().is_err()
    }

    /// The next line of the log that holds `text`.
    pub fn log(&self, text: &str) -> Value {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no log line with {text:?}"));
            if line.contains(text) {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            output::assert_none_shown();
        }
    }
}

fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            eprintln!("  {line}");
            output::check(&line);
            let _ = sender.send(line);
        }
    });
    receiver
}
