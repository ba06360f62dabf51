//! Pulls for the sake of whoever is asked: the image is in its cache afterwards, and nothing of it is here.

use std::sync::Arc;

use oci::{Digest, ImageReference, MediaType};
use serde::Serialize;

use super::{
    Credentials, Patience, Progress, Proxy, PullError, Selection,
    download::{BlobError, Download},
    image::Image,
    progress::Event,
    registry::{Registry, endpoint::Endpoint},
};

/// An image that is to be brought into the cache of a Wharfinger.
pub(crate) struct Warming {
    image: ImageReference,
    registry: Registry,
    progress: Arc<dyn Progress>,
}

/// An image that the Wharfinger has sent as a whole, every byte verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Warmed {
    /// The image as it was asked for.
    pub(crate) image: String,
    /// What its name stands for: the digest of a manifest or an index.
    pub(crate) digest: Digest,
    /// Its type.
    pub(crate) media_type: MediaType,
    /// How many manifests and indexes came.
    pub(crate) manifests: usize,
    /// How many configurations and layers came, each counted once.
    pub(crate) blobs: usize,
    /// The sizes of all that in bytes.
    pub(crate) bytes: u64,
}

impl Warming {
    /// Says what is to be asked for, from whom and as whom. Nobody is asked yet.
    ///
    /// # Errors
    /// An image that cannot be asked for, or a login that must not be sent: see [`PullError::is_bad_input`].
    pub(crate) fn new(
        image: ImageReference,
        proxy: Option<&Proxy>,
        credentials: Option<&Credentials>,
        client: reqwest::Client,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, PullError> {
        let endpoint = Endpoint::new(&image, proxy)?;
        let registry = Registry::new(client, endpoint, credentials, Patience::default(), progress.clone())?;
        Ok(Self {
            image,
            registry,
            progress,
        })
    }

    /// The image as it was asked for.
    pub(crate) fn image(&self) -> &ImageReference {
        &self.image
    }

    /// Asks for the image, of an index for these platforms, and throws away what was verified.
    ///
    /// # Errors
    /// See [`PullError`]. What came before the failure stays in the cache.
    pub(crate) async fn run(&self, platforms: &[Selection]) -> Result<Warmed, PullError> {
        let progress = &*self.progress;
        let image = Image::gather(&self.registry, &self.image.reference, platforms, progress).await?;
        let download = Download {
            registry: &self.registry,
            layout: None,
            progress,
        };
        let (mut warmed, others): (Vec<_>, Vec<_>) =
            (image.blobs.iter()).partition(|piece| piece.descriptor.media_type.is_distributable());
        download.fetch_all(warmed.iter().copied()).await?;
        for piece in others {
            match download.fetch(piece).await {
                // No client gets it from here, so the image is as warm as it can be.
                Err(PullError::Blob(BlobError::NotDistributed { .. })) => {}
                outcome => {
                    outcome?;
                    warmed.push(piece);
                }
            }
        }
        let digest = &image.top.digest;
        progress.event(&Event::Done { digest });
        let manifests = image.documents.iter().map(|document| &document.descriptor);
        let blobs = warmed.iter().map(|piece| &piece.descriptor);
        Ok(Warmed {
            image: self.image.to_string(),
            digest: digest.clone(),
            media_type: image.top.media_type.clone(),
            manifests: image.documents.len(),
            blobs: warmed.len(),
            bytes: manifests.chain(blobs).map(|descriptor| descriptor.size).sum(),
        })
    }
}
