/// A pattern of the service model that says which characters may stand in a value.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    /// As AWS prints it; empty where there is none.
    pub(crate) shown: &'static str,
    /// Whether a character may stand in the value.
    pub(crate) allows: fn(char) -> bool,
}

/// A pattern of the service model that says more of a value than its characters.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// As AWS prints it.
    pub(crate) shown: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

impl Pattern {
    /// `RoleSessionName`.
    pub(crate) const SESSION_NAME: Self = Self {
        shown: r"[\w+=,.@-]*",
        allows: is_of_name,
    };
    /// `ExternalId`.
    pub(crate) const EXTERNAL_ID: Self = Self {
        shown: r"[\w+=,.@:\/-]*",
        allows: |c| is_of_name(c) || c == ':' || c == '/',
    };
    /// Names of users, roles, policies and instance profiles.
    pub(crate) const NAME: Self = Self {
        shown: r"[\w+=,.@-]+",
        allows: is_of_name,
    };
    /// Ids of access keys.
    pub(crate) const KEY_ID: Self = Self {
        shown: r"[\w]+",
        allows: is_word,
    };
    /// Policy documents.
    pub(crate) const DOCUMENT: Self = Self {
        shown: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
        allows: |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}'),
    };
    /// What is said of a role.
    pub(crate) const DESCRIPTION: Self = Self {
        shown: r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
        allows: |c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{A1}'..='\u{FF}'),
    };
    /// Where a listing goes on.
    pub(crate) const MARKER: Self = Self {
        shown: r"[\u0020-\u00FF]+",
        allows: |c| matches!(c, ' '..='\u{FF}'),
    };
    pub(crate) const TAG_KEY: Self = Self {
        shown: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
        allows: is_of_tag,
    };
    pub(crate) const TAG_VALUE: Self = Self {
        shown: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        allows: is_of_tag,
    };
    /// Anything at all.
    pub(crate) const ANY: Self = Self {
        shown: "",
        allows: |_| true,
    };
}

impl Pattern {
    /// Whether a value is made of such characters alone.
    pub(crate) fn matches(self, value: &str) -> bool {
        value.chars().all(self.allows)
    }
}

impl Form {
    /// Paths of policies.
    pub(crate) const POLICY_PATH: Self = Self {
        shown: r"((/[A-Za-z0-9\.,\+@=_-]+)*)/",
        matches: |text| {
            let is_part = |part: &str| !part.is_empty() && part.chars().all(is_of_name);
            let parts = text.strip_prefix('/').and_then(|rest| match rest {
                "" => Some(""),
                rest => rest.strip_suffix('/'),
            });
            parts.is_some_and(|parts| parts.is_empty() && text == "/" || parts.split('/').all(is_part))
        },
    };
    /// `v1`.
    pub(crate) const VERSION: Self = Self {
        shown: r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?",
        matches: is_version,
    };
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_of_name(c: char) -> bool {
    is_word(c) || "+=,.@-".contains(c)
}

/// Letters, separators, digits (of any script) and a few signs.
fn is_of_tag(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn is_version(text: &str) -> bool {
    let (number, rest) = match text.split_once('.') {
        Some((number, rest)) => (number, rest),
        None => (text, ""),
    };
    let digits = number.strip_prefix('v').unwrap_or_default();
    let is_number =
        digits.starts_with(|c: char| ('1'..='9').contains(&c)) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_the_model_says() {
        let cases = [
            (Pattern::NAME, "a+=,.@-_9", "a/b"),
            (Pattern::EXTERNAL_ID, "a:/b", "a b"),
            (Pattern::KEY_ID, "AKIA_1", "AKIA-1"),
            (Pattern::DOCUMENT, "{\t}\u{FF}", "\u{100}"),
            (Pattern::DESCRIPTION, "a\nb", "a\u{7F}"),
            (Pattern::MARKER, "a b", "a\n"),
            (Pattern::TAG_KEY, "Größe 1/2:@", "a*b"),
            (Pattern::TAG_VALUE, "", "a\tb"),
        ];
        for (pattern, good, bad) in cases {
            assert!(pattern.matches(good), "{good:?} {}", pattern.shown);
            assert!(!pattern.matches(bad), "{bad:?} {}", pattern.shown);
        }
    }

    #[test]
    fn forms_match_what_the_model_says() {
        let cases = [
            (Form::POLICY_PATH, "/", ""),
            (Form::POLICY_PATH, "/team/ci/", "//"),
            (Form::POLICY_PATH, "/a.,+@=_-/", "/a//b/"),
            (Form::POLICY_PATH, "/a/", "/a"),
            (Form::VERSION, "v12.a-1", "v0"),
            (Form::VERSION, "v1", "1"),
            (Form::VERSION, "v1.", "v1.a_b"),
        ];
        for (form, good, bad) in cases {
            assert!((form.matches)(good), "{good:?} {}", form.shown);
            assert!(!(form.matches)(bad), "{bad:?} {}", form.shown);
        }
    }
}
