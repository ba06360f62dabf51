use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{AccountId, Arn};

/// The name of a role or a user: 1 to 64 letters, digits and `_+=,.@-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamName(String);

impl IamName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IamName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        // A name may begin with a dash, and no command line could be given it then.
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.bytes().all(is_sign) {
            return Err(InvalidName {
                text: text.chars().take(128).collect(),
            });
        }
        Ok(IamName(text.to_owned()))
    }
}

impl fmt::Display for IamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is not the name of a role or a user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no name of a role or a user; expected: 1 to 64 letters, digits and _+=,.@- (a name, not an ARN)")]
pub struct InvalidName {
    text: String,
}

/// One repository of ECR: `arn:aws:ecr:us-east-1:123456789012:repository/team/app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    arn: Arn,
    account: AccountId,
}

impl Repository {
    /// The account that owns it.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Its region.
    pub fn region(&self) -> &str {
        self.arn.region()
    }

    /// Its name, `team/app`.
    pub fn name(&self) -> &str {
        self.arn.resource_of("ecr", "repository").unwrap_or_default()
    }
}

impl TryFrom<Arn> for Repository {
    type Error = InvalidRepository;

    fn try_from(arn: Arn) -> Result<Self, Self::Error> {
        let is_name = |name: &str| {
            let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/._-".contains(&b);
            (2..=256).contains(&name.len())
                && name.bytes().all(is_sign)
                && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        };
        let is_region = |region: &str| {
            !region.is_empty()
                && region
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !region.starts_with('-')
        };
        match (arn.account(), arn.resource_of("ecr", "repository")) {
            (Some(account), Some(name)) if is_name(name) && is_region(arn.region()) => Ok(Repository { arn, account }),
            _ => Err(InvalidRepository {
                text: arn.as_str().chars().take(256).collect(),
                what: arn.described(),
            }),
        }
    }
}

/// An ARN that is not that of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{text}` ({what}) does not name one repository of ECR; expected: arn:aws:ecr:REGION:ACCOUNT:repository/NAME, \
     without wildcards"
)]
pub struct InvalidRepository {
    text: String,
    what: &'static str,
}
