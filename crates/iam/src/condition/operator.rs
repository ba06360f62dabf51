use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A condition operator with its prefix (`ForAllValues:`, `ForAnyValue:`) and its suffix (`IfExists`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    base: usize,
    quantifier: Option<Quantifier>,
    if_exists: bool,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Texts that are equal, letter by letter.
    Text,
    TextAnyCase,
    /// Texts with wildcards.
    TextLike,
    /// Also for `ArnEquals`: both take wildcards.
    Arn,
    Number(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    IpAddress,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

impl Operator {
    /// `StringNotEquals`, `NotIpAddress`, … : the opposite of another operator.
    pub fn is_negated(&self) -> bool {
        BASES[self.base].2
    }

    /// The operator without prefix and suffix.
    pub fn base_name(&self) -> &'static str {
        BASES[self.base].0
    }

    pub(crate) fn family(self) -> Family {
        BASES[self.base].1
    }

    pub(crate) fn quantifier(self) -> Option<Quantifier> {
        self.quantifier
    }

    pub(crate) fn takes_wildcards(self) -> bool {
        matches!(self.family(), Family::TextLike | Family::Arn)
    }

    /// Does the condition hold when the request has no value for the key?
    pub(crate) fn of_missing_key(self) -> bool {
        match (self.if_exists, self.quantifier) {
            (true, _) | (_, Some(Quantifier::ForAllValues)) => true,
            (false, Some(Quantifier::ForAnyValue)) => false,
            (false, None) => self.is_negated(),
        }
    }
}

impl Comparison {
    pub(crate) fn holds(self, found_to_wanted: Ordering) -> bool {
        match self {
            Comparison::Equals => found_to_wanted.is_eq(),
            Comparison::LessThan => found_to_wanted.is_lt(),
            Comparison::LessThanEquals => found_to_wanted.is_le(),
            Comparison::GreaterThan => found_to_wanted.is_gt(),
            Comparison::GreaterThanEquals => found_to_wanted.is_ge(),
        }
    }
}

impl FromStr for Operator {
    type Err = OperatorError;

    /// Letters of either case are the same.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || OperatorError {
            text: text.chars().take(64).collect(),
        };
        let (quantifier, rest) = match text.split_once(':') {
            None => (None, text),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => {
                (Some(Quantifier::ForAllValues), rest)
            }
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return Err(error()),
        };
        let named = |name: &str| BASES.iter().position(|(base, ..)| base.eq_ignore_ascii_case(name));
        if let Some(base) = named(rest) {
            return Ok(Operator {
                base,
                quantifier,
                if_exists: false,
            });
        }
        let shorter = rest
            .len()
            .checked_sub("IfExists".len())
            .and_then(|at| rest.split_at_checked(at));
        match shorter {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case("IfExists") && !name.eq_ignore_ascii_case("Null") => {
                Ok(Operator {
                    base: named(name).ok_or_else(error)?,
                    quantifier,
                    if_exists: true,
                })
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            None => "",
            Some(Quantifier::ForAllValues) => "ForAllValues:",
            Some(Quantifier::ForAnyValue) => "ForAnyValue:",
        })?;
        f.write_str(self.base_name())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

/// A text that is no condition operator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a condition operator")]
pub struct OperatorError {
    text: String,
}

/// Name, how it compares, whether it is the opposite.
const BASES: [(&str, Family, bool); 27] = [
    ("StringEquals", Family::Text, false),
    ("StringNotEquals", Family::Text, true),
    ("StringEqualsIgnoreCase", Family::TextAnyCase, false),
    ("StringNotEqualsIgnoreCase", Family::TextAnyCase, true),
    ("StringLike", Family::TextLike, false),
    ("StringNotLike", Family::TextLike, true),
    ("NumericEquals", Family::Number(Comparison::Equals), false),
    ("NumericNotEquals", Family::Number(Comparison::Equals), true),
    ("NumericLessThan", Family::Number(Comparison::LessThan), false),
    (
        "NumericLessThanEquals",
        Family::Number(Comparison::LessThanEquals),
        false,
    ),
    ("NumericGreaterThan", Family::Number(Comparison::GreaterThan), false),
    (
        "NumericGreaterThanEquals",
        Family::Number(Comparison::GreaterThanEquals),
        false,
    ),
    ("DateEquals", Family::Date(Comparison::Equals), false),
    ("DateNotEquals", Family::Date(Comparison::Equals), true),
    ("DateLessThan", Family::Date(Comparison::LessThan), false),
    ("DateLessThanEquals", Family::Date(Comparison::LessThanEquals), false),
    ("DateGreaterThan", Family::Date(Comparison::GreaterThan), false),
    (
        "DateGreaterThanEquals",
        Family::Date(Comparison::GreaterThanEquals),
        false,
    ),
    ("Bool", Family::Bool, false),
    ("BinaryEquals", Family::Binary, false),
    ("IpAddress", Family::IpAddress, false),
    ("NotIpAddress", Family::IpAddress, true),
    ("ArnEquals", Family::Arn, false),
    ("ArnNotEquals", Family::Arn, true),
    ("ArnLike", Family::Arn, false),
    ("ArnNotLike", Family::Arn, true),
    ("Null", Family::Null, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for (name, ..) in BASES {
            for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
                for suffix in ["", "IfExists"] {
                    let text = format!("{prefix}{name}{suffix}");
                    match text.parse::<Operator>() {
                        Ok(operator) => assert_eq!(operator.to_string(), text),
                        Err(_) => assert_eq!((name, suffix), ("Null", "IfExists")),
                    }
                }
            }
        }
    }

    #[test]
    fn letters_of_either_case() {
        let operator: Operator = "foranyvalue:stringlikeifexists".parse().unwrap();
        assert_eq!(operator.to_string(), "ForAnyValue:StringLikeIfExists");
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "StringEqual",
            "IfExists",
            "NullIfExists",
            "ForSomeValues:StringEquals",
            "ForAnyValue:",
            "ß",
        ] {
            assert!(text.parse::<Operator>().is_err(), "{text}");
        }
    }
}
