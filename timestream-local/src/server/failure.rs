//! Why the server does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::objects::ObjectRootError;
use crate::storage::OpenError;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data can't be opened.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The directory in the place of S3 can't be used.
    #[error(transparent)]
    Objects(#[from] ObjectRootError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A certificate or key can't be used.
    #[error("can't use {path} for TLS: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}
