//! Counts how often credentials are loaded. The SDK loads them again when they are about to expire.

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Loading;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::telemetry::metrics::ByOutcome;

/// A provider whose answers are counted.
#[derive(Debug)]
pub(super) struct CountedCredentials {
    provider: SharedCredentialsProvider,
    loads: ByOutcome,
}

impl CountedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider, loads: ByOutcome) -> Self {
        CountedCredentials { provider, loads }
    }
}

impl ProvideCredentials for CountedCredentials {
    fn provide_credentials<'a>(&'a self) -> Loading<'a>
    where
        Self: 'a,
    {
        Loading::new(async {
            let loaded = self.provider.provide_credentials().await;
            self.loads.count(loaded.is_ok());
            loaded
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}
