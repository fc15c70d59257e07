//! The connector's binary: options, then the daemon, a command, or AWS Lambda's invocations; exit code.

use std::io::Write;
use std::process::ExitCode;

use rustix::process::{Resource, getrlimit, setrlimit};
use tikv_jemallocator::Jemalloc;
use timestream_prometheus_connector::error::Error;
use timestream_prometheus_connector::options::{Command, Options, Stop};
use timestream_prometheus_connector::run::daemon::Daemon;
use timestream_prometheus_connector::run::{check, export, import, lambda};
use timestream_prometheus_connector::telemetry::log;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Takes less CPU and memory than the allocator of glibc: docs/performance.md.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let variables = |name: &str| std::env::var(name).ok();
    let in_lambda = lambda::is_meant(&std::env::args().next().unwrap_or_default(), variables);
    let parsed = if in_lambda {
        Options::parse(std::env::args(), lambda::environment(variables))
    } else {
        Options::parse(std::env::args(), variables)
    };
    let options = match parsed {
        Ok(options) => Ok(options),
        Err(Stop::Help(text)) => {
            // If the reader has closed the pipe, nobody wants the text.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        // Lambda's users see the error in the answers.
        Err(Stop::Error(error)) if in_lambda => Err(error),
        Err(Stop::Error(error)) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    log::install(options.as_ref().map_or(log::UNLESS_CONFIGURED, |options| options.log));
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        let ended = match options {
            Ok(options) if !in_lambda => run(options).await,
            options => lambda::run(options).await.map(|()| ExitCode::SUCCESS),
        };
        match ended {
            Ok(code) => code,
            Err(error) => {
                error!(error = %error, "the connector does not start");
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    });
    // Tasks that a lost client left behind must not keep the process.
    runtime.shutdown_background();
    code
}

/// Raises the limit of open files to the system's maximum for this process, as Go programs do: each connection is a
/// file.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        info!(error = %error, "the limit of open files stays as it is");
    }
}

async fn run(options: Options) -> Result<ExitCode, Error> {
    if options.check {
        return Ok(check::run(options).await);
    }
    let stop = stop_on_signal()?;
    match options.command.clone() {
        Command::Serve => Ok(Daemon::start(options).await?.run(stop).await),
        Command::Export(settings) => Ok(ended(export::run(options, settings, stop).await)),
        Command::Import(settings) => Ok(ended(import::run(options, settings, stop).await)),
    }
}

/// The exit code of a command, whose error is for the person who called it.
fn ended(result: Result<ExitCode, Error>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // It may quote what a receiver said, which must not steer the terminal.
        let text = error.to_string();
        eprintln!("{}", text.replace(|c: char| c.is_control(), " "));
        ExitCode::FAILURE
    })
}

/// A token that the first SIGTERM or Ctrl-C cancels. The second ends the process at once.
fn stop_on_signal() -> Result<CancellationToken, Error> {
    let no_signals = |error| Error::invalid("StartError", format!("can't wait for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if first.is_cancelled() {
                info!(signal = name, "second signal: ending at once");
                std::process::exit(1);
            }
            info!(signal = name, "signal received");
            first.cancel();
        }
    });
    Ok(stop)
}
