use std::fmt;

use crate::{AccountId, Arn};

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A user, a role's session (`arn:aws:sts::A:assumed-role/ROLE/SESSION`), a federated user's session, or the root
    /// user of an account (`arn:aws:iam::A:root`).
    Aws(Arn),
    /// An AWS service by its name, `ecs-tasks.amazonaws.com`.
    Service(String),
    /// The holder of a token of an identity provider: the ARN of the IAM provider, or the name of a built-in one
    /// (`cognito-identity.amazonaws.com`). This is who calls AssumeRoleWithWebIdentity.
    Federated(String),
    /// Nobody that AWS knows.
    Anonymous,
}

impl Principal {
    /// The account that the principal belongs to; services, federated identities and the anonymous belong to none.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Principal::Aws(arn) => arn.account(),
            _ => None,
        }
    }

    /// Is it the root user of its account?
    pub fn is_root(&self) -> bool {
        matches!(self, Principal::Aws(arn) if arn.service() == "iam" && arn.resource() == "root")
    }

    /// The name of the role whose session this is.
    pub fn session_role(&self) -> Option<&str> {
        let Principal::Aws(arn) = self else { return None };
        arn.resource_of("sts", "assumed-role")?.split('/').next()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Aws(arn) => arn.fmt(f),
            Principal::Service(name) | Principal::Federated(name) => f.pad(name),
            Principal::Anonymous => f.pad("anonymous"),
        }
    }
}
