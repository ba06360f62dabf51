use std::fmt;

use oci::ErrorCode;

/// What went wrong between Wharfinger and AWS, explained: what was tried, what was said, the likely cause, the fix.
///
/// No secret is in any part: the same text goes to the client that pulls, to the log and to the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// The call, with the identity that made it.
    pub tried: String,
    /// The answer, in the words of AWS.
    pub said: String,
    /// Why, most likely.
    pub cause: String,
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

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}. AWS said: {}. Likely cause: {}. Fix: {}",
            self.tried, self.said, self.cause, self.fix
        )
    }
}

impl std::error::Error for AwsError {}
