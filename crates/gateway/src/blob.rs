use std::{ops::Range, sync::Arc};

use access::Permit;
use content::{Admission, Blob, Content, FetchError, Passage, Place};
use jiff::SignedDuration;
use net::Body;
use oci::Digest;
use reqwest::Url;
use tracing::debug;

use crate::{
    engine::{Engine, Served, place},
    failure::{Failure, Verdict},
    source::{Confirmed, Layer, as_failure},
    standing::Standing,
    tally::Outcome,
};

/// How a client gets a blob.
pub(crate) enum Delivery {
    /// From here.
    Here(Served<Supply>),
    /// From the layer bucket, by a URL that carries its own signature.
    Elsewhere(Url),
    /// Not at all: it asks for the size alone.
    Size(u64),
}

/// When the registry is asked whether a blob is in a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// Where it is not known.
    IfUnknown,
    /// Each time: what it says is passed on.
    Anew,
}

/// Where the bytes of a blob come from.
#[derive(Debug)]
pub(crate) enum Supply {
    /// The store has them, or is getting them.
    Kept(Content),
    /// The upstream, for this client alone: the store's disk takes nothing.
    Passing(Passage),
}

impl Engine {
    /// The blob as the upstream wants it delivered; `head` says that the client wants to know of it only.
    pub(crate) async fn deliver(&self, permit: &Permit, digest: &Digest, head: bool) -> Result<Delivery, Arc<Failure>> {
        let place = place(permit)?;
        let size = self.contents.size(&place, digest);
        let is_here = match permit.upstream().delivery {
            state::Delivery::Stream => true,
            state::Delivery::Redirect => false,
            state::Delivery::Auto => {
                size.is_some_and(|size| size <= SMALL_ENOUGH)
                    || self.store.blob(digest).await.map_err(Failure::from)?.is_some()
            }
        };
        if is_here {
            return Ok(Delivery::Here(self.blob(permit, digest).await?));
        }
        let standing = self.standings.of(&place).await.map_err(Failure::from)?;
        match (head, size) {
            // The signature of the URL is for GET, and the registry may not let everybody ask it for a head.
            (true, Some(size)) => {
                self.confirm(permit, &place, &standing, digest, Asking::Anew).await?;
                Ok(Delivery::Size(size))
            }
            (true, None) => Ok(Delivery::Here(self.blob(permit, digest).await?)),
            (false, _) => match self.confirm(permit, &place, &standing, digest, Asking::Anew).await? {
                Some(url) => Ok(Delivery::Elsewhere(url)),
                None => Ok(Delivery::Here(
                    self.fetch(permit, &place, &standing, digest, None).await?,
                )),
            },
        }
    }

    /// The blob, if it is in the permit's repository: out of the store, or as it comes from the upstream.
    ///
    /// The store may hold it because somebody else pulled it. That is no reason to hand it out: the upstream is asked,
    /// with this upstream's own identity, whether it is in this repository, once; and again when nothing has confirmed
    /// for too long that the owner is let in.
    pub(crate) async fn blob(&self, permit: &Permit, digest: &Digest) -> Result<Served<Supply>, Arc<Failure>> {
        let place = place(permit)?;
        let standing = self.standings.of(&place).await.map_err(Failure::from)?;
        let url = match self.is_member(permit, &place, &standing, digest).await? {
            true => None,
            false => {
                self.confirm(permit, &place, &standing, digest, Asking::IfUnknown)
                    .await?
            }
        };
        self.fetch(permit, &place, &standing, digest, url).await
    }

    /// Whether the blob is known to be in the repository, by an access that still counts.
    async fn is_member(
        &self,
        permit: &Permit,
        place: &Place,
        standing: &Standing,
        digest: &Digest,
    ) -> Result<bool, Failure> {
        let lifetime = permit.upstream().access_lifetime;
        Ok(standing.good_until(lifetime, (self.clock)()).is_some()
            && self.store.admitted(place, digest).await?.is_some())
    }

    async fn fetch(
        &self,
        permit: &Permit,
        place: &Place,
        standing: &Standing,
        digest: &Digest,
        url: Option<Url>,
    ) -> Result<Served<Supply>, Arc<Failure>> {
        // With another delivery, layers are to pass by here as little as they have to.
        if permit.upstream().delivery == state::Delivery::Stream
            && let Some(image) = self.contents.image(place, digest)
            && self.store.blob(digest).await.map_err(Failure::from)?.is_none()
        {
            self.prefetch(permit, place, image, digest.clone());
        }
        let url = url.or_else(|| self.urls.recall(&(place.clone(), digest.clone()), (self.clock)()));
        let layer = |url: Option<Url>| {
            let confirmed = url.map(Confirmed::Elsewhere);
            Arc::new(Layer::new(
                self.upstream.clone(),
                permit.clone(),
                digest.clone(),
                confirmed,
            ))
        };
        let source = layer(url.clone());
        let error = match self.store.fetch(place, digest, source.clone()).await {
            Ok(content) => {
                let until = standing.good_until(permit.upstream().access_lifetime, (self.clock)());
                // What is small may be whole before anybody looks.
                let origin = match content {
                    Content::Whole(_) if !source.is_used() => Outcome::Disk,
                    _ => Outcome::Upstream,
                };
                return Ok(Served {
                    found: Supply::Kept(content),
                    origin,
                    until,
                });
            }
            // A disk that is full, or broken, is no reason to fail a pull.
            Err(FetchError::Disk(_)) => match self.store.pass_through(digest, layer(url)).await {
                Ok(passage) => {
                    return Ok(Served {
                        found: Supply::Passing(passage),
                        origin: Outcome::Upstream,
                        until: None,
                    });
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        let failure = as_failure(&error, permit.registry().as_str(), digest);
        if failure.verdict() == Verdict::Refused {
            self.standings.refuse(place, standing).await;
        }
        Err(failure.into())
    }

    /// Has the registry confirm that the blob is in the repository, once for all who want to know. Where its bytes are, if
    /// the registry says so.
    async fn confirm(
        &self,
        permit: &Permit,
        place: &Place,
        standing: &Arc<Standing>,
        digest: &Digest,
        asking: Asking,
    ) -> Result<Option<Url>, Arc<Failure>> {
        let work = || {
            let (engine, permit, place) = (self.clone(), permit.clone(), place.clone());
            let (standing, digest) = (standing.clone(), digest.clone());
            async move {
                // Between the look of whoever asks and this one, somebody else's question may have been answered.
                if asking == Asking::IfUnknown && engine.is_member(&permit, &place, &standing, &digest).await? {
                    return Ok(None);
                }
                engine.ask_for(&permit, &place, &standing, &digest).await
            }
        };
        let landed = self.memberships.join((place.clone(), digest.clone()), work).await;
        landed.unwrap_or_else(|| Err(Arc::new(Failure::Internal)))
    }

    async fn ask_for(&self, permit: &Permit, place: &Place, standing: &Standing, digest: &Digest) -> Membership {
        let confirmed = match Layer::confirm(&self.upstream, permit, digest).await {
            Ok(confirmed) => confirmed,
            Err(failure) => {
                if failure.verdict() == Verdict::Refused {
                    self.standings.refuse(place, standing).await;
                }
                return Err(failure.into());
            }
        };
        let url = match confirmed {
            Confirmed::Elsewhere(url) => Some(url),
            // An answer that has the bytes is one client's; the download asks for one of its own.
            Confirmed::Here(_) => None,
        };
        // Before the blob is admitted: whoever finds it admitted, and begins its download, is to find this.
        if let Some(url) = &url {
            let key = (place.clone(), digest.clone());
            self.urls.remember(key, url.clone(), URL, (self.clock)());
        }
        self.standings.confirm(place, standing, (self.clock)()).await;
        if let Err(error) = self.store.admit(place, digest, Admission::Blob).await {
            // The store tells the administrator.
            debug!(%error, %digest, "a membership could not be kept");
        }
        Ok(url)
    }
}

/// What the registry says of a blob.
pub(crate) type Membership = Result<Option<Url>, Arc<Failure>>;

impl Supply {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Kept(content) => content.size(),
            Self::Passing(passage) => passage.size(),
        }
    }

    /// A part of it as the body of an answer. What is on the disk, the kernel sends where it can.
    pub(crate) fn body(self, range: Range<u64>) -> Body {
        match self {
            Self::Kept(content) => {
                let parts = content.parts(range);
                Body::file(parts.file, parts.ranges).then(parts.rest)
            }
            Self::Passing(passage) => Body::stream(passage.stream(range)),
        }
    }

    /// What is whole and small enough to be held in memory.
    pub(crate) fn small(&self) -> Option<Blob> {
        match self {
            Self::Kept(Content::Whole(blob)) if blob.size() <= SMALL => Some(blob.clone()),
            _ => None,
        }
    }
}

/// Bytes. What is larger is sent as a file.
pub(crate) const SMALL: u64 = 64 * 1024;
/// How long a signed URL is kept at hand; it lives for minutes.
const URL: SignedDuration = SignedDuration::from_secs(5);
/// What is not larger is not worth a redirect.
const SMALL_ENOUGH: u64 = 1024 * 1024;
