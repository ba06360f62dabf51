use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::limits::Limits;

/// What all downloads of a store share: how many run, and how many connections they have in addition to the first of
/// each.
#[derive(Debug)]
pub(crate) struct Turns {
    downloads: Semaphore,
    further_connections: Arc<Semaphore>,
}

impl Turns {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            downloads: Semaphore::new(limits.downloads.clamp(1, Semaphore::MAX_PERMITS)),
            further_connections: Arc::new(Semaphore::new(limits.further_connections.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Waits until the download may begin.
    pub(super) async fn download(&self) -> Option<SemaphorePermit<'_>> {
        self.downloads.acquire().await.ok()
    }

    /// One more connection for a download that runs, if there is one. Nobody waits for it: the download goes on with
    /// what it has.
    pub(super) fn further_connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.further_connections).try_acquire_owned().ok()
    }
}
