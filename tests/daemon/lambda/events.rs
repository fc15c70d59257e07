//! Events as AWS documents them, with a request of ours in each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What sends an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An HTTP API of API Gateway, payload 2.0.
    HttpApi,
    /// An HTTP API of API Gateway, payload 1.0.
    HttpApiVersion1,
    /// A REST API of API Gateway.
    RestApi,
    /// A function URL.
    FunctionUrl,
    /// An Application Load Balancer.
    LoadBalancer,
    /// The same with headers of several values.
    LoadBalancerMultiValue,
}

pub const KINDS: [Kind; 6] = [
    Kind::HttpApi,
    Kind::HttpApiVersion1,
    Kind::RestApi,
    Kind::FunctionUrl,
    Kind::LoadBalancer,
    Kind::LoadBalancerMultiValue,
];

/// A request as an event; its body in base64.
pub fn event(kind: Kind, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let lower: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), json!(value))).collect();
    let as_sent: Map<String, Value> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multiple = |single: &Map<String, Value>| -> Value {
        single.iter().map(|(name, value)| (name.clone(), json!([value]))).collect::<Map<_, _>>().into()
    };
    let body = STANDARD.encode(body);
    let staged = format!("/dev{path}");
    match kind {
        Kind::HttpApi => json!({
            "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": staged, "rawQueryString": "",
            "headers": lower,
            "requestContext": {
                "accountId": "123456789012", "apiId": "api-id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "id", "authorizer": {"iam": {"accessKey": "ASIACALLER", "callerId": "AROA:x", "userArn": "arn"}},
                "http": {"method": method, "path": staged, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "Prometheus/3.5.0"},
                "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("{method} {path}"), "stage": "dev",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390_u64
            },
            "body": body, "isBase64Encoded": true
        }),
        Kind::FunctionUrl => json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "cookies": ["a=b"],
            "headers": lower, "queryStringParameters": {"parameter1": "value1"},
            "requestContext": {
                "accountId": "123456789012", "apiId": "<urlid>", "authentication": null,
                "domainName": "<url-id>.lambda-url.us-west-2.on.aws", "domainPrefix": "<url-id>",
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "123.123.123.123", "userAgent": "agent"},
                "requestId": "id", "routeKey": "$default", "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390_u64
            },
            "body": body, "pathParameters": null, "isBase64Encoded": true, "stageVariables": null
        }),
        Kind::HttpApiVersion1 => json!({
            "version": "1.0", "resource": path, "path": staged, "httpMethod": method,
            "headers": as_sent, "multiValueHeaders": multiple(&as_sent),
            "queryStringParameters": null, "multiValueQueryStringParameters": null,
            "requestContext": {"accountId": "123456789012", "apiId": "id", "httpMethod": method, "path": staged, "stage": "dev",
                "identity": {"sourceIp": "192.0.2.1", "userAgent": "agent", "clientCert": null}, "authorizer": {"claims": null, "scopes": null}},
            "pathParameters": null, "stageVariables": null, "body": body, "isBase64Encoded": true
        }),
        Kind::RestApi => json!({
            "resource": "/{proxy+}", "path": path, "httpMethod": method,
            "headers": as_sent, "multiValueHeaders": multiple(&as_sent),
            "queryStringParameters": null, "multiValueQueryStringParameters": null,
            "pathParameters": {"proxy": path.trim_start_matches('/')}, "stageVariables": null,
            "requestContext": {"accountId": "123456789012", "apiId": "id", "resourcePath": "/{proxy+}", "httpMethod": method,
                "path": staged, "stage": "dev", "protocol": "HTTP/1.1", "requestTimeEpoch": 1583349317135_u64},
            "body": body, "isBase64Encoded": true
        }),
        Kind::LoadBalancer => json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/l/1"}},
            "httpMethod": method, "path": path, "queryStringParameters": {}, "headers": lower,
            "body": body, "isBase64Encoded": true
        }),
        Kind::LoadBalancerMultiValue => json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/l/1"}},
            "httpMethod": method, "path": path, "multiValueQueryStringParameters": {}, "multiValueHeaders": multiple(&lower),
            "body": body, "isBase64Encoded": true
        }),
    }
}
