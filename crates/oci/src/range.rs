use std::ops::Range;

/// The one range that a `Range` header asks for (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=first-last`, both inclusive.
    Between(u64, u64),
    /// `bytes=first-`.
    From(u64),
    /// `bytes=-length`: the last bytes.
    Last(u64),
}

/// No byte of the content lies in the range: the answer is 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no byte of the content lies in the range; it has {length} bytes")]
pub struct Unsatisfiable {
    /// The length of the content in bytes.
    pub length: u64,
}

impl ByteRange {
    /// Reads the header's value. Nothing where the header is to be ignored: another unit, more than one range (a server
    /// may answer with everything), or no range at all.
    pub fn from_header(value: &str) -> Option<Self> {
        let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than 64 bits hold mean "beyond the end", not "no range".
            is_number.then(|| digits.parse().unwrap_or(u64::MAX))
        };
        match (first.trim(), last.trim()) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// The bytes that are meant in content of `length` bytes; never an empty range.
    ///
    /// # Errors
    /// [`Unsatisfiable`] where none of them exists.
    pub fn within(self, length: u64) -> Result<Range<u64>, Unsatisfiable> {
        let range = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(length),
            Self::From(first) => first..length,
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        if range.start < range.end {
            Ok(range)
        } else {
            Err(Unsatisfiable { length })
        }
    }

    /// The value of `Content-Range` for an answer with these bytes.
    pub fn content_range(range: &Range<u64>, length: u64) -> String {
        format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_is_read() {
        assert_eq!(ByteRange::from_header("bytes=0-4"), Some(ByteRange::Between(0, 4)));
        assert_eq!(ByteRange::from_header("bytes=5-"), Some(ByteRange::From(5)));
        assert_eq!(ByteRange::from_header("bytes=-5"), Some(ByteRange::Last(5)));
        assert_eq!(
            ByteRange::from_header("bytes=99999999999999999999999-"),
            Some(ByteRange::From(u64::MAX))
        );
    }

    #[test]
    fn what_is_not_one_range_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=a-b",
            "bytes=+1-2",
        ] {
            assert_eq!(ByteRange::from_header(value), None, "{value}");
        }
    }

    #[test]
    fn ranges_end_where_the_content_ends() {
        assert_eq!(ByteRange::Between(2, 100).within(10), Ok(2..10));
        assert_eq!(ByteRange::Last(100).within(10), Ok(0..10));
        assert_eq!(ByteRange::From(10).within(10), Err(Unsatisfiable { length: 10 }));
        assert_eq!(ByteRange::Last(0).within(10), Err(Unsatisfiable { length: 10 }));
        assert_eq!(ByteRange::content_range(&(2..10), 10), "bytes 2-9/10");
    }

    proptest! {
        #[test]
        fn a_range_lies_within_the_content(value in "bytes=[0-9]{0,25}-[0-9]{0,25}", length: u64) {
            if let Some(Ok(range)) = ByteRange::from_header(&value).map(|range| range.within(length)) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
