use std::io;

use oci::{Digest, MediaType};
use serde::{Deserialize, Serialize};

use crate::{directory::Directory, place::Place, record};

/// As what some content belongs to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As a blob.
    Blob,
    /// As a manifest.
    Manifest {
        /// The type with which the registry serves it.
        media_type: MediaType,
    },
}

#[derive(Serialize, Deserialize)]
struct BlobRecord {
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct ManifestRecord {
    digest: Digest,
    media_type: String,
}

pub(crate) fn write(directory: &Directory, place: &Place, digest: &Digest, admission: &Admission) -> io::Result<()> {
    let (layout, digest) = (directory.layout(), digest.clone());
    match admission {
        Admission::Blob => {
            let path = layout.blob_admission(place, &digest);
            record::write(directory, &path, BlobRecord { digest })
        }
        Admission::Manifest { media_type } => {
            let path = layout.manifest_admission(place, &digest);
            let media_type = media_type.to_string();
            record::write(directory, &path, ManifestRecord { digest, media_type })
        }
    }
}

/// The admission as a manifest, which says more, before the one as a blob.
pub(crate) fn read(directory: &Directory, place: &Place, digest: &Digest) -> io::Result<Option<Admission>> {
    let layout = directory.layout();
    let manifest: Option<ManifestRecord> = record::read(directory, &layout.manifest_admission(place, digest))?;
    if let Some(manifest) = manifest.filter(|manifest| manifest.digest == *digest)
        && let Some(media_type) = MediaType::from_header(&manifest.media_type)
    {
        return Ok(Some(Admission::Manifest { media_type }));
    }
    let blob: Option<BlobRecord> = record::read(directory, &layout.blob_admission(place, digest))?;
    Ok(blob.filter(|blob| blob.digest == *digest).map(|_| Admission::Blob))
}
