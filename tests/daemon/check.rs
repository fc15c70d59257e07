//! `--check`: what it finds well, and what it says of each thing that is wrong.

use std::process::Command;

use timestream_local::{AccessKey, Config, Server};

use super::connector::{Connector, Scratch};
use super::output;

/// What the check prints, and its exit code.
fn check(arguments: &[&str], environment: &[(&str, &str)]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"))
        .arg("--check")
        .args(arguments)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    output::check(&printed);
    output::check(&String::from_utf8_lossy(&output.stderr));
    output::assert_none_shown();
    eprintln!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    (printed, output.status.code())
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIACHECK"), ("AWS_SECRET_ACCESS_KEY", "hidden-check")];

/// The arguments for a table of the Timestream at an address.
fn table(table: &str, address: &str) -> [String; 5] {
    [
        "--default-database=prometheus".to_owned(),
        format!("--default-table={table}"),
        format!("--write-base-endpoint=http://{address}"),
        format!("--query-base-endpoint=http://{address}"),
        "--enable-sigv4-auth".to_owned(),
    ]
}

fn check_table(arguments: &[String], environment: &[(&str, &str)]) -> (String, Option<i32>) {
    check(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), environment)
}

fn embedded(scratch: &Scratch) -> (Connector, String) {
    let connector = Connector::embedded(scratch.path(), &[]);
    let address = connector.timestream.clone();
    (connector, address)
}

#[test]
fn what_is_well_is_said_and_nothing_is_stored() {
    let scratch = Scratch::new();
    let (connector, address) = embedded(&scratch);
    let (printed, code) = check_table(&table("metrics", &address), &KEYS);
    assert_eq!(code, Some(0));
    let steps: Vec<&str> = printed.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(steps, ["ok      options", "ok      web", "ok      credentials", "ok      reading", "ok      writing"]);
    assert!(printed.contains("access key AKIACHECK"));
    // Not even the column of the placeholder.
    let again = check_table(&table("metrics", &address), &KEYS).0;
    assert_eq!(printed, again);
    drop(connector);
}

#[test]
fn the_embedded_timestream_is_checked_by_starting_it() {
    let scratch = Scratch::new();
    let data = format!("--embedded.data-dir={}", scratch.path().display());
    let arguments = ["--embedded", "--embedded.listen-address=127.0.0.1:0", data.as_str()];
    let (printed, code) = check(&arguments, &[]);
    assert_eq!((code, printed.matches("FAILED").count()), (Some(0), 0));
    let connector = Connector::start(&arguments, &[]);
    let (printed, code) = check(&arguments, &[]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("FAILED  embedded Timestream: StartError: "));
    drop(connector);
}

#[test]
fn a_table_that_is_not_there_is_named_with_how_to_make_it() {
    let scratch = Scratch::new();
    let (_connector, address) = embedded(&scratch);
    let (printed, code) = check_table(&table("nowhere", &address), &KEYS);
    assert_eq!(code, Some(1));
    assert!(printed.contains("FAILED  writing: ResourceNotFoundException: "));
    assert!(printed.contains("aws timestream-write create-table --region us-east-1 --database-name prometheus"));
}

#[test]
fn a_connection_that_is_refused_is_told_for_reading_and_writing() {
    let (printed, code) = check_table(&table("metrics", "127.0.0.1:1"), &KEYS);
    assert_eq!(code, Some(1));
    for step in ["reading", "writing"] {
        assert!(printed.contains(&format!("FAILED  {step}: ConnectionError: ")));
    }
    assert!(printed.contains("Look at --region (us-east-1), the endpoint options"));
}

#[test]
fn keys_that_timestream_does_not_know_are_told() {
    let scratch = Scratch::new();
    let file = scratch.path().join("credentials");
    let known = "[default]\naws_access_key_id = AKIACHECK\naws_secret_access_key = hidden-other\n";
    std::fs::write(&file, known).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = Config::new(scratch.path().join("data"), "127.0.0.1:0".parse().unwrap());
    config.access_keys = AccessKey::read_all(&file).unwrap();
    let server = runtime.block_on(Server::start(config)).unwrap();
    let (printed, code) = check_table(&table("metrics", &server.local_addr().to_string()), &KEYS);
    assert_eq!(code, Some(1));
    for step in ["reading", "writing"] {
        assert!(printed.contains(&format!("FAILED  {step}: InvalidSignatureException: ")));
    }
    assert!(printed.contains("does not know these keys"));
    runtime.block_on(server.shutdown());
}

#[test]
fn an_environment_without_keys_is_told_by_who_needs_them() {
    let arguments = ["--default-database=dat", "--default-table=tab"];
    let nowhere = [("HOME", "/nonexistent")];
    let (printed, code) = check(&[&arguments[..], &["--enable-sigv4-auth"]].concat(), &nowhere);
    assert_eq!(code, Some(1));
    assert!(printed.contains("FAILED  credentials: CredentialsError: "));
    assert!(printed.contains("the connector needs keys of its environment"));
    assert!(check(&arguments, &nowhere).0.contains("but this check needs some"));
}

#[test]
fn files_that_do_not_fit_are_named() {
    let (printed, code) = check(&["--embedded", "--web.config.file=/nonexistent/web.yml"], &[]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("FAILED  web: WebConfigError: ") && printed.contains("/nonexistent/web.yml"));
    let tls = ["--tls-certificate=/nonexistent/a.crt", "--tls-key=/nonexistent/a.key"];
    let (printed, _) = check(&[&["--embedded"][..], &tls].concat(), &[]);
    assert!(printed.contains("FAILED  web: TlsError: ") && printed.contains("/nonexistent/a.crt"));
}

#[test]
fn a_bad_option_stops_the_check_as_it_stops_a_start() {
    assert!(
        super::start::failing(&["--check", "--embedded", "--log.level=loud"], &[]).contains("--log.level is \"loud\"")
    );
    assert!(super::start::failing(&["--check"], &[]).starts_with("MissingDestinationError: "));
}
