//! The web configuration file: the format of Prometheus' exporter-toolkit (its docs/web-configuration.md).

use std::collections::{BTreeMap, HashSet};

use rustls::crypto::{SupportedKxGroup, ring};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};
use serde::{Deserialize, Serialize, Serializer};
use serde_saphyr::options;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::http::tls::ClientAuth;

/// The whole file. Unknown keys are errors.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfigFile {
    /// HTTPS.
    pub tls_server_config: Option<TlsServerConfig>,
    /// HTTP/2 and headers of answers.
    pub http_server_config: Option<HttpServerConfig>,
    /// Who may call: names and bcrypt hashes of passwords.
    pub basic_auth_users: Option<BTreeMap<String, Secret>>,
    /// How many requests are answered.
    pub rate_limit: Option<RateLimitConfig>,
}

/// Text that no output shows.
#[derive(Default, Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub Zeroizing<String>);

/// Shown in place of a secret.
const SHOWN: &str = "<secret>";

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

/// Hides all PEM in the file, also certificates: a key may follow a certificate.
fn hidden<S: Serializer>(pem: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    pem.as_ref().map(|_| SHOWN).serialize(serializer)
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// HTTPS. Certificates and keys are given in the file or by the name of another.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the format's documentation says what each is")]
pub struct TlsServerConfig {
    #[serde(serialize_with = "hidden")]
    pub cert: Option<String>,
    pub cert_file: Option<String>,
    pub key: Option<Secret>,
    pub key_file: Option<String>,
    #[serde(serialize_with = "hidden")]
    pub client_ca: Option<String>,
    pub client_ca_file: Option<String>,
    pub client_auth_type: Option<String>,
    pub client_allowed_sans: Option<HashSet<String>>,
    pub min_version: Option<String>,
    pub max_version: Option<String>,
    pub cipher_suites: Option<Vec<String>>,
    pub prefer_server_cipher_suites: Option<bool>,
    pub curve_preferences: Option<Vec<String>>,
}

/// HTTP/2 and headers of answers.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpServerConfig {
    /// Whether HTTP/2 is offered over TLS.
    pub http2: Option<bool>,
    /// Headers of every answer.
    pub headers: Option<BTreeMap<String, String>>,
}

/// A token bucket.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitConfig {
    /// The time between two requests in the long run; 0 for no limit.
    pub interval: Option<String>,
    /// Requests at once.
    pub burst: Option<u32>,
}

pub(super) fn bad(message: String) -> Error {
    Error::invalid("WebConfigError", message)
}

impl WebConfigFile {
    /// The settings, for people: without secrets.
    pub fn shown(&self) -> serde_json::Value {
        let mut settings = serde_json::to_value(self).unwrap_or_default();
        drop_unset(&mut settings);
        settings
    }

    /// Reads YAML. An empty file is one without settings.
    ///
    /// # Errors
    /// `WebConfigError` with the place of the fault. It shows no value, since any value may be a secret in the wrong
    /// place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let options = options! { with_snippet: false };
        let file: Option<WebConfigFile> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| bad(without_values(&error.to_string())))?;
        Ok(file.unwrap_or_default())
    }
}

fn drop_unset(settings: &mut serde_json::Value) {
    if let serde_json::Value::Object(settings) = settings {
        settings.retain(|_, value| !value.is_null());
        settings.values_mut().for_each(drop_unset);
    }
}

/// A message of the YAML reader without the text that it quotes.
fn without_values(message: &str) -> String {
    let mut parts = message.lines().next().unwrap_or_default().split('"');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    while let Some(_quoted) = parts.next() {
        shown.push('…');
        shown.push_str(parts.next().unwrap_or_default());
    }
    shown
}

impl TlsServerConfig {
    /// Whether clients must show a certificate.
    ///
    /// # Errors
    /// `WebConfigError`: a type that verifies nothing, or one that does not fit the other settings.
    pub fn client_auth(&self) -> Result<ClientAuth, Error> {
        let has_ca = self.client_ca.is_some() || self.client_ca_file.is_some();
        let client_auth = match self.client_auth_type.as_deref() {
            None | Some("" | "NoClientCert") => ClientAuth::None,
            Some("VerifyClientCertIfGiven") => ClientAuth::IfGiven,
            Some("RequireAndVerifyClientCert") => ClientAuth::Required,
            Some(other) => {
                return Err(bad(format!(
                    "client_auth_type is {other:?}; accepted: NoClientCert, VerifyClientCertIfGiven, \
                     RequireAndVerifyClientCert (RequestClientCert and RequireAnyClientCert verify nothing)"
                )));
            }
        };
        match client_auth {
            ClientAuth::None if has_ca => {
                Err(bad("client_ca_file without a client_auth_type; set it to RequireAndVerifyClientCert".to_owned()))
            }
            ClientAuth::IfGiven | ClientAuth::Required if !has_ca => {
                Err(bad("client_auth_type needs client_ca_file or client_ca".to_owned()))
            }
            ClientAuth::None | ClientAuth::IfGiven if self.client_allowed_sans.is_some() => {
                Err(bad("client_allowed_sans needs the client_auth_type RequireAndVerifyClientCert".to_owned()))
            }
            client_auth => Ok(client_auth),
        }
    }

    /// The versions between min_version and max_version.
    ///
    /// # Errors
    /// `WebConfigError`: a version other than TLS12 and TLS13, or none left.
    pub fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
        let number = |name: &str, value: &Option<String>, default| match value.as_deref() {
            None | Some("") => Ok(default),
            Some("TLS12") => Ok(12),
            Some("TLS13") => Ok(13),
            Some(other) => Err(bad(format!("{name} is {other:?}; accepted: TLS12, TLS13"))),
        };
        let (min, max) = (number("min_version", &self.min_version, 12)?, number("max_version", &self.max_version, 13)?);
        if min > max {
            return Err(bad("min_version is over max_version".to_owned()));
        }
        let all = [(13, &version::TLS13), (12, &version::TLS12)];
        Ok(all.into_iter().filter(|(number, _)| (min..=max).contains(number)).map(|(_, version)| version).collect())
    }

    /// The cipher suites: of TLS 1.2 those that are listed, in their order, or all if the list is empty. Those of TLS
    /// 1.3 can't be chosen, as in Go.
    ///
    /// # Errors
    /// `WebConfigError`: a name that Go does not have, or a suite that rustls does not have.
    pub fn cipher_suites(&self) -> Result<Vec<SupportedCipherSuite>, Error> {
        let Some(names) = self.cipher_suites.as_ref().filter(|names| !names.is_empty()) else {
            return Ok(ring::ALL_CIPHER_SUITES.to_vec());
        };
        let (mut suites, tls12): (Vec<_>, Vec<_>) =
            ring::ALL_CIPHER_SUITES.iter().partition(|suite| suite.tls13().is_some());
        for name in names {
            if TLS13_SUITES.contains(&name.as_str()) {
                continue;
            }
            let suite = tls12.iter().find(|suite| go_names(suite).any(|known| known == *name));
            suites.push(*suite.ok_or_else(|| {
                let known: Vec<String> = tls12.iter().flat_map(go_names).collect();
                bad(format!("cipher_suites has {name:?}; accepted: {}, {}", known.join(", "), TLS13_SUITES.join(", ")))
            })?);
        }
        Ok(suites)
    }

    /// The curves of curve_preferences.
    ///
    /// # Errors
    /// `WebConfigError`: a name that Go does not have, or a curve that ring does not have.
    pub fn groups(&self) -> Result<Vec<&'static dyn SupportedKxGroup>, Error> {
        let Some(names) = self.curve_preferences.as_ref().filter(|names| !names.is_empty()) else {
            return Ok(ring::ALL_KX_GROUPS.to_vec());
        };
        let group = |name: &String| match name.as_str() {
            "X25519" => Ok(ring::kx_group::X25519),
            "CurveP256" => Ok(ring::kx_group::SECP256R1),
            "CurveP384" => Ok(ring::kx_group::SECP384R1),
            _ => Err(bad(format!("curve_preferences has {name:?}; accepted: X25519, CurveP256, CurveP384"))),
        };
        names.iter().map(group).collect()
    }
}

/// Go's names of the suites of TLS 1.3.
const TLS13_SUITES: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Go's names of a suite of TLS 1.2: the same as in rustls, and a second one for ChaCha20.
fn go_names(suite: &SupportedCipherSuite) -> impl Iterator<Item = String> + use<> {
    let name = format!("{:?}", suite.suite());
    let short = name.strip_suffix("_POLY1305_SHA256").map(|stem| format!("{stem}_POLY1305"));
    std::iter::once(name).chain(short)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";

    fn error(text: &str) -> String {
        WebConfigFile::parse(text).unwrap_err().to_string()
    }

    fn tls(text: &str) -> TlsServerConfig {
        WebConfigFile::parse(&format!("tls_server_config: {{{text}}}")).unwrap().tls_server_config.unwrap()
    }

    #[test]
    fn every_setting_of_the_format_is_known() {
        let file = WebConfigFile::parse(&format!(
            "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n  client_auth_type: RequireAndVerifyClientCert\n  \
             client_ca_file: ca.crt\n  client_allowed_sans: [a.example]\n  min_version: TLS12\n  max_version: TLS13\n  \
             cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: true\n  \
             curve_preferences: [CurveP256, X25519]\nhttp_server_config:\n  http2: false\n  headers:\n    \
             X-Frame-Options: deny\nbasic_auth_users:\n  alice: {HASH}\nrate_limit:\n  interval: 1s\n  burst: 20\n"
        ))
        .unwrap();
        let tls = file.tls_server_config.unwrap();
        assert_eq!(tls.client_auth().unwrap(), ClientAuth::Required);
        assert_eq!((tls.versions().unwrap().len(), tls.groups().unwrap().len()), (2, 2));
        assert_eq!(tls.cipher_suites().unwrap().len(), 3 + 1);
        assert_eq!(*file.basic_auth_users.unwrap()["alice"].0, HASH);
        for empty in ["", "# nothing\n", "tls_server_config:\nbasic_auth_users:\n", "{}"] {
            WebConfigFile::parse(empty).unwrap();
        }
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named_without_their_values() {
        assert!(error("tls_config: {}").contains("tls_config"));
        assert!(error("tls_server_config: {cert_fil: x}").contains("cert_fil"));
        assert!(error("http_server_config: {http3: true}").contains("http3"));
        for text in [
            format!("basic_auth_users: \"{HASH}\""),
            format!("basic_auth_users: {HASH}"),
            format!("tls_server_config: {HASH}"),
            HASH.to_owned(),
            format!("rate_limit: {{burst: \"{HASH}\"}}"),
            format!("basic_auth_users: {{alice: {HASH}, alice: {HASH}}}"),
            format!("basic_auth_users:\n  alice: {HASH}\n bob: [{HASH}\n"),
        ] {
            let error = error(&text);
            assert!(error.starts_with("WebConfigError: ") && !error.contains("mDwo"), "{error}");
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for (text, named) in [
            ("client_auth_type: RequireAnyClientCert", "verify nothing"),
            ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file"),
            ("client_ca_file: x", "RequireAndVerifyClientCert"),
            ("client_allowed_sans: [a]", "client_allowed_sans"),
        ] {
            assert!(tls(text).client_auth().unwrap_err().to_string().contains(named), "{text}");
        }
        assert!(tls("min_version: TLS10").versions().unwrap_err().to_string().contains("TLS10"));
        assert!(tls("min_version: TLS13, max_version: TLS12").versions().is_err());
        assert_eq!(tls("min_version: TLS13").versions().unwrap().len(), 1);
        let suites = tls("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]").cipher_suites().unwrap_err().to_string();
        assert!(suites.contains("RC4") && suites.contains("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), "{suites}");
        let both = "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305]";
        assert_eq!(tls(both).cipher_suites().unwrap().len(), 3 + 1);
        assert!(tls("curve_preferences: [CurveP521]").groups().is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z_:{}\\[\\]&*!|>'\"# \n\t-]{0,200}") {
            let _ = WebConfigFile::parse(&text);
        }

        #[test]
        fn no_bytes_make_it_panic(prefix in "(tls_server_config|basic_auth_users|rate_limit|http_server_config|): ?", text in any::<String>()) {
            let _ = WebConfigFile::parse(&(prefix + &text));
        }
    }
}
