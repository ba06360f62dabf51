use std::sync::{Arc, Mutex, PoisonError};

use access::Permit;
use aws::AwsError;
use content::{Incoming, Source, SourceError};
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use http::{HeaderMap, StatusCode, header};
use oci::Digest;
use reqwest::{Response, Url};

use crate::{
    failure::Failure,
    upstream::{Upstream, headers},
};

/// Where the store downloads a blob from: the registry, and behind its redirect the layer bucket.
pub(crate) struct Layer {
    upstream: Arc<Upstream>,
    permit: Permit,
    digest: Digest,
    /// The registry's answer that proved the membership. The first attempt begins with it, so that a cold blob costs
    /// the registry one request.
    first: Mutex<Option<Confirmed>>,
}

/// The registry has the blob in this repository, and says where its bytes are.
pub(crate) enum Confirmed {
    /// At a URL that carries its own signature.
    Elsewhere(Url),
    /// In this very answer.
    Here(Response),
}

impl Layer {
    pub(crate) fn new(upstream: Arc<Upstream>, permit: Permit, digest: Digest, first: Option<Confirmed>) -> Self {
        Self {
            upstream,
            permit,
            digest,
            first: Mutex::new(first),
        }
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

    async fn begin(&self, offset: u64) -> Result<Incoming, SourceError> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let confirmed = match first {
            Some(confirmed) => confirmed,
            None => Self::confirm(&self.upstream, &self.permit, &self.digest)
                .await
                .map_err(as_source_error)?,
        };
        let url = match confirmed {
            Confirmed::Here(answer) => return incoming(answer, 0),
            Confirmed::Elsewhere(url) => url,
        };
        let range = if offset > 0 {
            headers(header::RANGE, &format!("bytes={offset}-"))
        } else {
            HeaderMap::new()
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let answer = self.upstream.get_signed(url, range).await.map_err(|error| {
            let wanted = format!("blob {}", self.digest);
            SourceError::transient(aws::explain_unreachable(&host, &wanted, &error.without_url()))
        })?;
        match answer.status() {
            StatusCode::OK => incoming(answer, 0),
            StatusCode::PARTIAL_CONTENT => incoming(answer, offset),
            // A signed URL ends; the next attempt gets a new one.
            status => Err(SourceError::transient(format!(
                "{host} answered {status} to the URL that the registry signed"
            ))),
        }
    }
}

impl Source for Layer {
    fn open(&self, offset: u64) -> BoxFuture<'_, Result<Incoming, SourceError>> {
        Box::pin(self.begin(offset))
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

/// The blob's bytes in an answer that begins at `offset`.
fn incoming(answer: Response, offset: u64) -> Result<Incoming, SourceError> {
    let length = answer
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length =
        length.ok_or_else(|| SourceError::permanent("the answer with the blob does not say how long it is"))?;
    let total = match answer.headers().get(header::CONTENT_RANGE) {
        Some(range) if answer.status() == StatusCode::PARTIAL_CONTENT => range
            .to_str()
            .ok()
            .and_then(|range| {
                range
                    .strip_prefix(&format!("bytes {offset}-"))?
                    .split_once('/')?
                    .1
                    .parse()
                    .ok()
            })
            .ok_or_else(|| SourceError::permanent("the answer begins at another byte than it was asked for"))?,
        _ => offset + length,
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
