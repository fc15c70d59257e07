//! The connectors that are compared, and the Timestream of this build.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use timestream_prometheus_connector::{options::Options, run::daemon::Daemon, telemetry::log};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::process::Process;

/// A build of the connector.
pub struct Build {
    pub name: &'static str,
    /// Without one it is this build, run by this program: cargo does not build the binary with an example.
    pub binary: Option<PathBuf>,
}

impl Build {
    /// Starts it with an embedded Timestream over this data.
    pub fn embedded(&self, data: &Path) -> Process {
        self.start(|command| {
            command.args(["--embedded", "--embedded.listen-address=127.0.0.1:0"]);
            command.arg(format!("--embedded.data-dir={}", data.display()));
        })
    }

    /// Starts it in front of a Timestream.
    pub fn remote(&self, timestream: SocketAddr) -> Process {
        self.start(|command| {
            command.args(["--default-database=prometheus", "--default-table=metrics", "--enable-sigv4-auth"]);
            command.arg(format!("--write-base-endpoint=http://{timestream}"));
            command.arg(format!("--query-base-endpoint=http://{timestream}"));
            command.envs([("AWS_ACCESS_KEY_ID", "reads"), ("AWS_SECRET_ACCESS_KEY", "reads")]);
        })
    }

    /// Starts it with these arguments.
    pub fn start(&self, arguments: impl FnOnce(&mut Command)) -> Process {
        Process::start(Some("/-/ready"), |address| {
            let mut command = match &self.binary {
                Some(binary) => Command::new(binary),
                None => this_program("be-connector"),
            };
            command.arg(format!("--web.listen-address={address}")).arg("--log.level=warn");
            arguments(&mut command);
            command
        })
    }
}

/// Starts a Timestream over this data.
pub fn timestream(data: &Path) -> Process {
    Process::start(None, |address| {
        let mut command = this_program("be-timestream");
        command.arg(data).arg(address.to_string()).stdout(Stdio::null());
        command
    })
}

fn this_program(be: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(be);
    command
}

/// What the process of a connector does: the same as its binary.
pub fn be_connector(arguments: &[String]) {
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |name| std::env::var(name).ok()).expect("options");
    log::install(options.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let daemon = Daemon::start(options).await.unwrap();
        tokio::spawn(async move {
            terminated().await;
            stopped.cancel();
        });
        daemon.run(stop).await
    });
}

/// What the process of a Timestream does: the same as timestream-local's binary.
pub fn be_timestream(data: &str, address: &str) {
    let config = timestream_local::Config::new(data.into(), address.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = timestream_local::Server::start(config).await.unwrap();
        terminated().await;
        server.shutdown().await;
    });
}

async fn terminated() {
    signal(SignalKind::terminate()).unwrap().recv().await;
}
