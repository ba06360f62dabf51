use std::sync::Arc;

use access::Permit;
use content::{Admission, Content};
use oci::Digest;
use tracing::warn;

use crate::{
    engine::{Engine, place},
    failure::Failure,
    source::{Layer, as_failure},
};

impl Engine {
    /// The blob, if it is in the permit's repository: out of the store, or as it comes from the upstream.
    ///
    /// The store may hold it because somebody else pulled it. That is no reason to hand it out: the upstream is asked,
    /// with this upstream's own identity, whether it is in this repository, once.
    pub(crate) async fn blob(&self, permit: &Permit, digest: &Digest) -> Result<Content, Failure> {
        let place = place(permit)?;
        let confirmed = match self.store.admitted(&place, digest).await? {
            Some(_) => None,
            None => {
                let confirmed = Layer::confirm(&self.upstream, permit, digest).await?;
                if let Err(error) = self.store.admit(&place, digest, Admission::Blob).await {
                    warn!(%error, %digest, "a membership could not be kept");
                }
                Some(confirmed)
            }
        };
        let layer = Layer::new(self.upstream.clone(), permit.clone(), digest.clone(), confirmed);
        let fetched = self.store.fetch(&place, digest, Arc::new(layer)).await;
        fetched.map_err(|error| as_failure(&error, permit.registry().as_str(), digest))
    }
}
