use std::{fs, io, path::Path};

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::Deserialize;

use super::Inventory;

/// A tag as somebody was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTag {
    /// The parts of the scope ([`Scope::new`](crate::Scope::new)).
    pub scope: Vec<String>,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: Tag,
    /// What it meant.
    pub digest: Digest,
    /// When upstream last said so.
    pub confirmed_at: Timestamp,
}

#[derive(Deserialize)]
struct Stored {
    version: u32,
    tag: Tag,
    digest: Digest,
    confirmed_at: Timestamp,
}

impl Inventory {
    /// All tags of which there is a record. Damaged records are left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tags(&self) -> io::Result<Vec<KnownTag>> {
        let mut tags = Vec::new();
        self.walk(&mut |folder, record| {
            if folder.ends_with("_tags") {
                tags.extend(self.tag(folder, record));
            }
        })?;
        Ok(tags)
    }

    fn tag(&self, folder: &Path, record: &Path) -> Option<KnownTag> {
        let place = folder.parent()?.strip_prefix(self.records()).ok()?;
        let (scope, repository) = place.to_str()?.split_once('/')?;
        let stored: Stored = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
        (stored.version == 1).then_some(KnownTag {
            scope: scope.split(',').map(str::to_owned).collect(),
            repository: repository.parse().ok()?,
            tag: stored.tag,
            digest: stored.digest,
            confirmed_at: stored.confirmed_at,
        })
    }
}
