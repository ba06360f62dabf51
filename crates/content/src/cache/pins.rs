use std::{
    collections::HashSet,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use jiff::Timestamp;
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// An image that stays in the cache, whatever else wants its place: a file below `pins/`, named after the digest of the
/// image's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    version: u32,
    /// The image as it was named.
    pub image: String,
    /// Its manifest or index.
    pub digest: Digest,
    /// Everything that belongs to it, the manifest included.
    pub content: Vec<Digest>,
}

impl Pin {
    /// A pin for the image.
    pub fn new(image: String, digest: Digest, content: Vec<Digest>) -> Self {
        Self {
            version: VERSION,
            image,
            digest,
            content,
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        fs::File::open(path)?.take(LARGEST).read_to_end(&mut text)?;
        let pin: Self = serde_json::from_slice(&text)?;
        if pin.version != VERSION {
            return Err(io::Error::other(format!("it has the version {}", pin.version)));
        }
        Ok(pin)
    }
}

/// All pins. One that cannot be read is left out, with a warning.
pub(crate) fn all(layout: &Layout) -> Vec<Pin> {
    let entries = match fs::read_dir(layout.pins()) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "the pins cannot be read; nothing counts as pinned");
            }
            return Vec::new();
        }
    };
    let paths = entries.flatten().map(|entry| entry.path());
    // A name with a dot is one that is being written.
    let paths = paths.filter(|path| path.extension().is_none());
    let mut pins: Vec<_> = paths
        .filter_map(|path| {
            let warn = |error| tracing::warn!(path = %path.display(), %error, "a damaged pin holds nothing; pin the image again");
            Pin::read(&path).map_err(warn).ok()
        })
        .collect();
    pins.sort_by(|one, other| one.image.cmp(&other.image));
    pins
}

/// What no eviction touches.
pub(crate) fn pinned(layout: &Layout) -> HashSet<Digest> {
    all(layout).into_iter().flat_map(|pin| pin.content).collect()
}

/// What is pinned at the moment. Making room and pruning take their time, and a pin that comes meanwhile has to count: its
/// maker was told that everything is there.
#[derive(Debug)]
pub struct Pinned {
    layout: Layout,
    /// When pins came or went last before they were read. Nothing where that says too little.
    read_at: Option<(i64, i64)>,
    digests: HashSet<Digest>,
}

impl Pinned {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            read_at: None,
            digests: HashSet::new(),
        }
    }

    /// All digests that belong to pinned images. Where no pin came or went, this costs one look at a directory.
    pub fn now(&mut self) -> &HashSet<Digest> {
        let folder = fs::metadata(self.layout.pins()).ok();
        let changed_at = folder.map(|folder| (folder.mtime(), folder.mtime_nsec()));
        if changed_at.is_none() || changed_at != self.read_at {
            // File systems tell times in steps: one that is only just over may hold another change.
            let is_over = |(seconds, _): &(i64, i64)| *seconds + 1 < Timestamp::now().as_second();
            self.read_at = changed_at.filter(is_over);
            self.digests = pinned(&self.layout);
        }
        &self.digests
    }
}

/// Writes the pin, so that it is there after a crash too. It is there as a whole or not at all.
pub(crate) fn write(layout: &Layout, pin: &Pin) -> io::Result<()> {
    let folder = layout.pins();
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let path = layout.pin(&pin.image);
    let unfinished = path.with_extension(std::process::id().to_string());
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(&serde_json::to_vec(pin)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    })();
    if written.is_err() {
        // What is left has a dot in its name and counts for nothing.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    fs::File::open(&folder)?.sync_all()
}

const VERSION: u32 = 1;

/// An index of many platforms has some thousand digests.
const LARGEST: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_pin_counts_from_its_writing_on_and_until_its_removal() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        let [one, two] = ["one", "two"].map(|image| Digest::of(image.as_bytes()));
        let pin = |image: &str, digest: &Digest| Pin::new(image.to_owned(), digest.clone(), vec![digest.clone()]);
        let mut pinned = Pinned::new(&layout);
        assert!(pinned.now().is_empty());
        write(&layout, &pin("one", &one)).unwrap();
        assert_eq!(pinned.now(), &HashSet::from([one.clone()]));
        write(&layout, &pin("two", &two)).unwrap();
        assert_eq!(pinned.now(), &HashSet::from([one.clone(), two]));
        fs::remove_file(layout.pin("two")).unwrap();
        assert_eq!(pinned.now(), &HashSet::from([one]));
    }

    #[test]
    fn pins_are_read_again_only_when_one_came_or_went() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        let digest = Digest::of(b"one");
        write(&layout, &Pin::new("one".to_owned(), digest.clone(), vec![digest])).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        fs::File::open(layout.pins()).unwrap().set_modified(long_ago).unwrap();
        let mut pinned = Pinned::new(&layout);
        assert_eq!(pinned.now().len(), 1);
        // The folder's time stays the same.
        fs::write(layout.pin("one"), "damaged").unwrap();
        assert_eq!(pinned.now().len(), 1);
        fs::File::open(layout.pins())
            .unwrap()
            .set_modified(SystemTime::now())
            .unwrap();
        assert!(pinned.now().is_empty());
    }
}
