use std::ops::RangeInclusive;

use super::{Fault, Params};

/// Checks parameters against the constraints of the service model and gathers what they break, because AWS names all
/// of it in one message.
pub(crate) struct Validation<'p> {
    params: &'p Params,
    broken: Vec<String>,
}

/// A pattern of the service model, and what it allows.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    /// As AWS prints it.
    pub(crate) shown: &'static str,
    /// Whether a character may stand in the value.
    pub(crate) allows: fn(char) -> bool,
}

impl Pattern {
    /// `RoleSessionName`.
    pub(crate) const SESSION_NAME: Self = Self {
        shown: r"[\w+=,.@-]*",
        allows: |c| is_word(c) || "+=,.@-".contains(c),
    };
    /// `ExternalId`.
    pub(crate) const EXTERNAL_ID: Self = Self {
        shown: r"[\w+=,.@:\/-]*",
        allows: |c| is_word(c) || "+=,.@:/-".contains(c),
    };
    /// Names of roles and policies.
    pub(crate) const NAME: Self = Self {
        shown: r"[\w+=,.@-]+",
        allows: |c| is_word(c) || "+=,.@-".contains(c),
    };
    /// Policy documents.
    pub(crate) const DOCUMENT: Self = Self {
        shown: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
        allows: |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}'),
    };
    /// Anything at all.
    pub(crate) const ANY: Self = Self {
        shown: "",
        allows: |_| true,
    };
}

impl<'p> Validation<'p> {
    pub(crate) fn of(params: &'p Params) -> Self {
        Self {
            params,
            broken: Vec::new(),
        }
    }

    /// A parameter that must be there; an empty text where it breaks a constraint.
    pub(crate) fn required(&mut self, name: &str, length: RangeInclusive<usize>, pattern: Pattern) -> &'p str {
        if self.params.text(name).is_none() {
            self.broken.push(format!(
                "Value null at '{}' failed to satisfy constraint: Member must not be null",
                member(name)
            ));
            return "";
        }
        self.optional(name, length, pattern).unwrap_or_default()
    }

    /// A parameter that may be absent.
    pub(crate) fn optional(&mut self, name: &str, length: RangeInclusive<usize>, pattern: Pattern) -> Option<&'p str> {
        let value = self.params.text(name)?;
        self.check(&member(name), value, length, pattern);
        Some(value)
    }

    /// A whole number that may be absent.
    pub(crate) fn number(&mut self, name: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let text = self.params.text(name)?;
        let Ok(number) = text.parse::<i64>() else {
            self.broken.push(format!(
                "Value '{}' at '{}' failed to satisfy constraint: Member must be an integer",
                shown(text),
                member(name)
            ));
            return None;
        };
        let bound = if number < *bounds.start() {
            format!("greater than or equal to {}", bounds.start())
        } else if number > *bounds.end() {
            format!("less than or equal to {}", bounds.end())
        } else {
            return Some(number);
        };
        self.broken.push(format!(
            "Value '{number}' at '{}' failed to satisfy constraint: Member must have value {bound}",
            member(name)
        ));
        None
    }

    /// Checks a value that is no parameter of its own, such as a member of a list.
    pub(crate) fn check(&mut self, member: &str, value: &str, length: RangeInclusive<usize>, pattern: Pattern) {
        // A token would be a secret in a message, and AWS leaves such values out as well.
        let value_shown = if member == "webIdentityToken" {
            String::new()
        } else {
            format!(" '{}'", shown(value))
        };
        let mut broken = |rule: String| {
            self.broken.push(format!(
                "Value{value_shown} at '{member}' failed to satisfy constraint: Member must {rule}"
            ));
        };
        let count = value.chars().count();
        if count > *length.end() {
            broken(format!("have length less than or equal to {}", length.end()));
        }
        if count < *length.start() {
            broken(format!("have length greater than or equal to {}", length.start()));
        }
        if !value.chars().all(pattern.allows) {
            broken(format!("satisfy regular expression pattern: {}", pattern.shown));
        }
    }

    /// The verdict.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        let count = self.broken.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let broken = self.broken.join("; ");
        Err(Fault::validation(format!(
            "{count} validation error{plural} detected: {broken}"
        )))
    }
}

/// `RoleArn` is the parameter, `roleArn` the member of the model that messages name.
fn member(parameter: &str) -> String {
    let mut chars = parameter.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

fn shown(value: &str) -> String {
    value.chars().take(256).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_broken_constraints_stand_in_one_message() {
        let params = Params::parse(None, b"RoleSessionName=a/&DurationSeconds=899&WebIdentityToken=abc");
        let mut check = Validation::of(&params);
        check.required("RoleArn", 20..=2048, Pattern::ANY);
        check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME);
        check.number("DurationSeconds", 900..=43200);
        check.required("WebIdentityToken", 4..=20000, Pattern::ANY);
        let fault = check.finish().unwrap_err();
        assert_eq!(fault.code, "ValidationError");
        assert_eq!(
            fault.message,
            "4 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; \
             Value 'a/' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*; \
             Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900; \
             Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4"
        );
    }

    #[test]
    fn what_keeps_to_the_model_passes() {
        let params = Params::parse(None, b"RoleSessionName=a.b%40c&DurationSeconds=900");
        let mut check = Validation::of(&params);
        assert_eq!(
            check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME),
            "a.b@c"
        );
        assert_eq!(check.number("DurationSeconds", 900..=43200), Some(900));
        assert_eq!(check.optional("Policy", 1..=2048, Pattern::DOCUMENT), None);
        assert_eq!(check.finish(), Ok(()));
    }
}
