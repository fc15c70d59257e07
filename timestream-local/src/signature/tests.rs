//! Requests that were signed with botocore 1.43 (`SigV4Auth`), and the answers to them when something is wrong.

use super::*;
use hyper::Request;

fn keys() -> Vec<AccessKey> {
    let key = |id: &str, token: Option<&str>| AccessKey {
        id: id.to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: token.map(str::to_owned),
    };
    vec![key("AKIDEXAMPLE", None), key("ASIAEXAMPLE", Some("token"))]
}

const BODY: &str = r#"{"DatabaseName":"db1"}"#;
const SIGNATURE: &str = "88b75fb4785a092d5fa8b171985730d9a2ac024763f38dcec8b40e8a90b535ff";
const TOKEN_SIGNATURE: &str = "97a19a7f4e85fb4f222dd811ad78d029e5b0167756ae193346e2fd97230a54a3";

fn request(authorization: &str, token: Option<&str>) -> Parts {
    let mut request = Request::post("/")
        .header("host", "127.0.0.1:9202")
        .header("x-amz-target", "Timestream_20181101.DescribeDatabase")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20240102T030405Z");
    if let Some(token) = token {
        request = request.header("x-amz-security-token", token);
    }
    request.header("authorization", authorization).body(()).unwrap().into_parts().0
}

fn authorization(signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240102/us-east-1/timestream/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
    )
}

fn outcome(authorization: &str, token: Option<&str>, body: &str, now: &str) -> Result<(), (ErrorKind, String)> {
    let now = parse_date(now).unwrap();
    verify(&keys(), &request(authorization, token), body.as_bytes(), now).map_err(|error| (error.kind, error.message))
}

#[test]
fn what_botocore_signed_is_taken() {
    assert_eq!(outcome(&authorization(SIGNATURE), None, BODY, "20240102T030800Z"), Ok(()));
    let temporary = authorization(TOKEN_SIGNATURE).replace("AKIDEXAMPLE", "ASIAEXAMPLE");
    let temporary = temporary.replace("x-amz-date;", "x-amz-date;x-amz-security-token;");
    assert_eq!(outcome(&temporary, Some("token"), BODY, "20240102T030405Z"), Ok(()));
    for token in [None, Some("other")] {
        let (kind, _) = outcome(&temporary, token, BODY, "20240102T030405Z").unwrap_err();
        assert_eq!(kind, ErrorKind::UnrecognizedClient);
    }
}

#[test]
fn what_is_off_is_refused_with_aws_own_errors() {
    let now = "20240102T030405Z";
    let good = authorization(SIGNATURE);
    for (authorization, body, now, kind, text) in [
        (good.clone(), "{}", now, ErrorKind::InvalidSignature, "The request signature we calculated does not match"),
        (authorization("00"), BODY, now, ErrorKind::InvalidSignature, "The request signature we calculated"),
        (authorization("xyz"), BODY, now, ErrorKind::InvalidSignature, "The request signature we calculated"),
        (
            good.clone(),
            BODY,
            "20240102T030906Z",
            ErrorKind::InvalidSignature,
            "Signature expired: 20240102T030405Z is now earlier than 20240102T030406Z (20240102T030906Z - 5 min.)",
        ),
        (
            good.clone(),
            BODY,
            "20240102T025904Z",
            ErrorKind::InvalidSignature,
            "Signature not yet current: 20240102T030405Z is still later than 20240102T030404Z",
        ),
        (good.replace("AKID", "OTHER"), BODY, now, ErrorKind::UnrecognizedClient, "The security token included"),
        (good.replace("/timestream/", "/s3/"), BODY, now, ErrorKind::InvalidSignature, "correct service"),
        (good.replace("20240102/", "20240103/"), BODY, now, ErrorKind::InvalidSignature, "Date in Credential scope"),
        (good.replace(";x-amz-target", ""), BODY, now, ErrorKind::InvalidSignature, "must be a 'SignedHeader'"),
        (good.replace("Signature=", "Sig="), BODY, now, ErrorKind::IncompleteSignature, "requires 'Signature'"),
        (good.replace("/us-east-1", ""), BODY, now, ErrorKind::IncompleteSignature, "5 slash-delimited"),
        ("Basic eDp5".to_owned(), BODY, now, ErrorKind::IncompleteSignature, "Unsupported AWS 'algorithm': 'Basic'"),
    ] {
        let (got, message) = outcome(&authorization, None, body, now).unwrap_err();
        assert_eq!(got, kind, "{message}");
        assert!(message.contains(text), "{message}");
    }
    let mut unsigned = request(&good, None);
    unsigned.headers.insert("x-amz-user-agent", "aws-sdk-js".parse().unwrap());
    let error = verify(&keys(), &unsigned, BODY.as_bytes(), parse_date(now).unwrap()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidSignature);
    assert!(error.message.contains("'x-amz-user-agent' must be a 'SignedHeader'"), "{}", error.message);
    let bare = Request::post("/").body(()).unwrap().into_parts().0;
    let error = verify(&keys(), &bare, b"", parse_date(now).unwrap()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::MissingAuthenticationToken);
}

#[test]
fn dates() {
    assert_eq!(parse_date("20240102T030405Z").map(date_text).as_deref(), Some("20240102T030405Z"));
    for bad in ["", "20240102T030405", "20241302T030405Z", "2024010äT03405Z", "20240102 030405Z", "+0240102T030405Z"] {
        assert_eq!(parse_date(bad), None, "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn no_header_panics(text in ".{0,80}", date in "[0-9TZä]{0,17}") {
        let head = Request::post("/").header("x-amz-date", date.as_str());
        if let Ok(request) = head.header("authorization", text.as_str()).body(()) {
            let _ = verify(&keys(), &request.into_parts().0, b"", OffsetDateTime::UNIX_EPOCH);
        }
    }
}
