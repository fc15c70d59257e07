//! The embedded Timestream in this process. The connector reaches it as it reaches AWS, with the SDK: the daemon over HTTP, a
//! command without a connection.

use std::net::{Ipv4Addr, SocketAddr};

use aws_sdk_timestreamwrite::types::{MagneticStoreWriteProperties, RetentionProperties};
use tempfile::TempDir;
use timestream_local::{InProcess, OpenError, StartError};
use tokio::net::TcpStream;

use crate::error::Error;
use crate::http::listen::ListenAddress;
use crate::options::Options;
use crate::run::connector::start_error;
use crate::sink::clients::Clients;
use crate::sink::destination::Destination;
use crate::sink::service_error;
use crate::sink::settings::Endpoint;

/// Retention of the table that is made on start: in the memory store its maximum, a year, since a shorter one would
/// save nothing here; in the magnetic store ten years, and that store also accepts late samples.
const MEMORY_HOURS: i64 = 8766;
const MAGNETIC_DAYS: i64 = 3650;

/// The embedded Timestream while it runs.
pub(crate) struct Embedded {
    server: timestream_local::Server,
    /// Removed with its content when this is dropped.
    _temporary: Option<TempDir>,
}

impl Embedded {
    /// A way to call it that needs no connection.
    pub(super) fn in_process(&self) -> InProcess {
        self.server.in_process()
    }

    /// Ends it in good order.
    pub(crate) async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// Starts the embedded Timestream if the options ask for it, and points the endpoints at it.
pub(crate) async fn start(mut options: Options) -> Result<(Options, Option<Embedded>), Error> {
    let Some(embedded) = &options.embedded else { return Ok((options, None)) };
    let address = resolved(&embedded.listen_address).await?;
    let (data_dir, temporary) = match &embedded.data_dir {
        Some(data_dir) => (data_dir.clone(), None),
        None => {
            let temporary = TempDir::with_prefix("timestream-")
                .map_err(|error| start_error("no temporary directory for the data", &error))?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let mut config = timestream_local::Config::new(data_dir, address);
    config.head_memory = embedded.head_memory;
    config.object_root.clone_from(&embedded.object_root);
    let server = serve(config).await.map_err(|error| does_not_start(&error))?;
    reach_at(&mut options, server.local_addr());
    Ok((options, Some(Embedded { server, _temporary: temporary })))
}

/// The same for a command that works with the data once: nothing listens, and if a running connector holds the data, it
/// is that one's API that is asked.
pub(crate) async fn start_or_reach(mut options: Options) -> Result<(Options, Option<Embedded>), Error> {
    let Some(embedded) = &options.embedded else { return Ok((options, None)) };
    let data_dir = embedded.data_dir.clone().unwrap_or_default();
    let nowhere = (Ipv4Addr::LOCALHOST, 0).into();
    let mut config = timestream_local::Config::new(data_dir.clone(), nowhere);
    config.head_memory = embedded.head_memory;
    config.object_root.clone_from(&embedded.object_root);
    match timestream_local::Server::start_in_process(config).await {
        Ok(server) => {
            reach_at(&mut options, nowhere);
            Ok((options, Some(Embedded { server, _temporary: None })))
        }
        Err(StartError::Storage(OpenError::InUse(_))) => {
            let address = reached(resolved(&embedded.listen_address).await?);
            TcpStream::connect(address).await.map_err(|error| {
                let what = format!(
                    "another process holds the data in {}, and its API does not answer at --embedded.listen-address \
                     {address}: name the address of the running connector",
                    data_dir.display()
                );
                start_error(&what, &error)
            })?;
            tracing::info!(%address, data_dir = %data_dir.display(), "a running connector holds the data: it is asked");
            reach_at(&mut options, address);
            Ok((options, None))
        }
        Err(error) => Err(does_not_start(&error)),
    }
}

async fn serve(config: timestream_local::Config) -> Result<timestream_local::Server, StartError> {
    let data_dir = config.data_dir.clone();
    let server = timestream_local::Server::start(config).await?;
    let endpoint = endpoint(server.local_addr());
    tracing::info!(endpoint, data_dir = %data_dir.display(), "the embedded Timestream listens");
    Ok(server)
}

fn does_not_start(error: &StartError) -> Error {
    start_error("the embedded Timestream does not start", error)
}

async fn resolved(address: &ListenAddress) -> Result<SocketAddr, Error> {
    let failed = |error: &dyn std::fmt::Display| start_error(&format!("--embedded.listen-address {address}"), error);
    let host = address.host.clone().unwrap_or_else(|| "::".to_owned());
    let mut found = tokio::net::lookup_host((host.as_str(), address.port)).await.map_err(|error| failed(&error))?;
    found.next().ok_or_else(|| failed(&"no such address"))
}

/// How this machine reaches what listens at an address.
fn reached(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

fn endpoint(address: SocketAddr) -> String {
    format!("http://{}", reached(address))
}

fn reach_at(options: &mut Options, address: SocketAddr) {
    options.clients.write = Endpoint::Fixed(endpoint(address));
    options.clients.query = Endpoint::Fixed(endpoint(address));
}

/// Creates the database and the table, if they do not exist yet.
pub(crate) async fn create_table(clients: &Clients, destination: &Destination) -> Result<(), Error> {
    let Some(caller) = clients.fixed() else { return Ok(()) };
    let (client, _) = caller.write().await?;
    let client = client.sdk;
    let Destination { database, table } = destination;
    if let Err(error) = client.create_database().database_name(database).send().await {
        conflict_is_fine(service_error::from_sdk(&error))?;
    }
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(MEMORY_HOURS)
        .magnetic_store_retention_period_in_days(MAGNETIC_DAYS)
        .build()
        .map_err(|error| start_error("retention", &error))?;
    let late_writes = MagneticStoreWriteProperties::builder()
        .enable_magnetic_store_writes(true)
        .build()
        .map_err(|error| start_error("late writes", &error))?;
    let created = client
        .create_table()
        .database_name(database)
        .table_name(table)
        .retention_properties(retention)
        .magnetic_store_write_properties(late_writes)
        .send()
        .await;
    created.map(drop).or_else(|error| conflict_is_fine(service_error::from_sdk(&error)))
}

fn conflict_is_fine(error: Error) -> Result<(), Error> {
    if error.kind() == crate::error::Kind::Conflict { Ok(()) } else { Err(error) }
}
