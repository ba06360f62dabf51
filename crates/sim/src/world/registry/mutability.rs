use oci::Tag;
use serde::{Deserialize, Serialize};

/// Whether a tag that is there may be moved to another image (ECR user guide, "Image tag mutability").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mutability {
    pub(crate) kind: MutabilityKind,
    /// Tags for which the opposite holds; only of the two kinds with exclusions.
    pub(crate) exclusions: Vec<TagFilter>,
}

/// `imageTagMutability`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MutabilityKind {
    #[default]
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

/// A pattern for tags, in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TagFilter(String);

impl Mutability {
    /// Whether `tag` stays at the image it was first given to.
    pub(crate) fn pins(&self, tag: &Tag) -> bool {
        let excluded = || self.exclusions.iter().any(|filter| filter.matches(tag.as_str()));
        match self.kind {
            MutabilityKind::Mutable => false,
            MutabilityKind::Immutable => true,
            MutabilityKind::ImmutableWithExclusion => !excluded(),
            MutabilityKind::MutableWithExclusion => excluded(),
        }
    }
}

impl MutabilityKind {
    pub(crate) fn has_exclusions(self) -> bool {
        matches!(self, Self::ImmutableWithExclusion | Self::MutableWithExclusion)
    }
}

impl TagFilter {
    /// The pattern of the service model: `^[0-9a-zA-Z._*-]{1,128}$`.
    pub(crate) fn parse(filter: &str) -> Option<Self> {
        let is_filter = (1..=128).contains(&filter.len())
            && filter
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte));
        is_filter.then(|| Self(filter.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, tag: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = tag.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        // Each piece at its first place leaves the most to those behind it.
        for part in parts {
            let Some(found) = rest.find(part) else {
                return false;
            };
            rest = &rest[found + part.len()..];
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_text() {
        for (filter, tag, expected) in [
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("dev-*", "dev-", true),
            ("dev-*", "xdev-1", false),
            ("*-rc*", "1-rc2", true),
            ("a*a", "a", false),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "axcxb", false),
            ("**", "x", true),
        ] {
            assert_eq!(
                TagFilter::parse(filter).unwrap().matches(tag),
                expected,
                "{filter} {tag}"
            );
        }
        for filter in ["", "a b", "ä", &"a".repeat(129)] {
            assert_eq!(TagFilter::parse(filter), None, "{filter}");
        }
    }

    #[test]
    fn exclusions_turn_the_rule_around() {
        let tag = |tag: &str| tag.parse::<Tag>().unwrap();
        let mut mutability = Mutability {
            kind: MutabilityKind::ImmutableWithExclusion,
            exclusions: vec![TagFilter::parse("dev*").unwrap()],
        };
        assert!(mutability.pins(&tag("1")) && !mutability.pins(&tag("dev1")));
        mutability.kind = MutabilityKind::MutableWithExclusion;
        assert!(!mutability.pins(&tag("1")) && mutability.pins(&tag("dev1")));
    }

    proptest! {
        #[test]
        fn a_filter_matches_what_it_was_made_of(pieces in proptest::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-c]{0,3}") {
            let filter = TagFilter(pieces.join("*"));
            prop_assert!(filter.matches(&pieces.join(&fill)));
        }
    }
}
