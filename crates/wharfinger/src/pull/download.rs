//! Blobs: each is hashed while it arrives, and gone on with where it broke off.

use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Descriptor, Digest};
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};

use super::{
    PullError,
    image::Piece,
    layout::{Layout, Partial, WrongDigest},
    progress::{Blob, Event, Progress},
    registry::{
        Registry, RequestError, Tried, connection,
        endpoint::{host_and_port, same_origin},
        printable,
    },
};

/// Fetches blobs of a repository.
pub(crate) struct Download<'a> {
    pub(crate) registry: &'a Registry,
    /// Where they are put. Without it they are verified and thrown away, for the registry itself is to keep them.
    pub(crate) layout: Option<&'a Layout>,
    pub(crate) progress: &'a dyn Progress,
}

/// A blob that is not what the manifest says. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The bytes are not those that the digest means.
    #[error("{tried}: the registry sent content with the digest {found}; the manifest says {expected}")]
    Digest {
        /// What was asked for.
        tried: Tried,
        /// What the manifest says.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The registry says that it sends more or fewer bytes.
    #[error("{tried}: the registry announces {found} bytes; the manifest leaves {expected} to come")]
    Size {
        /// What was asked for.
        tried: Tried,
        /// What the manifest says.
        expected: u64,
        /// What the registry announces.
        found: u64,
    },
    /// The registry sends more bytes than the manifest says.
    #[error("{tried}: the registry sends more than the {expected} bytes that the manifest says")]
    TooLong {
        /// What was asked for.
        tried: Tried,
        /// What the manifest says.
        expected: u64,
    },
    /// A layer that registries are not to have, and that this one does not have.
    #[error("{tried}: the registry does not have this layer, whose type `{media_type}` says that registries need not")]
    NotDistributed {
        /// What was asked for.
        tried: Tried,
        /// What the manifest says that it is.
        media_type: String,
    },
    /// The registry does not send the blob itself, so it does not keep it.
    #[error("{tried}: {host} sends this blob, and the server does not keep it")]
    Elsewhere {
        /// What was asked for.
        tried: Tried,
        /// Where the registry redirects to.
        host: String,
    },
}

/// What a request brought.
enum Brought {
    /// All that was missing.
    Everything,
    /// Nothing: the registry cannot go on behind what is there.
    NoContinuation,
}

impl Download<'_> {
    /// Fetches blobs, several at a time; with each `true` where it was there already.
    pub(crate) async fn fetch_all(
        &self,
        pieces: impl Iterator<Item = &Piece>,
    ) -> Result<Vec<(Digest, bool)>, PullError> {
        let fetches: Vec<_> = pieces
            .map(|piece| async { Ok((piece.descriptor.digest.clone(), self.fetch(piece).await?)) })
            .collect();
        stream::iter(fetches)
            .buffer_unordered(BLOBS_AT_A_TIME)
            .try_collect()
            .await
    }

    /// Fetches a blob; `true` where it was there already.
    pub(crate) async fn fetch(&self, piece: &Piece) -> Result<bool, PullError> {
        let Descriptor { digest, size, .. } = &piece.descriptor;
        let (kind, size) = (piece.kind, *size);
        let blob = Blob { kind, digest, size };
        let mut partial = match self.layout {
            Some(layout) if layout.holds(&piece.descriptor).await? => {
                self.progress.event(&Event::Reused(blob));
                return Ok(true);
            }
            Some(layout) => layout.partial(&piece.descriptor).await?,
            None => Partial::passing(&piece.descriptor),
        };
        let received = partial.length();
        self.progress.event(&Event::Started { blob, received });
        match self.complete(blob, &mut partial).await {
            Ok(()) => {}
            Err(error @ PullError::Blob(_)) => {
                partial.discard()?;
                return Err(error);
            }
            Err(PullError::Request(error)) if is_left_out(piece, &error) => {
                partial.discard()?;
                let media_type = printable(piece.descriptor.media_type.as_str());
                let tried = self.tried(blob);
                return Err(BlobError::NotDistributed { tried, media_type }.into());
            }
            Err(error) => {
                partial.keep().await?;
                return Err(error);
            }
        }
        if let Some(layout) = self.layout {
            layout.publish(partial, digest).await?;
        }
        self.progress.event(&Event::Finished(blob));
        Ok(false)
    }

    /// Receives what is missing, with as many requests as it takes, and verifies the whole.
    async fn complete(&self, blob: Blob<'_>, partial: &mut Partial) -> Result<(), PullError> {
        let mut attempts = self.registry.attempts();
        let mut furthest = partial.length();
        let mut may_begin_again = true;
        // Bytes of several answers can disagree without any of them being wrong by itself.
        let mut is_patchwork = partial.length() > 0;
        loop {
            match self.receive(blob, partial).await {
                Ok(Brought::Everything) => match partial.verify() {
                    Ok(()) => return Ok(()),
                    Err(WrongDigest(_)) if is_patchwork && may_begin_again => {}
                    Err(WrongDigest(found)) => {
                        return Err(BlobError::Digest {
                            tried: self.tried(blob),
                            expected: blob.digest.clone(),
                            found,
                        }
                        .into());
                    }
                },
                Ok(Brought::NoContinuation) if may_begin_again => {}
                Ok(Brought::NoContinuation) => {
                    let (tried, missing) = (self.tried(blob), partial.missing());
                    return Err(RequestError::Truncated { tried, missing }.into());
                }
                Err(PullError::Request(error)) => {
                    if partial.length() >= furthest.saturating_add(PROGRESS) {
                        attempts.forget();
                    }
                    furthest = furthest.max(partial.length());
                    self.registry.pause(&mut attempts, error).await?;
                    is_patchwork = partial.length() > 0;
                    continue;
                }
                Err(error) => return Err(error),
            }
            may_begin_again = false;
            is_patchwork = false;
            partial.restart().await?;
            self.progress.event(&Event::Received { blob, received: 0 });
        }
    }

    /// Asks once for what is missing and takes it.
    async fn receive(&self, blob: Blob<'_>, partial: &mut Partial) -> Result<Brought, PullError> {
        // Of an empty blob nothing is missing, but a registry that is to keep it has to be asked for it.
        let is_to_be_kept_there = self.layout.is_none() && blob.size == 0;
        if partial.missing() == 0 && !is_to_be_kept_there {
            return Ok(Brought::Everything);
        }
        let url = self.registry.endpoint().blob(blob.digest);
        let first = partial.length();
        let mut answer = match self.registry.open(&url, first).await {
            Err(error) if first > 0 && error.status() == Some(StatusCode::RANGE_NOT_SATISFIABLE) => {
                return Ok(Brought::NoContinuation);
            }
            other => other?,
        };
        if self.layout.is_none() && !same_origin(answer.url(), &url) {
            let (tried, host) = (self.tried(blob), host_and_port(answer.url()));
            return Err(BlobError::Elsewhere { tried, host }.into());
        }
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if !continues(&answer, first, blob.size) => return Ok(Brought::NoContinuation),
            StatusCode::PARTIAL_CONTENT => {}
            _ if first > 0 => partial.restart().await?,
            _ => {}
        }
        self.check_length(blob, &answer, partial.missing())?;
        while let Some(bytes) = answer.chunk().await.map_err(|error| connection(&url, &error))? {
            if bytes.len() as u64 > partial.missing() {
                let (tried, expected) = (self.tried(blob), blob.size);
                return Err(BlobError::TooLong { tried, expected }.into());
            }
            partial.append(&bytes).await?;
            let received = partial.length();
            self.progress.event(&Event::Received { blob, received });
        }
        match partial.missing() {
            0 => Ok(Brought::Everything),
            missing => {
                let tried = self.tried(blob);
                Err(RequestError::Truncated { tried, missing }.into())
            }
        }
    }

    /// A whole answer has exactly the missing bytes; a partial one may have fewer (RFC 9110 §15.3.7).
    fn check_length(&self, blob: Blob<'_>, answer: &Response, missing: u64) -> Result<(), BlobError> {
        let is_partial = answer.status() == StatusCode::PARTIAL_CONTENT;
        match answer.content_length() {
            Some(length) if length > missing || length < missing && !is_partial => Err(BlobError::Size {
                tried: self.tried(blob),
                expected: missing,
                found: length,
            }),
            _ => Ok(()),
        }
    }

    fn tried(&self, blob: Blob<'_>) -> Tried {
        Tried::get(&self.registry.endpoint().blob(blob.digest))
    }
}

fn is_left_out(piece: &Piece, error: &RequestError) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND) && !piece.descriptor.media_type.is_distributable()
}

/// Whether the answer begins with the byte `first` of content of `size` bytes.
fn continues(answer: &Response, first: u64, size: u64) -> bool {
    let header = answer.headers().get(CONTENT_RANGE);
    let range = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().strip_prefix("bytes "));
    let Some((range, total)) = range.and_then(|range| range.split_once('/')) else {
        return false;
    };
    let begins = range.split_once('-').and_then(|(begin, _)| begin.parse().ok()) == Some(first);
    begins && (total == "*" || total.parse() == Ok(size))
}

const BLOBS_AT_A_TIME: usize = 4;
/// How many new bytes make a connection that breaks count as progress, so that the tries begin to count anew.
const PROGRESS: u64 = 1024 * 1024;
