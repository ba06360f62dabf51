//! Asking a registry: where, as whom, across which redirects, and how often.

mod authorization;
mod challenge;
pub(crate) mod endpoint;
mod error;
mod patience;
mod redirect;
mod refusal;
mod text;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RANGE},
};

pub(crate) use endpoint::{InvalidHost, InvalidProxy, Proxy};
pub(crate) use error::{Failure, RequestError, Tried};
pub(crate) use patience::Attempts;
pub(crate) use patience::Patience;
pub(crate) use redirect::RefusedRedirect;
pub(crate) use refusal::Refusal;
pub(crate) use text::printable;

use authorization::Authorization;
use challenge::Challenge;
use endpoint::{Endpoint, same_origin};

use super::{
    credentials::Credentials,
    progress::{Event, Progress},
};

/// One repository of a registry, and everything that is needed to ask for its content.
pub(crate) struct Registry {
    client: Client,
    endpoint: Endpoint,
    authorization: Authorization,
    patience: Patience,
    progress: Arc<dyn Progress>,
}

impl Registry {
    pub(crate) fn new(
        client: Client,
        endpoint: Endpoint,
        credentials: Option<&Credentials>,
        patience: Patience,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, RequestError> {
        let authorization = Authorization::new(client.clone(), &endpoint, credentials)?;
        Ok(Self {
            client,
            endpoint,
            authorization,
            patience,
            progress,
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn attempts(&self) -> Attempts {
        self.patience.attempts()
    }

    /// Asks for a short document and reads it whole, with as many tries as it takes.
    pub(crate) async fn read(
        &self,
        url: &Url,
        accept: &'static str,
        limit: usize,
    ) -> Result<(HeaderMap, Vec<u8>), RequestError> {
        let mut attempts = self.attempts();
        loop {
            match self.read_once(url, accept, limit).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(&mut attempts, error).await?,
            }
        }
    }

    async fn read_once(
        &self,
        url: &Url,
        accept: &'static str,
        limit: usize,
    ) -> Result<(HeaderMap, Vec<u8>), RequestError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let mut answer = self.get(url, &headers).await?;
        let body = body(&mut answer, limit, &Tried::get(url)).await?;
        Ok((std::mem::take(answer.headers_mut()), body))
    }

    /// Asks for a blob from its byte `first` on, once. The answer has the status 200 or 206.
    pub(crate) async fn open(&self, url: &Url, first: u64) -> Result<Response, RequestError> {
        let mut headers = HeaderMap::new();
        if first > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={first}-"))
        {
            headers.insert(RANGE, range);
        }
        self.get(url, &headers).await
    }

    /// Waits before the next try, or gives the error back where there is none to come.
    pub(crate) async fn pause(&self, attempts: &mut Attempts, error: RequestError) -> Result<(), RequestError> {
        let Some(asked) = error.transience() else {
            return Err(error);
        };
        let Some(pause) = attempts.pause(asked) else {
            return Err(error);
        };
        self.wait(pause, &error.to_string()).await;
        Ok(())
    }

    pub(crate) async fn wait(&self, pause: Duration, reason: &str) {
        self.progress.event(&Event::Retry { reason, pause });
        tokio::time::sleep(pause).await;
    }

    /// One request, logged in where the registry asks for that: a token that is missing or has expired is fetched once.
    async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, RequestError> {
        let mut may_log_in = true;
        loop {
            let held = self.authorization.current().await;
            let answer = self.walk(url, headers, held.header.as_ref()).await?;
            let (status, is_home) = (answer.status(), same_origin(answer.url(), url));
            if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
                return Ok(answer);
            }
            // Only the registry itself may ask for credentials; a storage host that it redirects to gets none.
            if status == StatusCode::UNAUTHORIZED && is_home {
                let challenges = Challenge::all(answer.headers());
                if may_log_in && self.authorization.answer(&challenges, &held).await? {
                    may_log_in = false;
                    continue;
                }
                return Err(RequestError::Unauthorized {
                    tried: Tried::get(answer.url()),
                    login: self.authorization.login().clone(),
                    refusal: Box::new(Refusal::read(answer).await),
                });
            }
            return Err(RequestError::Refused {
                tried: Tried::get(answer.url()),
                refusal: Box::new(Refusal::read(answer).await),
            });
        }
    }

    /// Follows redirects. `Authorization` goes along while scheme, host and port stay those of the registry, and never
    /// comes back once they changed.
    async fn walk(
        &self,
        url: &Url,
        headers: &HeaderMap,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RequestError> {
        let mut place = url.clone();
        let mut authorization = authorization;
        for _ in 0..=redirect::MOST_REDIRECTS {
            let mut request = self.client.get(place.clone()).headers(headers.clone());
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let answer = request.send().await.map_err(|error| connection(&place, &error))?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let next = redirect::target(&place, answer.headers()).map_err(|reason| RequestError::Redirect {
                tried: Tried::get(&place),
                reason,
            })?;
            authorization = authorization.filter(|_| same_origin(url, &next));
            place = next;
        }
        Err(RequestError::Redirect {
            tried: Tried::get(&place),
            reason: RefusedRedirect::TooMany,
        })
    }
}

/// A connection that broke while `url` was asked for.
pub(crate) fn connection(url: &Url, error: &reqwest::Error) -> RequestError {
    RequestError::Connection {
        tried: Tried::get(url),
        failure: Failure::new(error),
    }
}

/// The whole body of an answer, at most `limit` bytes.
async fn body(answer: &mut Response, limit: usize, tried: &Tried) -> Result<Vec<u8>, RequestError> {
    let mut body = Vec::new();
    loop {
        let piece = answer.chunk().await.map_err(|error| RequestError::Connection {
            tried: tried.clone(),
            failure: Failure::new(&error),
        })?;
        let Some(piece) = piece else {
            return Ok(body);
        };
        if body.len() + piece.len() > limit {
            let tried = tried.clone();
            return Err(RequestError::TooLong { tried, limit });
        }
        body.extend_from_slice(&piece);
    }
}
