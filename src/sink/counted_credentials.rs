//! Counts how often credentials are loaded, and remembers the last ones. The SDK loads them again when they are about to
//! expire.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Loading;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::telemetry::metrics::ByOutcome;

/// The credentials that a client loaded last.
#[derive(Debug, Clone, Default)]
pub(super) struct LastCredentials(Arc<Mutex<Option<Credentials>>>);

impl LastCredentials {
    pub(super) fn get(&self) -> Option<Credentials> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, credentials: Credentials) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
    }
}

/// A provider whose answers are remembered, and counted if they may change.
#[derive(Debug)]
pub(super) struct CountedCredentials {
    provider: SharedCredentialsProvider,
    loads: Option<ByOutcome>,
    last: LastCredentials,
}

impl CountedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider, loads: Option<ByOutcome>, last: LastCredentials) -> Self {
        CountedCredentials { provider, loads, last }
    }
}

impl ProvideCredentials for CountedCredentials {
    fn provide_credentials<'a>(&'a self) -> Loading<'a>
    where
        Self: 'a,
    {
        Loading::new(async {
            let loaded = self.provider.provide_credentials().await;
            if let Some(loads) = &self.loads {
                loads.count(loaded.is_ok());
            }
            if let Ok(credentials) = &loaded {
                self.last.set(credentials.clone());
            }
            loaded
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}
