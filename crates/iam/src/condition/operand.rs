use std::net::IpAddr;

use jiff::Timestamp;

use super::network::Network;
use super::operator::{Family, Operator};
use super::{date, decimal};
use crate::context::Lookup;
use crate::pattern::{Dialect, Pattern, Reading};
use crate::truth::Truth;

/// A value of a condition, compiled for its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Text(Pattern),
    /// Known to be a decimal number.
    Number(Box<str>),
    Moment(Timestamp),
    Flag(bool),
    Network(Network),
    /// Base64 without its padding.
    Base64(Box<str>),
    /// Not of the operator's type: no value equals it. (AWS stores such a policy, and it never matches.)
    Never,
}

pub(super) fn compile(text: &str, operator: Operator, dialect: Dialect) -> Operand {
    let typed = match operator.family() {
        Family::Text | Family::TextAnyCase | Family::TextLike | Family::Arn => {
            Some(Operand::Text(Pattern::compile(text, dialect)))
        }
        Family::Number(_) => decimal::is_decimal(text).then(|| Operand::Number(text.into())),
        Family::Date(_) => date::parse(text).map(Operand::Moment),
        Family::Bool if dialect.variables && text.contains("${") => {
            Some(Operand::Text(Pattern::compile(text, dialect)))
        }
        Family::Bool | Family::Null => flag(text).map(Operand::Flag),
        Family::Binary => base64(text).map(|text| Operand::Base64(text.into())),
        Family::IpAddress => Network::parse(text).map(Operand::Network),
    };
    typed.unwrap_or(Operand::Never)
}

/// Does a value of the request satisfy the positive form of the operator?
pub(super) fn compare(wanted: &Operand, found: &str, operator: Operator, context: &impl Lookup) -> Truth {
    match (wanted, operator.family()) {
        (Operand::Text(pattern), Family::Text | Family::TextLike) => pattern.matches(found, Reading::Plain, context),
        (Operand::Text(pattern), Family::TextAnyCase | Family::Bool) => {
            pattern.matches(found, Reading::AnyCase, context)
        }
        (Operand::Text(pattern), Family::Arn) => pattern.matches(found, Reading::Arn, context),
        (Operand::Number(wanted), Family::Number(comparison)) => decimal::compare(found, wanted)
            .is_some_and(|order| comparison.holds(order))
            .into(),
        (Operand::Moment(wanted), Family::Date(comparison)) => date::parse(found)
            .is_some_and(|found| comparison.holds(found.cmp(wanted)))
            .into(),
        (Operand::Flag(wanted), Family::Bool) => (flag(found) == Some(*wanted)).into(),
        (Operand::Network(network), Family::IpAddress) => found
            .parse::<IpAddr>()
            .is_ok_and(|address| network.contains(address))
            .into(),
        (Operand::Base64(wanted), Family::Binary) => (base64(found) == Some(wanted)).into(),
        _ => Truth::NotMatched,
    }
}

fn flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

/// Base64 without padding: of the same bytes there is only one.
fn base64(text: &str) -> Option<&str> {
    let bare = text.trim_end_matches('=');
    let sound = bare
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    (sound && text.len() - bare.len() <= 2).then_some(bare)
}
