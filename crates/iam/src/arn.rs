/// How an ARN that is known to be of one kind is read and shown: as the ARN that it is.
macro_rules! arn_of_a_kind {
    ($kind:ident) => {
        impl std::str::FromStr for $kind {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let arn = text.parse::<Arn>().map_err(|error| ArnError {
                    expected: EXPECTED,
                    ..error
                })?;
                $kind::try_from(arn)
            }
        }

        impl From<$kind> for Arn {
            fn from(kind: $kind) -> Arn {
                kind.arn
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.arn.fmt(f)
            }
        }

        impl std::fmt::Debug for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($kind), "({})"), self.arn)
            }
        }
    };
}

mod provider;
mod role;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::AccountId;

pub use provider::OidcProviderArn;
pub use role::RoleArn;

/// An Amazon Resource Name: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
///
/// The region may be empty, the account may be empty or (for what AWS itself owns) `aws`; the resource is everything
/// after the fifth colon, further colons included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: Box<str>,
    /// Where the service, the region, the account and the resource begin.
    starts: [u16; 4],
    account: Option<AccountId>,
}

impl Arn {
    /// An ARN is at most 2048 bytes long, as in IAM.
    pub const MAX_BYTES: usize = 2048;

    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        &self.text["arn:".len()..self.start(0) - 1]
    }

    /// The service's prefix: `iam`, `sts`, `ecr`.
    pub fn service(&self) -> &str {
        &self.text[self.start(0)..self.start(1) - 1]
    }

    /// The region, empty for a global service.
    pub fn region(&self) -> &str {
        &self.text[self.start(1)..self.start(2) - 1]
    }

    /// The account, if the ARN names one.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The text of the account's place: twelve digits, `aws`, or nothing.
    pub fn account_text(&self) -> &str {
        &self.text[self.start(2)..self.start(3) - 1]
    }

    /// What comes after the fifth colon: `repository/team/app`, `role/puller`.
    pub fn resource(&self) -> &str {
        &self.text[self.start(3)..]
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn start(&self, part: usize) -> usize {
        usize::from(self.starts[part])
    }

    /// The resource behind its type, if it is of that type: `team/app` for `repository` in `repository/team/app`.
    pub(crate) fn resource_of(&self, service: &str, kind: &str) -> Option<&str> {
        if self.service() != service {
            return None;
        }
        self.resource().strip_prefix(kind)?.strip_prefix('/')
    }

    /// What the ARN names, in words, for errors.
    pub(crate) fn described(&self) -> &'static str {
        let kind = self.resource().split(['/', ':']).next().unwrap_or_default();
        match (self.service(), kind) {
            ("iam", "oidc-provider") => "the ARN of an OIDC provider",
            ("iam", "saml-provider") => "the ARN of a SAML provider",
            ("iam", "role") => "the ARN of a role",
            ("iam", "user") => "the ARN of a user",
            ("iam", "group") => "the ARN of a group",
            ("iam", "policy") => "the ARN of a policy",
            ("iam", "instance-profile") => "the ARN of an instance profile",
            ("iam", "root") => "the ARN of an account",
            ("sts", "assumed-role") => "the ARN of a role's session",
            ("ecr", "repository") => "the ARN of a repository",
            _ => "an ARN of something else",
        }
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: &str| ArnError::new(text, reason, "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE");
        if text.len() > Self::MAX_BYTES {
            return Err(error("is longer than 2048 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(error("contains white space or control characters"));
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || {
            parts
                .next()
                .ok_or_else(|| error("is not an ARN: it has fewer than six parts"))
        };
        let (prefix, partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if prefix != "arn" {
            return Err(error("is not an ARN: it does not begin with `arn:`"));
        }
        if partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(error("leaves the partition, the service or the resource empty"));
        }
        let known = match account {
            "" | "aws" => None,
            digits => Some(
                digits
                    .parse::<AccountId>()
                    .map_err(|cause| error(&format!("names no account ({cause})")))?,
            ),
        };
        let service_at = "arn:".len() + partition.len() + 1;
        let region_at = service_at + service.len() + 1;
        let account_at = region_at + region.len() + 1;
        let resource_at = account_at + account.len() + 1;
        let start = |at: usize| u16::try_from(at).expect("an ARN is at most 2048 bytes long");
        Ok(Arn {
            text: text.into(),
            starts: [
                start(service_at),
                start(region_at),
                start(account_at),
                start(resource_at),
            ],
            account: known,
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arn({})", self.text)
    }
}

/// A text that is not the ARN that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` {reason}; expected: {expected}")]
pub struct ArnError {
    text: String,
    reason: String,
    expected: &'static str,
}

impl ArnError {
    fn new(text: &str, reason: &str, expected: &'static str) -> Self {
        ArnError {
            text: text.chars().take(256).collect(),
            reason: reason.to_owned(),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_parts_apart() {
        let arn: Arn = "arn:aws-cn:logs:cn-north-1:111122223333:log-group:a:*".parse().unwrap();
        assert_eq!(
            (
                arn.partition(),
                arn.service(),
                arn.region(),
                arn.account_text(),
                arn.resource()
            ),
            ("aws-cn", "logs", "cn-north-1", "111122223333", "log-group:a:*")
        );
        assert_eq!(arn.account().unwrap().as_str(), "111122223333");
        assert_eq!(arn.to_string(), "arn:aws-cn:logs:cn-north-1:111122223333:log-group:a:*");
    }

    #[test]
    fn the_account_may_be_missing() {
        let bucket: Arn = "arn:aws:s3:::bucket/key".parse().unwrap();
        assert_eq!(
            (bucket.account(), bucket.region(), bucket.resource()),
            (None, "", "bucket/key")
        );
        assert!(
            "arn:aws:iam::aws:policy/ReadOnlyAccess"
                .parse::<Arn>()
                .unwrap()
                .account()
                .is_none()
        );
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, part) in [
            ("", "fewer than six parts"),
            ("arn:aws:iam", "fewer than six parts"),
            ("urn:aws:iam::111122223333:root", "does not begin"),
            ("arn:aws:iam::0123456789012:role/x", "13 digits"),
            ("arn::iam::111122223333:role/x", "empty"),
            ("arn:aws:iam::111122223333:", "empty"),
            ("arn:aws:iam::111122223333:role/a b", "white space"),
        ] {
            let error = text.parse::<Arn>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(format!("arn:aws:s3:::{}", "x".repeat(3000)).parse::<Arn>().is_err());
    }
}
