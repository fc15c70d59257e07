//! The address that DescribeEndpoints answers, in the form that the caller's SDK can use.
//!
//! The service answers a host name, and SDKs reach it over HTTPS on port 443. Here the port matters, and maybe HTTP. What
//! SDKs make of an answer differs, so they are told apart by what they say they are:
//!
//! - The SDK for JavaScript v3 replaces the host name of its request and keeps scheme and port
//!   (`endpointDiscoveryMiddleware.ts`). A port in the answer would become part of the name.
//! - The SDK for Rust writes `https://` before any answer (`client.rs` of its crates), so that it can't discover over HTTP.
//! - All others take an address with a scheme as it is, and write `https://` before one without: botocore
//!   (`discovery.py`), Go v2 (`api_op_DescribeEndpoints.go`), .NET (`DiscoveryEndpoint.cs`).
//!
//! The SDK for Java v2 does not ask when an endpoint is set.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// How long a client may keep a discovered endpoint, in minutes, as the service answers.
const ENDPOINT_MINUTES: u32 = 1440;

/// What a request says of its sender, and how it came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'r> {
    /// The header Host: the name, and maybe the port, by which the server was reached.
    pub(crate) host: Option<&'r str>,
    /// The header User-Agent.
    pub(crate) user_agent: Option<&'r str>,
    /// The header X-Amz-User-Agent, which browsers let programs set.
    pub(crate) sdk_agent: Option<&'r str>,
    /// It came over HTTPS.
    pub(crate) is_secure: bool,
}

impl Caller<'_> {
    fn is(self, sdk: &str) -> bool {
        let names = |agent: &str| agent.split_whitespace().any(|product| product.starts_with(sdk));
        [self.user_agent, self.sdk_agent].into_iter().flatten().any(names)
    }

    /// The address of the server that listens at `own`.
    fn endpoint(self, own: SocketAddr) -> String {
        let host = self.host.map_or_else(|| own.to_string(), str::to_owned);
        if self.is("aws-sdk-js/3.") {
            return without_port(&host).to_owned();
        }
        if self.is_secure || self.is("aws-sdk-rust/") { host } else { format!("http://{host}") }
    }
}

/// A host without the port behind it. An IPv6 address stands in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The answer of DescribeEndpoints.
pub(super) fn endpoints(caller: Caller<'_>, own: SocketAddr) -> Value {
    json!({"Endpoints": [{"Address": caller.endpoint(own), "CachePeriodInMinutes": ENDPOINT_MINUTES}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    const JS: &str = "aws-sdk-js/3.936.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.19.2 api/timestream-write#3.936.0";
    const PYTHON: &str = "Boto3/1.42.1 md/Botocore#1.42.1 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.3";
    const RUST: &str = "aws-sdk-rust/1.3.10 ua/2.1 api/timestreamwrite/1.121.0 os/linux lang/rust/1.91.0";

    fn endpoint(host: Option<&str>, user_agent: &str, is_secure: bool) -> String {
        let caller = Caller { host, user_agent: Some(user_agent), sdk_agent: None, is_secure };
        caller.endpoint("127.0.0.1:9202".parse().unwrap())
    }

    #[test]
    fn each_sdk_gets_what_it_can_use() {
        let host = Some("ts.local:9202");
        assert_eq!(endpoint(host, PYTHON, false), "http://ts.local:9202");
        assert_eq!(endpoint(host, PYTHON, true), "ts.local:9202");
        assert_eq!(endpoint(host, JS, false), "ts.local");
        assert_eq!(endpoint(host, JS, true), "ts.local");
        assert_eq!(endpoint(host, RUST, true), "ts.local:9202");
        assert_eq!(endpoint(host, RUST, false), "ts.local:9202");
        assert_eq!(endpoint(None, PYTHON, false), "http://127.0.0.1:9202");
        let browser = Caller { host, user_agent: Some("Mozilla/5.0"), sdk_agent: Some(JS), is_secure: false };
        assert_eq!(browser.endpoint("127.0.0.1:9202".parse().unwrap()), "ts.local");
    }

    #[test]
    fn hosts_lose_their_port_only() {
        for (host, bare) in [("a:1", "a"), ("a", "a"), ("[::1]:9202", "[::1]"), ("[::1]", "[::1]"), ("", "")] {
            assert_eq!(without_port(host), bare);
        }
    }
}
