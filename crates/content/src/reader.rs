use std::{
    fmt,
    fs::File,
    io,
    ops::{Bound, Range, RangeBounds},
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::blocking::blocking;

/// Bytes in order, in pieces of at most 256 KiB. A failed read ends it.
///
/// An error that comes from a download holds a [`FetchError`](crate::FetchError); `io::Error::get_ref` gives it back.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Parts of a file, in order, each when it may be read: for whoever has a better way to a client than through memory. The
/// bytes of a part that was given do not change. **Behind them, the rest has to be read**: it is empty, unless the disk
/// took no more while the content came.
pub struct Parts {
    /// The file.
    pub file: Arc<File>,
    /// The parts. A failure ends them, as it ends a [`ByteStream`].
    pub ranges: BoxStream<'static, io::Result<Range<u64>>>,
    /// What follows the last part and is not in the file. It is not to be polled before the parts have ended.
    pub rest: ByteStream,
}

/// How much is read at a time: large enough that the way into the blocking pool hardly counts, small enough that many
/// readers fit into memory.
pub(crate) const CHUNK: u64 = 256 * 1024;

impl Parts {
    /// All of it is in the file.
    pub(crate) fn new(file: Arc<File>, ranges: BoxStream<'static, io::Result<Range<u64>>>) -> Self {
        let rest = stream::empty().boxed();
        Self { file, ranges, rest }
    }

    /// The bytes of the parts.
    pub(crate) fn bytes(self) -> ByteStream {
        let Self { file, ranges, rest } = self;
        let parts = stream::try_unfold((file, ranges, 0..0), |(file, mut ranges, mut left)| async move {
            while left.is_empty() {
                match ranges.next().await {
                    Some(range) => left = range?,
                    None => return Ok(None),
                }
            }
            let end = left.end.min(left.start.saturating_add(CHUNK));
            let bytes = read(&file, left.start..end).await?;
            Ok(Some((bytes, (file, ranges, end..left.end))))
        });
        parts.chain(rest).boxed()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// The part of `range` that lies within `size` bytes.
pub(crate) fn clamp(range: impl RangeBounds<u64>, size: u64) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => size,
    };
    let start = start.min(size);
    start..end.min(size).max(start)
}

/// Reads exactly this range, in the blocking pool.
pub(crate) async fn read(file: &Arc<File>, range: Range<u64>) -> io::Result<Bytes> {
    let file = Arc::clone(file);
    blocking(move || {
        let length = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(Bytes::from(bytes))
    })
    .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_end_where_the_content_ends() {
        assert_eq!(clamp(.., 10), 0..10);
        assert_eq!(clamp(3.., 10), 3..10);
        assert_eq!(clamp(..=u64::MAX, 10), 0..10);
        assert_eq!(clamp(2..=4, 10), 2..5);
        assert_eq!(clamp(20..30, 10), 10..10);
        assert_eq!(clamp((Bound::Excluded(u64::MAX), Bound::Unbounded), 10), 10..10);
    }

    proptest! {
        #[test]
        fn a_clamped_range_lies_within(start: u64, end: u64, size: u64) {
            let range = clamp(start..end, size);
            prop_assert!(range.start <= range.end && range.end <= size);
        }
    }
}
