//! Who is let in, according to one state of the files.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::sources::Content;
use super::token_bucket::TokenBucket;
use super::users::{PasswordChecks, Users};
use super::{file, headers};
use crate::error::Error;
use crate::http::basic_auth::BasicAuth;
use crate::http::tls::Served;

/// Who is let in, and the headers of their answers.
#[derive(Debug, Default)]
pub struct Access {
    users: Option<Users>,
    headers: Vec<(HeaderName, HeaderValue)>,
    rate_limit: Option<TokenBucket>,
}

impl Access {
    /// Lets a request in.
    ///
    /// # Errors
    /// 401 if there are users and the caller is not one; throttled over the rate limit; unavailable if too many
    /// passwords wait to be checked.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), Error> {
        if let Some(limit) = &self.rate_limit {
            limit.take()?;
        }
        match &self.users {
            Some(users) => users.admit(&BasicAuth::of(headers)?).await,
            None => Ok(()),
        }
    }

    /// Adds the configured headers to those of an answer.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}

/// What one state of the files means.
pub(super) struct Loaded {
    pub(super) access: Access,
    pub(super) tls: Option<Served>,
}

/// Builds what the files hold.
pub(super) struct Builder {
    pub(super) checks: Arc<PasswordChecks>,
    /// Whether basic auth of a request carries the caller's AWS keys.
    pub(super) pass_through: bool,
}

impl Builder {
    pub(super) fn build(&self, content: Content) -> Result<Loaded, Error> {
        let Content { file, tls } = content;
        let http = file.http_server_config.unwrap_or_default();
        let users = file.basic_auth_users.filter(|users| !users.is_empty());
        if users.is_some() && self.pass_through {
            let message = "basic_auth_users of --web.config.file can't be used without --enable-sigv4-auth: the basic auth \
                           of a request carries its AWS keys then; set --enable-sigv4-auth, or take basic_auth_users out";
            return Err(file::bad(message.to_owned()));
        }
        let tls = tls.map(|mut settings| {
            settings.http2 = http.http2.unwrap_or(true);
            settings.serve()
        });
        let access = Access {
            users: users.map(|users| Users::new(users, self.checks.clone())).transpose()?,
            headers: headers::headers(&http.headers.unwrap_or_default())?,
            rate_limit: file.rate_limit.as_ref().map(TokenBucket::new).transpose()?.flatten(),
        };
        Ok(Loaded { access, tls: tls.transpose()? })
    }
}
