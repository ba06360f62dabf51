use std::sync::Arc;

use oci::Digest;
use tokio::{sync::watch, time};

use super::{
    FetchError, Phase,
    crew::Crew,
    flights::{Commission, Registration},
    lane,
    overflow::Overflow,
    patience::Patience,
    transfer::Transfer,
    turns::Turns,
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
    turns: Arc<Turns>,
}

enum Obtained {
    OnDisk(Blob),
    Downloaded(Verified),
    /// As far as the disk took it.
    InPart(Overflow),
}

impl Leader {
    pub(crate) fn new(
        commission: Commission,
        digest: Digest,
        source: Arc<dyn Source>,
        directory: Arc<Directory>,
        limits: Limits,
        turns: Arc<Turns>,
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
                    tracing::debug!(digest = %self.digest, %error, "verified content was delivered but could not be kept");
                }
            }
            // In this order, so that whoever tries again does not join what has failed.
            Ok(Obtained::InPart(overflow)) => {
                drop(self.registration);
                self.progress.send_replace(Phase::Overflowed(Arc::new(overflow)));
            }
            Err(error) => {
                drop(self.registration);
                self.progress.send_replace(Phase::Failed(error));
            }
        }
    }

    async fn obtain(&self) -> Result<Obtained, FetchError> {
        let _turn = self.turns.download().await.ok_or(FetchError::Abandoned)?;
        // An earlier download may have ended between the look at the disk and this one's registration.
        let (directory, digest) = (Arc::clone(&self.directory), self.digest.clone());
        if let Some(blob) = blocking(move || directory.find(&digest)).await? {
            return Ok(Obtained::OnDisk(blob));
        }

        let (first, patience) = self.open().await?;
        let size = first.total;
        let (directory, algorithm) = (Arc::clone(&self.directory), self.digest.algorithm());
        let content = blocking(move || directory.begin(algorithm, size)).await?;
        self.progress.send_replace(Phase::Receiving {
            file: Arc::clone(content.canvas().file()),
            size,
            written: 0,
        });
        match self.fill(&content, first, patience).await {
            Ok(()) => Ok(Obtained::Downloaded(content.verify(&self.digest)?)),
            Err(FetchError::Disk(error)) => {
                self.directory.failed(&error);
                self.leave(content, size, FetchError::Disk(error)).await
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves what has come for those who read it. Nothing of it counts, and it has no name any more.
    async fn leave(&self, content: Unverified, size: u64, error: FetchError) -> Result<Obtained, FetchError> {
        let progress = self.progress.subscribe();
        let overflow = blocking(move || {
            let (hasher, hashed) = content.canvas().so_far();
            let written = match &*progress.borrow() {
                Phase::Receiving { written, .. } => *written,
                _ => 0,
            };
            Ok(Overflow {
                file: Arc::clone(content.canvas().file()),
                size,
                // Whoever hashes may be ahead of whoever tells.
                written: written.max(hashed),
                hasher,
                hashed,
                error,
            })
        });
        Ok(Obtained::InPart(overflow.await?))
    }

    /// Opens the source at the first byte. Answers with the patience that is left.
    async fn open(&self) -> Result<(Incoming, Patience), FetchError> {
        let mut patience = Patience::new(self.limits);
        loop {
            match lane::open(&*self.source, self.limits, 0, None).await {
                Ok(first) => return Ok((first, patience)),
                Err(error) => {
                    let pause = error.is_transient().then(|| patience.pause_after(0)).flatten();
                    let Some(pause) = pause else {
                        return Err(error);
                    };
                    tracing::debug!(digest = %self.digest, ?pause, %error, "a source is opened again");
                    time::sleep(pause).await;
                }
            }
        }
    }

    /// Fetches and hashes all of the content.
    async fn fill(&self, content: &Unverified, first: Incoming, patience: Patience) -> Result<(), FetchError> {
        let size = first.total;
        let transfer = Transfer::new(Arc::clone(content.canvas()), size, self.progress.clone());
        let crew = Crew {
            transfer: &Arc::new(transfer),
            source: &*self.source,
            limits: self.limits,
            turns: &self.turns,
        };
        crew.run(first, patience).await
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::{
        download::Flights,
        place::{Place, Scope},
        source::SourceError,
    };

    struct NotToBeOpened;

    impl Source for NotToBeOpened {
        fn open(&self, _: u64, _: Option<u64>) -> BoxFuture<'_, Result<Incoming, SourceError>> {
            panic!("the content is on disk")
        }
    }

    /// Between a look at the disk and the registration of a download, another download of the same digest may end.
    #[tokio::test]
    async fn content_that_came_in_the_meantime_is_not_downloaded_again() {
        let root = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(root.path(), crate::Budget::default()).unwrap());
        let digest = Digest::of(b"x");
        let mut content = directory.begin(digest.algorithm(), 1).unwrap();
        content.append(&Bytes::from_static(b"x")).unwrap();
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
            Arc::new(Turns::new(&Limits::default())),
        );
        leader.run().await;
        assert!(matches!(&*flight.progress.borrow(), Phase::Whole(blob) if blob.size() == 1));
    }
}
