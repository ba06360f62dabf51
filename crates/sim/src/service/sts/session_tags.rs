//! Session tags ("Pass session tags in AWS STS" of the IAM user guide).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use iam::Context;
use serde_json::{Map, Value};

use super::refusal::invalid;
use crate::query::{Fault, Params, Pattern, Validation};

/// The tags of a session, and which of them the next session of a chain inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SessionTags {
    /// By key. Keys differ in more than case, which [`SessionTags::check`] sees to.
    tags: BTreeMap<String, String>,
    transitive: Vec<String>,
    /// Keys that stood twice, or more often.
    repeated: bool,
}

/// The most tags that a session is given, and the most of their keys that are transitive.
const MAX: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

const NESTED: &str = "https://aws.amazon.com/tags";
/// The flattened form, for identity providers that cannot nest claims.
const FLAT_TAG: &str = "https://aws.amazon.com/tags/principal_tags/";
const FLAT_TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";

impl SessionTags {
    /// Reads `Tags.member.N.Key`, `Tags.member.N.Value` and `TransitiveTagKeys.member.N`.
    pub(super) fn of_params<'p>(params: &'p Params, check: &mut Validation<'p>) -> Self {
        let mut read = Self::default();
        for number in 1.. {
            let part = |name: &str| params.text(&format!("Tags.member.{number}.{name}"));
            let (key, value) = (part("Key"), part("Value"));
            if key.is_none() && value.is_none() {
                break;
            }
            if number > MAX {
                check.too_many("tags", MAX);
                break;
            }
            let member = |name: &str| format!("tags.{number}.member.{name}");
            match key {
                Some(key) => check.check(&member("key"), key, 1..=MAX_KEY, Pattern::TAG_KEY),
                None => check.missing(&member("key")),
            }
            match value {
                Some(value) => check.check(&member("value"), value, 0..=MAX_VALUE, Pattern::TAG_VALUE),
                None => check.missing(&member("value")),
            }
            read.add(key.unwrap_or_default(), value.unwrap_or_default());
        }
        let transitive = params.list("TransitiveTagKeys");
        if transitive.len() > MAX {
            check.too_many("transitiveTagKeys", MAX);
        }
        for (key, number) in transitive.iter().take(MAX).zip(1..) {
            let member = format!("transitiveTagKeys.{number}.member");
            check.check(&member, key, 1..=MAX_KEY, Pattern::TAG_KEY);
        }
        read.transitive = transitive.into_iter().map(str::to_owned).collect();
        read
    }

    /// Reads the claims of a web identity token, nested or flattened.
    pub(super) fn of_claims(claims: &Map<String, Value>) -> Result<Self, Fault> {
        let malformed = || invalid("The session tags in the token are malformed");
        let mut read = Self::default();
        let mut transitive = Vec::new();
        if let Some(nested) = claims.get(NESTED) {
            let nested = nested.as_object().ok_or_else(malformed)?;
            for (key, value) in members(nested.get("principal_tags")).ok_or_else(malformed)? {
                // A tag has one value, and the token gives it as a list of one.
                let [Value::String(value)] = value.as_array().ok_or_else(malformed)?.as_slice() else {
                    return Err(malformed());
                };
                read.add(key, value);
            }
            transitive.extend(nested.get("transitive_tag_keys"));
        }
        for (name, value) in claims {
            if let Some(key) = name.strip_prefix(FLAT_TAG) {
                read.add(key, value.as_str().ok_or_else(malformed)?);
            }
        }
        transitive.extend(claims.get(FLAT_TRANSITIVE));
        for keys in transitive {
            for key in keys.as_array().ok_or_else(malformed)? {
                read.transitive.push(key.as_str().ok_or_else(malformed)?.to_owned());
            }
        }
        let fits = |text: &str, lengths: RangeInclusive<usize>, pattern: Pattern| {
            lengths.contains(&text.chars().count()) && text.chars().all(pattern.allows)
        };
        let all_fit = read.tags.iter().all(|(key, value)| {
            fits(key, 1..=MAX_KEY, Pattern::TAG_KEY) && fits(value, 0..=MAX_VALUE, Pattern::TAG_VALUE)
        });
        if !all_fit || read.tags.len() > MAX || read.transitive.len() > MAX {
            return Err(malformed());
        }
        read.check()?;
        Ok(read)
    }

    /// The rules that are not constraints of the service model.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let invalid = |message: &str| Err(Fault::bad_request("InvalidParameterValue", message));
        let keys = self.tags.keys().map(|key| folded(key)).collect::<BTreeSet<_>>();
        if self.repeated || keys.len() < self.tags.len() {
            return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
        }
        if keys.iter().any(|key| key.starts_with("aws:")) {
            return invalid("Tag keys that begin with aws: are reserved for system use.");
        }
        if !self.transitive.iter().all(|key| keys.contains(&folded(key))) {
            return invalid("The specified transitive tag key must be included in the requested tags.");
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The value of a key, whatever the case of its letters.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let key = folded(key);
        let found = self.tags.iter().find(|(known, _)| folded(known) == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The condition keys of the tags that a request passes.
    pub(super) fn context(&self, mut context: Context) -> Context {
        for (key, value) in &self.tags {
            context = context.with(&format!("aws:RequestTag/{key}"), value);
        }
        if !self.tags.is_empty() {
            context = context.with_all("aws:TagKeys", self.tags.keys());
        }
        if !self.transitive.is_empty() {
            context = context.with_all("sts:TransitiveTagKeys", &self.transitive);
        }
        context
    }

    /// Adds tags that a session hands on; they are handed on further.
    pub(super) fn add_transitive(&mut self, inherited: BTreeMap<String, String>) {
        self.transitive.extend(inherited.keys().cloned());
        self.tags.extend(inherited);
    }

    /// The tags, and the keys of those that are transitive in the letters that the tags are written in.
    pub(super) fn into_parts(self) -> (BTreeMap<String, String>, Vec<String>) {
        let transitive = self.transitive.iter().map(|key| folded(key)).collect::<BTreeSet<_>>();
        let keys = self.tags.keys().filter(|key| transitive.contains(&folded(key)));
        let keys = keys.cloned().collect();
        (self.tags, keys)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.tags.iter()
    }

    fn add(&mut self, key: &str, value: &str) {
        self.repeated |= self.tags.insert(key.to_owned(), value.to_owned()).is_some();
    }
}

/// The answer to a tag that the session of the caller has handed on already.
pub(super) fn conflict() -> Fault {
    Fault::bad_request(
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
         calling session.",
    )
}

/// The members of an object that may be absent; none where it is something else.
fn members(value: Option<&Value>) -> Option<impl Iterator<Item = (&String, &Value)>> {
    let members = match value {
        None => None,
        Some(value) => Some(value.as_object()?),
    };
    Some(members.into_iter().flatten())
}

/// Keys of tags are the same whatever the case of their letters.
fn folded(key: &str) -> String {
    key.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of_params(form: &str) -> Result<SessionTags, Fault> {
        let params = Params::parse(None, form.as_bytes());
        let mut check = Validation::of(&params);
        let tags = SessionTags::of_params(&params, &mut check);
        check.finish()?;
        tags.check()?;
        Ok(tags)
    }

    fn of_claims(claims: Value) -> Result<SessionTags, Fault> {
        let Value::Object(claims) = claims else { unreachable!() };
        SessionTags::of_claims(&claims)
    }

    #[test]
    fn parameters_and_both_forms_of_claims_say_the_same() {
        let expected = of_params(
            "Tags.member.1.Key=Team&Tags.member.1.Value=red&Tags.member.2.Key=e&Tags.member.2.Value=\
             &TransitiveTagKeys.member.1=Team",
        )
        .unwrap();
        assert_eq!((expected.value("TEAM"), expected.value("e")), (Some("red"), Some("")));
        let nested = json!({"principal_tags": {"Team": ["red"], "e": [""]}, "transitive_tag_keys": ["Team"]});
        assert_eq!(of_claims(json!({ NESTED: nested })).unwrap(), expected);
        let flattened = json!({
            format!("{FLAT_TAG}Team"): "red", format!("{FLAT_TAG}e"): "", FLAT_TRANSITIVE: ["Team"],
        });
        assert_eq!(of_claims(flattened).unwrap(), expected);
        assert_eq!(of_claims(json!({"other": 1})).unwrap(), SessionTags::default());
    }

    #[test]
    fn a_tag_in_both_forms_stands_twice() {
        let nested = json!({"principal_tags": {"Team": ["red"]}});
        let fault = of_claims(json!({NESTED: nested, format!("{FLAT_TAG}Team"): "red"})).unwrap_err();
        assert!(fault.message.starts_with("Duplicate"), "{}", fault.message);
    }

    #[test]
    fn transitive_keys_are_those_of_the_tags() {
        let tags = of_params("Tags.member.1.Key=Team&Tags.member.1.Value=red&TransitiveTagKeys.member.1=team").unwrap();
        let (tags, transitive) = tags.into_parts();
        assert_eq!(transitive, ["Team"]);
        assert_eq!(tags["Team"], "red");
    }

    proptest! {
        #[test]
        fn no_parameters_panic(key in any::<String>(), value in any::<String>(), transitive in any::<String>()) {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("Tags.member.1.Key", &key)
                .append_pair("Tags.member.1.Value", &value)
                .append_pair("TransitiveTagKeys.member.1", &transitive)
                .finish();
            if let Ok(tags) = of_params(&form) {
                prop_assert_eq!(tags.value(&key), Some(value.as_str()));
            }
        }

        #[test]
        fn no_claims_panic(key in any::<String>(), values in proptest::collection::vec(any::<String>(), 0..3)) {
            let nested = json!({"principal_tags": {&key: values}, "transitive_tag_keys": [&key]});
            let read = of_claims(json!({ NESTED: nested }));
            prop_assert!(values.len() == 1 || read.is_err());
        }
    }
}
