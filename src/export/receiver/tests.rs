use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const SHORT_WAIT: Duration = Duration::from_millis(20);

/// A receiver that gives these answers, one for each request, and then nothing. Gives the requests.
async fn asked(auth: Auth, answers: &'static [&'static str]) -> (Result<Taken, NotTaken>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1/write?a=b", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"body") {
                let read = connection.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            requests.push(String::from_utf8(request).unwrap().to_lowercase());
            connection.write_all(answer.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
        }
        requests
    });
    let settings = ReceiverSettings { url, auth, tenant: Some("team".to_owned()) };
    let receiver = Receiver { first_wait: SHORT_WAIT, ..Receiver::new(&settings).unwrap() };
    let sent = receiver.send(Bytes::from_static(b"body"), false).await;
    (sent, serving.await.unwrap())
}

const TAKEN: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
const LATER: &str = "HTTP/1.1 503 Later\r\nconnection: close\r\nretry-after: 0\r\n\r\nlater";
const SLOWER: &str = "HTTP/1.1 429 Slower\r\nconnection: close\r\nretry-after: 0\r\n\r\nslower";
const REFUSED: &str = "HTTP/1.1 400 No\r\nconnection: close\r\n\r\nout of bounds\n";

#[tokio::test]
async fn a_request_is_sent_until_it_is_taken() {
    let auth = Auth::Basic { user: "me".to_owned(), password: "hidden-password".to_owned() };
    let begun = Instant::now();
    let (sent, requests) = asked(auth, &[LATER, SLOWER, TAKEN]).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(begun.elapsed() >= SHORT_WAIT * 3 / 2, "it waits although it is asked to come at once");
    assert!(requests.iter().all(|request| request == &requests[0]) && requests.len() == 3);
    for part in [
        "post /api/v1/write?a=b http/1.1\r\n",
        "content-encoding: snappy\r\n",
        "content-type: application/x-protobuf\r\n",
        "x-prometheus-remote-write-version: 0.1.0\r\n",
        "x-scope-orgid: team\r\n",
        "thanos-tenant: team\r\n",
        "authorization: basic bwu6aglkzgvulxbhc3n3b3jk\r\n",
    ] {
        assert!(requests[0].contains(part), "{part} in {}", requests[0]);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_receivers_words() {
    let (sent, requests) = asked(Auth::None, &[REFUSED]).await;
    let told = "ReceiverError: the receiver did not take the samples: it answers 400: out of bounds";
    assert_eq!(sent.unwrap_err().error.to_string(), told);
    assert!(!requests[0].contains("authorization"));
}

const LOST: &str = "";
const LOST_BY_A_PROXY: &str = "HTTP/1.1 502 Bad\r\nconnection: close\r\nretry-after: 0\r\n\r\n";
const THERE: &str = "HTTP/1.1 400 No\r\nconnection: close\r\n\r\nout of order sample\n";
const STRANGER: &str = "HTTP/1.1 401 No\r\nconnection: close\r\n\r\nout of order sample\n";

#[tokio::test]
async fn samples_are_taken_to_be_there_only_after_an_attempt_without_an_answer() {
    for (answers, wanted) in [
        (&[THERE][..], Err(false)),
        (&[SLOWER, THERE], Err(false)),
        (&[LOST, THERE], Ok(Taken::Supposedly)),
        (&[LOST_BY_A_PROXY, THERE], Ok(Taken::Supposedly)),
        (&[LOST_BY_A_PROXY, SLOWER, THERE], Ok(Taken::Supposedly)),
        // The samples are refused, whatever became of the attempt before.
        (&[LOST_BY_A_PROXY, REFUSED], Err(false)),
        (&[LOST_BY_A_PROXY, STRANGER], Err(true)),
    ] {
        let (sent, _) = asked(Auth::None, answers).await;
        assert_eq!(sent.map_err(|not_taken| not_taken.may_be_there), wanted, "{answers:?}");
    }
}

#[tokio::test]
async fn nothing_is_there_of_a_request_that_had_no_connection() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let receiver = Receiver::new(&ReceiverSettings { url, auth: Auth::None, tenant: None }).unwrap();
    let answer = receiver.attempt(Bytes::from_static(b"body")).await;
    assert!(matches!(answer, Answer::Later { may_be_there: false, .. }));
}

/// A refusal whose text has this beginning, and then `more` again and again for as long as it is read.
async fn endless(more: &'static [u8], answer_timeout: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"body") {
            connection.read_buf(&mut request).await.unwrap();
        }
        connection.write_all(b"HTTP/1.1 400 No\r\n\r\nbegun ").await.unwrap();
        while !more.is_empty() && connection.write_all(more).await.is_ok() {}
        // The connection is dropped in the end.
        while connection.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
    });
    let settings = ReceiverSettings { url, auth: Auth::None, tenant: None };
    let receiver = Receiver { answer_timeout, ..Receiver::new(&settings).unwrap() };
    let error = receiver.send(Bytes::from_static(b"body"), false).await.unwrap_err().error;
    drop(receiver);
    serving.await.unwrap();
    error.to_string()
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_as_far_as_it_is_told() {
    let error = endless(&[b'x'; 999], ANSWER_TIMEOUT).await;
    let (begun, rest) = error.split_once("it answers 400: begun ").unwrap();
    assert!(begun.starts_with("ReceiverError") && rest == "x".repeat(TOLD - "begun ".len()), "{error}");
    let error = endless(b"", Duration::from_millis(1)).await;
    assert!(error.contains("it answers 400: "), "{error}");
}

#[test]
fn secrets_come_from_files_and_are_not_shown() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("token");
    let receiver = |token: &str| {
        std::fs::write(&file, token).unwrap();
        let auth = Auth::BearerFile(file.clone());
        Receiver::new(&ReceiverSettings { url: "http://x".to_owned(), auth, tenant: None })
    };
    assert_eq!(receiver("hidden-token\n").unwrap().headers, [("authorization", "Bearer hidden-token".to_owned())]);
    let error = receiver("hidden-\ntoken").err().unwrap();
    assert!(error.name() == "ReceiverAuthError" && !error.message().contains("hidden-"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let auth = Auth::BasicFile { user: "me".to_owned(), password: file.clone() };
    let error = Receiver::new(&ReceiverSettings { url: "http://x".to_owned(), auth, tenant: None }).err().unwrap();
    assert_eq!(error.name(), "ReceiverAuthError");
}

#[test]
fn a_receiver_makes_a_wait_longer_and_never_shorter() {
    let seconds = Duration::from_secs;
    for (asked, waited) in [(None, 8), (Some(0), 8), (Some(1), 8), (Some(120), 120), (Some(3600), 600)] {
        assert_eq!(pause(seconds(8), asked.map(seconds)), seconds(waited), "{asked:?}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
    assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
    let far = retry_after("Fri, 31 Dec 2100 23:59:59 GMT").unwrap();
    assert!(far > LONGEST_ASKED);
    assert_eq!(retry_after("soon"), None);
}
