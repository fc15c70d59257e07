//! HTTPS with real clients: curl, openssl, and Prometheus.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificates::{Authority, Identity};
use super::connector::{Connector, Scratch};
use super::curl::Curl;
use super::prometheus_server::{Prometheus, now};
use super::start::failing;
use super::waiting::PATIENCE;

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Starts an embedded connector with these arguments, its data in `scratch`.
pub fn embedded(scratch: &Path, arguments: &[&str]) -> Connector {
    let data = format!("--embedded.data-dir={}", scratch.join("data").display());
    let fixed = ["--embedded", &data, "--embedded.listen-address=127.0.0.1:0"];
    Connector::listening(&[&fixed[..], arguments].concat(), &[])
}

fn https(scratch: &Path, identity: &Identity) -> Connector {
    let [certificate, key] = identity.flags();
    embedded(scratch, &[&certificate, &key])
}

/// Runs openssl; its output, errors too.
fn openssl(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl must be installed (Debian: apt-get install openssl)");
    // openssl may have ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn curl_and_openssl_speak_both_versions_of_tls_and_of_http() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    let between = root.intermediate(scratch.path(), "between");
    let connector = https(scratch.path(), &between.certify(scratch.path(), "server", &NAMES));
    let url = format!("https://{}/-/healthy", connector.address);
    let curl = Curl::trusting(&root.file);
    for (arguments, version) in [(["--http2", "--tlsv1.3"], "2"), (["--http1.1", "--tlsv1.3"], "1.1")] {
        let answer = curl.with(&arguments).get(&url).unwrap();
        assert_eq!((answer.status, answer.version.as_str()), (200, version));
    }
    assert_eq!(curl.with(&["--tls-max", "1.2"]).status(&url), Some(200));
    assert_eq!(curl.with(&["--tls-max", "1.1"]).status(&url), None);
    assert_eq!(curl.status(&url.replace("https", "http")), None, "plain HTTP");
    let other = Authority::root(scratch.path(), "other");
    assert_eq!(Curl::trusting(&other.file).status(&url), None);

    let trust = root.file.display().to_string();
    for (flag, protocol, alpn) in [("-tls1_3", "TLSv1.3", "h2"), ("-tls1_2", "TLSv1.2", "http/1.1")] {
        let request = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let connect = ["s_client", "-connect", &connector.address, "-CAfile", &trust, "-verify_return_error"];
        // With a request it waits until the server closes, without one it ends at once.
        let (wait, request): (&[&str], _) = if alpn == "h2" { (&[], "") } else { (&["-ign_eof"], request) };
        let output = openssl(&[&connect[..], &[flag, "-alpn", alpn], wait].concat(), request);
        assert!(output.contains("Verify return code: 0 (ok)"), "{output}");
        assert!(output.contains(protocol) && output.contains(&format!("ALPN protocol: {alpn}")), "{output}");
        assert!(alpn == "h2" || output.contains("healthy"), "{output}");
    }
    let old = openssl(&["s_client", "-connect", &connector.address, "-tls1_1"], "");
    assert!(old.contains("Cipher is (NONE)"), "{old}");
}

#[test]
fn keys_of_every_kind_are_taken() {
    let scratch = Scratch::new();
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let (config, certificate) = (file("openssl.cnf"), file("self.crt"));
    std::fs::write(&config, "[req]\ndistinguished_name=name\nx509_extensions=v3\nprompt=no\n[name]\nCN=localhost\n[v3]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    let key = file("self.key");
    for (kind, arguments) in [
        ("BEGIN RSA PRIVATE KEY", &["genrsa", "-traditional", "-out", &key, "2048"][..]),
        ("BEGIN PRIVATE KEY", &["genpkey", "-algorithm", "ed25519", "-out", &key]),
        ("BEGIN EC PRIVATE KEY", &["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", &key]),
    ] {
        openssl(arguments, "");
        assert!(std::fs::read_to_string(&key).unwrap().contains(kind), "{kind}");
        let request = ["req", "-new", "-x509", "-days", "2", "-config", &config, "-key", &key, "-out", &certificate];
        openssl(&request, "");
        let connector = https(scratch.path(), &Identity { certificate: (&certificate).into(), key: (&key).into() });
        let url = format!("https://{}/-/healthy", connector.address);
        assert_eq!(Curl::trusting(Path::new(&certificate)).status(&url), Some(200), "{kind}");
    }
}

#[test]
fn a_bad_certificate_or_key_stops_the_start_and_is_named() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    let [one, other] = ["one", "other"].map(|name| root.certify(scratch.path(), name, &NAMES));
    let [certificate, key] = one.flags();
    let [_, other_key] = other.flags();
    let start =
        |arguments: &[&str]| failing(&[&["--default-database=dat", "--default-table=tab"], arguments].concat(), &[]);
    assert!(start(&[&certificate]).contains("--tls-certificate and --tls-key must be set both"));
    assert!(start(&[&certificate, "--tls-key=/nowhere/tls.key"]).contains("can't read /nowhere/tls.key"));
    let mismatch = start(&[&certificate, &other_key]);
    assert!(mismatch.contains("other.key: the key does not belong to the certificate"), "{mismatch}");
    let swapped = start(&[&certificate, &key.replace("one.key", "one.crt")]);
    assert!(swapped.contains("one.crt"), "{swapped}");
}

#[test]
fn an_expired_certificate_is_a_warning_and_a_metric() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    let identity = root.certify_expired(scratch.path(), "server", &NAMES);
    let mut connector = https(scratch.path(), &identity);
    connector.wait_for_log("the TLS certificate has expired");
    let url = format!("https://{}/metrics", connector.address);
    let metrics = Curl::trusting(&root.file).with(&["--insecure"]).get(&url).unwrap().text;
    let line = "timestream_connector_tls_certificate_expiry_timestamp_seconds 1609459200";
    assert!(metrics.contains(line), "{metrics}");
}

/// A folder as Kubernetes mounts a secret: the files are links through `..data`, which is swapped.
struct Mount {
    folder: PathBuf,
    count: usize,
}

impl Mount {
    fn new(folder: &Path, identity: &Identity) -> Self {
        let folder = folder.join("mount");
        std::fs::create_dir(&folder).unwrap();
        let mut mount = Mount { folder, count: 0 };
        mount.swap(identity);
        for name in ["tls.crt", "tls.key"] {
            std::os::unix::fs::symlink(Path::new("..data").join(name), mount.folder.join(name)).unwrap();
        }
        mount
    }

    fn swap(&mut self, identity: &Identity) {
        self.count += 1;
        let version = format!("..version-{}", self.count);
        std::fs::create_dir(self.folder.join(&version)).unwrap();
        std::fs::copy(&identity.certificate, self.folder.join(&version).join("tls.crt")).unwrap();
        std::fs::copy(&identity.key, self.folder.join(&version).join("tls.key")).unwrap();
        std::os::unix::fs::symlink(version, self.folder.join("..data_tmp")).unwrap();
        std::fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data")).unwrap();
    }

    fn identity(&self) -> Identity {
        Identity { certificate: self.folder.join("tls.crt"), key: self.folder.join("tls.key") }
    }
}

/// A TLS connection that stays open.
pub struct TlsClient(pub StreamOwned<ClientConnection, TcpStream>);

impl TlsClient {
    /// Connects and shakes hands.
    pub fn connect(address: &str, authority: &Path, alpn: &[u8]) -> Self {
        TlsClient::try_connect(address, authority, alpn).unwrap()
    }

    /// Connects and shakes hands, if it can.
    pub fn try_connect(address: &str, authority: &Path, alpn: &[u8]) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection, stream);
        stream.flush()?;
        Ok(TlsClient(stream))
    }

    fn healthy(&mut self) -> String {
        self.0.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 1024];
        let mut length = 0;
        while !answer[..length].ends_with(b"healthy\n") {
            length += self.0.read(&mut answer[length..]).unwrap();
        }
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    fn server_certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }
}

#[test]
fn a_new_certificate_is_taken_over_without_dropping_a_connection_and_a_bad_one_is_not() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    let [first, second, third] = ["a", "b", "c"].map(|name| root.certify(scratch.path(), name, &NAMES));
    let der = |identity: &Identity| CertificateDer::from_pem_file(&identity.certificate).unwrap().to_vec();
    let mut mount = Mount::new(scratch.path(), &first);
    let mut connector = https(scratch.path(), &mount.identity());
    let connect = |connector: &Connector| TlsClient::connect(&connector.address, &root.file, b"http/1.1");
    let mut old = connect(&connector);
    assert!(old.healthy().starts_with("HTTP/1.1 200"));
    assert_eq!(old.server_certificate(), der(&first));

    // Seen by itself.
    mount.swap(&second);
    connector.wait_for_log("read again");
    let mut new = connect(&connector);
    new.healthy();
    assert_eq!(new.server_certificate(), der(&second));

    // A certificate with another's key: the old one stays, and that is said.
    mount.swap(&Identity { certificate: third.certificate.clone(), key: first.key.clone() });
    let warning = connector.wait_for_log("the old ones stay");
    assert!(warning.contains("the key does not belong to the certificate"), "{warning}");
    let reload = || {
        let url = format!("https://{}/metrics", connector.address);
        let metrics = Curl::trusting(&root.file).get(&url).unwrap().text;
        metrics.lines().find_map(|line| {
            line.strip_prefix("timestream_connector_config_last_reload_successful ").map(str::to_owned)
        })
    };
    assert_eq!(reload().as_deref(), Some("0"));
    let mut still = connect(&connector);
    still.healthy();
    assert_eq!(still.server_certificate(), der(&second));

    // At once on SIGHUP.
    mount.swap(&third);
    connector.signal("HUP");
    connector.wait_for_log("read again");
    let mut newest = connect(&connector);
    newest.healthy();
    assert_eq!(newest.server_certificate(), der(&third));
    for client in [&mut old, &mut new, &mut still] {
        assert!(client.healthy().starts_with("HTTP/1.1 200"));
    }
}

/// Prometheus scrapes itself and writes through `client`, the settings of its HTTP client.
pub fn prometheus(scratch: &Path, connector: &Connector, client: &str) -> Prometheus {
    let address = connector.address.replace("127.0.0.1", "localhost");
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: prometheus\n  static_configs:\n  - targets: [\"SELF\"]\n\
         remote_write:\n- url: https://{address}/write\n  queue_config: {{batch_send_deadline: 200ms}}\n{client}"
    );
    Prometheus::start(scratch, "writer", &config)
}

/// Waits until Prometheus has sent all that it scraped up to now, and that some; none may have failed.
pub fn assert_writes(writer: &Prometheus, what: &str) {
    writer.sends_all_until(now() + 1.0);
    assert!(writer.sum("prometheus_remote_storage_samples_total") > 100.0);
    assert_eq!(writer.sum("prometheus_remote_storage_samples_failed_total"), 0.0, "{what}");
    assert_eq!(writer.sum("prometheus_remote_storage_samples_dropped_total"), 0.0, "{what}");
}

#[test]
fn prometheus_writes_with_a_ca_file_while_certificates_are_rotated() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    let [first, second] = ["a", "b"].map(|name| root.certify(scratch.path(), name, &NAMES));
    let mut mount = Mount::new(scratch.path(), &first);
    let mut connector = https(scratch.path(), &mount.identity());
    let client = format!("  tls_config: {{ca_file: {}}}\n", root.file.display());
    let writer = prometheus(scratch.path(), &connector, &client);
    assert_writes(&writer, "it writes over TLS");
    for identity in [&second, &first, &second] {
        mount.swap(identity);
        connector.signal("HUP");
        connector.wait_for_log("read again");
        assert_writes(&writer, "it writes with a rotated certificate");
    }
}
