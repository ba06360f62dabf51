use std::{ops::Range, sync::Arc};

use access::Permit;
use bytes::Bytes;
use content::{Admission, Content, Place};
use net::Body;
use oci::{Digest, Hasher};
use tracing::warn;

use crate::{
    engine::{Engine, Served, place},
    failure::{Failure, Verdict},
    source::{Confirmed, Layer, as_failure},
    standing::Standing,
};

impl Engine {
    /// The blob, if it is in the permit's repository: out of the store, or as it comes from the upstream.
    ///
    /// The store may hold it because somebody else pulled it. That is no reason to hand it out: the upstream is asked,
    /// with this upstream's own identity, whether it is in this repository, once; and again when nothing has confirmed
    /// for too long that the owner is let in.
    pub(crate) async fn blob(&self, permit: &Permit, digest: &Digest) -> Result<Served<Content>, Failure> {
        let place = place(permit)?;
        let standing = self.standings.of(&place).await?;
        let lifetime = permit.upstream().access_lifetime;
        let is_let_in = standing.good_until(lifetime, (self.clock)()).is_some();
        let confirmed = match is_let_in && self.store.admitted(&place, digest).await?.is_some() {
            true => None,
            false => Some(self.confirm(permit, &place, &standing, digest).await?),
        };
        let layer = Layer::new(self.upstream.clone(), permit.clone(), digest.clone(), confirmed);
        match self.store.fetch(&place, digest, Arc::new(layer)).await {
            Ok(found) => Ok(Served {
                found,
                until: standing.good_until(lifetime, (self.clock)()),
            }),
            Err(error) => {
                let failure = as_failure(&error, permit.registry().as_str(), digest);
                if failure.verdict() == Verdict::Refused {
                    self.standings.refuse(&place, &standing).await;
                }
                Err(failure)
            }
        }
    }

    /// Has the registry confirm that the blob is in the repository.
    async fn confirm(
        &self,
        permit: &Permit,
        place: &Place,
        standing: &Standing,
        digest: &Digest,
    ) -> Result<Confirmed, Failure> {
        let confirmed = match Layer::confirm(&self.upstream, permit, digest).await {
            Ok(confirmed) => confirmed,
            Err(failure) => {
                if failure.verdict() == Verdict::Refused {
                    self.standings.refuse(place, standing).await;
                }
                return Err(failure);
            }
        };
        self.standings.confirm(place, standing, (self.clock)()).await;
        if let Err(error) = self.store.admit(place, digest, Admission::Blob).await {
            warn!(%error, %digest, "a membership could not be kept");
        }
        Ok(confirmed)
    }
}

/// All bytes of what is whole and small. Since they are at hand, they are compared with their digest once more.
pub(crate) async fn small(content: &Content) -> Result<Option<Bytes>, Failure> {
    let Content::Whole(blob) = content else {
        return Ok(None);
    };
    if blob.size() > SMALL {
        return Ok(None);
    }
    let bytes = blob.read(SMALL).await?;
    let mut hasher = Hasher::new(blob.digest().algorithm());
    hasher.update(&bytes);
    if hasher.finish() != *blob.digest() {
        tracing::error!(digest = %blob.digest(), "a blob on disk is not what it was");
        return Err(Failure::Internal);
    }
    Ok(Some(bytes))
}

/// Bytes. What is larger is sent as a file.
const SMALL: u64 = 64 * 1024;

/// A part of the content as the body of an answer. What is whole is sent as a file.
pub(crate) fn body(content: &Content, range: Range<u64>) -> Body {
    match content {
        Content::Whole(blob) => Body::file(blob.file().clone(), range),
        Content::Growing(_) => Body::stream(content.stream(range)),
    }
}
