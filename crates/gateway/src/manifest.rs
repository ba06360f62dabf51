use std::{sync::Arc, time::Duration};

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
    failure::{Failure, Verdict},
    standing::Standing,
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

/// What the store has of a reference.
struct Known {
    found: Found,
    /// Whether it needs no confirmation yet.
    is_fresh: bool,
}

impl Engine {
    /// The manifest that the reference names: out of the store where it is known well enough, else from the upstream.
    /// Where the upstream is down, or takes too long, what was known before is served as long as the owner's access
    /// counts as confirmed.
    pub(crate) async fn manifest(&self, permit: &Permit, reference: &Reference) -> Outcome {
        let place = place(permit)?;
        let standing = self.standings.of(&place).await.map_err(Failure::from)?;
        let (known, now) = (self.known(permit, &place, reference).await?, (self.clock)());
        let is_let_in = standing.good_until(permit.upstream().access_lifetime, now).is_some();
        let known = match known {
            Some(known) if known.is_fresh && is_let_in => return Ok(known.found),
            known => known.map(|known| known.found),
        };
        let stale = known.clone().filter(|_| is_let_in);

        let has_stale = stale.is_some();

        let key = (place, reference.clone());
        let asked = async {
            // An upstream that was down is asked again by whoever has nothing else.
            if let Some(failure) = self.failures.recall(&key, now)
                && (has_stale || failure.verdict() == Verdict::Missing)
            {
                return Err(failure);
            }
            let (engine, permit, key) = (self.clone(), permit.clone(), key.clone());
            let work = {
                let key = key.clone();
                move || async move { engine.refresh(&permit, &key, known, &standing).await }
            };
            let landed = self.manifests.join(key, work).await;
            landed.unwrap_or_else(|| Err(Arc::new(Failure::Internal)))
        };
        let Some(stale) = stale else {
            return asked.await;
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Err(failure)) if failure.verdict() == Verdict::Outage => {
                warn!(place = %key.0, %reference, %failure, "the upstream is down; what it said before is served");
                Ok(stale)
            }
            Ok(outcome) => outcome,
            Err(_) => {
                warn!(place = %key.0, %reference, "the upstream takes long; what it said before is served");
                Ok(stale)
            }
        }
    }

    async fn known(&self, permit: &Permit, place: &Place, reference: &Reference) -> Result<Option<Known>, Failure> {
        let (digest, is_fresh) = match reference {
            // A digest means the same for ever.
            Reference::Digest(digest) => (digest.clone(), true),
            Reference::Tag(tag) => {
                let Some(record) = self.store.tag(place, tag).await? else {
                    return Ok(None);
                };
                let upstream = permit.upstream();
                let age = (self.clock)().duration_since(record.confirmed_at);
                // A record from the future was written under another clock; it says nothing.
                let is_young = age >= SignedDuration::ZERO && age < upstream.tag_lifetime;
                (record.digest, is_young || upstream.is_immutable(tag))
            }
        };
        let Some(Admission::Manifest { media_type }) = self.store.admitted(place, &digest).await? else {
            return Ok(None);
        };
        let Some(blob) = self.store.blob(&digest).await? else {
            return Ok(None);
        };
        let bytes = blob.read(Manifest::MAX_LENGTH as u64).await?;
        let found = Found {
            digest,
            media_type,
            bytes,
        };
        Ok(Some(Known { found, is_fresh }))
    }

    /// Asks the upstream whether what is known still holds, or else for the manifest, and draws the conclusions.
    async fn refresh(&self, permit: &Permit, key: &Key, known: Option<Found>, standing: &Standing) -> Outcome {
        let (place, reference) = key;
        let outcome = match known {
            Some(known) => match self.is_unchanged(permit, reference, &known.digest).await {
                Ok(true) => Ok(known),
                Ok(false) => self.ask(permit, reference).await,
                Err(failure) => Err(failure),
            },
            None => self.ask(permit, reference).await,
        };
        let now = (self.clock)();
        let failure = match outcome {
            Ok(found) => {
                self.keep(place, reference, &found).await;
                self.standings.confirm(place, standing, now).await;
                return Ok(found);
            }
            Err(failure) => Arc::new(failure),
        };
        match failure.verdict() {
            // Not remembered: whoever repairs a policy and tries again is not to be told of before.
            Verdict::Refused => self.standings.refuse(place, standing).await,
            Verdict::Missing => {
                if let Reference::Tag(tag) = reference
                    && let Err(error) = self.store.forget_tag(place, tag).await
                {
                    warn!(%error, %place, %tag, "a tag that is gone could not be forgotten");
                }
                self.failures.remember(key.clone(), failure.clone(), MISSING, now);
            }
            Verdict::Outage => self.failures.remember(key.clone(), failure.clone(), OUTAGE, now),
            Verdict::Other => {}
        }
        Err(failure)
    }

    /// Whether the reference still means this digest, by the head of the answer alone.
    async fn is_unchanged(&self, permit: &Permit, reference: &Reference, digest: &Digest) -> Result<bool, Failure> {
        let wanted = format!("manifest {reference}");
        let accept = headers(header::ACCEPT, MediaType::ANY_MANIFEST);
        let path = format!("manifests/{reference}");
        let (answer, login) = self.upstream.head(permit, &path, &accept, &wanted).await?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.upstream.explain(permit, &wanted, &login, answer).await.into());
        }
        // A refusal has no body here, so GET is to tell why.
        let now = answer.headers().get("docker-content-digest");
        Ok(status == StatusCode::OK && now.is_some_and(|now| now.as_bytes() == digest.to_string().as_bytes()))
    }

    /// Asks the upstream, always for every type there is: what a tag resolves to must not depend on who asked first.
    async fn ask(&self, permit: &Permit, reference: &Reference) -> Result<Found, Failure> {
        let wanted = format!("manifest {reference}");
        let accept = headers(header::ACCEPT, MediaType::ANY_MANIFEST);
        let (answer, login) = self
            .upstream
            .get(permit, &format!("manifests/{reference}"), &accept, &wanted)
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(self.upstream.explain(permit, &wanted, &login, answer).await.into());
        }
        verified(permit, reference, answer).await
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

/// How long whoever could be served what was known before waits for the upstream.
const PATIENCE: Duration = Duration::from_secs(3);
/// For how long a tag or a digest that is not there is not asked for again: long enough for a crowd, too short to be in
/// the way of somebody who pushes and pulls.
const MISSING: SignedDuration = SignedDuration::from_secs(2);
/// For how long an upstream that is down is not asked the same again.
const OUTAGE: SignedDuration = SignedDuration::from_secs(2);
