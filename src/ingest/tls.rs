//! Certificate and key for HTTPS.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::options::TlsFiles;

/// Reads a certificate chain and its key (PKCS#1, PKCS#8 or SEC1) from PEM files. TLS 1.2 and 1.3; HTTP/2 and HTTP/1.1 by
/// ALPN.
///
/// # Errors
/// A file that can't be read or holds no certificate or key, or a key that does not belong to the certificate.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Error> {
    let bad =
        |file: &Path, why: &dyn std::fmt::Display| Error::invalid("TlsError", format!("{}: {why}", file.display()));
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(|error| bad(&files.certificate, &error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| bad(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(bad(&files.certificate, &"no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad(&files.key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad(&files.key, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("connector-tls-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            Scratch(dir)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn message(certificate: PathBuf, key: PathBuf) -> String {
        acceptor(&TlsFiles { certificate, key }).err().map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn a_certificate_with_its_key_is_taken_and_with_another_is_not() {
        let scratch = Scratch::new("match");
        let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap());
        let certificate = scratch.file("cert.pem", &one.cert.pem());
        let key = scratch.file("key.pem", &one.signing_key.serialize_pem());
        assert_eq!(message(certificate.clone(), key), "");
        let wrong = scratch.file("other.pem", &other.signing_key.serialize_pem());
        assert!(message(certificate, wrong).contains("other.pem"));
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let scratch = Scratch::new("missing");
        let empty = scratch.file("empty.pem", "");
        assert!(message(scratch.0.join("gone.pem"), empty.clone()).contains("gone.pem"));
        assert!(message(empty.clone(), empty).contains("no certificate"));
    }
}
