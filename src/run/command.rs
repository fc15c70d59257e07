//! What `export` and `import` work with: Timestream, or the embedded one, with the environment's credentials.

use std::sync::Arc;

use super::connector;
#[cfg(feature = "embedded")]
use super::embedded::{self, Embedded};
#[cfg(feature = "embedded")]
use super::in_process;
use crate::error::{Error, Kind};
use crate::options::Options;
use crate::sink::caller_clients::CallerClients;
use crate::sink::clients::{self, Clients};
use crate::telemetry::Metrics;

/// Timestream as a command reaches it.
pub(crate) struct Reached {
    /// With the endpoints of the embedded Timestream, if the options ask for that.
    pub(crate) options: Options,
    pub(crate) clients: Arc<Clients>,
    pub(crate) metrics: Arc<Metrics>,
    #[cfg(feature = "embedded")]
    embedded: Option<Embedded>,
}

impl Reached {
    /// Starts the embedded Timestream, or asks a running one, if the options want that. A command has no callers with keys
    /// of their own, so calls are made with those of the environment.
    ///
    /// # Errors
    /// The embedded Timestream does not start.
    pub(crate) async fn open(options: Options) -> Result<Self, Error> {
        #[cfg(feature = "embedded")]
        let (mut options, embedded) = embedded::start_or_reach(options).await?;
        #[cfg(not(feature = "embedded"))]
        let mut options = options;
        #[cfg(not(feature = "embedded"))]
        if options.embedded.is_some() {
            let message = "this binary was built without the embedded Timestream";
            return Err(Error::invalid("ParseOptionError", message));
        }
        options.enable_sigv4_auth = true;
        let metrics = Arc::new(Metrics::new());
        #[cfg(feature = "embedded")]
        let http = match &embedded {
            Some(embedded) => in_process::http_client(embedded.in_process()),
            None => clients::http_client(),
        };
        #[cfg(not(feature = "embedded"))]
        let http = clients::http_client();
        let clients = connector::clients_over(http, &options, metrics.clone());
        Ok(Reached {
            options,
            clients,
            metrics,
            #[cfg(feature = "embedded")]
            embedded,
        })
    }

    /// The clients for all calls.
    pub(crate) fn caller(&self) -> Result<Arc<CallerClients>, Error> {
        let caller = self.clients.fixed().cloned();
        caller.ok_or_else(|| Error::new(Kind::NoCredentials, "CredentialsError", "no credentials are configured"))
    }

    /// Ends in good order.
    pub(crate) async fn close(self) {
        #[cfg(feature = "embedded")]
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
    }
}
