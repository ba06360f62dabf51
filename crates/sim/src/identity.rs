use iam::AccountId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Who makes a call, once the signature or the token has been believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Identity {
    /// The root user of an account, who may do everything in it.
    Root(#[serde(serialize_with = "write_account", deserialize_with = "read_account")] AccountId),
    /// A session of a role.
    Session(RoleSession),
}

/// A session of a role. What the role may do is looked up at each call, as AWS does: a policy that changes, changes
/// what running sessions may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleSession {
    /// The role's account.
    #[serde(serialize_with = "write_account", deserialize_with = "read_account")]
    pub(crate) account: AccountId,
    pub(crate) role_name: String,
    /// Ends with the role: one that is created anew under the same name has another id.
    pub(crate) role_id: String,
    pub(crate) session_name: String,
    /// The ARN of the identity provider that vouched for whoever began the session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) provider: Option<String>,
    /// The session policy's document.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) policy: Option<String>,
}

impl Identity {
    pub(crate) fn account(&self) -> AccountId {
        match self {
            Self::Root(account) => *account,
            Self::Session(session) => session.account,
        }
    }

    /// The ARN, as `GetCallerIdentity` and messages show it.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Root(account) => format!("arn:aws:iam::{account}:root"),
            Self::Session(session) => session.arn(),
        }
    }

    /// `aws:userid`.
    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::Root(account) => account.to_string(),
            Self::Session(session) => session.user_id(),
        }
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

fn write_account<S: Serializer>(account: &AccountId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(account.as_str())
}

fn read_account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_named_as_aws_names_them() {
        let account = "111122223333".parse().unwrap();
        assert_eq!(Identity::Root(account).arn(), "arn:aws:iam::111122223333:root");
        let session = Identity::Session(RoleSession {
            account,
            role_name: "puller".into(),
            role_id: "AROAEXAMPLE".into(),
            session_name: "wharf".into(),
            provider: None,
            policy: None,
        });
        assert_eq!(session.arn(), "arn:aws:sts::111122223333:assumed-role/puller/wharf");
        assert_eq!(session.user_id(), "AROAEXAMPLE:wharf");
        let json = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), session);
    }
}
