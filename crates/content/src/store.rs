use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;
use oci::{Digest, Tag};
use tokio::runtime::Handle;

use crate::{
    access,
    admission::{self, Admission},
    blob::Blob,
    blocking::blocking,
    cache::{Budget, CacheStatus},
    directory::Directory,
    download::{Content, Detour, FetchError, Flights, Leader, Turns},
    hold::OpenError,
    limits::Limits,
    passage::Passage,
    place::Place,
    source::Source,
    tag::{self, TagRecord},
    verification::Mismatch,
};

/// Content by digest, what belongs where, and what tags meant; in a directory that it holds alone. Clones are the same
/// store. The directory is free again when the last one is gone and no download runs.
///
/// Every method does its file work in Tokio's blocking pool.
#[derive(Clone, Debug)]
pub struct Store {
    directory: Arc<Directory>,
    flights: Arc<Flights>,
    turns: Arc<Turns>,
    limits: Limits,
    /// Where downloads run, if not with whoever begins them.
    downloading_in: Option<Handle>,
}

/// Why content was not put into the store.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It is not what its digest says.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// It could not be written. The content itself is right.
    #[error("the content store's disk failed: {0}")]
    Disk(#[from] io::Error),
}

impl Store {
    /// Opens the store in `directory`, which is made if it is not there. What an earlier process left unfinished is
    /// removed; finished content is not looked at, so this takes the same time however much there is.
    ///
    /// A directory that is there and cannot be written is only read: what it has is served, and what it has not is to be
    /// passed through. A warning and [`CacheStatus::is_read_only`] say so.
    ///
    /// # Errors
    /// [`OpenError`] where the directory cannot be made or read, or another store holds it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::with_limits(directory, Limits::default())
    }

    /// Like [`Store::open`], with other limits for downloads.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with_limits(directory: &Path, limits: Limits) -> Result<Self, OpenError> {
        Self::with_budget(directory, limits, Budget::default())
    }

    /// Like [`Store::open`], with other limits for downloads and one for all content.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with_budget(directory: &Path, limits: Limits, budget: Budget) -> Result<Self, OpenError> {
        Ok(Self {
            directory: Arc::new(Directory::open(directory, budget)?),
            flights: Arc::default(),
            turns: Arc::new(Turns::new(&limits)),
            limits,
            downloading_in: None,
        })
    }

    /// Lets downloads run in another runtime than that of whoever begins them. They read, decrypt, hash and write for a
    /// long time; on threads of their own they do not hold up those who wait for little.
    #[must_use]
    pub fn downloading_in(mut self, runtime: Handle) -> Self {
        self.downloading_in = Some(runtime);
        self
    }

    /// The finished content, if it is there. Who may read it is not asked here: see [`Store::admitted`].
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file.
    pub async fn blob(&self, digest: &Digest) -> io::Result<Option<Blob>> {
        // In this order: what is no longer among the downloads has its name on disk.
        if let Some(blob) = self.flights.verified(digest) {
            return Ok(Some(blob));
        }
        let digest = digest.clone();
        self.on_disk(move |directory| directory.find(&digest)).await
    }

    /// Puts small content that is in memory into the store; meant for manifests.
    ///
    /// # Errors
    /// [`PutError::Mismatch`] where it is not what its digest says, [`PutError::Disk`] where it cannot be written.
    pub async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<Blob, PutError> {
        let digest = digest.clone();
        self.on_disk(move |directory| {
            let mut content = directory.begin(digest.algorithm(), bytes.len() as u64)?;
            directory.counted(content.append(&bytes))?;
            match content.verify(&digest) {
                Ok(content) => Ok(Ok(directory.keep(content)?)),
                Err(mismatch) => Ok(Err(mismatch.into())),
            }
        })
        .await?
    }

    /// The content: finished, or from its first byte on while it comes. There is one download of a digest at a time;
    /// whoever asks meanwhile follows it, whatever their source.
    ///
    /// The download runs in a task of its own and goes on without readers. A source that fails is asked to go on from
    /// where it broke off, within the [`Limits`]. A disk that takes no more while content comes is no end of it: each
    /// reader goes on from its own source, from where the download was, and what came is not kept.
    ///
    /// Nobody's permission is asked: since another place's download may serve this call, **the caller must know that the
    /// place may read the digest** ([`Store::admitted`], or upstream's word). Where another place's download fails before
    /// its first byte, this call tries its own source; what the other source said is not passed on.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`FetchError`] where there is not even a first byte. What goes wrong later ends the streams.
    pub async fn fetch(&self, place: &Place, digest: &Digest, source: Arc<dyn Source>) -> Result<Content, FetchError> {
        if let Some(blob) = self.blob(digest).await? {
            return Ok(Content::Whole(blob));
        }
        // Before the source is asked for what could not be kept.
        self.directory.accepts()?;
        loop {
            let (flight, commission) = self.flights.join(place, digest);
            if let Some(commission) = commission {
                let leader = Leader::new(
                    commission,
                    digest.clone(),
                    Arc::clone(&source),
                    Arc::clone(&self.directory),
                    self.limits,
                    Arc::clone(&self.turns),
                );
                match &self.downloading_in {
                    Some(runtime) => runtime.spawn(leader.run()),
                    None => tokio::spawn(leader.run()),
                };
            }
            let is_own = flight.place == *place;
            let detour = Detour::new(Arc::clone(&source), self.limits, Arc::clone(self.directory.shelf()));
            match flight.begun(digest, is_own, detour).await {
                // Every round is another place's download, or this place's, which is the last.
                Err(_) if !is_own => {}
                result => return result,
            }
        }
    }

    /// The content without the disk, for the one who asks: for where [`Store::fetch`] fails with [`FetchError::Disk`]
    /// before there was a byte. [`CacheStatus::bypassed`] counts it.
    ///
    /// # Errors
    /// [`FetchError`] where there is not even a first byte. What goes wrong later ends the stream.
    pub async fn pass_through(&self, digest: &Digest, source: Arc<dyn Source>) -> Result<Passage, FetchError> {
        tracing::debug!(%digest, "content is passed through and not kept");
        self.directory.shelf().bypassed();
        Passage::open(digest.clone(), source, self.limits).await
    }

    /// Notes that the content belongs to the place.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn admit(&self, place: &Place, digest: &Digest, admission: Admission) -> io::Result<()> {
        let (place, digest) = (place.clone(), digest.clone());
        self.on_disk(move |directory| admission::write(directory, &place, &digest, &admission))
            .await
    }

    /// As what the content belongs to the place, if it does. Content that was admitted both as a blob and as a manifest
    /// counts as a manifest, of which the bytes are the same.
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file. A damaged record counts as none.
    pub async fn admitted(&self, place: &Place, digest: &Digest) -> io::Result<Option<Admission>> {
        let (place, digest) = (place.clone(), digest.clone());
        self.on_disk(move |directory| admission::read(directory, &place, &digest))
            .await
    }

    /// What the tag meant when upstream was last asked. How long that counts is for the caller to say.
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file. A damaged record counts as none.
    pub async fn tag(&self, place: &Place, tag: &Tag) -> io::Result<Option<TagRecord>> {
        let (place, tag) = (place.clone(), tag.clone());
        self.on_disk(move |directory| tag::read(directory, &place, &tag)).await
    }

    /// Notes what the tag means, in place of what was noted before.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn set_tag(&self, place: &Place, tag: &Tag, record: TagRecord) -> io::Result<()> {
        let (place, tag) = (place.clone(), tag.clone());
        self.on_disk(move |directory| tag::write(directory, &place, &tag, record))
            .await
    }

    /// Forgets what the tag meant, if anything was noted.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn forget_tag(&self, place: &Place, tag: &Tag) -> io::Result<()> {
        let path = self.directory.layout().tag(place, tag);
        self.on_disk(move |directory| directory.remove_small(&path)).await
    }

    /// When upstream last let the place's owner in, if it did and has not refused since.
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file. A damaged record counts as none.
    pub async fn access(&self, place: &Place) -> io::Result<Option<Timestamp>> {
        let place = place.clone();
        self.on_disk(move |directory| access::read(directory, &place)).await
    }

    /// Notes that upstream let the place's owner in at this time; with none, that it refused.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn set_access(&self, place: &Place, confirmed_at: Option<Timestamp>) -> io::Result<()> {
        let place = place.clone();
        self.on_disk(move |directory| match confirmed_at {
            Some(confirmed_at) => access::write(directory, &place, confirmed_at),
            None => directory.remove_small(&directory.layout().access(&place)),
        })
        .await
    }

    /// What the store holds and what became of it since it was opened.
    pub fn status(&self) -> CacheStatus {
        *self.directory.shelf().status.borrow()
    }

    /// How many downloads run.
    pub fn downloads(&self) -> usize {
        self.flights.count()
    }

    /// Waits until what is on disk is known and no more than may be there. Nobody has to wait for that before using the
    /// store.
    pub async fn settled(&self) {
        let mut status = self.directory.shelf().status.subscribe();
        // It cannot end: the sender is in `self`.
        let _ = status.wait_for(|status| status.is_surveyed && !status.is_full).await;
    }

    async fn on_disk<T, W>(&self, work: W) -> io::Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Directory) -> io::Result<T> + Send + 'static,
    {
        let directory = Arc::clone(&self.directory);
        blocking(move || work(&directory)).await
    }
}
