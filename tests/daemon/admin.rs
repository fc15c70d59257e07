//! Status, reload and the level of the log, over HTTP.

use std::path::Path;

use serde_json::Value;

use super::connector::{Connector, Scratch};
use super::remote::{Answer, basic_auth, get, now_ms, post, put, series, write};
use super::tls::embedded;

const STATUS: [&str; 4] = ["buildinfo", "runtimeinfo", "flags", "config"];
const PASSWORD: &str = "hidden-password";

fn url(connector: &Connector, path: &str) -> String {
    format!("http://{}{path}", connector.address)
}

fn data(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.text());
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["status"], "success");
    body["data"].take()
}

fn web_config(folder: &Path, user: &str) -> String {
    let file = folder.join("web.yml");
    let hash = bcrypt::hash(PASSWORD, 5).unwrap();
    std::fs::write(&file, format!("basic_auth_users:\n  {user}: {hash}\nhttp_server_config:\n  http2: true\n"))
        .unwrap();
    format!("--web.config.file={}", file.display())
}

#[test]
fn the_status_is_told_as_prometheus_tells_it() {
    let scratch = Scratch::new();
    let endpoint = "--query-discovery-endpoint=https://me:hidden-password@localhost:1";
    let connector = Connector::embedded(scratch.path(), &["--write.linger=7ms", endpoint]);
    let status = |name: &str| data(&connector.get(&format!("/api/v1/status/{name}")));
    assert_eq!(status("buildinfo")["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status("buildinfo")["embedded"], true);

    let flags = status("flags");
    assert_eq!(flags["write.linger"], "7ms");
    assert_eq!(flags["embedded"], "true");
    assert_eq!(flags["web.telemetry-path"], "/metrics", "defaults too");
    assert_eq!(flags["default-database"], "", "none is given");
    assert_eq!(flags["query-discovery-endpoint"], "https://<secret>@localhost:1");

    let runtime = status("runtimeinfo");
    assert_eq!((&runtime["ready"], &runtime["reloadConfigSuccess"]), (&true.into(), &true.into()));
    assert_eq!((&runtime["queueLength"], &runtime["queueLimit"]), (&0.into(), &1024.into()));
    assert_eq!(runtime["logLevel"], "info");
    assert_eq!(runtime["memoryLimitBytes"], 128 << 20);
    let (started, now) = (runtime["startTime"].as_str().unwrap(), runtime["serverTime"].as_str().unwrap());
    assert!(started <= now && started.ends_with('Z'), "{started} {now}");
    assert_eq!(status("config")["yaml"], "{}\n", "there is no web configuration");
}

#[test]
fn nothing_changes_the_process_unless_it_is_allowed() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    for path in ["/-/reload", "/-/log-level?level=debug"] {
        for answer in [post(&url(&connector, path), &[], b""), put(&url(&connector, path), &[])] {
            assert_eq!(answer.status, 403, "{path}");
            assert!(answer.text().contains("LifecycleDisabled") && answer.text().contains("--web.enable-lifecycle"));
        }
    }
    assert_eq!(connector.get("/-/log-level").text(), "info\n");
    let answer = connector.get("/-/reload");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, PUT")));
    for name in STATUS {
        let answer = post(&url(&connector, &format!("/api/v1/status/{name}")), &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{name}");
    }
    assert_eq!(connector.get("/api/v1/status/nonsense").status, 404);
}

#[test]
fn a_reload_takes_the_files_over_or_says_why_not() {
    let scratch = Scratch::new();
    let file = web_config(scratch.path(), "alice");
    let connector = embedded(scratch.path(), &[&file, "--web.enable-lifecycle"]);
    let (alice, bob) = (basic_auth("alice", PASSWORD), basic_auth("bob", PASSWORD));
    let (alice, bob) = ([("Authorization", alice.as_str())], [("Authorization", bob.as_str())]);
    let reload = url(&connector, "/-/reload");
    assert_eq!((post(&reload, &[], b"").status, post(&reload, &bob, b"").status), (401, 401));

    web_config(scratch.path(), "bob");
    // The files are looked at every three seconds, so bob may be in already.
    let (by_alice, by_bob) = (post(&reload, &alice, b"").status, post(&reload, &bob, b"").status);
    assert!(by_alice == 200 || by_alice == 401, "{by_alice}");
    assert_eq!(by_bob, 200);
    assert_eq!(put(&reload, &bob).status, 200);
    let status = |name: &str| data(&get(&url(&connector, &format!("/api/v1/status/{name}")), &bob));
    let config: Value = serde_json::from_str(status("config")["yaml"].as_str().unwrap()).unwrap();
    assert_eq!(config["basic_auth_users"]["bob"], "<secret>");
    assert_eq!((&config["http_server_config"]["http2"], config.get("tls_server_config")), (&true.into(), None));

    std::fs::write(scratch.path().join("web.yml"), "basic_auth_users: {bob: hidden-plain}").unwrap();
    let refused = post(&reload, &bob, b"");
    assert_eq!(refused.status, 500);
    assert!(refused.text().starts_with("failed to reload config: WebConfigError: "), "{}", refused.text());
    assert_eq!(status("runtimeinfo")["reloadConfigSuccess"], false);
    assert_eq!(status("config")["yaml"].as_str().unwrap().matches("bob").count(), 1, "the one before stays");
    for path in STATUS.map(|name| format!("/api/v1/status/{name}")).iter().map(String::as_str).chain(["/-/log-level"]) {
        assert_eq!(connector.get(path).status, 401, "{path}");
    }
}

#[test]
fn the_level_of_the_log_is_changed_while_it_runs() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &["--web.enable-lifecycle"]);
    let set = |level: &str| put(&url(&connector, &format!("/-/log-level?level={level}")), &[]);
    let answer = set("debug");
    assert_eq!((answer.status, answer.text().as_str()), (200, "debug\n"));
    assert_eq!(connector.get("/-/log-level").text(), "debug\n");
    let bad = set("loud");
    assert_eq!(bad.status, 400);
    assert!(bad.text().contains("accepted: ?level=debug, info, warn or error"), "{}", bad.text());
    let one = series(&[("__name__", "m"), ("a", "b")], &[(1.0, now_ms())]);
    assert_eq!(write(&connector.address, std::slice::from_ref(&one)).status, 204);
    assert_eq!(set("error").status, 200);
    let bad = series(&[("__name__", "m"), ("a", "b")], &[(1.0, -1)]);
    assert_eq!(write(&connector.address, &[bad]).status, 400);
    assert_eq!(data(&connector.get("/api/v1/status/runtimeinfo"))["logLevel"], "error");
    connector.wait_for_log("level=debug");
    connector.terminate();
    connector.wait();
    let lines = connector.log_lines();
    let (debug, warn) = (|line: &&String| line.contains("msg=\"write request\""), "samples rejected");
    assert_eq!(lines.iter().filter(debug).count(), 1, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(warn)), "{lines:?}");
}
