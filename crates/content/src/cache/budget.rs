use std::{fmt, sync::Arc};

use jiff::Timestamp;

/// How much the cache may hold, and by which clock uses are noted.
#[derive(Clone)]
pub struct Budget {
    /// How many bytes content may take on disk, besides what is being downloaded. What is worth least goes when there
    /// are more. Nothing goes where there is no limit.
    pub max_size: Option<u64>,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Budget {
    /// Down to how many bytes content goes once there is too much: a little lower than the limit, so that not every new
    /// blob has to make room for itself.
    pub(crate) fn goal(&self) -> u64 {
        self.max_size.map_or(u64::MAX, |max| max - max / 20)
    }

    pub(crate) fn is_exceeded(&self, bytes: u64) -> bool {
        self.max_size.is_some_and(|max| bytes > max)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_size: None,
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("max_size", &self.max_size)
            .finish_non_exhaustive()
    }
}
