use std::time::Duration;

use crate::{Resolve, Roots};

/// How outgoing connections find and trust their peers.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where names are found.
    pub resolve: Resolve,
    /// Whom to trust.
    pub roots: Roots,
}

/// The TLS settings or the client could not be made. Seen only with a broken build of the TLS library.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// TLS settings.
    #[error("TLS for outgoing connections cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// HTTP client.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

impl Outgoing {
    /// An HTTP client with a pool of its own.
    ///
    /// It follows no redirect, uses no proxy from the environment (that would walk around the resolve map), waits 10 s
    /// for a connection and 60 s for the next bytes.
    ///
    /// # Errors
    /// See [`OutgoingError`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that decides about redirects, proxies and trust"
    )]
    pub fn client(&self) -> Result<reqwest::Client, OutgoingError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.roots.clone().client_config()?)
            .dns_resolver(self.resolve.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .http2_adaptive_window(true)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(client)
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const USER_AGENT: &str = concat!("wharfinger/", env!("CARGO_PKG_VERSION"));
