use std::fmt;

use crate::policy::Kind;
use crate::{AccountId, Arn, RoleArn};

/// What a policy is attached to, as far as a file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Role {
        account: Option<AccountId>,
        name: String,
    },
    User {
        account: Option<AccountId>,
        name: String,
    },
    Repository {
        account: Option<AccountId>,
        name: String,
    },
    /// Nothing yet: a managed policy, by its ARN or its name.
    Managed(String),
    /// The file does not say: whoever or whatever the question is about.
    Asked,
}

impl Holder {
    /// A role or a user by its ARN.
    pub(crate) fn of_arn(arn: &str) -> Option<Holder> {
        let arn: Arn = arn.parse().ok()?;
        if let Ok(role) = RoleArn::try_from(arn.clone()) {
            return Some(Holder::Role {
                account: arn.account(),
                name: role.name().to_owned(),
            });
        }
        let user = arn.resource_of("iam", "user")?;
        Some(Holder::User {
            account: arn.account(),
            name: last_part(user).to_owned(),
        })
    }

    /// From `…/ACCOUNT/role/NAME/…` and its like.
    pub(super) fn of_file(file: &str) -> Option<Holder> {
        let parts: Vec<&str> = file.split(['/', '\\']).collect();
        let at = parts
            .iter()
            .rposition(|part| matches!(*part, "role" | "user" | "repository"))?;
        let account = at.checked_sub(1).and_then(|before| parts[before].parse().ok());
        let rest = parts.get(at + 1..)?;
        let (file_name, folders) = rest.split_last()?;
        // `role/NAME.json` and `role/NAME/permissions.json`; a repository's name has slashes of its own.
        let name = match (folders, parts[at]) {
            ([], _) => file_name.strip_suffix(".json").unwrap_or(file_name).to_owned(),
            (folders, "repository") => folders.join("/"),
            ([name, ..], _) => (*name).to_owned(),
        };
        Some(match parts[at] {
            "role" => Holder::Role { account, name },
            "user" => Holder::User { account, name },
            _ => Holder::Repository { account, name },
        })
    }

    /// Does a policy of this kind belong to something of this sort?
    pub(super) fn can_have(&self, kind: Kind) -> bool {
        match self {
            Holder::Role { .. } => matches!(kind, Kind::Trust | Kind::Identity | Kind::Boundary),
            Holder::User { .. } => matches!(kind, Kind::Identity | Kind::Boundary),
            Holder::Repository { .. } => kind == Kind::Resource,
            Holder::Managed(_) | Holder::Asked => true,
        }
    }

    /// Is it this user or role, as far as the file tells?
    pub(crate) fn is_principal(&self, arn: &Arn) -> bool {
        match (self, Holder::of_arn(arn.as_str())) {
            (
                Holder::Role { account, name },
                Some(Holder::Role {
                    account: asked,
                    name: wanted,
                }),
            )
            | (
                Holder::User { account, name },
                Some(Holder::User {
                    account: asked,
                    name: wanted,
                }),
            ) => *name == wanted && (account.is_none() || *account == asked),
            _ => false,
        }
    }

    /// Is it this repository, as far as the file tells?
    pub(crate) fn is_repository(&self, arn: &Arn) -> bool {
        match self {
            Holder::Repository { account, name } => {
                arn.resource_of("ecr", "repository") == Some(name) && (account.is_none() || *account == arn.account())
            }
            _ => false,
        }
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        match self {
            Holder::Role { account, .. } | Holder::User { account, .. } | Holder::Repository { account, .. } => {
                *account
            }
            Holder::Managed(arn) => arn.parse::<Arn>().ok()?.account(),
            Holder::Asked => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Role { name, .. } => write!(f, "role {name}"),
            Holder::User { name, .. } => write!(f, "user {name}"),
            Holder::Repository { name, .. } => write!(f, "repository {name}"),
            Holder::Managed(name) => write!(f, "managed policy {name}"),
            Holder::Asked => f.write_str("what is asked about"),
        }
    }
}

pub(super) fn account_of_file(file: &str) -> Option<AccountId> {
    file.split(['/', '\\']).rev().find_map(|part| part.parse().ok())
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
