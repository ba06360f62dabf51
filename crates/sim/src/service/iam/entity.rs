use std::collections::BTreeMap;

use ::iam::{AccountId, OidcProviderArn};

use super::{
    Call,
    fault::no_such_entity,
    names::{ARN, name},
    permission::Ask,
};
use crate::{
    query::{Fault, Pattern, Validation},
    world::{Account, Permissions},
};

pub(super) type Tags = BTreeMap<String, String>;

/// The kinds of entities that have tags and that a call can name: by a name, or by an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Role,
    /// A managed policy, by its ARN.
    Policy,
    /// An OIDC provider, by its ARN.
    Provider,
    InstanceProfile,
}

/// What permissions are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    User,
    Role,
}

/// What has to be known of an entity to ask whether somebody may do something to it.
struct Found<'a> {
    arn: String,
    tags: &'a Tags,
    boundary: Option<&'a str>,
}

impl Kind {
    /// Reads the parameter that names one.
    pub(super) fn named<'p>(self, check: &mut Validation<'p>) -> &'p str {
        match self {
            Self::User => name(check, "UserName", 128),
            Self::Role => name(check, "RoleName", 64),
            Self::Policy => check.required("PolicyArn", ARN, Pattern::ANY),
            Self::Provider => check.required("OpenIDConnectProviderArn", ARN, Pattern::ANY),
            Self::InstanceProfile => name(check, "InstanceProfileName", 128),
        }
    }

    /// The tags of an entity.
    pub(super) fn tags<'a>(self, account: &'a Account, id: AccountId, name: &str) -> Option<&'a Tags> {
        Some(match self {
            Self::User => &account.user(name)?.permissions.tags,
            Self::Role => &account.role(name)?.permissions.tags,
            Self::Policy => &account.policy(id, name)?.tags,
            Self::Provider => &account.provider(id, name)?.tags,
            Self::InstanceProfile => &account.instance_profile(name)?.tags,
        })
    }

    /// The tags of an entity, to change.
    pub(super) fn tags_mut<'a>(self, account: &'a mut Account, id: AccountId, name: &str) -> Option<&'a mut Tags> {
        Some(match self {
            Self::User => &mut account.user_mut(name)?.permissions.tags,
            Self::Role => &mut account.role_mut(name)?.permissions.tags,
            Self::Policy => &mut account.policy_mut(id, name)?.tags,
            Self::Provider => &mut account.provider_mut(id, name)?.tags,
            Self::InstanceProfile => &mut account.instance_profile_mut(name)?.tags,
        })
    }

    /// Users and roles cannot have two tags whose keys differ in case alone; other entities can (IAM user guide, "Tags
    /// for IAM resources").
    pub(super) fn ignores_case_of_tags(self) -> bool {
        matches!(self, Self::User | Self::Role)
    }

    /// The answer where there is none of this name.
    pub(super) fn missing(self, name: &str) -> Fault {
        no_such_entity(match self {
            Self::User => format!("The user with name {name} cannot be found."),
            Self::Role => format!("The role with name {name} cannot be found."),
            Self::Policy => format!("Policy {name} was not found."),
            Self::Provider => format!("OpenIDConnect Provider not found for arn {name}"),
            Self::InstanceProfile => format!("Instance Profile {name} cannot be found."),
        })
    }

    /// How a denial names it: IAM was seen to write `user bob` where others write an ARN.
    fn shown(self, name: &str) -> String {
        match self {
            Self::User => format!("user {name}"),
            Self::Role => format!("role {name}"),
            Self::Policy => format!("policy {name}"),
            Self::Provider => name.to_owned(),
            Self::InstanceProfile => format!("instance profile {name}"),
        }
    }

    /// The ARN of one that is not there.
    fn supposed_arn(self, account: AccountId, name: &str) -> String {
        let kind = match self {
            Self::User => "user",
            Self::Role => "role",
            Self::InstanceProfile => "instance-profile",
            Self::Policy | Self::Provider => return name.to_owned(),
        };
        format!("arn:aws:iam::{account}:{kind}/{name}")
    }

    fn find<'a>(self, account: &'a Account, id: AccountId, name: &str) -> Option<Found<'a>> {
        let permissions = match self {
            Self::User => Some(&account.user(name)?.permissions),
            Self::Role => Some(&account.role(name)?.permissions),
            _ => None,
        };
        Some(Found {
            arn: match self {
                Self::User => account.user(name)?.arn(id),
                Self::Role => account.role(name)?.arn(id),
                Self::InstanceProfile => account.instance_profile(name)?.arn(id),
                Self::Policy | Self::Provider => name.to_owned(),
            },
            tags: self.tags(account, id, name)?,
            boundary: permissions.and_then(|permissions| permissions.boundary.as_deref()),
        })
    }
}

impl Holder {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::User => Kind::User,
            Self::Role => Kind::Role,
        }
    }

    /// `user`, as sentences name it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }

    /// Reads the parameter that names one. Where permissions are attached, the model lets no name of a user be longer
    /// than that of a new one.
    pub(super) fn briefly_named<'p>(self, check: &mut Validation<'p>) -> &'p str {
        match self {
            Self::User => name(check, "UserName", 64),
            Self::Role => name(check, "RoleName", 64),
        }
    }

    pub(super) fn permissions<'a>(self, account: &'a Account, name: &str) -> Option<&'a Permissions> {
        Some(match self {
            Self::User => &account.user(name)?.permissions,
            Self::Role => &account.role(name)?.permissions,
        })
    }

    pub(super) fn permissions_mut<'a>(self, account: &'a mut Account, name: &str) -> Option<&'a mut Permissions> {
        Some(match self {
            Self::User => &mut account.user_mut(name)?.permissions,
            Self::Role => &mut account.role_mut(name)?.permissions,
        })
    }
}

impl Call<'_> {
    /// Goes on if the entity is there and the caller may do this to it. Who may not does not learn whether it is there.
    pub(super) fn enter(&mut self, kind: Kind, name: &str) -> Result<(), Fault> {
        self.enter_asking(kind, name, |ask| ask)
    }

    /// The same, with more condition keys.
    pub(super) fn enter_asking(&mut self, kind: Kind, name: &str, more: impl FnOnce(Ask) -> Ask) -> Result<(), Fault> {
        if self.finds(kind, name, more)? {
            Ok(())
        } else {
            Err(kind.missing(name))
        }
    }

    /// Tells whether the entity is there, if the caller may do this to it.
    pub(super) fn finds(&mut self, kind: Kind, name: &str, more: impl FnOnce(Ask) -> Ask) -> Result<bool, Fault> {
        check_arn(kind, name)?;
        if name.starts_with("arn:aws:iam::aws:") {
            return Err(self.not_ones_own(&kind.shown(name)));
        }
        let account = self.account();
        let (ask, is_there) = self.world.read(|state| {
            let found = state.account(account).and_then(|known| kind.find(known, account, name));
            match found {
                Some(found) => {
                    let ask = Ask::on(found.arn).of_tagged(found.tags);
                    (ask.with_boundary(found.boundary), true)
                }
                None => (Ask::on(kind.supposed_arn(account, name)), false),
            }
        });
        self.authorize(&more(ask.shown_as(kind.shown(name))))?;
        Ok(is_there)
    }

    /// Reads what is known of an entity that was entered.
    pub(super) fn seen<T>(
        &self,
        kind: Kind,
        name: &str,
        reader: impl FnOnce(&Account) -> Option<T>,
    ) -> Result<T, Fault> {
        let account = self.account();
        self.world
            .read(|state| reader(state.account(account)?))
            .ok_or_else(|| kind.missing(name))
    }

    /// Changes an account in which an entity was entered; the change finds nothing where the entity has gone since.
    pub(super) fn change<T>(
        &self,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&mut Account) -> Option<Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let account = self.account();
        self.world
            .write(|state| change(state.account_mut(account)))
            .unwrap_or_else(|| Err(kind.missing(name)))
    }
}

/// Refuses what is no ARN of its kind.
fn check_arn(kind: Kind, arn: &str) -> Result<(), Fault> {
    match kind {
        Kind::Policy if !is_policy_arn(arn) => Err(Fault::validation(format!("ARN {arn} is not valid."))),
        Kind::Provider if arn.parse::<OidcProviderArn>().is_err() => {
            Err(Fault::validation(format!("Invalid ARN: {arn}")))
        }
        _ => Ok(()),
    }
}

/// Whether a text is the ARN of a managed policy, of an account or of AWS.
pub(super) fn is_policy_arn(arn: &str) -> bool {
    let parts = arn
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(":policy/"));
    parts.is_some_and(|(owner, name)| (owner == "aws" || owner.parse::<AccountId>().is_ok()) && !name.is_empty())
}
