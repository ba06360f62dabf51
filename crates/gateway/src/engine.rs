use std::sync::Arc;

use access::Permit;
use content::{Place, Scope, Store};
use jiff::Timestamp;

use crate::{brief::Brief, failure::Failure, flight::Flights, manifest, standing::Standings, upstream::Upstream};

/// What pulls are made with.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) manifests: Arc<Flights<manifest::Key, manifest::Outcome>>,
    /// Questions that failed a moment ago.
    pub(crate) failures: Arc<Brief<manifest::Key, Arc<Failure>>>,
    pub(crate) standings: Standings,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// What is served, and until when the same may be served again without being looked up. Nothing where it may not.
#[derive(Clone, Debug)]
pub(crate) struct Served<T> {
    pub(crate) found: T,
    pub(crate) until: Option<Timestamp>,
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
