use aws::{RegistryHost, Source};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use crate::ResourceName;

/// Those who share upstreams and robots. Nothing of one team is seen or reached by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name; also the subject of the tokens that are minted for it.
    pub name: ResourceName,
}

/// A registry that a team pulls from, and the AWS identity with which that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whose it is.
    pub team: ResourceName,
    /// Its name, which stands in image names: `PROXY/NAME/team/app:1`.
    pub name: ResourceName,
    /// The registry.
    pub registry: RegistryHost,
    /// How the AWS identity begins.
    pub source: Source,
    /// How long a tag counts as what it was when AWS was last asked.
    pub tag_lifetime: SignedDuration,
}

/// The `spec` of an upstream's document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpstreamSpec {
    #[serde(deserialize_with = "registry")]
    registry: RegistryHost,
    source: Source,
    #[serde(default = "default_tag_lifetime", deserialize_with = "tag_lifetime")]
    tag_lifetime: SignedDuration,
}

impl Upstream {
    /// How long a tag counts where the document does not say.
    pub const DEFAULT_TAG_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

    pub(crate) fn new(team: ResourceName, name: ResourceName, spec: UpstreamSpec) -> Self {
        Self {
            team,
            name,
            registry: spec.registry,
            source: spec.source,
            tag_lifetime: spec.tag_lifetime,
        }
    }
}

fn registry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RegistryHost, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

fn default_tag_lifetime() -> SignedDuration {
    Upstream::DEFAULT_TAG_LIFETIME
}

fn tag_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<SignedDuration>() {
        Ok(lifetime) if lifetime >= SignedDuration::ZERO && lifetime <= MAX_TAG_LIFETIME => Ok(lifetime),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is not a lifetime of tags; expected a duration from 0s to 30d, such as 60s or 5m"
        ))),
    }
}

const MAX_TAG_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
