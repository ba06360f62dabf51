use std::io;

use jiff::Timestamp;
use oci::{Digest, Tag};
use serde::{Deserialize, Serialize};

use crate::{directory::Directory, place::Place, record};

/// What a tag meant, and when upstream last said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRecord {
    /// The manifest that the tag stands for.
    pub digest: Digest,
    /// When upstream last confirmed it.
    pub confirmed_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// Where a file system takes names for the same that differ in case, this tells them apart.
    tag: String,
    digest: Digest,
    confirmed_at: Timestamp,
}

pub(crate) fn write(directory: &Directory, place: &Place, tag: &Tag, record: TagRecord) -> io::Result<()> {
    let stored = Stored {
        tag: tag.as_str().to_owned(),
        digest: record.digest,
        confirmed_at: record.confirmed_at,
    };
    record::write(directory, &directory.layout().tag(place, tag), stored)
}

pub(crate) fn read(directory: &Directory, place: &Place, tag: &Tag) -> io::Result<Option<TagRecord>> {
    let stored: Option<Stored> = record::read(directory, &directory.layout().tag(place, tag))?;
    Ok(stored
        .filter(|stored| stored.tag == tag.as_str())
        .map(|stored| TagRecord {
            digest: stored.digest,
            confirmed_at: stored.confirmed_at,
        }))
}
