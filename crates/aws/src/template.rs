use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer};

use crate::reading::parsed;

/// A text with variables in braces, such as `org/{organization}/project/{project}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Variable(String),
}

/// Text that is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` {reason}; expected a text with variables in braces, such as org/{{organization}}/project/{{project}}"
)]
pub struct InvalidTemplate {
    text: String,
    reason: &'static str,
}

/// A variable that has no value here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{{{0}}}` has no value")]
pub struct NoValue(pub String);

impl Template {
    /// The longest template, and the longest text that one is filled to, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// `{team}`
    pub fn team() -> Self {
        Self {
            text: "{team}".to_owned(),
            parts: vec![Part::Variable("team".to_owned())],
        }
    }

    /// The variables in it.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with the values in place of the variables.
    ///
    /// # Errors
    /// [`NoValue`] for the first variable without one. Nothing stands for it: an empty part could be somebody else's.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Result<String, NoValue> {
        let mut filled = String::with_capacity(self.text.len());
        for part in &self.parts {
            filled.push_str(match part {
                Part::Text(text) => text,
                Part::Variable(name) => value(name).ok_or_else(|| NoValue(name.clone()))?,
            });
        }
        Ok(filled)
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let invalid = |reason| InvalidTemplate {
            text: text.chars().take(200).collect(),
            reason,
        };
        if text.is_empty() {
            return Err(invalid("is empty"));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(invalid("is longer than 512 bytes"));
        }
        if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(invalid("holds something else than printable ASCII"));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find(['{', '}']) {
            if begin > 0 {
                parts.push(Part::Text(rest[..begin].to_owned()));
            }
            let behind = rest[begin..]
                .strip_prefix('{')
                .ok_or_else(|| invalid("closes a brace that was not opened"))?;
            let end = behind
                .find('}')
                .ok_or_else(|| invalid("opens a brace and does not close it"))?;
            let name = &behind[..end];
            if !is_variable(name) {
                return Err(invalid("has a variable whose name is not one of letters and digits"));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &behind[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

/// Whether it can be the name of a variable: 1 to 64 letters, digits, `-` and `_`.
fn is_variable(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variables_are_replaced_and_nothing_stands_for_a_missing_one() {
        let template: Template = "org/{organization}/project/{project}".parse().unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["organization", "project"]);
        let value = |name: &str| Some(if name == "project" { "p" } else { "o" });
        assert_eq!(template.fill(value).unwrap(), "org/o/project/p");
        let missing = template.fill(|name| (name == "project").then_some("p")).unwrap_err();
        assert_eq!(missing, NoValue("organization".to_owned()));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["", "{", "}", "{}", "{a", "a}", "{a b}", "{{a}}", "ä", "a\nb"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
        assert!("x".repeat(513).parse::<Template>().is_err());
    }

    proptest! {
        #[test]
        fn filled_with_its_own_names_in_braces_it_is_what_it_was(text in "([a-z/:]{1,5}|\\{[a-z]{1,5}\\}){1,6}") {
            let template: Template = text.parse().unwrap();
            let names: Vec<_> = template.variables().map(|name| (name.to_owned(), format!("{{{name}}}"))).collect();
            let value = |name: &str| names.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            prop_assert_eq!(template.fill(value).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Template>();
        }
    }
}
