//! The values of rules, each with the bounds that keep a rule from being nonsense or from standing for ever by mistake.

use std::time::Duration;

use iam::AccountId;
use serde::{Deserialize, Serialize};

/// Milliseconds, an hour at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct Millis(u64);

/// From 0 (never) to 1 (always).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(crate) struct Probability(f64);

/// How many of something a second, a million at most and never none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(crate) struct PerSecond(f64);

/// The status of an answer that is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub(crate) struct ErrorStatus(http::StatusCode);

/// Text of one line that fits into an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Line(String);

/// The name of a rule: 1 to 64 of letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Id(String);

/// The number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Account(pub(crate) AccountId);

impl Millis {
    const MAX: u64 = 3_600_000;

    pub(crate) fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// As many as there are in a time; an hour where it is longer.
    pub(crate) fn saturating(time: Duration) -> Self {
        Self(u64::try_from(time.as_millis()).unwrap_or(Self::MAX).min(Self::MAX))
    }
}

impl Probability {
    pub(crate) const ALWAYS: Self = Self(1.0);

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl PerSecond {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl ErrorStatus {
    pub(crate) fn get(self) -> http::StatusCode {
        self.0
    }
}

impl Line {
    const MAX: usize = 1024;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Id {
    const MAX: usize = 64;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<u64> for Millis {
    type Error = String;

    fn try_from(millis: u64) -> Result<Self, String> {
        if millis > Self::MAX {
            return Err(format!(
                "{millis} is too long: at most {} (an hour) is expected",
                Self::MAX
            ));
        }
        Ok(Self(millis))
    }
}

impl TryFrom<f64> for Probability {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&number) {
            return Err(format!("{number} is no probability: a number from 0 to 1 is expected"));
        }
        Ok(Self(number))
    }
}

impl TryFrom<f64> for PerSecond {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        // Slower than once a day nobody waits for.
        if !(1e-5..=1e6).contains(&number) {
            return Err(format!(
                "{number} is no rate: a number from 0.00001 to 1000000 is expected"
            ));
        }
        Ok(Self(number))
    }
}

impl TryFrom<u16> for ErrorStatus {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        http::StatusCode::from_u16(number)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .map(Self)
            .ok_or_else(|| format!("{number} is not the status of an error: 400 to 599 is expected"))
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.len() > Self::MAX || text.chars().any(char::is_control) {
            return Err(format!(
                "{} is not a line of text: 1 to {} bytes without control characters are expected",
                shown(&text),
                Self::MAX
            ));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(is_sign) {
            return Err(format!(
                "{} is not the name of a rule: 1 to {} of letters, digits, `.`, `_` and `-` are expected",
                shown(&text),
                Self::MAX
            ));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Account {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("{} is not an AWS account: 12 digits are expected", shown(&text)))
    }
}

impl From<Millis> for u64 {
    fn from(millis: Millis) -> Self {
        millis.0
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.0
    }
}

impl From<PerSecond> for f64 {
    fn from(rate: PerSecond) -> Self {
        rate.0
    }
}

impl From<ErrorStatus> for u16 {
    fn from(status: ErrorStatus) -> Self {
        status.0.as_u16()
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.0.to_string()
    }
}

/// What was written, in quotes and shortened, for a message.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}
