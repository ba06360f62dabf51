use std::{sync::Arc, time::Duration};

use access::Permit;
use aws::{AwsError, Broker, Login, Pass, Refusal};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Response};
use secrecy::ExposeSecret;

use crate::{
    tally::{Peer, Tally},
    unanswered::{self, Unanswered},
};

/// The registry that stands behind an upstream: its requests, with a login that is renewed when it is refused.
pub(crate) struct Upstream {
    client: Client,
    broker: Broker,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    tally: Arc<Tally>,
}

/// What a registry is asked.
struct Question<'a> {
    method: Method,
    url: String,
    headers: &'a HeaderMap,
    host: &'a str,
    wanted: &'a str,
}

impl Upstream {
    pub(crate) fn new(
        client: Client,
        broker: Broker,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            client,
            broker,
            clock,
            tally,
        }
    }

    /// Asks the registry for `path` below the permit's repository. Whatever it answers is returned, but a refusal of
    /// the login (401, 403) only after a new login was refused too.
    pub(crate) async fn get(
        &self,
        permit: &Permit,
        path: &str,
        headers: &HeaderMap,
        wanted: &str,
    ) -> Result<(Response, Arc<Login>), AwsError> {
        self.ask(Method::GET, permit, path, headers, wanted).await
    }

    /// The same for the head of the answer alone. A refusal comes without a body: only GET tells why.
    pub(crate) async fn head(
        &self,
        permit: &Permit,
        path: &str,
        headers: &HeaderMap,
        wanted: &str,
    ) -> Result<(Response, Arc<Login>), AwsError> {
        self.ask(Method::HEAD, permit, path, headers, wanted).await
    }

    async fn ask(
        &self,
        method: Method,
        permit: &Permit,
        path: &str,
        headers: &HeaderMap,
        wanted: &str,
    ) -> Result<(Response, Arc<Login>), AwsError> {
        let (host, caller) = (permit.registry(), permit.caller());
        let url = format!("https://{host}/v2/{}/{path}", permit.repository());
        let login = self.broker.login(caller, host).await?;
        let question = Question {
            method,
            url,
            headers,
            host: host.as_str(),
            wanted,
        };
        let answer = self.attempt(&question, &login).await?;
        if !self.may_be_stale(answer.status(), &login) {
            return Ok((answer, login));
        }
        self.broker.forget(caller, host, &login);
        let login = self.broker.login(caller, host).await?;
        let answer = self.attempt(&question, &login).await?;
        Ok((answer, login))
    }

    /// Reads a refusal and explains it.
    pub(crate) async fn explain(&self, permit: &Permit, wanted: &str, login: &Login, answer: Response) -> AwsError {
        let status = answer.status().as_u16();
        let body = read(answer, MAX_ERROR).await.unwrap_or_default();
        let refusal = Refusal {
            host: permit.registry(),
            repository: permit.repository(),
            wanted,
            principal: &login.principal,
            status,
            body: &body,
        };
        self.broker.explain(permit.caller(), login, refusal).await
    }

    /// Fetches from a host that needs no login: the layer bucket, by a URL that carries its own signature.
    pub(crate) async fn get_signed(&self, url: reqwest::Url, headers: HeaderMap) -> Result<Response, Unanswered> {
        let answer = unanswered::send(self.client.get(url).headers(headers)).await;
        self.tally.note_reply(Peer::Bucket, &answer);
        answer
    }

    /// Whether a new login could change the answer. A login that is seconds old is not renewed: else whoever asks for
    /// what is forbidden, or of a registry that takes no login, would make an exchange with every request. One from the
    /// future was made before the clock was set back, and how old it is nobody knows.
    fn may_be_stale(&self, status: StatusCode, login: &Login) -> bool {
        let fresh = match status {
            StatusCode::UNAUTHORIZED => FRESH_LOGIN,
            StatusCode::FORBIDDEN => FRESH_RIGHTS,
            _ => return false,
        };
        let now = (self.clock)();
        login.made_at + fresh <= now || now < login.made_at
    }

    async fn attempt(&self, question: &Question<'_>, login: &Login) -> Result<Response, AwsError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let request = self.client.request(question.method.clone(), &question.url);
            let request = request.headers(question.headers.clone());
            let request = match &login.pass {
                Pass::Basic { username, password } => request.basic_auth(username, Some(password.expose_secret())),
                Pass::Bearer(token) => request.bearer_auth(token.expose_secret()),
            };
            let asked_at = (self.clock)();
            let outcome = unanswered::send(request).await;
            self.tally.note_reply(Peer::Registry, &outcome);
            let is_trouble = match &outcome {
                Ok(answer) => {
                    self.broker.hear(answer.headers(), asked_at);
                    answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS
                }
                Err(unanswered) => unanswered.may_pass(),
            };
            if !is_trouble || attempt == ATTEMPTS {
                return outcome.map_err(|error| aws::explain_unreachable(question.host, question.wanted, &error));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }
}

/// Reads a body that has at most `limit` bytes. Nothing where it has more or breaks off.
pub(crate) async fn read(mut answer: Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.ok()? {
        if body.len() + piece.len() > limit {
            return None;
        }
        body.extend_from_slice(&piece);
    }
    Some(body)
}

/// A header with a value that is known to be fit for one.
pub(crate) fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderValue::from_str(value)
        .map(|value| HeaderMap::from_iter([(name, value)]))
        .unwrap_or_default()
}

const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// For how long a login is not doubted that the registry does not know (401).
const FRESH_LOGIN: SignedDuration = SignedDuration::from_secs(5);
/// For how long one is not doubted that does not permit what was asked for (403), which is for the client to choose.
const FRESH_RIGHTS: SignedDuration = SignedDuration::from_secs(30);
const MAX_ERROR: usize = 64 * 1024;
