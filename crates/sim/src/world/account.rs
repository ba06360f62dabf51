use std::{collections::BTreeMap, sync::Arc};

use iam::{AccountId, Kind, ParseError, Policy};
use jiff::Timestamp;
use oci::RepositoryName;

use super::registry::Repository;
use crate::{credential::AccessKey, host::Region};

/// One account.
pub(crate) struct Account {
    pub(crate) root: AccessKey,
    /// By [`role_key`].
    pub(crate) roles: BTreeMap<String, Role>,
    /// By the URL without its scheme; case matters.
    pub(crate) providers: BTreeMap<String, Provider>,
    pub(crate) repositories: BTreeMap<(Region, RepositoryName), Repository>,
}

/// A role that can be assumed.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) description: Option<String>,
    /// Seconds.
    pub(crate) max_session: i64,
    pub(crate) trust: Document,
    /// The inline policies by name.
    pub(crate) policies: BTreeMap<String, Document>,
}

/// A policy as it was written and as it is understood.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) text: Arc<str>,
    pub(crate) policy: Arc<Policy>,
}

/// An OIDC identity provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// Without the scheme.
    pub(crate) url: String,
    pub(crate) client_ids: Vec<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) created: Timestamp,
}

impl Account {
    pub(crate) fn new(root: AccessKey) -> Self {
        Self {
            root,
            roles: BTreeMap::new(),
            providers: BTreeMap::new(),
            repositories: BTreeMap::new(),
        }
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&role_key(name))
    }

    pub(crate) fn role_mut(&mut self, name: &str) -> Option<&mut Role> {
        self.roles.get_mut(&role_key(name))
    }

    pub(crate) fn repository(&self, region: &Region, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(&(region.clone(), name.clone()))
    }

    pub(crate) fn repository_mut(&mut self, region: &Region, name: &RepositoryName) -> Option<&mut Repository> {
        self.repositories.get_mut(&(region.clone(), name.clone()))
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

impl Role {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }
}

impl Provider {
    pub(crate) fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.url)
    }
}

/// Names of roles are unique without regard to case.
pub(crate) fn role_key(name: &str) -> String {
    name.to_ascii_lowercase()
}
