//! What the README asks IAM for is enough: DescribeEndpoints, WriteRecords and Select.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::connector::{Connector, Scratch};
use super::remote::{eq, now_ms, post, query, read, series, write};

/// Passes calls on to a Timestream, as IAM would those of an identity that may `timestream:Select` only: AWS documents
/// that this is "select from table", and that describing a table is another action.
fn select_only(timestream: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let timestream = timestream.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &timestream));
        }
    });
    address
}

fn answer(stream: TcpStream, timestream: &str) {
    let mut reader = BufReader::new(stream);
    let mut head: Vec<(String, String)> = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            head.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let header = |name: &str| head.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap_or_default();
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let target = header("x-amz-target");
    let sql = String::from_utf8_lossy(&body).into_owned();
    let (status, body) = if target.ends_with(".Query") && !sql.contains("DESCRIBE") {
        let headers = ["x-amz-target", "content-type", "authorization", "x-amz-date"].map(|name| (name, header(name)));
        let answer = post(&format!("http://{timestream}/"), &headers, &body);
        (answer.status, answer.body)
    } else {
        let denied = r#"{"__type":"com.amazonaws.timestream.v20181101#AccessDeniedException","message":"denied"}"#;
        (403, denied.as_bytes().to_vec())
    };
    let mut stream = reader.into_inner();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // An error is a connector that is gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

#[test]
fn an_identity_that_may_only_select_reads_every_label() {
    let scratch = Scratch::new();
    let writer = Connector::embedded(scratch.path(), &[]);
    let query_endpoint = format!("--query-base-endpoint=http://{}", select_only(writer.timestream.clone()));
    let write_endpoint = format!("--write-base-endpoint=http://{}", writer.timestream);
    let arguments = ["--default-database=prometheus", "--default-table=metrics", "--enable-sigv4-auth"];
    let keys = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
    let reader = Connector::start(&[&arguments[..], &[&write_endpoint, &query_endpoint]].concat(), &keys);
    let now = now_ms();
    assert!(read(&reader.address, &[query(now, now + 100, &[eq("__name__", "up")])])[0].is_empty(), "an empty table");

    let sent = [
        series(&[("__name__", "up"), ("_odd", "1"), ("job", "a")], &[(1.0, now)]),
        series(&[("__name__", "up"), ("job", "b"), ("zone", "x")], &[(2.0, now + 1)]),
    ];
    assert_eq!(write(&writer.address, &sent).status, 204);
    let answers = read(
        &reader.address,
        &[query(now, now + 100, &[eq("__name__", "up")]), query(now, now + 100, &[eq("zone", "")])],
    );
    assert_eq!(answers[0], sent);
    assert_eq!(answers[1], sent[..1]);
}
