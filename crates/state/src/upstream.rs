mod caller;
mod pattern;
mod spec;

use std::sync::Arc;

use aws::{Caller, Chain, RegistryHost, Template};
use iam::RoleArn;
use jiff::SignedDuration;
use oci::{RepositoryName, Tag};

pub(crate) use self::spec::UpstreamSpec;
pub use self::{
    caller::{Asker, NoCaller},
    pattern::{InvalidRepositoryPattern, InvalidTagPattern, RepositoryPattern, TagPattern},
};
use crate::{DomainName, ResourceName};

/// A registry that a team pulls from, and the AWS identity with which that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whose it is.
    pub team: ResourceName,
    /// Its name, which stands in image names: `PROXY/NAME/team/app:1`.
    pub name: ResourceName,
    /// The registry that the upstream's name stands for.
    pub registry: RegistryHost,
    /// Further registries that the same identity opens. A login is one for all registries of a region.
    pub registries: Vec<RegistryHost>,
    /// Host names that stand for this upstream: what is asked for under them is a repository of `registry`.
    pub domains: Vec<DomainName>,
    /// How the AWS identity comes about.
    pub chain: Arc<Chain>,
    /// Whether AWS is to tell one client from another.
    pub attribution: Attribution,
    /// What the session's tags say.
    pub session_tags: Vec<SessionTag>,
    /// The source identity of the session.
    pub source_identity: Option<Template>,
    /// What may be pulled; everything where nothing is named.
    pub repositories: Vec<RepositoryPattern>,
    /// A policy that narrows the session to these repositories, where that is wanted.
    pub session_policy: Option<Arc<str>>,
    /// How long a tag counts as what it was when AWS was last asked.
    pub tag_lifetime: SignedDuration,
    /// Tags that never change what they stand for: once known, they are not asked for again.
    pub immutable_tags: Vec<TagPattern>,
    /// How long what is at hand is served after AWS last let this upstream in.
    pub access_lifetime: SignedDuration,
    /// Who sends the layers.
    pub delivery: Delivery,
    /// Subjects of tokens that the team may have beside its own.
    subjects: Vec<String>,
    /// The caller for everybody, where nothing depends on who asks.
    shared: Option<Arc<Caller>>,
}

/// On whose behalf AWS is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attribution {
    /// On the upstream's: one session serves all of its clients.
    #[default]
    Upstream,
    /// On the client's: each has a session of its own, with its name in it.
    Client,
}

/// Who sends a client the bytes of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// This server, and it keeps them.
    #[default]
    Stream,
    /// AWS: the client is sent to the layer bucket, and no byte passes by here.
    Redirect,
    /// This server what it has or what is small, AWS the rest.
    Auto,
}

/// A tag of the session, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionTag {
    /// The team.
    Team,
    /// The upstream's name.
    Upstream,
    /// The repository.
    Repository,
    /// The client's name.
    Client,
}

impl SessionTag {
    /// The tag's key; also the variable of a template that has the tag's value.
    pub fn key(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Upstream => "upstream",
            Self::Repository => "repository",
            Self::Client => "client",
        }
    }
}

impl Upstream {
    /// How long a tag counts where the document does not say.
    pub const DEFAULT_TAG_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

    /// How long content is served after AWS last let the upstream in, where the document does not say: as long as an ECR
    /// login lasts, so that what AWS has revoked ends here when it would have ended there.
    pub const DEFAULT_ACCESS_LIFETIME: SignedDuration = SignedDuration::from_hours(12);

    /// Whether the tag never changes what it stands for.
    pub fn is_immutable(&self, tag: &Tag) -> bool {
        self.immutable_tags.iter().any(|pattern| pattern.matches(tag))
    }

    /// All registries that are reached through this upstream.
    pub fn all_registries(&self) -> impl Iterator<Item = &RegistryHost> {
        std::iter::once(&self.registry).chain(&self.registries)
    }

    /// Whether the repository may be pulled through this upstream.
    pub fn has(&self, repository: &RepositoryName) -> bool {
        self.repositories.is_empty()
            || self
                .repositories
                .iter()
                .any(|pattern| pattern.matches(repository.as_str()))
    }

    /// The roles that a client may name.
    pub fn roles(&self) -> impl Iterator<Item = &RoleArn> {
        let identity = match &self.chain.source {
            aws::Source::WebIdentity(identity) => Some(identity),
            _ => None,
        };
        identity
            .into_iter()
            .flat_map(|identity| identity.role_arn.iter().chain(&identity.allowed_roles))
    }
}
