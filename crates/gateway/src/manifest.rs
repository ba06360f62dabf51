use std::{sync::Arc, time::Duration};

use access::Permit;
use bytes::Bytes;
use content::{Admission, Place, PutError, TagRecord};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use oci::{Digest, Manifest, MediaType, Reference};
use reqwest::Response;
use tracing::{debug, warn};

use crate::{
    engine::{Engine, Served, place},
    failure::{Failure, Verdict},
    standing::Standing,
    tally,
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
    /// Until when it needs no confirmation; for ever where there is none.
    fresh_until: Option<Timestamp>,
}

impl Engine {
    /// The manifest that the reference names: out of the store where it is known well enough, else from the upstream.
    /// Where the upstream is down, or takes too long, what was known before is served as long as the owner's access
    /// counts as confirmed.
    pub(crate) async fn manifest(&self, permit: &Permit, reference: &Reference) -> Result<Served<Found>, Arc<Failure>> {
        let place = place(permit)?;
        let standing = self.standings.of(&place).await.map_err(Failure::from)?;
        let (known, now) = (self.known(permit, &place, reference).await?, (self.clock)());
        let lifetime = permit.upstream().access_lifetime;
        let let_in_until = standing.good_until(lifetime, now);
        if let (Some(known), Some(until)) = (&known, let_in_until)
            && known.fresh_until.is_none_or(|fresh| now < fresh)
        {
            return Ok(Served {
                found: known.found.clone(),
                origin: tally::Outcome::Disk,
                until: Some(known.fresh_until.map_or(until, |fresh| fresh.min(until))),
            });
        }

        let known = known.map(|known| known.found);
        let stale = let_in_until.and(known.clone());
        let key = (place, reference.clone());
        let asked = self.asked(permit, &key, known, &standing, stale.is_some());
        let Some(stale) = stale else {
            return asked
                .await
                .map(|found| self.confirmed(permit, reference, &standing, found));
        };
        let trouble = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => return Ok(self.confirmed(permit, reference, &standing, found)),
            Ok(Err(failure)) if failure.verdict() == Verdict::Outage => failure.to_string(),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => format!("there was no answer within {} seconds", PATIENCE.as_secs()),
        };
        warn!(place = %key.0, %reference, trouble, "the upstream is down; what it said before is served");
        Ok(Served {
            found: stale,
            origin: tally::Outcome::Disk,
            until: None,
        })
    }

    /// Takes note of what a manifest that is served says of its blobs.
    pub(crate) fn note(&self, permit: &Permit, found: &Found) -> Result<(), Failure> {
        self.contents
            .note(&place(permit)?, &found.digest, &found.media_type, &found.bytes);
        Ok(())
    }

    /// What the upstream says, asked once for all who want to know.
    async fn asked(
        &self,
        permit: &Permit,
        key: &Key,
        known: Option<Found>,
        standing: &Arc<Standing>,
        has_stale: bool,
    ) -> Outcome {
        // An upstream that was down is asked again by whoever has nothing else.
        if let Some(failure) = self.failures.recall(key, (self.clock)())
            && (has_stale || failure.verdict() == Verdict::Missing)
        {
            return Err(failure);
        }
        let work = || {
            let (engine, permit, key, standing) = (self.clone(), permit.clone(), key.clone(), standing.clone());
            async move { engine.refresh(&permit, &key, known, &standing).await }
        };
        let landed = self.manifests.join(key.clone(), work).await;
        landed.unwrap_or_else(|| Err(Arc::new(Failure::Internal)))
    }

    /// What the upstream has just confirmed.
    fn confirmed(&self, permit: &Permit, reference: &Reference, standing: &Standing, found: Found) -> Served<Found> {
        let (upstream, now) = (permit.upstream(), (self.clock)());
        let until = standing.good_until(upstream.access_lifetime, now);
        let until = until.map(|until| match reference {
            Reference::Tag(tag) if !upstream.is_immutable(tag) => until.min(after(now, upstream.tag_lifetime)),
            _ => until,
        });
        Served {
            found,
            origin: tally::Outcome::Upstream,
            until,
        }
    }

    async fn known(&self, permit: &Permit, place: &Place, reference: &Reference) -> Result<Option<Known>, Failure> {
        let (digest, fresh_until) = match reference {
            // A digest means the same for ever.
            Reference::Digest(digest) => (digest.clone(), None),
            Reference::Tag(tag) => {
                let Some(record) = self.store.tag(place, tag).await? else {
                    return Ok(None);
                };
                let (upstream, at) = (permit.upstream(), record.confirmed_at);
                let fresh_until = if upstream.is_immutable(tag) {
                    None
                } else if at > (self.clock)() {
                    // A record from the future was written under another clock; it says nothing.
                    Some(Timestamp::MIN)
                } else {
                    Some(after(at, upstream.tag_lifetime))
                };
                (record.digest, fresh_until)
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
        Ok(Some(Known { found, fresh_until }))
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

    /// Asks the upstream, always for every type there is: what a tag resolves to must not depend on who asked first. What
    /// breaks off or comes damaged is asked for once more, for that may have happened on the way.
    async fn ask(&self, permit: &Permit, reference: &Reference) -> Result<Found, Failure> {
        match self.ask_once(permit, reference).await {
            Err(Failure::Upstream(trouble)) => {
                debug!(%reference, trouble, "a manifest is asked for once more");
                self.ask_once(permit, reference).await
            }
            outcome => outcome,
        }
    }

    async fn ask_once(&self, permit: &Permit, reference: &Reference) -> Result<Found, Failure> {
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
            // The store tells the administrator.
            debug!(%error, digest = %found.digest, "a manifest could not be kept");
        }
    }
}

fn after(time: Timestamp, lifetime: SignedDuration) -> Timestamp {
    time.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}

/// The manifest in an answer, if it is what it claims to be and what was asked for.
pub(crate) async fn verified(permit: &Permit, reference: &Reference, answer: Response) -> Result<Found, Failure> {
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
    let bytes = tokio::time::timeout(BODY, read(answer, Manifest::MAX_LENGTH)).await;
    let bytes = bytes.map_err(|_| wrong(format!("with a body that does not end within {} s", BODY.as_secs())))?;
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

/// How long a manifest may take from its head to its last byte. 4 MiB come in time over 2 Mbit/s.
const BODY: Duration = Duration::from_secs(20);
/// How long whoever could be served what was known before waits for the upstream.
const PATIENCE: Duration = Duration::from_secs(3);
/// For how long a tag or a digest that is not there is not asked for again: long enough for a crowd, too short to be in
/// the way of somebody who pushes and pulls.
const MISSING: SignedDuration = SignedDuration::from_secs(2);
/// For how long an upstream that is down is not asked the same again.
const OUTAGE: SignedDuration = SignedDuration::from_secs(2);
