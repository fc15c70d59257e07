//! Signatures, when access keys are configured.

use aws_credential_types::Credentials;
use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use timestream_local::AccessKey;

use crate::server::{Running, clients, keys};

fn key(id: &str, secret: &str, token: Option<&str>) -> AccessKey {
    AccessKey { id: id.to_owned(), secret: secret.to_owned(), session_token: token.map(str::to_owned) }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_keys_are_taken() {
    let configured = vec![key("AKID", "secret", None), key("ASIA", "temporary", Some("a/token+1=="))];
    let running = Running::with(|config| config.access_keys = configured).await;
    let endpoint = format!("http://{}", running.server.local_addr());
    let temporary = Credentials::new("ASIA", "temporary", Some("a/token+1==".to_owned()), None, "test");
    let without_token = keys("ASIA", "temporary");
    for (credentials, outcome) in [
        (keys("AKID", "secret"), None),
        (temporary, None),
        (keys("AKID", "wrong"), Some("InvalidSignatureException")),
        (keys("OTHER", "secret"), Some("UnrecognizedClientException")),
        (without_token, Some("UnrecognizedClientException")),
    ] {
        let (write, query) = clients(&endpoint, &credentials);
        let listed = write.list_databases().send().await.map_err(|error| error.code().map(str::to_owned));
        assert_eq!(listed.err().flatten().as_deref(), outcome, "{credentials:?}");
        let queried = query.query().query_string("SELECT 'a b&c=d'").send().await;
        let queried = queried.map_err(|error| error.code().map(str::to_owned));
        assert_eq!(queried.err().flatten().as_deref(), outcome, "{credentials:?}");
    }
    let unsigned = ureq::post(&endpoint)
        .config()
        .http_status_as_error(false)
        .build()
        .header("X-Amz-Target", "Timestream_20181101.ListDatabases")
        .send("{}");
    let mut unsigned = unsigned.unwrap();
    assert_eq!(unsigned.status().as_u16(), 400);
    assert!(unsigned.body_mut().read_to_string().unwrap().contains("#MissingAuthenticationTokenException"));
}
