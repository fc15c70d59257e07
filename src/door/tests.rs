use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use tempfile::TempDir;

use super::{Access, Builder, Loaded, PasswordChecks, Sources};
use crate::error::{Error, Kind};
use crate::http::tls::TlsFiles;

/// A folder of configuration files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Files(TempDir::with_prefix("connector-web-config-").unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A configuration that names its files as relative ones.
    fn with_certificate(&self) -> String {
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        self.file("a.crt", &one.cert.pem());
        self.file("a.key", &one.signing_key.serialize_pem());
        "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n".to_owned()
    }

    fn load(&self, config: &str, pass_through: bool) -> Result<Loaded, Error> {
        load(Some(&self.file("web.yml", config)), None, pass_through)
    }

    fn error(&self, config: &str) -> String {
        self.load(config, false).err().unwrap().to_string()
    }
}

fn load(config_file: Option<&Path>, tls: Option<TlsFiles>, pass_through: bool) -> Result<Loaded, Error> {
    let sources = Sources { config_file: config_file.map(Path::to_owned), tls };
    let builder = Builder { checks: Arc::new(PasswordChecks::new().unwrap()), pass_through };
    sources.read().1.and_then(|content| builder.build(content))
}

fn headers(user: &str, password: &str) -> HeaderMap {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    HeaderMap::from_iter([(AUTHORIZATION, format!("Basic {encoded}").parse().unwrap())])
}

#[tokio::test]
async fn without_any_file_everybody_is_let_in() {
    let Loaded { access, tls } = load(None, None, true).unwrap();
    access.admit(&HeaderMap::new()).await.unwrap();
    assert!(tls.is_none());
}

#[tokio::test]
async fn a_whole_configuration_is_taken() {
    let files = Files::new();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let config = files.with_certificate()
        + &format!("http_server_config:\n  headers:\n    X-Frame-Options: deny\nbasic_auth_users:\n  alice: {hash}\n");
    let Loaded { access, tls } = files.load(&config, false).unwrap();
    assert!(tls.is_some());
    access.admit(&headers("alice", "secret")).await.unwrap();
    assert_eq!(access.admit(&headers("alice", "other")).await.unwrap_err().kind(), Kind::Unauthenticated);
    assert_eq!(access.admit(&HeaderMap::new()).await.unwrap_err().kind(), Kind::Unauthenticated);
    let mut answer = HeaderMap::new();
    access.add_headers(&mut answer);
    assert_eq!(answer["x-frame-options"], "deny");
}

#[tokio::test]
async fn over_the_rate_limit_a_request_is_throttled() {
    let files = Files::new();
    let Loaded { access, .. } = files.load("rate_limit:\n  interval: 1h\n  burst: 1\n", true).unwrap();
    access.admit(&HeaderMap::new()).await.unwrap();
    assert_eq!(access.admit(&HeaderMap::new()).await.unwrap_err().kind(), Kind::Throttled);
}

#[test]
fn users_and_pass_through_do_not_go_together() {
    let files = Files::new();
    let config = format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash("secret", 4).unwrap());
    let error = files.load(&config, true).err().unwrap().to_string();
    assert!(error.contains("basic_auth_users") && error.contains("--enable-sigv4-auth"), "{error}");
    files.load("basic_auth_users: {}\n", true).unwrap();
}

#[test]
fn what_is_wrong_is_named_with_its_file() {
    let files = Files::new();
    let config = files.with_certificate();
    assert!(files.error(&config.replace("a.key", "gone.key")).contains("gone.key"));
    assert!(files.error(&config.replace("a.key", "a.crt")).contains("a.crt"));
    assert!(files.error("tls_server_config:\n  cert_file: a.crt\n").contains("key_file"));
    assert!(files.error(&(config.clone() + "  cert: x\n")).contains("cert and cert_file"));
    assert!(files.error("nonsense: 1\n").contains("web.yml: "));
    let flags = TlsFiles { certificate: files.path("a.crt"), key: files.path("a.key") };
    let both = load(Some(&files.file("web.yml", &config)), Some(flags.clone()), false).err().unwrap().to_string();
    assert!(both.contains("--tls-certificate") && both.contains("tls_server_config"), "{both}");
    load(Some(&files.file("web.yml", "")), Some(flags), false).unwrap();
    assert!(load(Some(&files.path("gone.yml")), None, false).err().unwrap().to_string().contains("gone.yml"));
    let large = files.file("large.yml", &"#".repeat(2 << 20));
    assert!(load(Some(&large), None, false).err().unwrap().to_string().contains("large.yml"));
}

#[test]
fn a_change_of_any_file_is_seen() {
    let files = Files::new();
    let config = files.file("web.yml", &files.with_certificate());
    let sources = Sources { config_file: Some(config), tls: None };
    let fingerprint = || sources.read().0;
    let before = fingerprint();
    assert_eq!(fingerprint(), before);
    files.file("a.key", "another");
    assert_ne!(fingerprint(), before);
    std::fs::remove_file(files.path("a.key")).unwrap();
    let gone = fingerprint();
    assert_ne!(gone, before);
    assert_eq!(fingerprint(), gone, "the same error is not reported again");
}

#[test]
fn no_debug_output_shows_a_secret() {
    let files = Files::new();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let Loaded { access, .. } = files.load(&format!("basic_auth_users:\n  alice: {hash}\n"), false).unwrap();
    let shown = format!("{access:?} {:?}", Access::default());
    assert!(!shown.contains(&hash) && !shown.contains("secret"), "{shown}");
}
