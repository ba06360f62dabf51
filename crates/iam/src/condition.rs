//! The `Condition` element: operators, their values, and what a key's values make of them.
//!
//! Rules: "IAM JSON policy elements: Condition operators" and "Conditions with multiple context keys or values" of the
//! IAM user guide.

mod date;
mod decimal;
mod network;
mod operand;
mod operator;

use crate::context::{Found, Lookup};
use crate::json::Position;
use crate::pattern::Dialect;
use crate::truth::Truth;

use operand::Operand;
use operator::{Family, Quantifier};

pub use operator::Operator;

/// One operator with one key and the values that are wanted.
#[derive(Clone, Debug)]
pub struct Condition {
    pub(crate) at: Position,
    operator: Operator,
    key: Box<str>,
    /// In lower case, as keys are looked up.
    lookup_key: Box<str>,
    values: Box<[(Box<str>, Operand)]>,
}

impl Condition {
    pub(crate) fn new(at: Position, operator: Operator, key: &str, values: Vec<String>, variables: bool) -> Self {
        let dialect = Dialect {
            wildcards: operator.takes_wildcards(),
            variables,
        };
        Condition {
            at,
            operator,
            key: key.into(),
            lookup_key: key.to_lowercase().into(),
            values: values
                .into_iter()
                .map(|text| (text.as_str().into(), operand::compile(&text, operator, dialect)))
                .collect(),
        }
    }

    /// The operator with its prefix and suffix.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The key as it was written; keys are compared without regard to case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values that are wanted; one of them must match, or with a negated operator none may.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values.iter().map(|(text, _)| &**text)
    }

    /// The place of the key in the document.
    pub fn position(&self) -> Position {
        self.at
    }

    /// The key and the keys of the variables in the values, in lower case.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.values.iter().filter_map(|(_, operand)| match operand {
            Operand::Text(pattern) => Some(pattern.variables()),
            _ => None,
        });
        std::iter::once(&*self.lookup_key).chain(variables.flatten())
    }

    /// What the request has for the key.
    pub(crate) fn found<'a>(&self, context: &'a impl Lookup) -> Found<'a> {
        context.find(&self.lookup_key)
    }

    pub(crate) fn matches(&self, context: &impl Lookup) -> Truth {
        let operator = self.operator;
        let found = self.found(context);
        if operator.family() == Family::Null {
            return match found {
                Found::Unknown => Truth::NotKnown,
                found => {
                    let missing = found == Found::Absent;
                    self.values
                        .iter()
                        .any(|(_, wanted)| *wanted == Operand::Flag(missing))
                        .into()
                }
            };
        }
        let values = match found {
            Found::Unknown => return Truth::NotKnown,
            Found::Absent => return operator.of_missing_key().into(),
            // To the set operators a key whose values are all empty is a null data set, the same as a missing key.
            Found::Values(values) if operator.quantifier().is_some() && values.iter().all(String::is_empty) => {
                return operator.of_missing_key().into();
            }
            Found::Values(values) => values,
        };
        let each = values.iter().map(|value| {
            let equal = Truth::any(
                self.values
                    .iter()
                    .map(|(_, wanted)| operand::compare(wanted, value, operator, context)),
            );
            equal.negated_if(operator.is_negated())
        });
        match operator.quantifier() {
            Some(Quantifier::ForAllValues) => Truth::all(each),
            Some(Quantifier::ForAnyValue) => Truth::any(each),
            // Without a prefix, a negated operator stays the exact opposite of its positive one.
            None if operator.is_negated() => Truth::all(each),
            None => Truth::any(each),
        }
    }
}

/// Equality is that of meaning: where it stands in a document is no part of it.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        (self.operator, &self.key, &self.values) == (other.operator, &other.key, &other.values)
    }
}

impl Eq for Condition {}

#[cfg(test)]
mod tests;
