//! The local Timestream as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use timestream_local::{AccessKey, Config, DEFAULT_HEAD_MEMORY, Faults, Server, TlsFiles};

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
    /// Certificate chain (PEM) to serve HTTPS with; needs --tls-key.
    #[arg(long, requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key (PEM) of the certificate; needs --tls-certificate.
    #[arg(long, requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Take only requests signed (Signature Version 4) with a key of this file, which has the format of
    /// ~/.aws/credentials; all its profiles count. Without this flag, requests are taken from anybody.
    #[arg(long)]
    credentials_file: Option<PathBuf>,
    /// Bytes that recent samples may take in memory. At half of it all are sealed on disk, at all of it writes wait for
    /// that.
    #[arg(long, default_value_t = DEFAULT_HEAD_MEMORY)]
    head_memory: usize,
    /// A directory in the place of S3: s3://bucket/key is the file bucket/key in it. UNLOAD and batch load need it.
    #[arg(long)]
    object_root: Option<PathBuf>,
    /// Faults to make on purpose, to test clients with: throttle=0.1,error=3x,delay=50ms@0.2,drop=0.01,seed=7
    #[arg(long, default_value = "")]
    fault: Faults,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut config = Config::new(arguments.data_dir, arguments.listen_address);
    if let (Some(certificate), Some(key)) = (arguments.tls_certificate, arguments.tls_key) {
        config.tls = Some(TlsFiles { certificate, key });
    }
    if let Some(file) = arguments.credentials_file {
        config.access_keys = match AccessKey::read_all(&file) {
            Ok(keys) => keys,
            Err(error) => {
                eprintln!("timestream-local: {error}");
                return ExitCode::FAILURE;
            }
        };
    }
    config.faults = arguments.fault;
    config.head_memory = arguments.head_memory;
    config.object_root = arguments.object_root;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("timestream-local: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Timestream's API is at {scheme}://{}", server.local_addr());
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
