//! An image as one file: what `docker save` writes, which is an OCI layout in a tar with Docker's `manifest.json` beside.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use oci::{Descriptor, ImageReference, Manifest, Reference};
use serde_json::json;

use super::{
    blocking::{Abandoned, blocking},
    image::Image,
    layout::{DiskError, INDEX, Layout, MARKER, blob_path},
};

/// Packs the image of a layout that holds nothing else, and removes the layout. The archive appears whole or not at all.
pub(crate) async fn pack(layout: Layout, image: &Image, name: &ImageReference, file: &Path) -> Result<(), DiskError> {
    let folder = layout.folder().to_owned();
    let tar = folder.join(UNFINISHED);
    let packing = Packing {
        folder: folder.clone(),
        manifest: manifest(image, name).to_string().into_bytes(),
        blobs: image
            .documents
            .iter()
            .map(|document| &document.descriptor)
            .chain(image.blobs.iter().map(|piece| &piece.descriptor))
            .cloned()
            .collect(),
    };
    let target = tar.clone();
    let packed = blocking(move |abandoned| packing.write(&target, &abandoned)).await;
    packed.map_err(DiskError::at("written", &tar))?;
    fs::rename(&tar, file).map_err(DiskError::at("put in place", file))?;
    drop(layout);
    fs::remove_dir_all(&folder).map_err(DiskError::at("removed", &folder))
}

/// What Docker reads first: the configuration, the layers, and the names to give to the image.
fn manifest(image: &Image, name: &ImageReference) -> serde_json::Value {
    let path = |descriptor: &Descriptor| blob_path(&descriptor.digest);
    let images: Vec<_> = image
        .documents
        .iter()
        .filter_map(|document| match &document.manifest {
            Manifest::Image { config, layers } => Some((config, layers)),
            Manifest::Index { .. } => None,
        })
        .map(|(config, layers)| {
            // Docker gives an image no name by a digest.
            let tags: Vec<_> = match name.reference {
                Reference::Tag(_) => vec![name.to_string()],
                Reference::Digest(_) => vec![],
            };
            let layers: Vec<_> = layers.iter().map(path).collect();
            json!({ "Config": path(config), "RepoTags": tags, "Layers": layers })
        })
        .collect();
    json!(images)
}

struct Packing {
    folder: PathBuf,
    manifest: Vec<u8>,
    blobs: Vec<Descriptor>,
}

impl Packing {
    fn write(&self, target: &Path, abandoned: &Abandoned) -> io::Result<()> {
        let mut tar = tar::Builder::new(BufWriter::new(File::create(target)?));
        for name in [MARKER, INDEX] {
            let content = fs::read(self.folder.join(name))?;
            append(&mut tar, name, content.len() as u64, &content[..])?;
        }
        append(
            &mut tar,
            "manifest.json",
            self.manifest.len() as u64,
            &self.manifest[..],
        )?;
        for blob in &self.blobs {
            let path = blob_path(&blob.digest);
            let content = File::open(self.folder.join(&path))?;
            append(&mut tar, &path, blob.size, abandoned.watch(content))?;
        }
        let file = tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}

/// Equal content gives equal archives: no time, no owner.
fn append(tar: &mut tar::Builder<impl Write>, path: &str, size: u64, content: impl io::Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, path, content)
}

const UNFINISHED: &str = "unfinished.tar";
