use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The query of a request. Parameters are found decoded, and handed on as they came: what a registry says is the cursor
/// of a list must come back to it byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(String);

/// A query that is too long to be one of this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query of the request is longer than {max} bytes", max = Query::MAX_LENGTH)]
pub struct TooLong;

impl Query {
    /// The longest query in bytes: the cursors of AWS's lists are some hundred long.
    pub(crate) const MAX_LENGTH: usize = 4096;

    pub(crate) fn read(query: Option<&str>) -> Result<Self, TooLong> {
        let query = query.unwrap_or_default();
        if query.len() > Self::MAX_LENGTH {
            return Err(TooLong);
        }
        Ok(Self(query.to_owned()))
    }

    /// The value of the first parameter of this name, decoded. Nothing where it is no text.
    pub(crate) fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.pairs().find(|(found, _)| *found == name)?;
        if value.contains('+') {
            // In queries a space may be written so; a media type's `+` comes encoded.
            let decoded = value.replace('+', " ");
            return Some(percent_decode_str(&decoded).decode_utf8().ok()?.into_owned().into());
        }
        percent_decode_str(value).decode_utf8().ok()
    }

    /// The first parameter of this name as it came: `NAME=VALUE`.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters().find(|parameter| name_of(parameter) == name)
    }

    /// Everything but the parameters of these names, as it came.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<&str> {
        self.parameters()
            .filter(|parameter| !names.contains(&name_of(parameter)))
            .collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters()
            .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
    }

    fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.split('&').filter(|parameter| !parameter.is_empty())
    }
}

fn name_of(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(text: &str) -> Query {
        Query::read(Some(text)).unwrap()
    }

    #[test]
    fn parameters_are_found_decoded_and_handed_on_as_they_came() {
        let query = query("last=a%2Bb%3D&ns=x&&n=3&artifactType=application%2Fa%2Bjson&e&n=4");
        assert_eq!(query.value("last").unwrap(), "a+b=");
        assert_eq!(query.value("n").unwrap(), "3");
        assert_eq!(query.value("artifactType").unwrap(), "application/a+json");
        assert_eq!(query.value("e").unwrap(), "");
        assert_eq!(query.value("N"), None);
        assert_eq!(query.parameter("last"), Some("last=a%2Bb%3D"));
        assert_eq!(
            query.without(&["ns", "n"]).join("&"),
            "last=a%2Bb%3D&artifactType=application%2Fa%2Bjson&e"
        );
    }

    #[test]
    fn what_is_no_text_or_too_long_is_not_taken() {
        assert_eq!(query("a=%ff").value("a"), None);
        assert_eq!(Query::read(Some(&"a".repeat(4097))), Err(TooLong));
        assert_eq!(Query::read(None).unwrap().value("a"), None);
    }

    proptest! {
        #[test]
        fn no_query_panics_and_nothing_is_added_to_it(text in "[a-z=&%+0-9\\PC]{0,40}") {
            let query = query(&text);
            let _ = (query.value("n"), query.parameter("n"));
            prop_assert!(query.without(&["n"]).join("&").len() <= text.len());
        }
    }
}
