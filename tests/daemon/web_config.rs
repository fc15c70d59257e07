//! `--web.config.file` with real clients: client certificates, users, headers.

use std::path::Path;

use super::certificates::Authority;
use super::connector::{Connector, Scratch};
use super::curl::Curl;
use super::start::failing;
use super::tls::{assert_writes, embedded, prometheus};

const PASSWORD: &str = "hidden-password";

fn with_config(scratch: &Path, config: &str) -> Connector {
    embedded(scratch, &[&flag(scratch, config), "--log.level=debug"])
}

fn flag(scratch: &Path, config: &str) -> String {
    let file = scratch.join("web.yml");
    std::fs::write(&file, config).unwrap();
    format!("--web.config.file={}", file.display())
}

fn users() -> String {
    format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash(PASSWORD, 5).unwrap())
}

/// The server's certificate, and clients' ones by this authority.
fn mutual_tls(scratch: &Path) -> (Authority, String) {
    let root = Authority::root(scratch, "root");
    root.certify(scratch, "server", &["localhost", "127.0.0.1"]);
    let config = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: root.pem\n  \
                  client_auth_type: RequireAndVerifyClientCert\n";
    (root, config.to_owned())
}

fn identified(curl: &Curl, scratch: &Path, name: &str) -> Curl {
    let file = |kind: &str| scratch.join(format!("{name}.{kind}")).display().to_string();
    curl.with(&["--cert", &file("crt"), "--key", &file("key")])
}

#[test]
fn only_clients_with_a_certificate_of_the_right_authority_and_name_are_served() {
    let scratch = Scratch::new();
    let folder = scratch.path();
    let (root, config) = mutual_tls(folder);
    root.certify(folder, "client", &["client.example"]);
    root.certify(folder, "another", &["another.example"]);
    root.certify_expired(folder, "expired", &["client.example"]);
    Authority::root(folder, "stranger").certify(folder, "strange", &["client.example"]);
    let mut connector = with_config(folder, &config);
    let url = format!("https://{}/-/healthy", connector.address);
    let curl = Curl::trusting(&root.file);
    let status = |name: &str| identified(&curl, folder, name).status(&url);
    assert_eq!(curl.status(&url), None, "no certificate");
    assert_eq!(status("strange"), None);
    assert_eq!(status("expired"), None);
    assert_eq!(status("client"), Some(200));
    assert_eq!(status("another"), Some(200));
    assert_eq!(identified(&curl, folder, "client").with(&["--tls-max", "1.2"]).status(&url), Some(200));

    flag(folder, &(config.clone() + "  client_allowed_sans: [client.example]\n"));
    connector.wait_for_log("read again");
    assert_eq!(status("client"), Some(200));
    assert_eq!(status("another"), None);

    flag(folder, &(config.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven") + "  min_version: TLS13\n"));
    connector.wait_for_log("read again");
    assert_eq!(curl.status(&url), Some(200));
    assert_eq!(status("strange"), None, "one that is shown must be valid");
    assert_eq!(curl.with(&["--tls-max", "1.2"]).status(&url), None);
}

#[test]
fn only_users_are_let_in_whatever_the_path() {
    let scratch = Scratch::new();
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    let mut connector = with_config(scratch.path(), &(users() + headers));
    let curl = Curl::trusting(Path::new("/dev/null"));
    let user = |password: &str| curl.with(&["--user", &format!("alice:{password}")]);
    for path in ["/-/healthy", "/metrics", "/", "/nowhere", "/write"] {
        let url = format!("http://{}{path}", connector.address);
        let refused = curl.get(&url).unwrap();
        assert_eq!(refused.status, 401, "{path}");
        assert!(
            refused.text.contains("www-authenticate: Basic realm=\"Timestream Prometheus Connector\""),
            "{}",
            refused.text
        );
        assert!(refused.text.contains("x-frame-options: deny"));
        assert_eq!(user("wrong").status(&url), Some(401), "{path}");
        assert_ne!(user(PASSWORD).status(&url), Some(401), "{path}");
    }
    let url = format!("http://{}/-/healthy", connector.address);
    assert_eq!(user(PASSWORD).status(&url), Some(200));

    // A bad file keeps the users, a good one may change them.
    flag(scratch.path(), "basic_auth_user: {}\n");
    assert!(connector.wait_for_log("the old ones stay").contains("basic_auth_user"));
    assert_eq!((user(PASSWORD).status(&url), curl.status(&url)), (Some(200), Some(401)));
    flag(scratch.path(), &users().replace("alice", "bob"));
    connector.wait_for_log("read again");
    assert_eq!(user(PASSWORD).status(&url), Some(401));
    assert_eq!(curl.with(&["--user", &format!("bob:{PASSWORD}")]).status(&url), Some(200));
}

#[test]
fn http2_can_be_switched_off_and_tls_not_without_a_restart() {
    let scratch = Scratch::new();
    let root = Authority::root(scratch.path(), "root");
    root.certify(scratch.path(), "server", &["127.0.0.1"]);
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";
    let mut connector = with_config(scratch.path(), &format!("{tls}http_server_config: {{http2: false}}\n"));
    let url = format!("https://{}/-/healthy", connector.address);
    let curl = Curl::trusting(&root.file);
    assert_eq!(curl.with(&["--http2"]).get(&url).unwrap().version, "1.1");
    flag(scratch.path(), tls);
    connector.wait_for_log("read again");
    assert_eq!(curl.with(&["--http2"]).get(&url).unwrap().version, "2");
    flag(scratch.path(), "");
    assert!(connector.wait_for_log("the old ones stay").contains("without a restart"));
    assert_eq!(curl.status(&url), Some(200));
}

#[test]
fn what_can_not_be_is_refused_at_the_start() {
    let scratch = Scratch::new();
    let start = |config: &str, more: &[&str]| {
        let file = flag(scratch.path(), config);
        failing(&[&["--default-database=dat", "--default-table=tab", &file], more].concat(), &[])
    };
    let both = start(&users(), &[]);
    assert!(both.contains("basic_auth_users") && both.contains("--enable-sigv4-auth"), "{both}");
    assert!(start("tls_server_confg: {}\n", &[]).contains("tls_server_confg"));
    let twice = start("tls_server_config: {cert_file: a, key_file: b}\n", &["--tls-certificate=a", "--tls-key=b"]);
    assert!(twice.contains("--tls-certificate") && twice.contains("tls_server_config"), "{twice}");
    assert!(start("basic_auth_users: {alice: plain}\n", &["--enable-sigv4-auth"]).contains("not a bcrypt hash"));
}

#[test]
fn prometheus_writes_with_a_client_certificate_and_as_a_user() {
    let scratch = Scratch::new();
    let folder = scratch.path();
    let (root, config) = mutual_tls(folder);
    root.certify(folder, "client", &["client.example"]);
    let connector = with_config(folder, &(config + &users()));
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("password"), PASSWORD).unwrap();
    let client = format!(
        "  tls_config: {{ca_file: {}, cert_file: {}, key_file: {}}}\n  basic_auth: {{username: alice, password_file: {}}}\n",
        root.file.display(),
        file("client.crt"),
        file("client.key"),
        file("password"),
    );
    let writer = prometheus(folder, &connector, &client);
    assert_writes(&writer, "it writes as a user with a client certificate");
}
