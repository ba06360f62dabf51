use std::sync::Arc;

use aws::{Chain, Hop, RegistryHost, Source, Template, TokenOrigin};
use iam::Arn;
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use super::{Attribution, Delivery, RepositoryPattern, SessionTag, TagPattern, Upstream};
use crate::{DomainName, ResourceName, Team};

/// The `spec` of an upstream's document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpstreamSpec {
    #[serde(deserialize_with = "registry")]
    registry: RegistryHost,
    #[serde(default, deserialize_with = "registries")]
    registries: Vec<RegistryHost>,
    #[serde(default)]
    domains: Vec<DomainName>,
    source: Source,
    #[serde(default)]
    hops: Vec<Hop>,
    #[serde(default)]
    attribution: Attribution,
    #[serde(default)]
    session_tags: Vec<SessionTag>,
    source_identity: Option<Template>,
    #[serde(default)]
    repositories: Vec<RepositoryPattern>,
    #[serde(default)]
    narrow_session: bool,
    #[serde(default = "default_tag_lifetime", deserialize_with = "tag_lifetime")]
    tag_lifetime: SignedDuration,
    #[serde(default)]
    immutable_tags: Vec<TagPattern>,
    #[serde(default = "default_access_lifetime", deserialize_with = "access_lifetime")]
    access_lifetime: SignedDuration,
    #[serde(default)]
    delivery: Delivery,
}

impl Upstream {
    /// The upstream that the document describes.
    ///
    /// # Errors
    /// What does not go together: the field, and what is expected.
    pub(crate) fn new(team: ResourceName, name: ResourceName, spec: UpstreamSpec) -> Result<Self, String> {
        let mut chain = Chain::new(spec.source, spec.hops, Some(&spec.registry)).map_err(|error| error.to_string())?;
        if spec.registries.len() > MAX_REGISTRIES {
            return Err(format!(
                "registries: there are {}; at most {MAX_REGISTRIES} are taken",
                spec.registries.len()
            ));
        }
        for registry in &spec.registries {
            if registry.partition() != spec.registry.partition() {
                return Err(format!(
                    "registries: `{registry}` is in another partition than `{}`; an identity belongs to one",
                    spec.registry
                ));
            }
            chain = Chain::new(chain.source, chain.hops, Some(registry)).map_err(|error| error.to_string())?;
        }
        if spec.domains.len() > MAX_DOMAINS {
            return Err(format!(
                "domains: there are {}; at most {MAX_DOMAINS} are taken",
                spec.domains.len()
            ));
        }
        if spec.repositories.len() > MAX_REPOSITORIES {
            return Err(format!(
                "repositories: there are {}; at most {MAX_REPOSITORIES} are taken",
                spec.repositories.len()
            ));
        }
        if spec.immutable_tags.len() > MAX_TAGS {
            return Err(format!(
                "immutableTags: there are {}; at most {MAX_TAGS} are taken",
                spec.immutable_tags.len()
            ));
        }
        for (at, tag) in spec.session_tags.iter().enumerate() {
            if spec.session_tags[..at].contains(tag) {
                return Err(format!("sessionTags: `{}` is there twice", tag.key()));
            }
        }
        let is_assumed = has_session(&chain);
        let is_told = is_assumed && !is_of_file(&chain);
        if !is_told && !spec.session_tags.is_empty() {
            return Err(format!("sessionTags: {NO_SESSION}"));
        }
        if !is_told && spec.source_identity.is_some() {
            return Err(format!("sourceIdentity: {NO_SESSION}"));
        }
        let session_policy = match spec.narrow_session {
            false => None,
            true if spec.repositories.is_empty() => {
                return Err(
                    "narrowSession: there are no `repositories` to narrow the session to; expected their names"
                        .to_owned(),
                );
            }
            true if !is_assumed => return Err(format!("narrowSession: {NO_SESSION}")),
            true => Some(session_policy(
                std::iter::once(&spec.registry).chain(&spec.registries),
                &spec.repositories,
            )?),
        };
        let mut upstream = Self {
            team,
            name,
            registry: spec.registry,
            registries: spec.registries,
            domains: spec.domains,
            chain: Arc::new(chain),
            attribution: spec.attribution,
            session_tags: spec.session_tags,
            source_identity: spec.source_identity,
            repositories: spec.repositories,
            session_policy,
            tag_lifetime: spec.tag_lifetime,
            immutable_tags: spec.immutable_tags,
            access_lifetime: spec.access_lifetime,
            delivery: spec.delivery,
            subjects: Vec::new(),
            shared: None,
        };
        upstream.shared = upstream.shared_caller();
        Ok(upstream)
    }

    /// The upstream within its team, which may have its tokens be of these subjects too.
    pub(crate) fn within(&self, team: &Team) -> Self {
        let mut upstream = Self {
            subjects: team.subjects.clone(),
            ..self.clone()
        };
        upstream.shared = upstream.shared_caller();
        upstream
    }
}

/// Whether the chain makes a session of a role, to which something can be said.
fn has_session(chain: &Chain) -> bool {
    matches!(chain.source, Source::WebIdentity(_)) || !chain.hops.is_empty()
}

/// Whether the token is somebody else's, who decides what it says.
fn is_of_file(chain: &Chain) -> bool {
    matches!(&chain.source, Source::WebIdentity(identity) if identity.token != TokenOrigin::Issuer)
}

fn session_policy<'a>(
    registries: impl Iterator<Item = &'a RegistryHost>,
    repositories: &[RepositoryPattern],
) -> Result<Arc<str>, String> {
    let pairs = registries.flat_map(|registry| repositories.iter().map(move |pattern| (registry, pattern)));
    let arns = pairs.map(|(registry, pattern)| {
        let account = registry.account()?;
        let (partition, region) = (registry.partition(), registry.region());
        let arn = format!("arn:{partition}:ecr:{region}:{account}:repository/{}", pattern.as_str());
        arn.parse::<Arn>().ok()
    });
    let arns = arns.collect::<Option<Vec<_>>>().ok_or(
        "narrowSession: a session for ECR Public cannot be narrowed to repositories; expected a private registry",
    )?;
    let policy = iam::generate::pull_permissions(&arns).compact();
    if policy.len() > MAX_SESSION_POLICY {
        return Err(format!(
            "narrowSession: the policy for these repositories has {} characters; STS takes {MAX_SESSION_POLICY}: name fewer of them, with `*`",
            policy.len()
        ));
    }
    Ok(policy.into())
}

fn registry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RegistryHost, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

fn registries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RegistryHost>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .collect()
}

fn default_tag_lifetime() -> SignedDuration {
    Upstream::DEFAULT_TAG_LIFETIME
}

fn tag_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    duration(
        deserializer,
        "a lifetime of tags",
        SignedDuration::ZERO,
        "0s",
        "60s or 5m",
    )
}

fn default_access_lifetime() -> SignedDuration {
    Upstream::DEFAULT_ACCESS_LIFETIME
}

fn access_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    let least = SignedDuration::from_mins(1);
    duration(deserializer, "a lifetime of access", least, "1m", "1h or 12h")
}

fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &str,
    least: SignedDuration,
    from: &str,
    examples: &str,
) -> Result<SignedDuration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<SignedDuration>() {
        Ok(lifetime) if lifetime >= least && lifetime <= MAX_LIFETIME => Ok(lifetime),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is not {what}; expected a duration from {from} to 30d, such as {examples}"
        ))),
    }
}

const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
const MAX_REPOSITORIES: usize = 100;
const MAX_REGISTRIES: usize = 100;
const MAX_DOMAINS: usize = 100;
const MAX_TAGS: usize = 100;
/// STS API reference, `Policy` of `AssumeRole`.
const MAX_SESSION_POLICY: usize = 2048;
const NO_SESSION: &str = "the source makes no session that could be told so; expected a webIdentity of the own issuer, or a key or the ambient identity followed by a hop";

#[cfg(test)]
mod tests {
    use crate::Documents;

    fn read(spec: &str) -> Result<(), String> {
        let text = format!(
            "apiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec: {{ registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com, {spec} }}\n"
        );
        Documents::parse("it", &text)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    const WEB: &str = "source: { webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull' } }";
    const KEY: &str = "source: { accessKey: { accessKeyId: AKIA, secretAccessKey: { file: /run/key } } }";
    const FILE: &str =
        "source: { webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull', token: { file: /run/token } } }";
    const OTHER: &str = "444455556666.dkr.ecr.us-east-1.amazonaws.com";
    const HOP: &str = "hops: [ { roleArn: 'arn:aws:iam::111122223333:role/scan', externalId: tenant-7 } ]";

    #[test]
    fn what_goes_together_is_taken() {
        for spec in [
            format!("{WEB}, sessionTags: [team], sourceIdentity: '{{team}}'"),
            format!("{WEB}, repositories: ['team/*'], narrowSession: true"),
            format!("{KEY}, {HOP}, sessionTags: [team, client], narrowSession: true, repositories: [a]"),
            format!("{FILE}, repositories: ['team/*'], narrowSession: true"),
            format!("source: {{ ambient: {{}} }}, {HOP}"),
            format!("{WEB}, domains: [images.example.com, Images.Example.org]"),
            format!("{WEB}, registries: [{OTHER}], repositories: [a], narrowSession: true"),
        ] {
            assert_eq!(read(&spec), Ok(()), "{spec}");
        }
    }

    #[test]
    fn what_does_not_is_refused_with_its_field() {
        let many: Vec<_> = (0..100).map(|at| format!("team/repository-{at}")).collect();
        for (spec, field) in [
            (format!("{KEY}, sessionTags: [team]"), "spec.sessionTags: "),
            (format!("{FILE}, sessionTags: [team]"), "spec.sessionTags: "),
            (format!("{FILE}, {HOP}, sessionTags: [team]"), "spec.sessionTags: "),
            (format!("{WEB}, sessionTags: [team, team]"), "spec.sessionTags: "),
            (format!("{WEB}, sessionTags: [color]"), "spec.sessionTags[0]: "),
            (format!("{KEY}, sourceIdentity: x"), "spec.sourceIdentity: "),
            (format!("{WEB}, narrowSession: true"), "spec.narrowSession: "),
            (
                format!("{KEY}, repositories: [a], narrowSession: true"),
                "spec.narrowSession: ",
            ),
            (
                format!("{WEB}, repositories: [{}], narrowSession: true", many.join(", ")),
                "spec.narrowSession: ",
            ),
            (format!("{WEB}, repositories: ['A']"), "spec.repositories[0]: "),
            (format!("{WEB}, attribution: nobody"), "spec.attribution: "),
            ("source: { anonymous: {} }".to_owned(), "spec.source: "),
            (format!("{WEB}, registries: [docker.io]"), "spec.registries: "),
            (format!("{WEB}, domains: [{OTHER}]"), "spec.domains[0]: "),
            (
                format!("{WEB}, domains: ['https://a.example.com']"),
                "spec.domains[0]: ",
            ),
            (
                format!("{WEB}, domains: [{}]", ["a.example.com"; 101].join(", ")),
                "spec.domains: ",
            ),
            (
                format!("{WEB}, registries: [444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn]"),
                "spec.registries: ",
            ),
            (format!("{WEB}, hops: [ {{ roleArn: x }} ]"), "spec.hops[0].roleArn: "),
        ] {
            let error = read(&spec).unwrap_err();
            assert!(error.contains(field) && !error.contains('\n'), "{spec}: {error}");
        }
    }
}
