//! Signature Version 4 of requests, checked with the access keys that were configured.
//!
//! Texts and codes are those of AWS' JSON services, whose front doors answer all these errors with the status 400.

mod authorization;
mod failure;
mod keys;

use hyper::header::HeaderName;
use hyper::http::request::Parts;
use ring::{digest, hmac};
use std::fmt::Write as _;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

pub use keys::{AccessKey, CredentialsFileError};

use crate::error::{ApiError, ErrorKind};
use authorization::Authorization;
use failure::{incomplete, invalid, unrecognized};
use keys::{SERVICE, TERMINATOR};

/// How far a request's clock may be off.
const TOLERANCE: Duration = Duration::minutes(5);

/// Checks that a request is signed, just now, with one of the keys.
pub(crate) fn verify(keys: &[AccessKey], head: &Parts, body: &[u8], now: OffsetDateTime) -> Result<(), ApiError> {
    let Some(text) = header(head, "authorization") else {
        let message = "Missing Authentication Token";
        return Err(ApiError::new(ErrorKind::MissingAuthenticationToken, message));
    };
    let authorization = Authorization::parse(text)?;
    let scope = &authorization.scope;
    let date = header(head, "x-amz-date").ok_or_else(|| {
        incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    })?;
    let signed_at = parse_date(date)
        .ok_or_else(|| incomplete("Date must be in ISO-8601 'basic format'. See ISO-8601 and RFC 2616."))?;
    let key = keys.iter().find(|key| key.id == scope.key_id).ok_or_else(unrecognized)?;
    if !key.has_token(header(head, "x-amz-security-token")) {
        return Err(unrecognized());
    }
    if scope.service != SERVICE {
        return Err(invalid(format!("Credential should be scoped to correct service: '{SERVICE}'. ")));
    }
    if scope.terminator != TERMINATOR {
        let message = format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'.");
        return Err(invalid(message));
    }
    if date.get(..8) != Some(scope.date) {
        let message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.";
        return Err(invalid(message));
    }
    check_clock(date, signed_at, now)?;
    // What is sent as `x-amz-…` must be signed too (IAM user guide, "Create a signed AWS API request", canonical headers).
    let sent = head.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    for name in ["host", "x-amz-target", "x-amz-date"].into_iter().chain(sent) {
        if !authorization.signed_headers.split(';').any(|signed| signed == name) {
            return Err(invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
        }
    }
    let request = canonical_request(head, body, authorization.signed_headers);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{}/{}/{SERVICE}/{TERMINATOR}\n{}",
        scope.date,
        scope.region,
        hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref())
    );
    let signing_key = key.signing_key(scope.date, scope.region);
    let wrong = || {
        invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        )
    };
    let signature = unhex(authorization.signature).ok_or_else(wrong)?;
    // In constant time.
    hmac::verify(&signing_key, to_sign.as_bytes(), &signature).map_err(|_| wrong())
}

fn check_clock(date: &str, signed_at: OffsetDateTime, now: OffsetDateTime) -> Result<(), ApiError> {
    let (earliest, latest) = (now - TOLERANCE, now + TOLERANCE);
    if signed_at < earliest {
        return Err(invalid(format!(
            "Signature expired: {date} is now earlier than {} ({} - 5 min.)",
            date_text(earliest),
            date_text(now)
        )));
    }
    if signed_at > latest {
        return Err(invalid(format!(
            "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
            date_text(latest),
            date_text(now)
        )));
    }
    Ok(())
}

fn canonical_request(head: &Parts, body: &[u8], signed_headers: &str) -> String {
    let mut query: Vec<&str> =
        head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", head.method, encoded_path(head.uri.path()), query.join("&"));
    for name in signed_headers.split(';') {
        let values = head.headers.get_all(name).iter().map(|value| {
            // Runs of spaces count as one.
            let value = String::from_utf8_lossy(value.as_bytes());
            value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        });
        let _ = writeln!(text, "{name}:{}", values.collect::<Vec<_>>().join(","));
    }
    let _ = write!(text, "\n{signed_headers}\n{}", hex(digest::digest(&digest::SHA256, body).as_ref()));
    text
}

/// The path as it was sent, encoded once more.
fn encoded_path(path: &str) -> String {
    path.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => encoded.push(byte.into()),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// `20150830T123600Z`
fn parse_date(text: &str) -> Option<OffsetDateTime> {
    let number = |from: usize, to: usize| text.get(from..to).filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let month = Month::try_from(number(4, 6)?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(number(0, 4)?.parse().ok()?, month, number(6, 8)?.parse().ok()?).ok()?;
    let [hour, minute, second] = [number(9, 11)?, number(11, 13)?, number(13, 15)?].map(|part| part.parse().ok());
    Some(PrimitiveDateTime::new(date, Time::from_hms(hour?, minute?, second?).ok()?).assume_utc())
}

fn date_text(moment: OffsetDateTime) -> String {
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests;
