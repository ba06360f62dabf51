use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use reqwest::{Client, Response, redirect::Policy};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::{
    key_set::{KeySet, NoKeySet},
    vouched::{Authorities, Vouched},
};
use crate::{
    resolve::Hosts,
    trouble::{FetchTrouble, Trouble},
};

/// The way to the issuers' hosts.
pub(super) struct Internet {
    hosts: Arc<Hosts>,
    authorities: Authorities,
    /// How long discovery and key set may take together.
    limit: Duration,
    trouble: Trouble,
}

/// What was had of an issuer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) keys: KeySet,
    pub(super) vouched: Vouched,
}

/// Why the client for issuers cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    /// A trust root is not one.
    #[error("a certificate among the trust roots cannot be read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A trust root is not one that TLS can use.
    #[error("a certificate among the trust roots cannot be used: {0}")]
    Root(#[from] rustls::Error),
}

/// Why an issuer's keys were not had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("it did not answer within {limit:?}")]
    Slow { limit: Duration },
    #[error("its certificate is not trusted")]
    Untrusted,
    #[error("{0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("a rule stood in the way: {0}")]
    Trouble(#[from] FetchTrouble),
    #[error("its answer broke off: {0}")]
    Broken(#[source] reqwest::Error),
    #[error("there is no TLS: {0}")]
    NoTls(#[source] rustls::Error),
    #[error("{url} answered {status}")]
    Status { url: Url, status: u16 },
    #[error("{url} sent more than {limit} bytes")]
    TooLong { url: Url, limit: usize },
    #[error("the discovery document cannot be read: {0}")]
    Discovery(#[source] serde_json::Error),
    #[error("the discovery document is one of another issuer, {0}")]
    OtherIssuer(String),
    #[error("{0} is not an https:// URL")]
    NotHttps(String),
    #[error(transparent)]
    Keys(#[from] NoKeySet),
}

/// A fetch that failed.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Failure {
    pub(super) why: Unavailable,
    /// The names of the fault rules that struck it, in their order.
    pub(super) rules: Vec<String>,
}

const MAX_DISCOVERY: usize = 64 * 1024;
const MAX_KEYS: usize = 512 * 1024;

/// OpenID Connect Discovery 1.0 §3, as far as STS needs it.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Unavailable {
    /// The error with all that it comes from, on one line.
    pub(super) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
            source = error.source();
        }
        text
    }
}

impl Internet {
    /// Finds hosts by `hosts`. AWS is to trust the public
    /// authorities and those in `roots` (PEM).
    pub(super) fn new(
        hosts: &Hosts,
        roots: &[String],
        limit: Duration,
        trouble: Trouble,
    ) -> Result<Self, IssuersError> {
        let mut store = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for pem in roots {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                store.add(certificate?)?;
            }
        }
        Ok(Self {
            hosts: Arc::new(hosts.clone()),
            authorities: Authorities::new(store)?,
            limit,
            trouble,
        })
    }

    /// The keys of `issuer` by way of its discovery document.
    pub(super) async fn fetch(&self, issuer: &str) -> Result<Found, Failure> {
        let limit = self.limit;
        let rules = Mutex::new(Vec::new());
        let found = timeout(limit, self.fetch_slowly(issuer, &rules)).await;
        found
            .unwrap_or(Err(Unavailable::Slow { limit }))
            .map_err(|why| Failure {
                why,
                rules: rules.into_inner().unwrap_or_else(PoisonError::into_inner),
            })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the client of the product is none of the simulator's: a bug must not hide by being on both sides"
    )]
    async fn fetch_slowly(&self, issuer: &str, rules: &Mutex<Vec<String>>) -> Result<Found, Unavailable> {
        let (tls, witness) = self.authorities.client().map_err(Unavailable::NoTls)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .dns_resolver(Arc::clone(&self.hosts))
            .redirect(Policy::none());
        let client = client.build().map_err(Unavailable::Unreachable)?;

        let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let discovery = self.get(&client, &discovery, MAX_DISCOVERY, rules).await?;
        let discovery = serde_json::from_slice::<Discovery>(&discovery).map_err(Unavailable::Discovery)?;
        if discovery.issuer != issuer {
            return Err(Unavailable::OtherIssuer(discovery.issuer));
        }
        let keys = self.get(&client, &discovery.jwks_uri, MAX_KEYS, rules).await?;
        Ok(Found {
            keys: KeySet::parse(&keys)?,
            vouched: witness.vouched(),
        })
    }

    async fn get(
        &self,
        client: &Client,
        url: &str,
        limit: usize,
        rules: &Mutex<Vec<String>>,
    ) -> Result<Vec<u8>, Unavailable> {
        let url = Url::parse(url)
            .ok()
            .filter(|url| url.scheme() == "https")
            .ok_or_else(|| Unavailable::NotHttps(url.chars().take(256).collect()))?;
        let note = |id: &str| rules.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        self.trouble.meet_fetch(&url, note).await?;
        let response = client.get(url.clone()).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Unavailable::Status { url, status });
        }
        body(response, limit).await?.ok_or(Unavailable::TooLong { url, limit })
    }
}

/// The body, if it is no longer than `limit`.
async fn body(response: Response, limit: usize) -> Result<Option<Vec<u8>>, Unavailable> {
    let mut chunks = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Unavailable::Broken)?;
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// A certificate that is not trusted is told from all else, because STS has a message of its own for it.
fn unreachable(error: reqwest::Error) -> Unavailable {
    if is_untrusted(&error) {
        Unavailable::Untrusted
    } else {
        Unavailable::Unreachable(error)
    }
}

/// Whether a certificate is at the bottom of an error.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // What an I/O error wraps is not among its sources; only the sources of that are.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_untrusted(wrapped)) || error.source().is_some_and(is_untrusted)
}
