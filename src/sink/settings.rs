//! How Timestream is reached: region, endpoints, credentials, and limits of calls.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;

/// How to reach Timestream.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The signing region.
    pub region: String,
    /// How to reach it for writes.
    pub write: Endpoint,
    /// How to reach it for queries.
    pub query: Endpoint,
    /// How long one attempt of a WriteRecords call may take.
    pub write_call_timeout: Duration,
    /// How long one page of a query may take.
    pub query_call_timeout: Duration,
    /// WriteRecords calls of one caller under way at once.
    pub max_concurrent_calls: usize,
}

#[cfg(test)]
impl ClientSettings {
    /// Settings of tests, for both endpoints at one URL.
    pub(super) fn at(url: &str) -> Self {
        let endpoint = Endpoint::Fixed(url.to_owned());
        ClientSettings {
            region: "us-east-1".to_owned(),
            write: endpoint.clone(),
            query: endpoint,
            write_call_timeout: Duration::from_secs(1),
            query_call_timeout: Duration::from_secs(1),
            max_concurrent_calls: 1,
        }
    }
}

/// Where Timestream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// At this URL.
    Fixed(String),
    /// Where DescribeEndpoints says. It is called at this URL, or at the region's public endpoint.
    Discovered(Option<String>),
}

/// Whose credentials calls are made with.
#[derive(Debug, Clone)]
pub enum CredentialsSource {
    /// Each request brings its own.
    Callers,
    /// These for all requests.
    Fixed(SharedCredentialsProvider),
    /// Those of the environment, for all requests: the default AWS provider chain.
    Environment,
}
