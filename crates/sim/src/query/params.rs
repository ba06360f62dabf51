use std::{collections::BTreeMap, ops::Bound};

use http::Method;
use url::form_urlencoded;

use super::{Api, Fault};

/// The parameters of a Query request, from the URL and from the form in the body.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// How many parameters are looked at; no operation has as many.
    const MAX: usize = 1000;

    /// Reads both; where one stands twice, the first counts.
    pub(crate) fn parse(query: Option<&str>, body: &[u8]) -> Self {
        let mut params = BTreeMap::new();
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, value) in query.chain(form_urlencoded::parse(body)).take(Self::MAX) {
            params.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(params)
    }

    /// The operation that is asked for, in this version of the API.
    pub(crate) fn operation(&self, api: &Api, method: &Method) -> Result<&str, Fault> {
        if *method != Method::POST && *method != Method::GET {
            return Err(Fault::bad_request(
                "InvalidRequest",
                format!("{method} is not supported; send GET or POST"),
            ));
        }
        let action = self
            .text("Action")
            .filter(|action| !action.is_empty())
            .ok_or_else(|| Fault::bad_request("MissingAction", "The request must contain the parameter Action"))?;
        let version = self.text("Version");
        if action.len() > 128 || version != Some(api.version) {
            let shown = action.chars().take(128).collect::<String>();
            return Err(Fault::unknown_action(&shown, version));
        }
        Ok(action)
    }

    /// A parameter's value; none where it is absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The members of a list: `NAME.member.1`, `NAME.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..=Self::MAX)
            .map_while(|number| self.text(&format!("{name}.member.{number}")))
            .collect()
    }

    /// The members of a list of structures, as the beginnings of their parameters' names: `NAME.member.1.`, …
    pub(crate) fn structures(&self, name: &str) -> Vec<String> {
        (1..=Self::MAX)
            .map(|number| format!("{name}.member.{number}."))
            .take_while(|prefix| self.any_below(prefix))
            .collect()
    }

    /// Whether any parameter's name begins with `prefix`.
    pub(crate) fn any_below(&self, prefix: &str) -> bool {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let mut names = self.0.range::<str, _>(from);
        names.next().is_some_and(|(name, _)| name.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_come_from_the_url_and_the_body() {
        let params = Params::parse(
            Some("Action=A&Version=2011-06-15"),
            b"Action=B&L.member.1=a%2Bb&L.member.2=c+d&L.member.4=x&S.member.1.Key=k&S.member.2.Value=v&S.member.4.Key=k",
        );
        assert_eq!(params.structures("S"), ["S.member.1.", "S.member.2."]);
        assert_eq!(params.text("Action"), Some("A"));
        assert_eq!(params.text("Version"), Some("2011-06-15"));
        assert_eq!(params.list("L"), ["a+b", "c d"]);
        assert!(params.any_below("L."));
        assert!(!params.any_below("M."));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            Params::parse(None, &body).list("x");
        }
    }
}
