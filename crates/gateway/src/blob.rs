use std::{ops::Range, sync::Arc};

use access::Permit;
use bytes::Bytes;
use content::{Admission, Content, Place};
use net::Body;
use oci::Digest;
use reqwest::Url;
use tracing::warn;

use crate::{
    engine::{Engine, Served, place},
    failure::{Failure, Verdict},
    source::{Confirmed, Layer, as_failure},
    standing::Standing,
};

/// How a client gets a blob.
pub(crate) enum Delivery {
    /// From here.
    Here(Served<Content>),
    /// From the layer bucket, by a URL that carries its own signature.
    Elsewhere(Url),
    /// Not at all: it asks for the size alone.
    Size(u64),
}

impl Engine {
    /// The blob as the upstream wants it delivered; `head` says that the client wants to know of it only.
    pub(crate) async fn deliver(&self, permit: &Permit, digest: &Digest, head: bool) -> Result<Delivery, Failure> {
        let place = place(permit)?;
        let size = self.contents.size(&place, digest);
        let is_here = match permit.upstream().delivery {
            state::Delivery::Stream => true,
            state::Delivery::Redirect => false,
            state::Delivery::Auto => {
                size.is_some_and(|size| size <= SMALL_ENOUGH) || self.store.blob(digest).await?.is_some()
            }
        };
        if is_here {
            return Ok(Delivery::Here(self.blob(permit, digest).await?));
        }
        let standing = self.standings.of(&place).await?;
        match (head, size) {
            // The signature of the URL is for GET, and the registry may not let everybody ask it for a head.
            (true, Some(size)) => {
                self.confirm(permit, &place, &standing, digest).await?;
                Ok(Delivery::Size(size))
            }
            (true, None) => Ok(Delivery::Here(self.blob(permit, digest).await?)),
            (false, _) => match self.confirm(permit, &place, &standing, digest).await? {
                Confirmed::Elsewhere(url) => Ok(Delivery::Elsewhere(url)),
                here => Ok(Delivery::Here(
                    self.fetch(permit, &place, &standing, digest, Some(here)).await?,
                )),
            },
        }
    }

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
        self.fetch(permit, &place, &standing, digest, confirmed).await
    }

    async fn fetch(
        &self,
        permit: &Permit,
        place: &Place,
        standing: &Standing,
        digest: &Digest,
        confirmed: Option<Confirmed>,
    ) -> Result<Served<Content>, Failure> {
        // With another delivery, layers are to pass by here as little as they have to.
        if permit.upstream().delivery == state::Delivery::Stream
            && let Some(image) = self.contents.image(place, digest)
            && self.store.blob(digest).await?.is_none()
        {
            self.prefetch(permit, place, image, digest.clone());
        }
        let layer = Layer::new(self.upstream.clone(), permit.clone(), digest.clone(), confirmed);
        match self.store.fetch(place, digest, Arc::new(layer)).await {
            Ok(found) => {
                let until = standing.good_until(permit.upstream().access_lifetime, (self.clock)());
                Ok(Served { found, until })
            }
            Err(error) => {
                let failure = as_failure(&error, permit.registry().as_str(), digest);
                if failure.verdict() == Verdict::Refused {
                    self.standings.refuse(place, standing).await;
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

/// All bytes of what is whole and small.
pub(crate) async fn small(content: &Content) -> Result<Option<Bytes>, Failure> {
    let Content::Whole(blob) = content else {
        return Ok(None);
    };
    if blob.size() > SMALL {
        return Ok(None);
    }
    Ok(Some(blob.read(SMALL).await?))
}

/// Bytes. What is larger is sent as a file.
const SMALL: u64 = 64 * 1024;

/// What is not larger is not worth a redirect.
const SMALL_ENOUGH: u64 = 1024 * 1024;

/// A part of the content as the body of an answer, which the kernel sends where it can.
pub(crate) fn body(content: &Content, range: Range<u64>) -> Body {
    let parts = content.parts(range);
    Body::file(parts.file, parts.ranges)
}
