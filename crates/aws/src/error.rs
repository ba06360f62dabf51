use std::fmt;

use oci::ErrorCode;

use crate::explain::text::{block, line, shortened};

/// What went wrong between Wharfinger and AWS, explained: what was tried, what was said, and what may be behind it.
///
/// No secret is in any part: the same text goes to the client that pulls, to the log and to the console. What came from
/// elsewhere has no control characters left in it, and every part has a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// The call, with the identity that made it.
    pub tried: String,
    /// The answer, in the words of AWS.
    pub said: String,
    /// What may be behind it, the likeliest first.
    pub causes: Vec<Cause>,
}

/// Something that may be behind an error, how to find out whether it is, and what to do then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What is wrong, if it is this.
    pub why: String,
    /// A command, or a place to look at, that tells this cause from the others.
    pub how_to_tell: String,
    /// What to do about it.
    pub fix: String,
    /// A policy to put in place, where that is the fix.
    pub document: Option<Document>,
}

/// A policy document that belongs to a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is and where it goes, such as `trust policy of the role …`.
    pub purpose: String,
    /// The document, as JSON over several lines.
    pub text: String,
}

/// What kind of trouble it is, for whoever has to answer a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AWS refuses; it will refuse again until somebody changes something there or here.
    Refused,
    /// What was asked for does not exist; the code says what it was.
    NotFound(ErrorCode),
    /// Too many requests; later it may go.
    Throttled,
    /// AWS cannot be reached, or is in trouble itself; later it may go.
    Unavailable,
}

impl AwsError {
    /// An error with its causes in order of likelihood.
    pub fn new(kind: Kind, tried: &str, said: &str, causes: impl IntoIterator<Item = Cause>) -> Self {
        Self {
            kind,
            tried: line(tried, MAX_TRIED),
            said: line(said, MAX_SAID),
            causes: causes.into_iter().take(MAX_CAUSES).collect(),
        }
    }

    /// The same with a cause that is likelier than all the others.
    #[must_use]
    pub fn led_by(mut self, cause: Cause) -> Self {
        self.causes.insert(0, cause);
        self.causes.truncate(MAX_CAUSES);
        self
    }
}

impl Cause {
    /// A cause whose fix is no document.
    pub fn new(why: impl AsRef<str>, how_to_tell: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self {
            why: line(why.as_ref(), MAX_PART),
            how_to_tell: line(how_to_tell.as_ref(), MAX_PART),
            fix: line(fix.as_ref(), MAX_FIX),
            document: None,
        }
    }

    /// The same with the document that its fix puts in place. One that is longer than any policy may be is left out.
    #[must_use]
    pub(crate) fn with(mut self, document: Option<Document>) -> Self {
        self.document = document.filter(|document| document.text.len() <= MAX_DOCUMENT);
        self
    }
}

impl Document {
    pub(crate) fn new(purpose: impl AsRef<str>, text: &str) -> Self {
        Self {
            purpose: line(purpose.as_ref(), MAX_PART),
            text: block(text),
        }
    }
}

/// One line, for clients that print nothing else: the likeliest cause whole, of the others what they are. A policy is too
/// good a fix to leave it out because something simple, such as a wrong clock, comes before it.
impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. AWS said: {}.", self.tried, self.said.trim_end_matches('.'))?;
        let Some((first, others)) = self.causes.split_first() else {
            return Ok(());
        };
        write!(f, " Likely cause: {}. Fix: {}", first.why, first.fix)?;
        if !others.is_empty() {
            let mut others: Vec<_> = others.iter().map(|cause| shortened(&cause.why, SHORT)).collect();
            if let (None, Some(second)) = (
                &first.document,
                self.causes.get(1).filter(|cause| cause.document.is_some()),
            ) {
                others[0] = format!("{} (fix: {})", second.why, second.fix);
            }
            write!(f, ". If it is not that: {}", others.join("; or "))?;
        }
        Ok(())
    }
}

impl std::error::Error for AwsError {}

const MAX_TRIED: usize = 2000;
const MAX_SAID: usize = 1000;
const MAX_PART: usize = 1000;
/// A trust policy of the longest kind, within a command.
const MAX_FIX: usize = 3000;
const MAX_CAUSES: usize = 8;
const SHORT: usize = 160;
/// A repository's policy has at most 10,240 bytes ("Amazon ECR service quotas"); indented it is longer.
const MAX_DOCUMENT: usize = 40 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_the_likeliest_cause_whole_and_the_others_shortly() {
        let causes = ["one", "two", "three"].map(|why| Cause::new(why, "look", format!("mend {why}")));
        let error = AwsError::new(Kind::Refused, "a call", "No.", causes);
        assert_eq!(
            error.to_string(),
            "a call. AWS said: No. Likely cause: one. Fix: mend one. If it is not that: two; or three"
        );
    }

    #[test]
    fn a_policy_that_comes_second_is_in_the_line_too() {
        let policy = Cause::new("the policy", "look", "put it").with(Some(Document::new("p", "{}")));
        let other = Cause::new("another", "look", "mend it");
        let clock = Cause::new("the clock", "date", "set it");
        let error = AwsError::new(Kind::Refused, "a", "b", [policy, other]).led_by(clock);
        assert_eq!(
            error.to_string(),
            "a. AWS said: b. Likely cause: the clock. Fix: set it. If it is not that: the policy (fix: put it); or another"
        );
    }

    #[test]
    fn what_came_from_elsewhere_is_bounded_and_on_one_line() {
        let nasty = "\u{1b}[31mred\r\nX-Header: y\u{202e}\0".repeat(10_000);
        let causes = (0..100).map(|_| Cause::new(&nasty, &nasty, &nasty));
        let error = AwsError::new(Kind::Refused, &nasty, &nasty, causes);
        let text = error.to_string();
        assert!(text.chars().count() < 11_000, "{}", text.chars().count());
        assert!(!text.contains(['\u{1b}', '\r', '\n', '\0', '\u{202e}']), "{text}");
    }

    #[test]
    fn a_document_keeps_its_lines_and_nothing_else_of_its_kind() {
        let document = Document::new("a\nb", "{\n\u{1b}}");
        assert_eq!((document.purpose.as_str(), document.text.as_str()), ("a b", "{\n}"));
        let long = Document::new("p", &" ".repeat(MAX_DOCUMENT + 1));
        assert!(Cause::new("", "", "").with(Some(long)).document.is_none());
    }
}
