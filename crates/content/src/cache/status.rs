/// What the cache holds and what became of it since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// How many pieces of content are known. Until [`CacheStatus::is_surveyed`] there may be more on disk.
    pub entries: usize,
    /// How many bytes they take on disk, in whole blocks of 4 KiB.
    pub bytes: u64,
    /// How many bytes they may take; no limit where there is none.
    pub max_bytes: Option<u64>,
    /// Whether all directories were read since the start.
    pub is_surveyed: bool,
    /// Whether there is more than there may be, so that something is about to go.
    pub is_full: bool,
    /// How many pieces of content gave way to others.
    pub evicted: u64,
    /// How many bytes these had.
    pub evicted_bytes: u64,
    /// How many pieces of content were found damaged, and removed.
    pub damaged: u64,
    /// Whether the directory could not be written when the store was opened: nothing is kept then.
    pub is_read_only: bool,
    /// How often content or a record could not be written, because the disk is full, read-only or broken. A download that
    /// the disk breaks off counts once.
    pub failed_writes: u64,
    /// How many answers were passed through because the disk could not take the content.
    pub bypassed: u64,
}
