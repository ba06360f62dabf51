use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use access::Permit;
use aws::AwsError;
use content::{Incoming, Source, SourceError};
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use http::{HeaderMap, StatusCode, header};
use oci::Digest;
use reqwest::{Response, Url};
use tokio::sync::Mutex;

use crate::{
    failure::Failure,
    upstream::{Upstream, headers},
};

/// Where the store downloads a blob from: the registry, and behind its redirect the layer bucket.
pub(crate) struct Layer {
    upstream: Arc<Upstream>,
    permit: Permit,
    digest: Digest,
    way: Mutex<Way>,
    is_used: AtomicBool,
}

/// The registry's latest word on where the bytes are. All requests for parts of the blob share it, so that a cold blob
/// costs the registry one request; the first word is the answer that proved the membership.
struct Way {
    confirmed: Option<Confirmed>,
    /// How many there were before it.
    number: u64,
}

/// What a host answered to the URL that the registry signed.
enum Answered {
    Bytes(Incoming),
    Refused(SourceError),
}

/// The registry has the blob in this repository, and says where its bytes are.
pub(crate) enum Confirmed {
    /// At a URL that carries its own signature.
    Elsewhere(Url),
    /// In this very answer.
    Here(Response),
}

impl Layer {
    pub(crate) fn new(upstream: Arc<Upstream>, permit: Permit, digest: Digest, confirmed: Option<Confirmed>) -> Self {
        Self {
            upstream,
            permit,
            digest,
            way: Mutex::new(Way { confirmed, number: 0 }),
            is_used: AtomicBool::new(false),
        }
    }

    /// Whether anything was downloaded by it, or was tried to be.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Asks the registry for the blob. An answer is the proof that it is in the repository.
    pub(crate) async fn confirm(upstream: &Upstream, permit: &Permit, digest: &Digest) -> Result<Confirmed, Failure> {
        let wanted = format!("blob {digest}");
        let (answer, login) = upstream
            .get(permit, &format!("blobs/{digest}"), &HeaderMap::new(), &wanted)
            .await?;
        match answer.status() {
            StatusCode::OK => Ok(Confirmed::Here(answer)),
            status if status.is_redirection() => Ok(Confirmed::Elsewhere(location(permit, &answer)?)),
            _ => Err(upstream.explain(permit, &wanted, &login, answer).await.into()),
        }
    }

    async fn begin(&self, offset: u64, end: Option<u64>) -> Result<Incoming, SourceError> {
        let (confirmed, number) = self.way(None).await?;
        if let Answered::Bytes(incoming) = self.follow(confirmed, offset, end).await? {
            return Ok(incoming);
        }
        // A signed URL ends, and a large blob may take longer.
        let (confirmed, _) = self.way(Some(number)).await?;
        match self.follow(confirmed, offset, end).await? {
            Answered::Bytes(incoming) => Ok(incoming),
            Answered::Refused(error) => Err(error),
        }
    }

    /// Where the bytes are, and the number of the word that says so. Where the word with the number `refused` is the
    /// latest, the registry is asked again, once for all who wait.
    async fn way(&self, refused: Option<u64>) -> Result<(Confirmed, u64), SourceError> {
        let mut way = self.way.lock().await;
        if refused == Some(way.number) {
            way.confirmed = None;
        }
        let confirmed = match way.confirmed.take() {
            Some(confirmed) => confirmed,
            None => {
                way.number += 1;
                let confirmed = Self::confirm(&self.upstream, &self.permit, &self.digest).await;
                confirmed.map_err(as_source_error)?
            }
        };
        if let Confirmed::Elsewhere(url) = &confirmed {
            way.confirmed = Some(Confirmed::Elsewhere(url.clone()));
        }
        Ok((confirmed, way.number))
    }

    async fn follow(&self, confirmed: Confirmed, offset: u64, end: Option<u64>) -> Result<Answered, SourceError> {
        let url = match confirmed {
            Confirmed::Here(answer) => return incoming(answer, 0).map(Answered::Bytes),
            Confirmed::Elsewhere(url) => url,
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let answer = self
            .upstream
            .get_signed(url, range(offset, end))
            .await
            .map_err(|error| {
                let wanted = format!("blob {}", self.digest);
                SourceError::transient(aws::explain_unreachable(&host, &wanted, &error))
            })?;
        let status = answer.status();
        let refused =
            || SourceError::transient(format!("{host} answered {status} to the URL that the registry signed"));
        match status {
            StatusCode::OK => incoming(answer, 0).map(Answered::Bytes),
            StatusCode::PARTIAL_CONTENT => incoming(answer, offset).map(Answered::Bytes),
            _ if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Ok(Answered::Refused(refused()))
            }
            _ => Err(refused()),
        }
    }
}

impl Source for Layer {
    fn open(&self, offset: u64, end: Option<u64>) -> BoxFuture<'_, Result<Incoming, SourceError>> {
        self.is_used.store(true, Ordering::Relaxed);
        Box::pin(self.begin(offset, end))
    }
}

/// The `Location` of a redirect, if it leads where layers of this registry are. Anything else would send this server
/// where somebody else wants it to go.
fn location(permit: &Permit, answer: &Response) -> Result<Url, Failure> {
    let registry = permit.registry();
    let refused = |what: &str| {
        Failure::Upstream(format!(
            "{registry} redirects to {what}; only its layer bucket is followed to"
        ))
    };
    let location = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let url = location
        .and_then(|text| Url::parse(text).ok())
        .ok_or_else(|| refused("no absolute URL"))?;
    let host = url.host_str().unwrap_or_default();
    let is_plain =
        url.scheme() == "https" && url.port().is_none() && url.username().is_empty() && url.password().is_none();
    if !is_plain || !registry.serves_layers(host) {
        return Err(refused(&format!("{}://{host}", url.scheme())));
    }
    Ok(url)
}

/// Asks for the bytes from `offset` on, up to the one before `end`.
fn range(offset: u64, end: Option<u64>) -> HeaderMap {
    match (offset, end) {
        (0, None) => HeaderMap::new(),
        (_, None) => headers(header::RANGE, &format!("bytes={offset}-")),
        (_, Some(end)) => headers(header::RANGE, &format!("bytes={offset}-{}", end.saturating_sub(1))),
    }
}

/// The blob's bytes in an answer that begins at `offset`.
fn incoming(answer: Response, offset: u64) -> Result<Incoming, SourceError> {
    let value = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let total = match answer.status() {
        StatusCode::PARTIAL_CONTENT => value(header::CONTENT_RANGE)
            .and_then(|range| {
                range
                    .strip_prefix(&format!("bytes {offset}-"))?
                    .split_once('/')?
                    .1
                    .parse()
                    .ok()
            })
            .ok_or_else(|| SourceError::permanent("the answer begins at another byte than it was asked for"))?,
        _ => value(header::CONTENT_LENGTH)
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| SourceError::permanent("the answer with the blob does not say how long it is"))?,
    };
    let pieces = stream::try_unfold(answer, |mut answer| async {
        Ok::<_, reqwest::Error>(answer.chunk().await?.map(|piece| (piece, answer)))
    });
    let body = pieces
        .map_err(|error| SourceError::transient(error.without_url()))
        .boxed();
    Ok(Incoming { total, offset, body })
}

fn as_source_error(failure: Failure) -> SourceError {
    match failure {
        Failure::Aws(error) if matches!(error.kind, aws::Kind::Throttled | aws::Kind::Unavailable) => {
            SourceError::transient(*error)
        }
        Failure::Aws(error) => SourceError::permanent(*error),
        other => SourceError::permanent(other),
    }
}

/// What a client is told when a download fails.
pub(crate) fn as_failure(error: &content::FetchError, host: &str, digest: &Digest) -> Failure {
    if let content::FetchError::Source(source) = error
        && let Some(error) = source.downcast_ref::<AwsError>()
    {
        return error.clone().into();
    }
    Failure::Upstream(format!("fetching blob {digest} from {host} failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_asked_for_as_http_counts_it() {
        let asked = |offset, end| {
            let headers = range(offset, end);
            headers
                .get(header::RANGE)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(asked(0, None), None);
        assert_eq!(asked(5, None).unwrap(), "bytes=5-");
        assert_eq!(asked(0, Some(10)).unwrap(), "bytes=0-9");
        assert_eq!(asked(5, Some(6)).unwrap(), "bytes=5-5");
    }
}
