use std::sync::Arc;

use access::Permit;
use aws::Broker;
use content::{Place, Scope, Store};
use jiff::Timestamp;
use oci::Digest;
use reqwest::Url;
use tokio::sync::Semaphore;

use crate::{
    blob::Membership,
    brief::Brief,
    contents::Contents,
    failure::Failure,
    flight::Flights,
    manifest,
    prefetch::AHEAD,
    standing::Standings,
    tally::{Outcome, Tally},
    upstream::Upstream,
};

/// What pulls are made with.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) tally: Arc<Tally>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) manifests: Arc<Flights<manifest::Key, manifest::Outcome>>,
    /// Questions that failed a moment ago.
    pub(crate) failures: Arc<Brief<manifest::Key, Arc<Failure>>>,
    pub(crate) standings: Standings,
    pub(crate) contents: Arc<Contents>,
    /// Blobs of which the registry is being asked.
    pub(crate) memberships: Arc<Flights<(Place, Digest), Membership>>,
    /// Where the registry said a moment ago that blobs are.
    pub(crate) urls: Arc<Brief<(Place, Digest), Url>>,
    /// Images of which blobs are being fetched ahead.
    pub(crate) prefetches: Arc<Flights<(Place, Digest), ()>>,
    pub(crate) ahead: Arc<Semaphore>,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What is served, and until when the same may be served again without being looked up. Nothing where it may not.
#[derive(Clone, Debug)]
pub(crate) struct Served<T> {
    pub(crate) found: T,
    /// Where it is from.
    pub(crate) origin: Outcome,
    pub(crate) until: Option<Timestamp>,
}

impl Engine {
    pub(crate) fn new(
        store: Store,
        client: reqwest::Client,
        broker: Broker,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        let tally = Arc::new(Tally::default());
        Self {
            standings: Standings::new(store.clone()),
            store,
            upstream: Arc::new(Upstream::new(client, broker, clock.clone(), tally.clone())),
            tally,
            manifests: Arc::default(),
            failures: Arc::default(),
            contents: Arc::new(Contents::new()),
            memberships: Arc::default(),
            urls: Arc::default(),
            prefetches: Arc::default(),
            ahead: Arc::new(Semaphore::new(AHEAD)),
            clock,
        }
    }
}

/// Where the permit's repository keeps what it is known to contain. The registry is a part of it: an upstream that was
/// pointed at another registry begins anew. So is the caller: a role with fewer rights sees less, and where AWS tells
/// one client from another, what one was given is no proof for the other.
pub(crate) fn place(permit: &Permit) -> Result<Place, Failure> {
    let upstream = permit.upstream();
    let caller = permit.caller().fingerprint();
    let parts = [
        upstream.team.as_str(),
        upstream.name.as_str(),
        permit.registry().as_str(),
        &caller,
    ];
    let scope = Scope::new(parts).map_err(|error| {
        tracing::error!(%error, "an upstream has no place in the content store");
        Failure::Internal
    })?;
    Ok(Place {
        scope,
        repository: permit.repository().clone(),
    })
}
