//! Endpoint discovery, which insists on HTTPS, with both clients.

use std::io::Write;
use std::net::SocketAddr;

use timestream_local::{Config, Server, StartError, TlsFiles};

use crate::server::{Scratch, keys, make_table, record, rows, trusting_clients};

struct Certificate {
    pem: String,
    files: TlsFiles,
}

fn certificate(scratch: &Scratch) -> Certificate {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    };
    let pem = made.cert.pem();
    let files = TlsFiles {
        certificate: file("certificate.pem", &pem),
        key: file("key.pem", &made.signing_key.serialize_pem()),
    };
    Certificate { pem, files }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_discovers_the_endpoint_over_https() {
    let scratch = Scratch::new();
    let certificate = certificate(&scratch);
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut config = Config::new(scratch.path().join("data"), any_port);
    config.tls = Some(certificate.files);
    let server = Server::start(config).await.unwrap();
    // Discovery answers the name by which the server was reached.
    let endpoint = format!("https://localhost:{}", server.local_addr().port());
    let (write, query) = trusting_clients(&endpoint, &keys("any", "any"), Some(&certificate.pem));
    let described = write.describe_endpoints().send().await.unwrap();
    assert_eq!(described.endpoints()[0].address(), endpoint.trim_start_matches("https://"));

    let (write, reload) = write.with_endpoint_discovery_enabled().await.unwrap();
    tokio::spawn(reload.reload_task());
    let (query, reload) = query.with_endpoint_discovery_enabled().await.unwrap();
    tokio::spawn(reload.reload_task());
    make_table(&write).await;
    let call = write.write_records().database_name("db1").table_name("metrics").records(record("a", 1.0, 0));
    call.send().await.unwrap();
    assert_eq!(rows(&query, "SELECT count(*) FROM db1.metrics").await, ["1"]);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_serve_stop_the_start() {
    let scratch = Scratch::new();
    let mut files = certificate(&scratch).files;
    files.key = scratch.path().join("none.pem");
    let mut config = Config::new(scratch.path().join("data"), "127.0.0.1:0".parse().unwrap());
    config.tls = Some(files);
    match Server::start(config).await {
        Err(StartError::Tls { path, .. }) => assert!(path.ends_with("none.pem")),
        other => panic!("{:?}", other.err()),
    }
}
