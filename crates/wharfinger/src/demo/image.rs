use std::io;

use bytes::Bytes;
use jiff::Timestamp;
use oci::{Descriptor, Digest, MediaType};
use serde_json::json;

/// An image for this machine's platform: layers with a file each that nothing can compress.
#[derive(Clone, Debug)]
pub struct Image {
    /// The configuration.
    pub config: Bytes,
    /// The layers, lowest first: tar archives.
    pub layers: Vec<Bytes>,
    /// The manifest.
    pub manifest: Bytes,
}

impl Image {
    /// An image with layers of about these sizes in bytes. The same sizes and seed give the same image.
    ///
    /// # Errors
    /// Where a layer cannot be packed, which memory alone can cause.
    pub fn generate(sizes: &[usize], seed: u64) -> io::Result<Self> {
        let layers = sizes
            .iter()
            .enumerate()
            .map(|(at, size)| layer(at, *size, seed))
            .collect::<io::Result<Vec<_>>>()?;
        let config = Bytes::from(
            json!({
                "created": Timestamp::UNIX_EPOCH.to_string(),
                "architecture": architecture(),
                "os": "linux",
                "config": { "Cmd": ["/data/0"] },
                // A layer that is not compressed is its own diff.
                "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|layer| Digest::of(layer)).collect::<Vec<_>>() },
            })
            .to_string(),
        );
        let layer = |layer: &Bytes| Descriptor::new(LAYER, Digest::of(layer), layer.len() as u64);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": Descriptor::new(MediaType::OCI_CONFIG, Digest::of(&config), config.len() as u64),
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        Ok(Self {
            config,
            layers,
            manifest: Bytes::from(manifest.to_string()),
        })
    }

    /// The digest of the manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// All bytes of configuration and layers.
    pub fn size(&self) -> u64 {
        self.blobs().map(|blob| blob.len() as u64).sum()
    }

    /// Configuration and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

fn layer(at: usize, size: usize, seed: u64) -> io::Result<Bytes> {
    let content = noise(size, seed.wrapping_add(at as u64));
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut archive = tar::Builder::new(Vec::with_capacity(size + 4096));
    archive.append_data(&mut header, format!("data/{at}"), content.as_slice())?;
    Ok(Bytes::from(archive.into_inner()?))
}

/// SplitMix64: fast, and the same everywhere.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut content = Vec::with_capacity(size + 8);
    while content.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        content.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    content.truncate(size);
    content
}

/// This machine's processor in the names of Go.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Manifest;

    #[test]
    fn an_image_is_consistent_and_reproducible() {
        let image = Image::generate(&[1000, 2000], 7).unwrap();
        assert_eq!(image.digest(), Image::generate(&[1000, 2000], 7).unwrap().digest());
        assert_ne!(image.digest(), Image::generate(&[1000, 2000], 8).unwrap().digest());
        let manifest = Manifest::parse(&MediaType::OCI_MANIFEST.into(), &image.manifest).unwrap();
        let named: Vec<_> = manifest
            .children()
            .map(|child| (child.digest.clone(), child.size))
            .collect();
        let there: Vec<_> = image
            .blobs()
            .map(|blob| (Digest::of(blob), blob.len() as u64))
            .collect();
        assert_eq!(named, there);
    }
}
