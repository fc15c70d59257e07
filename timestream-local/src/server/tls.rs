//! Certificate and key for HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::failure::StartError;

/// The PEM files to serve HTTPS with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key: PKCS#1, PKCS#8 or SEC1.
    pub key: PathBuf,
}

/// Reads the files. TLS 1.2 and 1.3.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, StartError> {
    let bad =
        |path: &Path, why: &dyn std::fmt::Display| StartError::Tls { path: path.to_owned(), reason: why.to_string() };
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(|error| bad(&files.certificate, &error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| bad(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(bad(&files.certificate, &"no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad(&files.key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad(&files.key, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
