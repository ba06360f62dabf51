use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use http::Method;
use url::form_urlencoded;

use super::{Api, Fault};

/// The parameters of a Query request, from the URL and from the form in the body.
#[derive(Debug, Default)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    /// Some were left out, so that nobody knows what was asked.
    too_many: bool,
}

impl Params {
    /// How many parameters there may be; no operation takes as many.
    const MAX: usize = 1000;

    /// Reads both; where one stands twice, the first counts.
    pub(crate) fn parse(query: Option<&str>, body: &[u8]) -> Self {
        let mut params = Self::default();
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (number, (name, value)) in query.chain(form_urlencoded::parse(body)).enumerate() {
            if number == Self::MAX {
                params.too_many = true;
                break;
            }
            params
                .values
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        params
    }

    /// The operation that is asked for, in this version of the API.
    pub(crate) fn operation(&self, api: &Api, method: &Method) -> Result<&str, Fault> {
        if *method != Method::POST && *method != Method::GET {
            return Err(Fault::bad_request(
                "InvalidRequest",
                format!("{method} is not supported; send GET or POST"),
            ));
        }
        if self.too_many {
            return Err(Fault::validation(format!(
                "The request has more than {} parameters.",
                Self::MAX
            )));
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
        self.values.get(name).map(String::as_str)
    }

    /// The members of a list: `NAME.member.1`, `NAME.member.2`, … in the order of their numbers. A number that is left
    /// out leaves out nothing else: what a list holds may be what limits a session.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let members = self.members(name).into_iter();
        members.map(|member| self.text(&member).unwrap_or_default()).collect()
    }

    /// The members of a list of structures, as the beginnings of their parameters' names: `NAME.member.1.`, …
    pub(crate) fn structures(&self, name: &str) -> Vec<String> {
        let members = self.members(name).into_iter();
        members.map(|member| format!("{member}.")).collect()
    }

    /// `NAME.member.1`, … of whatever stands there or below.
    fn members(&self, name: &str) -> Vec<String> {
        let list = format!("{name}.member.");
        let from = (Bound::Included(list.as_str()), Bound::Unbounded);
        let names = self.values.range::<str, _>(from).map(|(name, _)| name.as_str());
        let labels = names.map_while(|name| name.strip_prefix(&list)?.split('.').next());
        let numbered = labels.map(|label| (label.parse::<usize>().unwrap_or(usize::MAX), label));
        let members = numbered.collect::<BTreeSet<_>>().into_iter();
        members.map(|(_, label)| format!("{list}{label}")).collect()
    }

    /// Whether any parameter's name begins with `prefix`.
    pub(crate) fn any_below(&self, prefix: &str) -> bool {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let mut names = self.values.range::<str, _>(from);
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
        assert_eq!(params.structures("S"), ["S.member.1.", "S.member.2.", "S.member.4."]);
        assert_eq!(params.text("Action"), Some("A"));
        assert_eq!(params.text("Version"), Some("2011-06-15"));
        assert_eq!(params.list("L"), ["a+b", "c d", "x"]);
        assert!(params.any_below("L."));
        assert!(!params.any_below("M."));
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers_and_leave_nothing_out() {
        let params = Params::parse(
            None,
            b"L.member.10=c&L.member.9=b&L.member.0=a&L.member.x=d&Lx.member.1=e",
        );
        assert_eq!(params.list("L"), ["a", "b", "c", "d"]);
        let params = Params::parse(None, b"S.member.1=x&S.member.2.Key=k");
        assert_eq!(params.structures("S"), ["S.member.1.", "S.member.2."]);
    }

    #[test]
    fn parameters_beyond_all_measure_are_refused_and_not_left_out() {
        let api = Api {
            version: "2011-06-15",
            namespace: "",
        };
        let form = |count: usize| {
            let more = (2..count).map(|number| format!("&P{number}=x")).collect::<String>();
            format!("Action=A&Version=2011-06-15{more}")
        };
        let params = Params::parse(None, form(1000).as_bytes());
        assert_eq!(params.operation(&api, &Method::POST), Ok("A"));
        let params = Params::parse(None, form(1001).as_bytes());
        assert_eq!(
            params.operation(&api, &Method::POST).unwrap_err().code,
            "ValidationError"
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            Params::parse(None, &body).list("x");
        }
    }
}
