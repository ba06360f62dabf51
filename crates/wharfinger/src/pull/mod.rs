//! `wharfinger pull`: a client of the OCI distribution API that puts an image on disk.
//!
//! One pull goes through these rooms: [`registry`] asks (logging in, following redirects, trying again), [`document`]
//! and [`image`] follow the reference through indexes to one image, [`download`] fetches its blobs, [`layout`] keeps
//! what is whole apart from what is not, [`archive`] packs it. [`Pull`] is all of that as a value; [`command`] is the
//! command line around it. [`warm`] is a pull that keeps nothing here.
//!
//! Every byte is verified against the digest by which it was asked for, before anything that looks whole exists.

mod archive;
mod blocking;
mod command;
mod credentials;
mod document;
mod download;
mod error;
mod image;
mod layout;
mod output;
mod platform;
mod progress;
mod registry;
#[cfg(test)]
mod tests;
mod warm;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use oci::{Digest, ImageReference, MediaType, Platform};
use serde::Serialize;

pub(crate) use command::{Args, Asking, Display, command, interrupt};
pub(crate) use credentials::Credentials;
pub(crate) use error::PullError;
pub(crate) use output::Output;
pub(crate) use platform::Selection;
pub(crate) use progress::{BlobKind, Event, Progress, Silent};
pub(crate) use registry::{Patience, Proxy, printable};
pub(crate) use warm::{Warmed, Warming};

use download::Download;
use image::Image;
use layout::{DiskError, Layout};
use registry::{Registry, endpoint::Endpoint};

/// A pull that is to be made: what, from where, and where to.
pub(crate) struct Pull {
    /// The image.
    pub(crate) image: ImageReference,
    /// Who is asked for it in place of the registry that it names.
    pub(crate) proxy: Option<Proxy>,
    /// Where it is put.
    pub(crate) output: Output,
    /// Which of an index's images is taken.
    pub(crate) platform: Selection,
    /// Who asks.
    pub(crate) credentials: Option<Credentials>,
    /// Where hosts are found and whom to trust.
    pub(crate) outgoing: net::Outgoing,
    /// How often a request is tried.
    pub(crate) patience: Patience,
    /// Who is told of the progress.
    pub(crate) progress: Arc<dyn Progress>,
}

/// An image that is on disk, whole and verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pulled {
    /// The image as it was asked for.
    pub(crate) image: String,
    /// The digest of the manifest or index that stands under the image's name in the output.
    pub(crate) digest: Digest,
    /// Its type.
    pub(crate) media_type: MediaType,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The index in which the manifest was found, where the image is one of several platforms'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<Digest>,
    /// Where it is, as on the command line.
    pub(crate) output: String,
    /// The layers, each once; those of an image in its own order.
    pub(crate) layers: Vec<PulledLayer>,
}

/// A layer of an image that was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PulledLayer {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Whether it was there already.
    pub(crate) reused: bool,
}

impl Pull {
    /// A pull of an image into an output, from the registry that the image names, for this machine's platform, without
    /// credentials. The fields say the rest.
    pub(crate) fn new(image: ImageReference, output: Output, outgoing: net::Outgoing) -> Self {
        Self {
            image,
            proxy: None,
            output,
            platform: Selection::default(),
            credentials: None,
            outgoing,
            patience: Patience::default(),
            progress: Arc::new(Silent),
        }
    }

    /// Pulls. Where the future is dropped, what has arrived stays for the next pull, and nothing looks whole.
    ///
    /// # Errors
    /// See [`PullError`].
    pub(crate) async fn run(self) -> Result<Pulled, PullError> {
        let progress = &*self.progress;
        let folder = self.output.folder();
        self.check(&folder)?;
        let registry = Registry::new(
            self.outgoing.client()?,
            Endpoint::new(&self.image, self.proxy.as_ref())?,
            self.credentials.as_ref(),
            self.patience,
            self.progress.clone(),
        )?;
        let image = Image::resolve(&registry, &self.image.reference, &self.platform, progress).await?;
        if let Output::DockerArchive(_) = self.output {
            image.check_archivable()?;
        }
        let layout = Layout::open(&folder).await?;
        let download = Download {
            registry: &registry,
            layout: Some(&layout),
            progress,
        };
        let mut reused = BTreeMap::new();
        if let Some(configuration) = self.check_platform(&image, &layout, &download).await? {
            reused.insert(configuration.0, configuration.1);
        }
        let rest = image
            .blobs
            .iter()
            .filter(|piece| !reused.contains_key(&piece.descriptor.digest));
        let fetched = download.fetch_all(rest).await?;
        reused.extend(fetched);
        for document in &image.documents {
            layout.put(document).await?;
        }
        layout.name(&self.image.to_string(), &image.top)?;
        match &self.output {
            Output::Layout(_) => layout.close(),
            Output::DockerArchive(file) => archive::pack(layout, &image, &self.image, file).await?,
        }
        progress.event(&Event::Done {
            digest: &image.top.digest,
        });
        Ok(self.pulled(&image, &reused))
    }

    /// Finds out what can be known to fail before anything is asked for.
    fn check(&self, folder: &Path) -> Result<(), PullError> {
        if let Output::DockerArchive(file) = &self.output {
            if self.platform == Selection::All {
                return Err(PullError::ArchiveOfAll);
            }
            if file.is_dir() {
                return Err(DiskError::at("written", file)(std::io::ErrorKind::IsADirectory.into()).into());
            }
        }
        Ok(Layout::check(folder)?)
    }

    /// Fetches the configuration first where it decides whether the image is the wanted one. Answers with its digest
    /// and whether it was there already.
    async fn check_platform(
        &self,
        image: &Image,
        layout: &Layout,
        download: &Download<'_>,
    ) -> Result<Option<(Digest, bool)>, PullError> {
        let (Selection::One(_), Some(configuration)) = (&self.platform, image.own_configuration()) else {
            return Ok(None);
        };
        let Some(piece) = image
            .blobs
            .iter()
            .find(|piece| piece.descriptor.digest == configuration.digest)
        else {
            return Ok(None);
        };
        let was_there = download.fetch(piece).await?;
        let content = layout.read(&configuration.digest, MAX_CONFIGURATION)?;
        // A configuration that names no platform fits every wish.
        if let Ok(found) = serde_json::from_slice::<Platform>(&content) {
            self.platform.admit(&found)?;
        }
        Ok(Some((configuration.digest.clone(), was_there)))
    }

    fn pulled(&self, image: &Image, reused: &BTreeMap<Digest, bool>) -> Pulled {
        let layers = image.blobs.iter().filter(|piece| piece.kind == BlobKind::Layer);
        let layers = layers.map(|piece| PulledLayer {
            digest: piece.descriptor.digest.clone(),
            size: piece.descriptor.size,
            reused: reused.get(&piece.descriptor.digest).copied().unwrap_or_default(),
        });
        Pulled {
            image: self.image.to_string(),
            digest: image.top.digest.clone(),
            media_type: image.top.media_type.clone(),
            size: image.top.size,
            index: image.index.clone(),
            output: self.output.to_string(),
            layers: layers.collect(),
        }
    }
}

/// How many bytes of a configuration are read to learn its platform.
const MAX_CONFIGURATION: u64 = 4 * 1024 * 1024;
