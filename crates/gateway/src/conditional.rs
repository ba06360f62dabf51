use http::{HeaderMap, header};
use oci::{ByteRange, Digest};

/// On which conditions a client wants content, and which part of it (RFC 9110 §13 and §14). The entity tag of content is
/// its digest in quotes. There are no dates: content that is named by its digest is never modified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    unless: Vec<String>,
    range: Option<ByteRange>,
    only_if: Option<String>,
}

impl Conditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: header::HeaderName| {
            let values = headers.get_all(name).iter();
            values.filter_map(|value| value.to_str().ok()).map(str::trim)
        };
        let unless = text(header::IF_NONE_MATCH).flat_map(|value| value.split(','));
        Self {
            unless: unless.map(|tag| tag.trim().to_owned()).take(MAX_TAGS).collect(),
            range: text(header::RANGE).next().and_then(ByteRange::from_header),
            // A header that is no text is a condition too, and one that does not hold.
            only_if: headers
                .get(header::IF_RANGE)
                .map(|value| value.to_str().unwrap_or_default().trim().to_owned()),
        }
    }

    /// Whether the client has the content already. Weak tags count (RFC 9110 §13.1.2), and so does a digest without
    /// quotes, which Docker's registry takes as well.
    pub(crate) fn is_current(&self, digest: &Digest) -> bool {
        let digest = digest.to_string();
        self.unless.iter().any(|tag| {
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || unquoted(opaque) == Some(digest.as_str()) || opaque == digest
        })
    }

    /// The part that is wanted; none where it is all. Of other content than the client has a part of, that is `If-Range`,
    /// all is wanted; its tag has to be strong, and a date can be none that was given here (RFC 9110 §13.1.5).
    pub(crate) fn range(&self, digest: &Digest) -> Option<ByteRange> {
        let holds = match &self.only_if {
            None => true,
            Some(tag) => unquoted(tag) == Some(digest.to_string().as_str()),
        };
        self.range.filter(|_| holds)
    }
}

fn unquoted(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

/// More tags than a client has of one piece of content.
const MAX_TAGS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn conditions(pairs: &[(header::HeaderName, String)]) -> Conditions {
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        Conditions::of(&headers)
    }

    #[test]
    fn content_that_the_client_has_is_known_by_its_digest() {
        let digest = Digest::of(b"x");
        let current = |value: &str| conditions(&[(header::IF_NONE_MATCH, value.to_owned())]).is_current(&digest);
        for value in [
            "*".to_owned(),
            format!("\"{digest}\""),
            format!("W/\"{digest}\""),
            format!("\"a\", \"{digest}\""),
            digest.to_string(),
        ] {
            assert!(current(&value), "{value}");
        }
        let other = Digest::of(b"y");
        for value in [
            String::new(),
            format!("\"{other}\""),
            format!("\"a,{digest}\""),
            format!("\"{digest}"),
            "\"*\"".to_owned(),
        ] {
            assert!(!current(&value), "{value}");
        }
        let split = [header::IF_NONE_MATCH, header::IF_NONE_MATCH].into_iter();
        let split = split.zip(["\"a\"".to_owned(), format!("\"{digest}\"")]);
        assert!(conditions(&split.collect::<Vec<_>>()).is_current(&digest));
        assert!(!Conditions::default().is_current(&digest));
    }

    #[test]
    fn a_part_is_given_of_the_very_content_that_the_client_has() {
        let digest = Digest::of(b"x");
        let range = |only_if: Option<String>| {
            let mut pairs = vec![(header::RANGE, "bytes=1-2".to_owned())];
            pairs.extend(only_if.map(|value| (header::IF_RANGE, value)));
            conditions(&pairs).range(&digest)
        };
        assert_eq!(range(None), Some(ByteRange::Between(1, 2)));
        assert_eq!(range(Some(format!("\"{digest}\""))), Some(ByteRange::Between(1, 2)));
        for value in [
            format!("W/\"{digest}\""),
            digest.to_string(),
            "\"other\"".to_owned(),
            "Sat, 29 Oct 1994 19:43:31 GMT".to_owned(),
            String::new(),
        ] {
            assert_eq!(range(Some(value.clone())), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(unless in "[ -~]{0,60}", range in "[ -~]{0,30}", only_if in "[ -~]{0,30}") {
            let digest = Digest::of(b"x");
            let read = conditions(&[(header::IF_NONE_MATCH, unless), (header::RANGE, range), (header::IF_RANGE, only_if)]);
            let _ = (read.is_current(&digest), read.range(&digest));
        }
    }
}
