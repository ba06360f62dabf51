use http::{HeaderMap, header};
use oci::MediaType;

/// The types that a client says it understands (RFC 9110 §12.5.1). How much it prefers one to another does not matter:
/// there is one stored form, and it is understood or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted(String);

impl Accepted {
    /// From the header, which may be there several times. Who says more than fits says nothing: the longest list of a
    /// client in the field has some 500 bytes.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let values = values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
        let joined = values.join(", ");
        Self(if joined.len() > MAX_LENGTH {
            String::new()
        } else {
            joined
        })
    }

    /// The list as it came, for the registry behind this one.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the client understands the type. A client that names no type understands all.
    pub(crate) fn takes(&self, media_type: &MediaType) -> bool {
        let mut ranges = self.ranges().peekable();
        if ranges.peek().is_none() {
            return true;
        }
        let group = media_type.as_str().split('/').next().unwrap_or_default();
        ranges.any(|range| {
            let is_group = range.strip_suffix("/*").is_some_and(|g| g.eq_ignore_ascii_case(group));
            range == "*/*" || is_group || range.eq_ignore_ascii_case(media_type.as_str())
        })
    }

    /// The types without their parameters, and without those of weight zero, which are not wanted.
    fn ranges(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().filter(|name| !name.is_empty())?;
            let is_wanted = parts.all(|parameter| !is_weight_zero(parameter));
            is_wanted.then_some(name)
        })
    }
}

fn is_weight_zero(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|weight| weight == 0.0)
    })
}

const MAX_LENGTH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepted(values: &[&str]) -> Accepted {
        let pairs = values.iter().map(|value| (header::ACCEPT, value.parse().unwrap()));
        Accepted::of(&pairs.collect())
    }

    #[test]
    fn who_names_the_type_or_its_group_or_nothing_understands_it() {
        let many = "application/x, ".repeat(100);
        for values in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/*"],
            &["text/html, */*;q=0.8"],
            &["Application/vnd.OCI.image.manifest.v1+json;q=0.5"],
            &[MediaType::DOCKER_LIST, MediaType::OCI_MANIFEST],
            &[&many],
        ] {
            assert!(accepted(values).takes(&MediaType::OCI_MANIFEST.into()), "{values:?}");
        }
    }

    #[test]
    fn who_names_others_or_does_not_want_it_does_not() {
        for values in [
            &[MediaType::DOCKER_MANIFEST][..],
            &["text/*"],
            &["application/json"],
            &["application/vnd.oci.image.manifest.v1+json; q=0.0, text/plain"],
        ] {
            assert!(!accepted(values).takes(&MediaType::OCI_MANIFEST.into()), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}") {
            let _ = accepted(&[&value]).takes(&MediaType::OCI_MANIFEST.into());
        }

        #[test]
        fn a_type_among_others_is_understood(before in "([a-z]{1,8}/[a-z.+]{1,8}, ?){0,4}", weight in 1u32..1000) {
            let value = format!("{before}{};q=0.{weight:03}", MediaType::OCI_INDEX);
            prop_assert!(accepted(&[&value]).takes(&MediaType::OCI_INDEX.into()));
        }
    }
}
