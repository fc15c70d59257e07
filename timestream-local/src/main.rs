//! The local Timestream as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use timestream_local::{Config, Server};

/// A local Amazon Timestream for LiveAnalytics.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the data is kept.
    #[arg(long, default_value = "data")]
    data_dir: PathBuf,
    /// Where the API listens.
    #[arg(long, default_value = "127.0.0.1:9202")]
    listen_address: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let server = match Server::start(Config::new(arguments.data_dir, arguments.listen_address)).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("timestream-local: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Timestream's API is at http://{}", server.local_addr());
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    server.shutdown().await;
    ExitCode::SUCCESS
}
