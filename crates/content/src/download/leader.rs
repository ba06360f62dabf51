use std::sync::Arc;

use bytes::Bytes;
use oci::Digest;
use tokio::{
    sync::{Semaphore, watch},
    time,
};

use super::{
    FetchError, Phase,
    body::Body,
    flights::{Commission, Registration},
    patience::Patience,
};
use crate::{
    blob::Blob,
    blocking::blocking,
    directory::Directory,
    limits::Limits,
    source::{Incoming, Source},
    verification::{Unverified, Verified},
};

/// Runs one download, in a task of its own: readers come and go without touching it.
pub(crate) struct Leader {
    // Dropped before `progress`: who sees a download end without a result finds it gone.
    registration: Registration,
    progress: watch::Sender<Phase>,
    digest: Digest,
    source: Arc<dyn Source>,
    directory: Arc<Directory>,
    limits: Limits,
    turns: Arc<Semaphore>,
}

/// What has come so far, kept from one attempt to the next.
struct Part {
    content: Unverified,
    size: u64,
}

enum Obtained {
    OnDisk(Blob),
    Downloaded(Verified),
}

impl Leader {
    pub(crate) fn new(
        commission: Commission,
        digest: Digest,
        source: Arc<dyn Source>,
        directory: Arc<Directory>,
        limits: Limits,
        turns: Arc<Semaphore>,
    ) -> Self {
        Self {
            registration: commission.registration,
            progress: commission.progress,
            digest,
            source,
            directory,
            limits,
            turns,
        }
    }

    /// Downloads, verifies, tells the readers, and keeps the content.
    pub(crate) async fn run(self) {
        match self.obtain().await {
            Ok(Obtained::OnDisk(blob)) => {
                self.progress.send_replace(Phase::Whole(blob));
            }
            Ok(Obtained::Downloaded(content)) => {
                // Readers get their last bytes now; the disk's caches are flushed behind their backs. The registration
                // lasts until the content has its name, so that nobody downloads it again in between.
                self.progress.send_replace(Phase::Whole(content.blob().clone()));
                let directory = Arc::clone(&self.directory);
                if let Err(error) = blocking(move || directory.keep(content)).await {
                    tracing::warn!(digest = %self.digest, %error, "verified content was delivered but could not be kept");
                }
            }
            Err(error) => {
                // In this order, so that whoever tries again does not join what has failed.
                drop(self.registration);
                self.progress.send_replace(Phase::Failed(error));
            }
        }
    }

    async fn obtain(&self) -> Result<Obtained, FetchError> {
        let _turn = self.turns.acquire().await.map_err(|_| FetchError::Abandoned)?;
        // An earlier download may have ended between the look at the disk and this one's registration.
        let (directory, digest) = (Arc::clone(&self.directory), self.digest.clone());
        if let Some(blob) = blocking(move || directory.find(&digest)).await? {
            return Ok(Obtained::OnDisk(blob));
        }

        let mut patience = Patience::new(self.limits);
        let mut part = None;
        let part = loop {
            let before = written(part.as_ref());
            match self.attempt(&mut part).await {
                Ok(whole) => break whole,
                Err(error) if error.is_transient() => {
                    let after = written(part.as_ref());
                    let Some(pause) = patience.pause_after(after - before) else {
                        return Err(error);
                    };
                    tracing::debug!(digest = %self.digest, offset = after, ?pause, %error, "a download is resumed");
                    time::sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Obtained::Downloaded(part.content.verify(&self.digest)?))
    }

    /// Goes on from the first byte that is missing until there is none, and answers with all of it. On an error `part`
    /// holds what there is.
    async fn attempt(&self, part: &mut Option<Part>) -> Result<Part, FetchError> {
        let offset = written(part.as_ref());
        let incoming = time::timeout(self.limits.idle, self.source.open(offset))
            .await
            .map_err(|_| FetchError::Stalled(self.limits.idle))??;
        let surplus = self.check(&incoming, offset, part.as_ref())?;
        let mut so_far = match part.take() {
            Some(so_far) => so_far,
            None => self.begin(incoming.total).await?,
        };

        let mut body = Body::new(incoming.body, surplus, self.limits.idle);
        while so_far.content.written() < so_far.size {
            let broke_off = FetchError::Short {
                received: so_far.content.written(),
                size: so_far.size,
            };
            so_far = match body.next_batch().await.and_then(|batch| batch.ok_or(broke_off)) {
                Ok(batch) => self.write(so_far, batch).await?,
                Err(error) => {
                    *part = Some(so_far);
                    return Err(error);
                }
            };
        }
        body.expect_end(so_far.size).await?;
        Ok(so_far)
    }

    /// Compares what a source declares with what is known. Answers with how many bytes come that are there already.
    fn check(&self, incoming: &Incoming, offset: u64, part: Option<&Part>) -> Result<u64, FetchError> {
        let size = incoming.total;
        if size > self.limits.largest_blob {
            let limit = self.limits.largest_blob;
            return Err(FetchError::TooLarge { size, limit });
        }
        if let Some(part) = part
            && part.size != size
        {
            let (size, now) = (part.size, size);
            return Err(FetchError::SizeChanged { size, now });
        }
        offset.checked_sub(incoming.offset).ok_or(FetchError::Gap {
            asked: offset,
            answered: incoming.offset,
        })
    }

    async fn begin(&self, size: u64) -> Result<Part, FetchError> {
        let (directory, algorithm) = (Arc::clone(&self.directory), self.digest.algorithm());
        let content = blocking(move || directory.begin(algorithm)).await?;
        let part = Part { content, size };
        self.publish(&part);
        Ok(part)
    }

    /// Writes and hashes, then lets the readers have it.
    async fn write(&self, mut part: Part, batch: Vec<Bytes>) -> Result<Part, FetchError> {
        let length: u64 = batch.iter().map(|piece| piece.len() as u64).sum();
        if length > part.size - part.content.written() {
            return Err(FetchError::Long { size: part.size });
        }
        let part = blocking(move || {
            for piece in &batch {
                part.content.append(piece)?;
            }
            Ok(part)
        })
        .await?;
        self.publish(&part);
        Ok(part)
    }

    fn publish(&self, part: &Part) {
        self.progress.send_replace(Phase::Receiving {
            file: Arc::clone(part.content.file()),
            size: part.size,
            written: part.content.written(),
        });
    }
}

fn written(part: Option<&Part>) -> u64 {
    part.map_or(0, |part| part.content.written())
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::{
        download::Flights,
        place::{Place, Scope},
        source::SourceError,
    };

    struct NotToBeOpened;

    impl Source for NotToBeOpened {
        fn open(&self, _: u64) -> BoxFuture<'_, Result<Incoming, SourceError>> {
            panic!("the content is on disk")
        }
    }

    /// Between a look at the disk and the registration of a download, another download of the same digest may end.
    #[tokio::test]
    async fn content_that_came_in_the_meantime_is_not_downloaded_again() {
        let root = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(root.path(), crate::Budget::default()).unwrap());
        let digest = Digest::of(b"x");
        let mut content = directory.begin(digest.algorithm()).unwrap();
        content.append(b"x").unwrap();
        directory.keep(content.verify(&digest).unwrap()).unwrap();

        let place = Place {
            scope: Scope::new(["acme"]).unwrap(),
            repository: "app".parse().unwrap(),
        };
        let (flight, commission) = Arc::new(Flights::default()).join(&place, &digest);
        let leader = Leader::new(
            commission.unwrap(),
            digest,
            Arc::new(NotToBeOpened),
            directory,
            Limits::default(),
            Arc::new(Semaphore::new(1)),
        );
        leader.run().await;
        assert!(matches!(&*flight.progress.borrow(), Phase::Whole(blob) if blob.size() == 1));
    }
}
