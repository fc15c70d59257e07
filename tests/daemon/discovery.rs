//! Endpoint discovery over TLS, as AWS has it: endpoints that move are found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use timestream_prometheus_connector::proto;
use tokio_rustls::TlsAcceptor;

use super::connector::{Connector, Scratch};
use super::remote::{eq, now_ms, packed, post, query, series, write};
use super::timestream::{Fault, Timestream};
use super::waiting::{StopAtEnd, eventually};

/// A certificate for localhost, and the file that tells the connector to trust it.
fn tls(scratch: &Scratch) -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = scratch.path().join("ca.pem");
    std::fs::write(&file, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file.display().to_string())
}

#[test]
fn an_endpoint_that_moves_while_many_write_is_found_again_without_a_stampede() {
    let scratch = Scratch::new();
    let (tls, ca_file) = tls(&scratch);
    let first = Timestream::over_tls(|_, _| Fault::Slow(Duration::from_millis(5)), tls.clone());
    let second = first.another_cell(tls);
    first.is_the_endpoint();
    let discovery = format!("--write-discovery-endpoint=https://localhost:{}", first.address.port());
    let connector = Connector::start(
        &["--default-database=dat", "--default-table=tab", "--enable-sigv4-auth", &discovery],
        &[("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key"), ("SSL_CERT_FILE", &ca_file)],
    );
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let (address, stop) = (&connector.address, &stop);
            scope.spawn(move || {
                let sender = sender.to_string();
                let now = now_ms();
                for at in now.. {
                    let answer = write(address, &[series(&[("__name__", "m"), ("sender", &sender)], &[(1.0, at)])]);
                    assert_eq!(answer.status, 204, "{}", answer.text());
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        let writes_on = || {
            let before = first.counts().0;
            eventually("all write", || first.counts().0 >= before + 40);
        };
        writes_on();
        for (endpoint, discoveries) in [(&second, 2), (&first, 3), (&second, 4)] {
            endpoint.is_the_endpoint();
            eventually("the endpoint is found", || first.discoveries() >= discoveries);
            writes_on();
        }
    });
    let (_, written) = connector.assert_conserved();
    first.assert_sound();
    assert_eq!(first.records("AKIATEST").len() as f64, written);
    assert_eq!(first.discoveries(), 4, "one for the start and one for each move");
    let counted =
        |outcome| connector.series("timestream_connector_endpoint_discoveries_total", &[("outcome", outcome)]);
    assert_eq!((counted("success"), counted("failure")), (4.0, 0.0));
    let agent = first.user_agents().remove(0);
    assert!(agent.contains("Prometheus Connector/") && agent.contains("aws-sdk-rust/"), "{agent}");
}

#[test]
fn credentials_of_the_environment_that_expire_are_loaded_again() {
    let scratch = Scratch::new();
    let file = scratch.path().join("credentials");
    let rotate = |key: &str| {
        let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = test\n");
        std::fs::write(&file, text).unwrap();
    };
    rotate("AKIAOLD");
    let expired = Arc::new(AtomicBool::new(false));
    let is_expired = expired.clone();
    let timestream = Timestream::start(move |caller, _| match caller {
        "AKIAOLD" if is_expired.load(Ordering::Relaxed) => Fault::Exception(403, "ExpiredTokenException"),
        _ => Fault::None,
    });
    let [database, table, url] = timestream.arguments();
    let path = file.display().to_string();
    let connector = Connector::start(
        &[&database, &table, &url, &url.replace("write", "query"), "--enable-sigv4-auth", "--write.timeout=2s"],
        &[("AWS_SHARED_CREDENTIALS_FILE", &path), ("AWS_EC2_METADATA_DISABLED", "true")],
    );
    let write_one =
        |job: &str| write(&connector.address, &[series(&[("__name__", "m"), ("job", job)], &[(1.0, now_ms())])]);
    let read_status = || {
        let request = proto::ReadRequest { queries: vec![query(0, 1, &[eq("__name__", "m")])], ..Default::default() };
        post(&format!("http://{}/read", connector.address), &[("Content-Encoding", "snappy")], &packed(&request)).status
    };
    assert_eq!((write_one("a").status, read_status()), (204, 200));
    expired.store(true, Ordering::Relaxed);
    let answer = write_one("b");
    assert_eq!(answer.status, 503, "nothing that the sender did wrong: {}", answer.text());
    assert!(answer.text().contains("ExpiredTokenException"), "{}", answer.text());
    assert_eq!(read_status(), 403);
    rotate("AKIANEW");
    assert_eq!((write_one("c").status, read_status()), (204, 200));
    assert_eq!((timestream.records("AKIAOLD").len(), timestream.records("AKIANEW").len()), (1, 1));
    let loads = connector.series("timestream_connector_credential_refreshes_total", &[("outcome", "success")]);
    assert!(loads >= 4.0, "for writes and for reads, at the start and when they had expired: {loads}");
    connector.assert_conserved();
}

#[test]
fn names_that_do_not_resolve_may_do_so_later() {
    // RFC 6761: .invalid never resolves.
    let mut connector = Connector::listening(
        &[
            "--default-database=dat",
            "--default-table=tab",
            "--enable-sigv4-auth",
            "--write-base-endpoint=http://timestream.invalid",
            "--query-base-endpoint=http://timestream.invalid",
            "--write.timeout=3s",
            "--read.timeout=3s",
        ],
        &[("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")],
    );
    let now = now_ms();
    let answer = write(&connector.address, &[series(&[("__name__", "m"), ("a", "b")], &[(1.0, now)])]);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    let request = proto::ReadRequest { queries: vec![query(0, now, &[eq("__name__", "m")])], ..Default::default() };
    let url = format!("http://{}/read", connector.address);
    let answer = post(&url, &[("Content-Encoding", "snappy")], &packed(&request));
    assert_eq!(answer.status, 503, "{}", answer.text());
    connector.wait_for_log("can't be reached");
    let ready = connector.get("/-/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("reached at timestream.invalid:80: "), "{}", ready.text());
    connector.assert_conserved();
}
