use crate::{AccountId, Arn, Context, Principal};

/// Who asks, as policies name principals.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller<'r> {
    Root {
        account: AccountId,
        arn: &'r Arn,
    },
    /// A user, or a federated user's session.
    User {
        account: AccountId,
        arn: &'r Arn,
    },
    /// A role's session; a role's own ARN stands for any of its sessions.
    Session {
        account: AccountId,
        arn: &'r Arn,
        role: &'r str,
        role_arn: Option<&'r str>,
    },
    /// A principal of AWS whose account its ARN does not say: nothing that AWS has.
    Unplaced,
    Service(&'r str),
    Federated(&'r str),
    Anonymous,
}

impl<'r> Caller<'r> {
    pub(super) fn of(principal: &'r Principal, context: &'r Context) -> Self {
        let arn = match principal {
            Principal::Aws(arn) => arn,
            Principal::Service(name) => return Caller::Service(name),
            Principal::Federated(provider) => return Caller::Federated(provider),
            Principal::Anonymous => return Caller::Anonymous,
        };
        let Some(account) = arn.account() else {
            return Caller::Unplaced;
        };
        if principal.is_root() {
            return Caller::Root { account, arn };
        }
        if let Some(path_and_name) = arn.resource_of("iam", "role") {
            let role = last_part(path_and_name);
            return Caller::Session {
                account,
                arn,
                role,
                role_arn: Some(arn.as_str()),
            };
        }
        if let Some(role) = principal.session_role() {
            return Caller::Session {
                account,
                arn,
                role,
                role_arn: role_in(context, account, role),
            };
        }
        Caller::User { account, arn }
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Caller::Root { account, .. } | Caller::User { account, .. } | Caller::Session { account, .. } => {
                Some(*account)
            }
            Caller::Unplaced | Caller::Service(_) | Caller::Federated(_) | Caller::Anonymous => None,
        }
    }

    /// Does it act with policies of its own?
    pub(super) fn is_of_aws(&self) -> bool {
        self.account().is_some() || matches!(self, Caller::Unplaced)
    }

    /// A session that GetFederationToken made: without a session policy it may do nothing by its user's policies.
    pub(super) fn is_federated_user(&self) -> bool {
        matches!(self, Caller::User { arn, .. } if arn.service() == "sts")
    }

    /// A role that a service made for itself: no policy of an organization restricts it.
    pub(super) fn is_service_linked(&self) -> bool {
        matches!(self, Caller::Session { role_arn: Some(arn), .. } if arn.contains(":role/aws-service-role/"))
    }
}

/// A session's ARN leaves out the role's path. The context may know it.
fn role_in<'r>(context: &'r Context, account: AccountId, role: &str) -> Option<&'r str> {
    let [text] = context.values("aws:PrincipalArn") else {
        return None;
    };
    let arn: Arn = text.parse().ok()?;
    let path_and_name = arn.resource_of("iam", "role")?;
    (arn.account() == Some(account) && last_part(path_and_name) == role).then_some(text)
}

pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
