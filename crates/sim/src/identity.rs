use std::collections::BTreeMap;

use iam::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who makes a call, once the signature or the token has been believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Identity {
    /// The root user of an account, who may do everything in it.
    Root(#[serde(with = "account_text")] AccountId),
    /// A user, by an access key of its own or by a session that was had for one.
    User(UserIdentity),
    /// A session of a role.
    Session(RoleSession),
}

/// A user. What the user may do is looked up at each call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserIdentity {
    #[serde(with = "account_text")]
    pub(crate) account: AccountId,
    pub(crate) path: String,
    pub(crate) name: String,
    /// Ends with the user, as a role's does with the role.
    pub(crate) id: String,
}

/// A session of a role. What the role may do is looked up at each call, as AWS does: a policy that changes, changes
/// what running sessions may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleSession {
    /// The role's account.
    #[serde(with = "account_text")]
    pub(crate) account: AccountId,
    pub(crate) role_name: String,
    /// Ends with the role: one that is created anew under the same name has another id.
    pub(crate) role_id: String,
    pub(crate) session_name: String,
    /// When the session began, `aws:TokenIssueTime`: a policy can make sessions that began earlier worthless.
    pub(crate) issued: Timestamp,
    /// The ARN of the identity provider that vouched for whoever began the session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) provider: Option<String>,
    /// The session policy's document.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) policy: Option<String>,
    /// The managed policies that limit the session beside that document.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) policy_arns: Vec<String>,
    /// `aws:PrincipalTag/…` beside the role's own tags, over which they win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of those tags that the next session of a chain inherits.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) transitive: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) source_identity: Option<String>,
    #[serde(default)]
    pub(crate) origin: Origin,
}

/// How a role session began. A session that AWS itself gave to a machine may be followed by one of full length: only
/// a role assumed from a role's session counts as chaining.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// By `AssumeRole` or one of its like.
    #[default]
    Assumed,
    /// By an EC2 instance's profile, an ECS task's role or an EKS pod identity.
    Machine,
}

impl Identity {
    pub(crate) fn account(&self) -> AccountId {
        match self {
            Self::Root(account) => *account,
            Self::User(user) => user.account,
            Self::Session(session) => session.account,
        }
    }

    /// The ARN, as `GetCallerIdentity` and messages show it.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Root(account) => format!("arn:aws:iam::{account}:root"),
            Self::User(user) => user.arn(),
            Self::Session(session) => session.arn(),
        }
    }

    /// `aws:userid`.
    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::Root(account) => account.to_string(),
            Self::User(user) => user.id.clone(),
            Self::Session(session) => session.user_id(),
        }
    }
}

impl UserIdentity {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user{}{}", self.account, self.path, self.name)
    }
}

impl RoleSession {
    pub(crate) fn arn(&self) -> String {
        let Self {
            account,
            role_name,
            session_name,
            ..
        } = self;
        format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}")
    }

    pub(crate) fn user_id(&self) -> String {
        format!("{}:{}", self.role_id, self.session_name)
    }
}

/// Accounts as text, for serde.
pub(crate) mod account_text {
    use iam::AccountId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(account: &AccountId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(account.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_named_as_aws_names_them() {
        let account = "111122223333".parse().unwrap();
        assert_eq!(Identity::Root(account).arn(), "arn:aws:iam::111122223333:root");
        let user = UserIdentity {
            account,
            path: "/ci/".into(),
            name: "pusher".into(),
            id: "AIDAEXAMPLE".into(),
        };
        assert_eq!(user.arn(), "arn:aws:iam::111122223333:user/ci/pusher");
        assert_eq!(Identity::User(user).user_id(), "AIDAEXAMPLE");
        let session = Identity::Session(RoleSession {
            account,
            role_name: "puller".into(),
            role_id: "AROAEXAMPLE".into(),
            session_name: "wharf".into(),
            issued: "2026-11-20T12:00:00Z".parse().unwrap(),
            provider: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: BTreeMap::new(),
            transitive: Vec::new(),
            source_identity: None,
            origin: Origin::Assumed,
        });
        assert_eq!(session.arn(), "arn:aws:sts::111122223333:assumed-role/puller/wharf");
        assert_eq!(session.user_id(), "AROAEXAMPLE:wharf");
        let json = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), session);
    }
}
