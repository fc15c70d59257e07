//! The HTTP server: AWS JSON 1.0 over HTTP/1.1, with TLS where it is asked for.

mod calls;
mod connections;
mod failure;
mod in_process;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use calls::Dropped;
pub use failure::StartError;
pub use in_process::InProcess;
pub use tls::TlsFiles;

use crate::api::Api;
use crate::calendar::Clock;
use crate::faults::{FaultHandle, Faults};
use crate::objects::ObjectRoot;
use crate::signature::AccessKey;
use crate::storage::{Storage, Writer};
use calls::Calls;

/// [`Config::head_memory`] if nothing is said: 1 GiB, which is about a million series with a hundred samples each.
pub const DEFAULT_HEAD_MEMORY: usize = 1 << 30;

/// Where the data is, where to listen, and the options.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds the data; made where it is missing.
    pub data_dir: PathBuf,
    /// The address of the API; port 0 lets the system choose.
    pub listen_address: SocketAddr,
    /// HTTPS instead of HTTP.
    pub tls: Option<TlsFiles>,
    /// The keys with which requests must be signed (Signature Version 4). Without keys, signatures are
    /// not checked.
    pub access_keys: Vec<AccessKey>,
    /// Faults to be made from the start.
    pub faults: Faults,
    /// Bytes that recent samples may take in memory. When half of them are taken, all samples are sealed into chunks on
    /// disk, however few each series has; when all are, writes wait for that.
    pub head_memory: usize,
    /// The directory in the place of S3: `s3://bucket/key` is the file `bucket/key` in it. It is made where it is missing.
    /// Without it, what needs S3 is refused.
    pub object_root: Option<PathBuf>,
    /// The clock that scheduled queries, retention and `now()` go by. A test can put it ahead.
    pub clock: Clock,
}

impl Config {
    /// Plain HTTP, open to all who reach it, without faults.
    pub fn new(data_dir: PathBuf, listen_address: SocketAddr) -> Self {
        Config {
            data_dir,
            listen_address,
            tls: None,
            access_keys: Vec::new(),
            faults: Faults::default(),
            head_memory: DEFAULT_HEAD_MEMORY,
            object_root: None,
            clock: Clock::system(),
        }
    }
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    faults: FaultHandle,
    in_process: InProcess,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    scheduling: JoinHandle<()>,
    writer: Writer,
}

impl Server {
    /// Opens the data and serves on the current tokio runtime.
    ///
    /// # Errors
    /// Data in use by another process or written by a newer version, an address in use, or TLS files or an object root that
    /// can't be used.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let address = config.listen_address;
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Self::open(config, address, Some(listener)).await
    }

    /// Opens the data for [`Self::in_process`] alone: nothing listens.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub async fn start_in_process(config: Config) -> Result<Server, StartError> {
        let address = config.listen_address;
        Self::open(config, address, None).await
    }

    async fn open(config: Config, address: SocketAddr, listener: Option<TcpListener>) -> Result<Server, StartError> {
        let Config { data_dir, tls, access_keys, faults: plan, head_memory, object_root, clock, listen_address: _ } =
            config;
        let tls = tls.as_ref().map(tls::acceptor).transpose()?;
        let objects = object_root.as_deref().map(ObjectRoot::open).transpose()?;
        let (storage, writer) = Storage::open(&data_dir, head_memory, clock.clone())?;
        let faults = FaultHandle::default();
        faults.set(plan);
        let api = Api::new(storage, objects, clock, address, faults.clone()).await;
        let (api, scheduler) = api.map_err(|error| StartError::Tasks(error.message))?;
        let calls = Arc::new(Calls::new(api, access_keys, faults.clone(), tls.is_some()));
        let (stop, mut stopped) = watch::channel(false);
        let in_process = InProcess::of(&calls, stopped.clone());
        let scheduling = tokio::spawn(scheduler.run(stopped.clone()));
        let serving = tokio::spawn(async move {
            match listener {
                Some(listener) => connections::serve(listener, tls, calls, stopped).await,
                None => {
                    let _ = stopped.changed().await;
                    drop(calls);
                }
            }
        });
        Ok(Server { address, faults, in_process, stop, serving, scheduling, writer })
    }

    /// Where it listens, if it does.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The faults that it makes on purpose. They can be changed while it runs.
    pub fn faults(&self) -> &FaultHandle {
        &self.faults
    }

    /// A way to call it that needs no connection.
    pub fn in_process(&self) -> InProcess {
        self.in_process.clone()
    }

    /// Stops accepting, lets what is in flight finish for ten seconds, and closes the data.
    pub async fn shutdown(self) {
        let Server { stop, serving, scheduling, writer, .. } = self;
        // The receiver is gone only when serving has ended.
        let _ = stop.send(true);
        let _ = serving.await;
        let _ = scheduling.await;
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }
}
