use http::{HeaderMap, header};

/// What a client makes its request depend on (RFC 9110 §13). The content of an object never changes, and S3's tags are
/// strong, so a comparison of tags is all there is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Go on.
    Serve,
    /// Go on, and leave `Range` aside: the client has a part of something else.
    ServeAll,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client wants a part of.
    Failed,
}

impl Outcome {
    pub(super) fn of(headers: &HeaderMap, etag: &str) -> Self {
        let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        if value(header::IF_MATCH).is_some_and(|tags| !names(tags, etag)) {
            return Self::Failed;
        }
        if value(header::IF_NONE_MATCH).is_some_and(|tags| names(tags, etag)) {
            return Self::NotModified;
        }
        match value(header::IF_RANGE) {
            Some(tag) if tag != etag => Self::ServeAll,
            _ => Self::Serve,
        }
    }
}

/// Whether a list of tags, or `*`, names a tag. S3 takes tags without their quotes too.
fn names(tags: &str, etag: &str) -> bool {
    let bare = etag.trim_matches('"');
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == bare
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn tags_are_compared() {
        let etag = "\"abc\"";
        for (name, value, expected) in [
            (header::IF_MATCH, "\"abc\"", Outcome::Serve),
            (header::IF_MATCH, "abc", Outcome::Serve),
            (header::IF_MATCH, "*", Outcome::Serve),
            (header::IF_MATCH, "\"x\", \"y\"", Outcome::Failed),
            (header::IF_NONE_MATCH, "\"x\", W/\"abc\"", Outcome::NotModified),
            (header::IF_NONE_MATCH, "\"x\"", Outcome::Serve),
            (header::IF_RANGE, "\"abc\"", Outcome::Serve),
            (header::IF_RANGE, "Fri, 20 Nov 2026 05:38:00 GMT", Outcome::ServeAll),
            (HeaderName::from_static("x-other"), "x", Outcome::Serve),
        ] {
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
            assert_eq!(Outcome::of(&headers, etag), expected, "{name}: {value}");
        }
    }
}
