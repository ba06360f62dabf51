use std::sync::Arc;

use access::Permit;
use content::{Content, Place};
use futures_util::{StreamExt, future::BoxFuture};
use oci::Digest;
use tracing::debug;

use crate::{blob::Supply, contents::Image, engine::Engine};

impl Engine {
    /// Fetches the other blobs of an image ahead, because who pulls one of them will want them all. It begins when the
    /// first of them had to be downloaded, and happens once however many clients pull the image meanwhile.
    pub(crate) fn prefetch(&self, permit: &Permit, place: &Place, image: Arc<Image>, begun: Digest) {
        let (engine, permit) = (self.clone(), permit.clone());
        let key = (place.clone(), image.manifest.clone());
        tokio::spawn(async move {
            let flights = engine.prefetches.clone();
            let work = move || async move { engine.fetch_ahead(&permit, &image, &begun).await };
            flights.join(key, work).await
        });
    }

    async fn fetch_ahead(&self, permit: &Permit, image: &Image, begun: &Digest) {
        // What comes behind the one that was begun is wanted sooner than what was left out before it.
        let at = image.blobs.iter().position(|(digest, _)| digest == begun).unwrap_or(0);
        let (before, behind) = image.blobs.split_at(at);
        let wanted: Vec<_> = behind
            .iter()
            .chain(before)
            .map(|(digest, _)| digest)
            .filter(|digest| *digest != begun)
            .cloned()
            .collect();
        let fetches = wanted.into_iter().map(|digest| self.fetch_one(permit, digest));
        let mut fetches = futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE);
        while fetches.next().await.is_some() {}
    }

    /// Has the blob in the store, or gives up in silence: whoever asks for it is told what is wrong.
    fn fetch_one(&self, permit: &Permit, digest: Digest) -> BoxFuture<'static, ()> {
        let (engine, permit) = (self.clone(), permit.clone());
        // In a box, because what is fetched ahead may fetch ahead itself.
        Box::pin(async move { engine.fetch_quietly(&permit, &digest).await })
    }

    async fn fetch_quietly(&self, permit: &Permit, digest: &Digest) {
        let Ok(_turn) = self.ahead.acquire().await else {
            return;
        };
        match self.blob(permit, digest).await {
            Ok(served) => {
                if let Supply::Kept(content @ Content::Growing(_)) = &served.found {
                    let last = content.size().saturating_sub(1);
                    // The last byte comes when the download is over.
                    content.stream(last..).for_each(|_| std::future::ready(())).await;
                }
            }
            Err(failure) => debug!(%digest, %failure, "a blob could not be fetched ahead"),
        }
    }
}

/// Blobs of one image at a time; about what clients fetch at a time themselves.
const AT_ONCE: usize = 3;
/// Blobs of all images at a time.
pub(crate) const AHEAD: usize = 16;
