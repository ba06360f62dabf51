use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use iam::{AccountId, Kind, ParseError, Policy};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{credential::AccessKey, host::Region};

/// What IAM knows of one account.
#[derive(Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) root: AccessKey,
    /// By [`name_key`].
    #[serde(default)]
    pub(crate) users: BTreeMap<String, User>,
    /// By [`name_key`].
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, Role>,
    /// The account's own managed policies, by [`name_key`].
    #[serde(default)]
    pub(crate) policies: BTreeMap<String, ManagedPolicy>,
    /// By [`name_key`].
    #[serde(default)]
    pub(crate) instance_profiles: BTreeMap<String, InstanceProfile>,
    /// By the URL without its scheme; case matters.
    #[serde(default)]
    pub(crate) providers: BTreeMap<String, Provider>,
    /// The regions whose registry shares layers among its repositories, the account setting `BLOB_MOUNTING` of ECR.
    #[serde(default)]
    pub(crate) blob_mounting: BTreeSet<Region>,
}

/// What a user or a role may do, and tags, which have a say in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Permissions {
    /// The inline policies by name.
    #[serde(default)]
    pub(crate) inline: BTreeMap<String, Document>,
    /// The ARNs of the managed policies that are attached.
    #[serde(default)]
    pub(crate) attached: BTreeSet<String>,
    /// The ARN of the managed policy that limits all of these.
    #[serde(default)]
    pub(crate) boundary: Option<String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) permissions: Permissions,
    /// Two at most.
    #[serde(default)]
    pub(crate) keys: Vec<UserKey>,
}

/// An access key of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UserKey {
    pub(crate) key: AccessKey,
    pub(crate) active: bool,
    pub(crate) created: Timestamp,
}

/// A role that can be assumed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Seconds.
    pub(crate) max_session: i64,
    pub(crate) trust: Document,
    pub(crate) permissions: Permissions,
}

/// A managed policy of the account's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ManagedPolicy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// The number of the version in force: `1` is `v1`.
    pub(crate) default_version: u32,
    /// The number of the next version; numbers are never used again.
    pub(crate) next_version: u32,
    /// Five at most.
    pub(crate) versions: BTreeMap<u32, PolicyVersion>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) document: Document,
    pub(crate) created: Timestamp,
}

/// What lets an EC2 instance be given a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstanceProfile {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// The name of the role; one at most.
    #[serde(default)]
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// An OIDC identity provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Provider {
    /// Without the scheme.
    pub(crate) url: String,
    pub(crate) client_ids: Vec<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) created: Timestamp,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A policy as it was written and as it is understood.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) text: Arc<str>,
    pub(crate) policy: Arc<Policy>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self {
            root: AccessKey::generate(),
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            instance_profiles: BTreeMap::new(),
            providers: BTreeMap::new(),
            blob_mounting: BTreeSet::new(),
        }
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(&name_key(name))
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(&name_key(name))
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&name_key(name))
    }

    pub(crate) fn role_mut(&mut self, name: &str) -> Option<&mut Role> {
        self.roles.get_mut(&name_key(name))
    }
}

impl Account {
    /// The managed policy with this ARN; `id` is this account's.
    pub(crate) fn policy(&self, id: AccountId, arn: &str) -> Option<&ManagedPolicy> {
        let policy = self.policies.get(&policy_key(arn))?;
        (policy.arn(id) == arn).then_some(policy)
    }

    pub(crate) fn policy_mut(&mut self, id: AccountId, arn: &str) -> Option<&mut ManagedPolicy> {
        let policy = self.policies.get_mut(&policy_key(arn))?;
        (policy.arn(id) == arn).then_some(policy)
    }

    /// The OIDC provider with this ARN; `id` is this account's.
    pub(crate) fn provider(&self, id: AccountId, arn: &str) -> Option<&Provider> {
        let provider = self.providers.get(provider_url(arn)?)?;
        (provider.arn(id) == arn).then_some(provider)
    }

    pub(crate) fn provider_mut(&mut self, id: AccountId, arn: &str) -> Option<&mut Provider> {
        let provider = self.providers.get_mut(provider_url(arn)?)?;
        (provider.arn(id) == arn).then_some(provider)
    }

    pub(crate) fn instance_profile(&self, name: &str) -> Option<&InstanceProfile> {
        self.instance_profiles.get(&name_key(name))
    }

    pub(crate) fn instance_profile_mut(&mut self, name: &str) -> Option<&mut InstanceProfile> {
        self.instance_profiles.get_mut(&name_key(name))
    }
}

impl User {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:user{}{}", self.path, self.name)
    }
}

impl Role {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }
}

impl ManagedPolicy {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:policy{}{}", self.path, self.name)
    }

    /// The version in force.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.versions
            .get(&self.default_version)
            .map(|version| &version.document)
    }
}

impl InstanceProfile {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:instance-profile{}{}", self.path, self.name)
    }
}

impl Provider {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.url)
    }
}

impl Document {
    /// Reads a policy for what it is to be attached to.
    pub(crate) fn read(text: &str, kind: Kind) -> Result<Self, ParseError> {
        let policy = Policy::parse(text)?;
        policy.check(kind)?;
        Ok(Self {
            text: text.into(),
            policy: Arc::new(policy),
        })
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Document {
    /// What it is attached to was checked when it was written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let policy = Policy::parse(&text).map_err(D::Error::custom)?;
        Ok(Self {
            text: text.into(),
            policy: Arc::new(policy),
        })
    }
}

/// A policy's key by its ARN, in which the name comes last.
fn policy_key(arn: &str) -> String {
    name_key(arn.rsplit('/').next().unwrap_or_default())
}

/// A provider's URL by its ARN.
fn provider_url(arn: &str) -> Option<&str> {
    arn.split_once(":oidc-provider/").map(|(_, url)| url)
}

/// Names of users, roles, policies and instance profiles are unique without regard to case.
pub(crate) fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}
