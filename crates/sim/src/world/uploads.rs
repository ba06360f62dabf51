use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use tokio::sync::{Mutex as Turn, Semaphore};
use uuid::Uuid;

use super::{Layer, RepositoryKey, State, World};
use crate::blobs::{NotTaken, Upload};

/// The uploads of layers that are under way, through the API or in a registry.
pub(crate) struct Uploads {
    slots: Mutex<HashMap<String, Slot>>,
    /// Parts that come in through the API are held in memory; only so many at once.
    pub(crate) parts: Semaphore,
}

/// A layer that comes in; whoever has the lock has the turn to send. It is taken out when it is finished.
pub(crate) type Incomplete = Arc<Turn<Option<Upload>>>;

/// Why an upload did not become a layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotFinished {
    #[error("no such upload in this repository")]
    Unknown,
    #[error("the repository is gone")]
    NoRepository,
    #[error("the content has the digest {0}")]
    Mismatch(Digest),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
}

/// An upload and where it belongs.
struct Slot {
    place: RepositoryKey,
    started: Timestamp,
    layer: Incomplete,
}

/// A content that is in use until this is dropped.
struct Hold<'w> {
    world: &'w World,
    digest: Digest,
}

/// How many uploads may be under way at once, in all registries.
const MAX_UPLOADS: usize = 1000;

/// How many parts may be held in memory at once: some 75 MiB each, with the text that they come in.
const MAX_PARTS: usize = 8;

/// When an upload that nobody finished is given up.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// An upload of which nobody was told.
pub(crate) struct Forgotten<'u> {
    uploads: &'u Uploads,
    id: &'u str,
}

impl Uploads {
    /// Begins an upload; none where too many are under way.
    pub(crate) fn begin(&self, place: RepositoryKey, layer: Upload, now: Timestamp) -> Option<String> {
        let mut slots = self.slots();
        slots.retain(|_, slot| now.duration_since(slot.started) < LIFETIME);
        if slots.len() >= MAX_UPLOADS {
            return None;
        }
        let id = Uuid::new_v4().to_string();
        let slot = Slot {
            place,
            started: now,
            layer: Arc::new(Turn::new(Some(layer))),
        };
        slots.insert(id.clone(), slot);
        Some(id)
    }

    /// An upload of this repository; one of another is as unknown as one that never was.
    pub(crate) fn find(&self, place: &RepositoryKey, id: &str) -> Option<Incomplete> {
        let slots = self.slots();
        let slot = slots.get(id).filter(|slot| slot.place == *place)?;
        Some(Arc::clone(&slot.layer))
    }

    /// Gives an upload up.
    pub(crate) fn remove(&self, id: &str) {
        self.slots().remove(id);
    }

    /// Gives an upload up when what comes back is dropped, whatever came of it.
    pub(crate) fn forgotten<'u>(&'u self, id: &'u str) -> Forgotten<'u> {
        Forgotten { uploads: self, id }
    }

    /// Gives up all uploads of a repository.
    pub(crate) fn remove_all(&self, place: &RepositoryKey) {
        self.slots().retain(|_, slot| slot.place != *place);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        self.uploads.remove(self.id);
    }
}

impl World {
    /// Makes a layer of an upload whose content has one of the digests; its digest and its size. Whatever comes of it,
    /// the upload is gone.
    pub(crate) async fn finish_upload(
        &self,
        place: &RepositoryKey,
        id: &str,
        layer: &mut Option<Upload>,
        claimed: &[Digest],
    ) -> Result<(Digest, u64), NotFinished> {
        let layer = layer.take().ok_or(NotFinished::Unknown)?;
        self.uploads.remove(id);
        let (digest, size, path) = layer.finish().await.map_err(NotTaken::Disk)?;
        if !claimed.contains(&digest) {
            return Err(NotFinished::Mismatch(digest));
        }
        let hold = Hold::new(self, &digest);
        self.blobs.keep(path, &digest).await.map_err(NotTaken::Disk)?;
        let added = self.add_layer(place, &digest, size);
        drop(hold);
        if added {
            return Ok((digest, size));
        }
        self.sweep(&[digest]).await;
        Err(NotFinished::NoRepository)
    }

    /// Removes contents from the disk that nothing uses any more.
    pub(crate) async fn sweep(&self, unused: &[Digest]) {
        for digest in unused {
            let in_use = || self.read(|state| state.uses(digest));
            if let Err(error) = self.blobs.remove(digest, in_use).await {
                tracing::warn!(%error, %digest, "a layer that nobody needs could not be removed");
            }
        }
    }

    /// Gives a repository a layer that another one has, if an image of that one refers to it; tells whether it did.
    /// What the two share is the content; each has its own object.
    pub(crate) fn mount(&self, from: &RepositoryKey, to: &RepositoryKey, digest: &Digest) -> bool {
        self.write(|state| {
            let source = state.repository_at(from);
            let layer = source.and_then(|source| source.layers.get(digest));
            let size = layer.filter(|layer| layer.media_type.is_some()).map(|layer| layer.size);
            size.is_some_and(|size| add_layer(state, to, digest, size))
        })
    }

    fn add_layer(&self, place: &RepositoryKey, digest: &Digest, size: u64) -> bool {
        self.write(|state| add_layer(state, place, digest, size))
    }
}

/// Adds a layer whose content is there; tells whether the repository is.
fn add_layer(state: &mut State, place: &RepositoryKey, digest: &Digest, size: u64) -> bool {
    let RepositoryKey { account, region, name } = place;
    let Some(repository) = state.repository_mut(*account, region, name) else {
        return false;
    };
    // One that was there already keeps its object: URLs to it are under way.
    if repository.layers.contains_key(digest) {
        return true;
    }
    let object = format!("{}-{account}-{}/{}", &digest.hex()[..4], Uuid::new_v4(), Uuid::new_v4());
    let layer = Layer {
        size,
        object: object.clone(),
        media_type: None,
    };
    repository.layers.insert(digest.clone(), layer);
    state.put_object(object, digest.clone(), size);
    true
}

impl<'w> Hold<'w> {
    fn new(world: &'w World, digest: &Digest) -> Self {
        world.write(|state| state.hold(digest.clone()));
        Self {
            world,
            digest: digest.clone(),
        }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.world.write(|state| state.release(&self.digest));
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
            parts: Semaphore::new(MAX_PARTS),
        }
    }
}
