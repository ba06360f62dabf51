use crate::{AccountId, Arn, ArnError};

const EXPECTED: &str = "the ARN of a role, arn:aws:iam::123456789012:role/NAME";

/// The ARN of an IAM role: `arn:aws:iam::123456789012:role/PATH/NAME`, the path often empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    arn: Arn,
    account: AccountId,
}

impl RoleArn {
    /// The role's account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        self.arn.partition()
    }

    /// The role's name, without its path; unique in the account whatever the path.
    pub fn name(&self) -> &str {
        self.arn.resource().rsplit('/').next().unwrap_or_default()
    }

    /// The path as IAM shows it: begins and ends with `/`; a lone `/` is the usual one.
    pub fn path(&self) -> &str {
        let resource = self.arn.resource();
        &resource["role".len()..resource.len() - self.name().len()]
    }

    /// The ARN that a session of this role acts under: `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, without the
    /// role's path.
    ///
    /// # Errors
    /// If the session's name does not fit into an ARN.
    pub fn session(&self, session_name: &str) -> Result<Arn, ArnError> {
        format!(
            "arn:{}:sts::{}:assumed-role/{}/{session_name}",
            self.partition(),
            self.account,
            self.name()
        )
        .parse()
    }

    /// The plain ARN.
    pub fn as_arn(&self) -> &Arn {
        &self.arn
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        self.arn.as_str()
    }
}

impl TryFrom<Arn> for RoleArn {
    type Error = ArnError;

    fn try_from(arn: Arn) -> Result<Self, Self::Error> {
        let error = |reason: &str| ArnError::new(arn.as_str(), reason, EXPECTED);
        let Some(path_and_name) = arn.resource_of("iam", "role") else {
            return Err(error(&format!("is {}", arn.described())));
        };
        let name = path_and_name.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || path_and_name.split('/').any(str::is_empty) {
            return Err(error("names no role"));
        }
        if name.len() > 64
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        {
            return Err(error("names no role (a name is 1 to 64 letters, digits and _+=,.@-)"));
        }
        let Some(account) = arn.account() else {
            return Err(error("names no account"));
        };
        if !arn.region().is_empty() {
            return Err(error("names a region, a role has none"));
        }
        Ok(RoleArn { arn, account })
    }
}

arn_of_a_kind!(RoleArn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_name() {
        let plain: RoleArn = "arn:aws:iam::111122223333:role/puller".parse().unwrap();
        assert_eq!((plain.path(), plain.name()), ("/", "puller"));
        let deep: RoleArn = "arn:aws:iam::111122223333:role/team/a/puller".parse().unwrap();
        assert_eq!((deep.path(), deep.name()), ("/team/a/", "puller"));
        assert_eq!(
            deep.session("s").unwrap().as_str(),
            "arn:aws:sts::111122223333:assumed-role/puller/s"
        );
        assert!(deep.session("a b").is_err());
    }

    #[test]
    fn another_kind_of_arn_is_named() {
        let error = "arn:aws:iam::111122223333:oidc-provider/issuer.example"
            .parse::<RoleArn>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`arn:aws:iam::111122223333:oidc-provider/issuer.example` is the ARN of an OIDC provider; \
             expected: the ARN of a role, arn:aws:iam::123456789012:role/NAME"
        );
        for text in [
            "arn:aws:sts::111122223333:assumed-role/puller/s",
            "arn:aws:iam::111122223333:user/puller",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a//b",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam:us-east-1:111122223333:role/a",
            "arn:aws:iam:::role/a",
            "puller",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }
}
