//! Texts of a policy that are compared with texts of a request: wildcards and policy variables.

mod compile;
mod glob;

use crate::context::{Found, Lookup};
use crate::truth::Truth;

pub(crate) use compile::Dialect;

/// A compiled pattern. Equality is that of the text it was written as.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    tokens: Box<[Token]>,
    has_variables: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`; `ends_segment` where a colon or the end of the pattern follows.
    Run {
        ends_segment: bool,
    },
    Variable {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

/// How a pattern is laid against a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Wildcards match anything.
    Plain,
    /// As `Plain`; letters of either case are the same.
    AnyCase,
    /// The six parts of an ARN are matched each by itself: no wildcard crosses one of the first five colons.
    /// ("String condition operators", "Amazon Resource Name (ARN) condition operators" in the IAM user guide.)
    Arn,
    /// As `Arn`, but a `*` at the end of its part may reach beyond the colon ("IAM JSON policy elements: Resource").
    Resource,
}

impl Pattern {
    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Does the text match?
    ///
    /// A variable whose key is absent, or has several values, and that has no default keeps the pattern from matching
    /// anything. One whose key is not known leaves the answer open, unless the rest of the pattern already decides it.
    pub(crate) fn matches(&self, text: &str, reading: Reading, context: &impl Lookup) -> Truth {
        if let [Token::Text(only)] = &*self.tokens {
            return (&**only == text || (reading == Reading::AnyCase && same_letters(only.chars(), text))).into();
        }
        if reading == Reading::Arn && !is_arn(text) {
            return Truth::NotMatched;
        }
        if let [Token::Run { .. }] = &*self.tokens {
            return Truth::Matched;
        }
        let mut open = false;
        if self.has_variables {
            for token in &self.tokens {
                let Token::Variable { key, default } = token else {
                    continue;
                };
                match context.find(key) {
                    Found::Values([_]) => {}
                    Found::Unknown => open = true,
                    Found::Absent if default.is_some() => {}
                    Found::Absent | Found::Values(_) => return Truth::NotMatched,
                }
            }
        }
        let resolve = |token| resolved(token, context);
        let matched = match reading {
            Reading::AnyCase => same_letters(
                self.tokens.iter().flat_map(|t| resolve(t).unwrap_or_default().chars()),
                text,
            ),
            Reading::Plain | Reading::Arn | Reading::Resource => glob::matches(&self.tokens, text, reading, &resolve),
        };
        match matched {
            true if open => Truth::NotKnown,
            // Letters are compared as a whole, so a variable that is not known leaves everything open.
            false if open && reading == Reading::AnyCase => Truth::NotKnown,
            matched => matched.into(),
        }
    }

    /// The keys of the variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(&**key),
            _ => None,
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.tokens == other.tokens
    }
}

impl Eq for Pattern {}

/// The text that a token stands for; none for a wildcard and for a variable that is not known.
fn resolved<'a>(token: &'a Token, context: &'a impl Lookup) -> Option<&'a str> {
    match token {
        Token::Text(text) => Some(text),
        Token::One | Token::Run { .. } => None,
        Token::Variable { key, default } => match context.find(key) {
            Found::Values([value]) => Some(value),
            Found::Values(_) | Found::Absent => default.as_deref(),
            Found::Unknown => None,
        },
    }
}

fn same_letters(left: impl Iterator<Item = char>, right: &str) -> bool {
    left.flat_map(char::to_lowercase)
        .eq(right.chars().flat_map(char::to_lowercase))
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.bytes().filter(|byte| *byte == b':').count() >= 5
}

#[cfg(test)]
mod tests;
