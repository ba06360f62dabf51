use std::{
    collections::HashSet,
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::Timestamp;
use oci::{Algorithm, Digest};

use crate::{
    cache::{Pin, Pinned, Usage, all_pins, digest_of_name, is_right, pinned, write_pin},
    layout::Layout,
};

mod known;

pub use known::KnownTag;

/// A store's directory, seen from outside, while a process may have it open.
///
/// Content has its name from the moment on at which it is whole, and never changes; so nothing here needs the store's
/// lock. Whoever serves the directory takes what vanishes as what was never there.
#[derive(Clone, Debug)]
pub struct Inventory {
    layout: Layout,
}

/// A piece of content.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// How it was used, a few minutes late where it is in use.
    pub usage: Usage,
    /// Whether it belongs to a pinned image.
    pub is_pinned: bool,
}

/// What became of a piece of content that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what its digest says.
    Sound,
    /// It is something else. It has been removed, and the next pull fetches it again.
    Removed,
    /// It went while it was looked for.
    Gone,
}

impl Inventory {
    /// The inventory of the store in `directory`.
    ///
    /// # Errors
    /// What the file system says where there is no store.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let layout = Layout::new(directory);
        fs::read_dir(layout.blobs(Algorithm::Sha256))?;
        Ok(Self { layout })
    }

    /// All content, what is worth least first.
    ///
    /// # Errors
    /// What the file system says.
    pub fn items(&self) -> io::Result<Vec<Item>> {
        let pinned = pinned(&self.layout);
        let mut items = Vec::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for shard in entries(&self.layout.blobs(algorithm))? {
                for entry in entries(&shard.path())? {
                    let Some(digest) = digest_of_name(algorithm, &entry.file_name()) else {
                        continue;
                    };
                    // What is gone meanwhile is not there.
                    let Some(metadata) = entry.metadata().ok().filter(Metadata::is_file) else {
                        continue;
                    };
                    items.push(Item {
                        is_pinned: pinned.contains(&digest),
                        digest,
                        size: metadata.len(),
                        usage: Usage::of(&metadata),
                    });
                }
            }
        }
        let now = Timestamp::now();
        items.sort_by(|one, other| one.usage.worth(now).total_cmp(&other.usage.worth(now)));
        Ok(items)
    }

    /// Hashes the content and removes it where it is wrong.
    ///
    /// # Errors
    /// What the file system says: the content cannot be read, or what is wrong cannot be removed.
    pub fn verify(&self, digest: &Digest) -> io::Result<Verdict> {
        let path = self.layout.blob(digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Verdict::Gone),
            file => file?,
        };
        if is_right(digest, &file)? {
            return Ok(Verdict::Sound);
        }
        // Only this file: the server may have found the damage too, and have fetched the content again.
        let checked = file.metadata()?;
        match fs::metadata(&path) {
            Ok(named) if (named.dev(), named.ino()) == (checked.dev(), checked.ino()) => {}
            _ => return Ok(Verdict::Gone),
        }
        self.remove(digest)?;
        Ok(Verdict::Removed)
    }

    /// The bytes of small content, such as a manifest, if it is there, right, and not longer than `limit`.
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file.
    pub fn read(&self, digest: &Digest, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.layout.blob(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if file.metadata()?.len() > limit || !is_right(digest, &file)? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, limit), &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Whether the content is there.
    pub fn has(&self, digest: &Digest) -> bool {
        self.layout.blob(digest).is_file()
    }

    /// Removes content. Readers that have it open read on.
    ///
    /// # Errors
    /// What the file system says, other than that there is no such file.
    pub fn remove(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.layout.blob(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes content unless it belongs to a pinned image by now; false where it does.
    ///
    /// # Errors
    /// As [`Inventory::remove`].
    pub fn remove_unless(&self, pinned: &mut Pinned, digest: &Digest) -> io::Result<bool> {
        if pinned.now().contains(digest) {
            return Ok(false);
        }
        self.remove(digest).map(|()| true)
    }

    /// The images that are pinned, by their names.
    pub fn pins(&self) -> Vec<Pin> {
        all_pins(&self.layout)
    }

    /// What belongs to pinned images, now and whenever it is asked for.
    pub fn pinned(&self) -> Pinned {
        Pinned::new(&self.layout)
    }

    /// Pins an image, in place of what was pinned under its name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn pin(&self, pin: &Pin) -> io::Result<()> {
        write_pin(&self.layout, pin)
    }

    /// Lets go of the image that was pinned under this name; false where there was none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn unpin(&self, image: &str) -> io::Result<bool> {
        match fs::remove_file(self.layout.pin(image)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the records of tags and memberships that were written before `time`; answers with their number. What
    /// belongs to a pinned image stays. A record that is missing costs one question to the upstream.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove_records(&self, time: SystemTime) -> io::Result<u64> {
        let pinned: HashSet<String> = pinned(&self.layout)
            .iter()
            .map(|digest| format!("{}-{}", digest.algorithm().as_str(), digest.hex()))
            .collect();
        let mut removed = 0;
        self.walk(&mut |_, record| {
            let is_pinned = record
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| pinned.contains(name));
            // The record may have been replaced, or be gone, by the time that it is looked at.
            let is_old = fs::metadata(record)
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|written| written < time);
            if is_old && !is_pinned && fs::remove_file(record).is_ok() {
                removed += 1;
            }
        })?;
        Ok(removed)
    }

    /// Every record, with the folder of its kind: `links/<scope>/<repository>/_tags` and so on.
    pub(crate) fn walk(&self, found: &mut dyn FnMut(&Path, &Path)) -> io::Result<()> {
        let mut open = vec![self.layout.records()];
        while let Some(folder) = open.pop() {
            let is_of_records = folder
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"_"));
            for entry in entries(&folder)? {
                if is_of_records {
                    found(&folder, &entry.path());
                } else {
                    open.push(entry.path());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.layout.records()
    }
}

/// What is in the folder; nothing where it is none, or is gone.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
