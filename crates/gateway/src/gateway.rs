use std::sync::Arc;

use access::{Permit, authenticate, permit};
use aws::Broker;
use content::Store;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use net::Body;
use oci::{ByteRange, Digest, Reference, Route};
use state::{Live, Snapshot};
use tracing::{debug, warn};

use crate::{
    answer,
    asked::Asked,
    blob::{Delivery, SMALL, Supply},
    conversion,
    engine::{Engine, Served},
    failure::Failure,
    listing::Listings,
    memo::{Grounds, Key, Memo},
    ready::Ready,
    referrers, tags,
    tally::{Kind, Outcome, Tally},
};

/// The registry.
#[derive(Clone)]
pub struct Gateway {
    live: Arc<Live>,
    engine: Engine,
    listings: Listings,
    memo: Arc<Memo>,
}

impl Gateway {
    /// A registry that knows the resources in `live`, keeps content in `store`, connects out by `client` and logs in by
    /// `broker`. `clock` says what time it is.
    pub fn new(
        live: Arc<Live>,
        store: Store,
        client: reqwest::Client,
        broker: Broker,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(clock);
        let engine = Engine::new(store, client, broker, clock);
        Self {
            live,
            memo: Arc::new(Memo::new()),
            listings: Listings::new(engine.upstream.clone(), engine.standings.clone()),
            engine,
        }
    }

    /// Answers a request below `/v2/`. Bodies of requests are not read: nothing is taken here.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body> {
        let snapshot = self.live.snapshot();
        let question = Key::of(&request).map(|key| (key, self.grounds(&snapshot)));
        if let Some((key, grounds)) = &question
            && let Some(ready) = self.memo.recall(key, grounds)
        {
            debug!(path = request.uri().path(), "answered as before");
            self.engine.tally.note(ready.kind(), Outcome::Memory);
            return ready.answer(&request);
        }
        let mut response = match self.route(&request, snapshot, question).await {
            Ok(response) if request.method() == Method::HEAD => response.map(|_| Body::empty()),
            Ok(response) => response,
            Err(failure) => {
                log(&request, &failure);
                let response = answer::failure(&failure, request.method() == Method::HEAD);
                self.engine.tally.note_failure(&request, response.status());
                response
            }
        };
        response
            .headers_mut()
            .insert(answer::API_VERSION.0, answer::API_VERSION.1);
        response
    }

    /// What became of the pulls so far.
    pub fn tally(&self) -> Arc<Tally> {
        self.engine.tally.clone()
    }

    /// What an answer rests on that is given now.
    fn grounds(&self, snapshot: &Arc<Snapshot>) -> Grounds {
        Grounds {
            snapshot: Arc::downgrade(snapshot),
            epoch: self.engine.standings.epoch(),
            since: (self.engine.clock)(),
        }
    }

    async fn route<B>(
        &self,
        request: &Request<B>,
        snapshot: Arc<Snapshot>,
        question: Option<(Key, Grounds)>,
    ) -> Result<Response<Body>, Arc<Failure>> {
        let authorization = request
            .headers()
            .get(header::AUTHORIZATION)
            .map(|value| value.as_bytes());
        // Before anything else, so that nobody learns by asking which names exist or are well formed.
        let identity = authenticate(&snapshot, authorization).map_err(Failure::from)?;
        let asked = Asked::read(request).map_err(Failure::from)?;
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read || matches!(asked.route, Route::Upload { .. }) {
            return Err(Failure::ReadOnly.into());
        }
        let permit = |name| {
            let target = asked.target(name, &snapshot).map_err(Failure::from)?;
            permit(&snapshot, &identity, target).map_err(Failure::from)
        };
        let tally = &self.engine.tally;
        match &asked.route {
            Route::Base => Ok(answer::base()),
            Route::Manifest { name, reference } => {
                let permit = permit(name)?;
                debug!(client = identity.title(), upstream = %permit.upstream().name, repository = %permit.repository(), %reference, "manifest");
                let (ready, origin) = self.manifest(&permit, reference, &asked, question).await?;
                tally.note(Kind::Manifest, origin);
                Ok(ready.answer(request))
            }
            Route::Blob { name, digest } => {
                let permit = permit(name)?;
                debug!(client = identity.title(), upstream = %permit.upstream().name, repository = %permit.repository(), %digest, "blob");
                let (response, origin) = self.blob(&permit, digest, &asked, request, question).await?;
                tally.note(Kind::Blob, origin);
                Ok(response)
            }
            Route::Tags { name } => {
                let permit = permit(name)?;
                debug!(client = identity.title(), upstream = %permit.upstream().name, repository = %permit.repository(), "tags");
                let response = tags::answer(&self.listings, &permit, name, &asked).await?;
                tally.note(Kind::List, Outcome::Upstream);
                Ok(response)
            }
            Route::Referrers { name, digest } => {
                let permit = permit(name)?;
                debug!(client = identity.title(), upstream = %permit.upstream().name, repository = %permit.repository(), %digest, "referrers");
                let response = referrers::answer(&self.engine, &self.listings, &permit, digest, &asked).await?;
                tally.note(Kind::List, Outcome::Upstream);
                Ok(response)
            }
            Route::Catalog => Err(Failure::NoCatalog.into()),
            Route::Upload { .. } => Err(Failure::ReadOnly.into()),
        }
    }

    /// The answer, after it was remembered for whoever asks the same before `until`.
    fn remembered(&self, question: Option<(Key, Grounds)>, ready: Ready, until: Option<Timestamp>) -> Ready {
        if let (Some((key, grounds)), Some(until)) = (question, until) {
            self.memo.keep(key, &ready, grounds, until);
        }
        ready
    }

    async fn manifest(
        &self,
        permit: &Permit,
        reference: &Reference,
        asked: &Asked,
        question: Option<(Key, Grounds)>,
    ) -> Result<(Ready, Outcome), Arc<Failure>> {
        let Served { found, origin, until } = self.engine.manifest(permit, reference).await?;
        self.engine.note(permit, &found)?;
        if let Some(tag) = conversion::needed(reference, &asked.accepted, &found.media_type) {
            let converted = self.engine.converted(permit, tag, &asked.accepted, &found.media_type);
            let found = converted.await?;
            let ready = Ready::manifest(&found.digest, &found.media_type, found.bytes);
            return Ok((ready, Outcome::Upstream));
        }
        let ready = Ready::manifest(&found.digest, &found.media_type, found.bytes);
        Ok((self.remembered(question, ready, until), origin))
    }

    async fn blob<B>(
        &self,
        permit: &Permit,
        digest: &Digest,
        asked: &Asked,
        request: &Request<B>,
        question: Option<(Key, Grounds)>,
    ) -> Result<(Response<Body>, Outcome), Arc<Failure>> {
        let head = request.method() == Method::HEAD;
        // What answers a head is no answer to GET, which AWS is to answer.
        let question = question.filter(|_| permit.upstream().delivery != state::Delivery::Redirect);
        Ok(match self.engine.deliver(permit, digest, head).await? {
            Delivery::Here(served) => {
                let origin = served.origin;
                (self.supplied(served, digest, asked, request, question).await?, origin)
            }
            // It is confirmed to be in this repository, and the client has it.
            _ if asked.conditions.is_current(digest) => (answer::not_modified(digest), Outcome::Upstream),
            Delivery::Elsewhere(url) => (answer::elsewhere(digest, &url), Outcome::Redirect),
            Delivery::Size(size) => (answer::blob(digest, size, Body::empty()), Outcome::Upstream),
        })
    }

    async fn supplied<B>(
        &self,
        served: Served<Supply>,
        digest: &Digest,
        asked: &Asked,
        request: &Request<B>,
        question: Option<(Key, Grounds)>,
    ) -> Result<Response<Body>, Arc<Failure>> {
        let Served {
            found: supply, until, ..
        } = served;
        let head = request.method() == Method::HEAD;
        if question.is_some()
            && let Some(blob) = supply.small()
        {
            let bytes = blob.read(SMALL).await.map_err(Failure::from)?;
            let ready = Ready::blob(digest, bytes);
            return Ok(self.remembered(question, ready, until).answer(request));
        }
        // Only now: that the client has it is no reason to tell whether it is in this repository.
        if asked.conditions.is_current(digest) {
            return Ok(answer::not_modified(digest));
        }
        let size = supply.size();
        if head {
            return Ok(answer::blob(digest, size, Body::empty()));
        }
        let Some(range) = asked.conditions.range(digest) else {
            return Ok(answer::blob(digest, size, supply.body(0..size)));
        };
        let range = range.within(size).map_err(Failure::from)?;
        let body = supply.body(range.clone());
        let mut response = answer::blob(digest, range.end - range.start, body);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        answer::set(
            &mut response,
            header::CONTENT_RANGE,
            &ByteRange::content_range(&range, size),
        );
        Ok(response)
    }
}

/// What a client did wrong is its own affair; what went wrong behind it is the operator's too.
fn log<B>(request: &Request<B>, failure: &Failure) {
    let path = request.uri().path();
    match failure {
        Failure::Aws(_) | Failure::Upstream(_) | Failure::Internal => warn!(?path, %failure, "a request failed"),
        _ => debug!(?path, %failure, "a request was refused"),
    }
}
