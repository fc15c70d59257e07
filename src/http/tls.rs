//! TLS of the server: certificate, key, client certificates and what else a handshake may use.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::allowed_clients::AllowedClients;
use crate::error::Error;

/// Files to serve HTTPS with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain (PEM).
    pub certificate: PathBuf,
    /// The private key (PEM).
    pub key: PathBuf,
}

/// The content of a PEM file, or of a setting that replaces the file.
pub struct Pem {
    /// The file's path or the setting's name, for messages.
    pub name: String,
    /// Its content.
    pub content: Zeroizing<Vec<u8>>,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// They need none, but one that they show must be valid.
    IfGiven,
    /// They must show a valid one.
    Required,
}

/// What HTTPS is served with.
pub struct TlsSettings {
    /// The chain, the server's own certificate first.
    pub certificate: Pem,
    /// Its key: PKCS#1, PKCS#8 or SEC1.
    pub key: Pem,
    /// Whether clients must show a certificate.
    pub client_auth: ClientAuth,
    /// The authorities of the clients' certificates.
    pub client_ca: Option<Pem>,
    /// A client's certificate must have one of these subject alternative names; empty: any name will do.
    pub allowed_clients: HashSet<String>,
    /// The versions to offer: TLS 1.2, TLS 1.3.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// The cipher suites to offer.
    pub cipher_suites: Vec<SupportedCipherSuite>,
    /// The groups for the exchange of keys, the best first.
    pub groups: Vec<&'static dyn SupportedKxGroup>,
    /// Whether the server's order of suites counts, and not the client's.
    pub prefer_server_order: bool,
    /// Whether to offer HTTP/2.
    pub http2: bool,
}

/// TLS ready to serve.
#[derive(Clone)]
pub struct Served {
    /// Makes a TLS stream of a TCP stream.
    pub acceptor: TlsAcceptor,
    /// When the chain is valid.
    pub validity: Validity,
}

/// The time in which all certificates of a chain are valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its beginning.
    pub not_before: i64,
    /// Its end.
    pub not_after: i64,
}

impl TlsSettings {
    /// Settings for this certificate and key, the rest as usual.
    pub fn new(certificate: Pem, key: Pem) -> Self {
        TlsSettings {
            certificate,
            key,
            client_auth: ClientAuth::None,
            client_ca: None,
            allowed_clients: HashSet::new(),
            versions: vec![&version::TLS13, &version::TLS12],
            cipher_suites: ring::ALL_CIPHER_SUITES.to_vec(),
            groups: ring::ALL_KX_GROUPS.to_vec(),
            prefer_server_order: true,
            http2: true,
        }
    }

    /// Makes them ready to serve.
    ///
    /// # Errors
    /// `TlsError`: PEM without a certificate or a key, a key that does not belong to the certificate, or bad client
    /// authorities.
    pub fn serve(&self) -> Result<Served, Error> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.content).map_err(|error| bad(&self.key, &error))?;
        let provider = CryptoProvider {
            cipher_suites: self.cipher_suites.clone(),
            kx_groups: self.groups.clone(),
            ..ring::default_provider()
        };
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|error| bad(&self.certificate, &error))?;
        let builder = match self.client_verifier(provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let validity = validity(&chain, &self.certificate)?;
        let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                bad(&self.key, &format_args!("the key does not belong to the certificate {}", self.certificate.name))
            }
            error => bad(&self.key, &error),
        })?;
        config.ignore_client_order = self.prefer_server_order;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        Ok(Served { acceptor: TlsAcceptor::from(Arc::new(config)), validity })
    }

    fn client_verifier(&self, provider: Arc<CryptoProvider>) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(authorities) = self.client_ca.as_ref().filter(|_| self.client_auth != ClientAuth::None) else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            roots.add(certificate).map_err(|error| bad(authorities, &error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier =
            if self.client_auth == ClientAuth::IfGiven { verifier.allow_unauthenticated() } else { verifier };
        let verifier = verifier.build().map_err(|error| bad(authorities, &error))?;
        if self.allowed_clients.is_empty() {
            return Ok(Some(verifier));
        }
        Ok(Some(Arc::new(AllowedClients { verifier, names: self.allowed_clients.clone() })))
    }
}

fn bad(pem: &Pem, why: &dyn std::fmt::Display) -> Error {
    Error::invalid("TlsError", format!("{}: {why}", pem.name))
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = CertificateDer::pem_slice_iter(&pem.content).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| bad(pem, &error))?;
    if chain.is_empty() { Err(bad(pem, &"no certificate in it")) } else { Ok(chain) }
}

fn validity(chain: &[CertificateDer<'_>], pem: &Pem) -> Result<Validity, Error> {
    let mut validity = Validity { not_before: i64::MIN, not_after: i64::MAX };
    for certificate in chain {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|error| bad(pem, &error))?;
        let dates = certificate.validity();
        validity.not_before = validity.not_before.max(dates.not_before.timestamp());
        validity.not_after = validity.not_after.min(dates.not_after.timestamp());
    }
    Ok(validity)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pem(name: &str, content: &str) -> Pem {
        Pem { name: name.to_owned(), content: Zeroizing::new(content.as_bytes().to_vec()) }
    }

    fn message(certificate: Pem, key: Pem) -> String {
        TlsSettings::new(certificate, key).serve().err().map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn a_certificate_with_its_key_is_taken_and_with_another_is_not() {
        let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap());
        let certificate = || pem("cert.pem", &one.cert.pem());
        assert_eq!(message(certificate(), pem("key.pem", &one.signing_key.serialize_pem())), "");
        assert_eq!(
            message(certificate(), pem("other.pem", &other.signing_key.serialize_pem())),
            "TlsError: other.pem: the key does not belong to the certificate cert.pem"
        );
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        assert!(message(pem("empty.pem", ""), pem("key.pem", "")).contains("empty.pem: no certificate"));
        assert!(message(pem("cert.pem", &one.cert.pem()), pem("key.pem", "")).contains("key.pem"));
        let broken = one.cert.pem().replace("-----END", "----END");
        assert!(message(pem("broken.pem", &broken), pem("key.pem", "")).contains("broken.pem"));
    }

    #[test]
    fn a_chain_is_valid_as_long_as_all_of_it() {
        let key = KeyPair::generate().unwrap();
        let until = |year| {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            params.self_signed(&key).unwrap().pem()
        };
        let chain = pem("chain.pem", &(until(2030) + &until(2025)));
        let served = TlsSettings::new(chain, pem("key.pem", &key.serialize_pem())).serve().unwrap();
        assert_eq!(served.validity, Validity { not_before: 1_577_836_800, not_after: 1_735_689_600 });
    }
}
