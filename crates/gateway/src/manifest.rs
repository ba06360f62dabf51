use std::sync::Arc;

use access::Permit;
use bytes::Bytes;
use content::{Admission, Place, PutError, TagRecord};
use http::{StatusCode, header};
use jiff::SignedDuration;
use oci::{Digest, Manifest, MediaType, Reference};
use reqwest::Response;
use tracing::warn;

use crate::{
    engine::{Engine, place},
    failure::Failure,
    upstream::{headers, read},
};

/// A manifest: its bytes as they were pushed, and what they are.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Bytes,
}

/// What requests have in common that one question to the upstream answers.
pub(crate) type Key = (Place, Reference);

/// The answer that they share.
pub(crate) type Outcome = Result<Found, Arc<Failure>>;

impl Engine {
    /// The manifest that the reference names: out of the store where it is known well enough, else from the upstream.
    pub(crate) async fn manifest(&self, permit: &Permit, reference: &Reference) -> Outcome {
        let place = place(permit)?;
        if let Some(found) = self.known(permit, &place, reference).await? {
            return Ok(found);
        }
        let (engine, permit, key) = (self.clone(), permit.clone(), (place.clone(), reference.clone()));
        let work = move || async move { engine.ask(&permit, &key.0, &key.1).await.map_err(Arc::new) };
        self.manifests
            .join((place, reference.clone()), work)
            .await
            .unwrap_or_else(|| Err(Arc::new(Failure::Internal)))
    }

    async fn known(&self, permit: &Permit, place: &Place, reference: &Reference) -> Result<Option<Found>, Failure> {
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => {
                let Some(record) = self.store.tag(place, tag).await? else {
                    return Ok(None);
                };
                let age = (self.clock)().duration_since(record.confirmed_at);
                // A record from the future was written under another clock; it says nothing.
                if age < SignedDuration::ZERO || age >= permit.upstream().tag_lifetime {
                    return Ok(None);
                }
                record.digest
            }
        };
        let Some(Admission::Manifest { media_type }) = self.store.admitted(place, &digest).await? else {
            return Ok(None);
        };
        let Some(blob) = self.store.blob(&digest).await? else {
            return Ok(None);
        };
        let bytes = blob.read(Manifest::MAX_LENGTH as u64).await?;
        Ok(Some(Found {
            digest,
            media_type,
            bytes,
        }))
    }

    /// Asks the upstream, always for every type there is: what a tag resolves to must not depend on who asked first.
    async fn ask(&self, permit: &Permit, place: &Place, reference: &Reference) -> Result<Found, Failure> {
        let wanted = format!("manifest {reference}");
        let accept = headers(header::ACCEPT, MediaType::ANY_MANIFEST);
        let (answer, login) = self
            .upstream
            .get(permit, &format!("manifests/{reference}"), &accept, &wanted)
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(self.upstream.explain(permit, &wanted, &login, answer).await.into());
        }
        let found = verified(permit, reference, answer).await?;
        self.keep(place, reference, &found).await;
        Ok(found)
    }

    /// Keeps what was found. A store that cannot take it costs the next request a question, not this one its answer.
    async fn keep(&self, place: &Place, reference: &Reference, found: &Found) {
        let admission = Admission::Manifest {
            media_type: found.media_type.clone(),
        };
        let outcome = async {
            match self.store.put(&found.digest, found.bytes.clone()).await {
                Ok(_) => {}
                Err(PutError::Disk(error)) => return Err(error),
                Err(error) => return Err(std::io::Error::other(error)),
            }
            self.store.admit(place, &found.digest, admission).await?;
            if let Reference::Tag(tag) = reference {
                let record = TagRecord {
                    digest: found.digest.clone(),
                    confirmed_at: (self.clock)(),
                };
                self.store.set_tag(place, tag, record).await?;
            }
            Ok(())
        };
        if let Err(error) = outcome.await {
            warn!(%error, digest = %found.digest, "a manifest could not be kept");
        }
    }
}

/// The manifest in an answer, if it is what it claims to be and what was asked for.
async fn verified(permit: &Permit, reference: &Reference, answer: Response) -> Result<Found, Failure> {
    let registry = permit.registry();
    let wrong = |what: String| Failure::Upstream(format!("{registry} answered the manifest {reference} {what}"));
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let media_type = header("content-type").as_deref().and_then(MediaType::from_header);
    let media_type = media_type.ok_or_else(|| wrong("without a media type".to_owned()))?;
    let claimed = header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let bytes = read(answer, Manifest::MAX_LENGTH).await;
    let bytes =
        Bytes::from(bytes.ok_or_else(|| wrong("with a body that breaks off or is longer than 4 MiB".to_owned()))?);
    let expected = match (reference, claimed) {
        (Reference::Digest(digest), _) => digest.clone(),
        (Reference::Tag(_), Some(digest)) => digest,
        (Reference::Tag(_), None) => Digest::of(&bytes),
    };
    let mut hasher = oci::Hasher::new(expected.algorithm());
    hasher.update(&bytes);
    let found = hasher.finish();
    if found != expected {
        return Err(wrong(format!(
            "with bytes whose digest is {found}; expected {expected}"
        )));
    }
    Ok(Found {
        digest: expected,
        media_type,
        bytes,
    })
}
