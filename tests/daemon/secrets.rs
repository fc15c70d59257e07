//! No secret that a test uses stands in any log line, metric, page or header that a connector produces: `output` looks at
//! all of them, in every test, and the end of each connector asserts that it found none.

use super::connector::{Connector, Scratch};
use super::output::{assert_none_shown, check, leak_in};
use super::remote::{WRITE_HEADERS, basic_auth, get, now_ms, post, series, write_request};
use super::timestream::{Fault, Timestream};

#[test]
fn the_search_finds_a_secret_in_any_of_its_forms() {
    for shown in [
        "password=hidden-1".to_owned(),
        basic_auth("a", "hidden-1"),
        basic_auth("ab", "hidden-1"),
        basic_auth("abc", "hidden-1"),
        format!("{:?}", b"hidden-1"),
    ] {
        assert!(leak_in(&shown).is_some(), "{shown}");
    }
    assert!(leak_in("an ordinary line").is_none());
}

/// Every way in which a caller, its keys or the configuration can be wrong, with the log at its most talkative.
#[test]
fn no_error_shows_a_secret() {
    let timestream = Timestream::start(|_, number| match number % 6 {
        0 => Fault::Exception(403, "AccessDeniedException"),
        1 => Fault::Exception(400, "ValidationException"),
        2 => Fault::Exception(403, "ExpiredTokenException"),
        3 => Fault::Gateway(502),
        4 => Fault::Broken,
        _ => Fault::None,
    });
    let [database, table, url] = timestream.arguments();
    let query = url.replace("write", "query");
    let more = ["--log.level=debug", "--max-write-retries=1", "--max-read-retries=0"];
    let arguments = [&[database.as_str(), &table, &url, &query][..], &more].concat();
    let connector = Connector::start(&arguments, &[]);
    let body = write_request(&[series(&[("__name__", "m"), ("a", "b")], &[(1.0, now_ms())])]);
    let good = basic_auth("AKIAGOOD", "hidden-key");
    for path in ["/write", "/read", "/nowhere", "/metrics", "/", "/-/reload", "/-/log-level", "/api/v1/status/flags"] {
        for authorization in [
            good.clone(),
            basic_auth("", "hidden-key"),
            "Basic hidden-not-base64".to_owned(),
            "Bearer hidden-token".to_owned(),
            "hidden-".to_owned(),
        ] {
            let mut headers = WRITE_HEADERS.to_vec();
            headers.extend([("Authorization", authorization.as_str()), ("X-Amz-Security-Token", "hidden-token")]);
            for _ in 0..3 {
                post(&format!("http://{}{path}", connector.address), &headers, &body);
            }
            get(&format!("http://{}{path}", connector.address), &headers);
        }
    }
    drop(connector);
    assert_none_shown();

    let scratch = Scratch::new();
    let hash = bcrypt::hash("hidden-password", 4).unwrap();
    for config in [
        format!("basic_auth_users: {{alice: {hash}}}"),
        format!("basic_auth_users: {hash}"),
        "basic_auth_users: {alice: hidden-password}".to_owned(),
        "tls_server_config: {cert: a, key: hidden-key}".to_owned(),
        "tls_server_config: hidden-key".to_owned(),
        "basic_auth_users: [\"hidden-password\"".to_owned(),
    ] {
        let file = scratch.path().join("web.yml");
        std::fs::write(&file, config).unwrap();
        let file = format!("--web.config.file={}", file.display());
        let output =
            super::start::failing(&["--default-database=dat", "--default-table=tab", "--log.level=debug", &file], &[]);
        check(&output);
    }
    assert_none_shown();
}

#[test]
fn no_bad_endpoint_shows_its_password() {
    let names = ["write-base-endpoint", "query-base-endpoint", "write-discovery-endpoint", "query-discovery-endpoint"];
    let fixed = ["--default-database=dat", "--default-table=tab"];
    for url in ["ftp://u:hidden-x@h/", "http://u:hidden-x @h/", "u:hidden-/x@h/"] {
        for name in names {
            let option = format!("--{name}={url}");
            let as_option = super::start::failing(&[&fixed[..], &[option.as_str()]].concat(), &[]);
            let as_variable = super::start::failing(&fixed, &[(name.replace('-', "_").as_str(), url)]);
            for output in [as_option, as_variable] {
                assert!(output.starts_with("ParseOptionError: ") && output.contains("…@h/"), "{url}");
                check(&output);
            }
        }
    }
    assert_none_shown();
}
