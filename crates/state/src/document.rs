use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_saphyr::Spanned;

use crate::{
    ResourceName, Robot, RobotToken, Team, Upstream, robot::RobotSpec, team::TeamSpec, upstream::UpstreamSpec,
};

/// The documents of one file.
#[derive(Debug)]
pub struct Documents {
    pub(crate) resources: Vec<Located>,
}

/// A resource and where it came from.
#[derive(Clone, Debug)]
pub struct Located {
    /// The file.
    pub origin: String,
    /// The resource.
    pub resource: Resource,
}

/// A resource of one of the kinds there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `kind: Team`
    Team(Team),
    /// `kind: Upstream`
    Upstream(Box<Upstream>),
    /// `kind: Robot`
    Robot(Robot),
}

/// A file whose documents cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct InvalidDocument {
    origin: String,
    message: String,
}

impl Documents {
    /// The longest file in bytes.
    pub const MAX_LENGTH: usize = 4 * 1024 * 1024;

    /// Reads YAML documents, or JSON, which is YAML too. `origin` is what errors call the text.
    ///
    /// # Errors
    /// [`InvalidDocument`] with field, value and place of the first thing that is wrong.
    pub fn parse(origin: &str, text: &str) -> Result<Self, InvalidDocument> {
        let invalid = |message: String| InvalidDocument {
            origin: origin.to_owned(),
            message,
        };
        if text.len() > Self::MAX_LENGTH {
            return Err(invalid(format!(
                "the file has {} bytes; at most {} are taken",
                text.len(),
                Self::MAX_LENGTH
            )));
        }
        let resources = serde_saphyr::from_multiple::<Resource>(text)
            .map_err(|error| invalid(told(&error.without_snippet().to_string())))?;
        let locate = |resource| Located {
            origin: origin.to_owned(),
            resource,
        };
        Ok(Self {
            resources: resources.into_iter().map(locate).collect(),
        })
    }
}

impl Resource {
    /// What messages call the resource: its kind, and its name with the team's before it.
    pub fn title(&self) -> String {
        match self {
            Self::Team(Team { name, .. }) => format!("Team {name}"),
            Self::Upstream(upstream) => format!("Upstream {}/{}", upstream.team, upstream.name),
            Self::Robot(Robot { team, name, .. }) => format!("Robot {team}/{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResourceVisitor)
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Team,
    Upstream,
    Robot,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "Team" => Ok(Self::Team),
            "Upstream" => Ok(Self::Upstream),
            "Robot" => Ok(Self::Robot),
            other => Err(D::Error::custom(format!(
                "`{other}` is not known; expected one of Team, Upstream, Robot"
            ))),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: ResourceName,
    team: Option<ResourceName>,
}

enum Spec {
    Team(TeamSpec),
    Upstream(Box<UpstreamSpec>),
    Robot(RobotSpec),
}

/// Reads the parts in the order in which they stand, so that the `spec` is read as what its `kind` says at once. Holding
/// it back would need a type for "any YAML", in which `y` is a truth value and not a name.
struct ResourceVisitor;

impl<'de> Visitor<'de> for ResourceVisitor {
    type Value = Resource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document with apiVersion, kind, metadata and spec")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Resource, M::Error> {
        let (mut version, mut kind, mut metadata, mut spec) = (None, None, None, None);
        let mut begin = None;
        while let Some(Spanned {
            value: key, referenced, ..
        }) = map.next_key::<Spanned<String>>()?
        {
            let place = at(referenced.line());
            begin.get_or_insert(referenced.line());
            match key.as_str() {
                "apiVersion" => version = Some(map.next_value::<String>()?),
                "kind" => kind = Some(map.next_value_seed(Part::<Kind>::of("kind"))?),
                "metadata" => metadata = Some(map.next_value_seed(Part::<Metadata>::of("metadata"))?),
                "spec" => {
                    let kind =
                        kind.ok_or_else(|| M::Error::custom(format!("`kind` has to stand before `spec`{place}")))?;
                    spec = match kind {
                        Kind::Team => Some(Spec::Team(map.next_value_seed(Part::of("spec"))?)),
                        Kind::Upstream => Some(Spec::Upstream(Box::new(map.next_value_seed(Part::of("spec"))?))),
                        Kind::Robot => Some(Spec::Robot(map.next_value_seed(Part::of("spec"))?)),
                    };
                }
                // What Wharfinger says about a resource; a document that was read back may hold it.
                "status" => drop(map.next_value::<IgnoredAny>()?),
                other => {
                    return Err(M::Error::custom(format!(
                        "unknown field `{other}`; expected apiVersion, kind, metadata, spec{place}"
                    )));
                }
            }
        }
        let place = begin.map(at).unwrap_or_default();
        let missing = |field| M::Error::custom(format!("the field `{field}` is missing{place}"));
        let version = version.ok_or_else(|| missing("apiVersion"))?;
        if version != API_VERSION {
            return Err(M::Error::custom(format!(
                "apiVersion `{version}` is not known; expected {API_VERSION}{place}"
            )));
        }
        let kind = kind.ok_or_else(|| missing("kind"))?;
        let Metadata { name, team } = metadata.ok_or_else(|| missing("metadata"))?;
        match (kind, team, spec) {
            (Kind::Team, None, Some(Spec::Team(spec))) => Ok(Resource::Team(Team::new(name, spec))),
            (Kind::Team, None, _) => Ok(Resource::Team(Team::new(name, TeamSpec::default()))),
            (Kind::Team, Some(_), _) => Err(M::Error::custom(format!(
                "metadata.team: a Team belongs to no team{place}"
            ))),
            (_, None, _) => Err(missing("metadata.team")),
            (_, Some(team), Some(Spec::Upstream(spec))) => Upstream::new(team, name, *spec)
                .map(|upstream| Resource::Upstream(Box::new(upstream)))
                .map_err(|problem| M::Error::custom(format!("spec.{problem}{place}"))),
            (_, Some(team), Some(Spec::Robot(spec))) => Ok(Resource::Robot(Robot::new(team, name, spec))),
            (_, Some(_), None | Some(Spec::Team(_))) => Err(missing("spec")),
        }
    }
}

/// A part of a document, read so that errors name the whole path to what is wrong.
struct Part<T> {
    name: &'static str,
    part: PhantomData<T>,
}

impl<T> Part<T> {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            part: PhantomData,
        }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Part<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
        T::deserialize(tracked).map_err(|error| match track.path().to_string().as_str() {
            "" | "." => D::Error::custom(format!("{}: {error}", self.name)),
            path => D::Error::custom(format!("{}.{path}: {error}", self.name)),
        })
    }
}

/// The form in which the YAML reader tells the place of its errors; ours are told in the same.
fn at(line: u64) -> String {
    format!("{AT_LINE}{line}, column 1")
}

/// An error in one line: its place first, once, and the sentence behind it. Whoever mistook a token for something else
/// does not find it repeated.
fn told(error: &str) -> String {
    let mut sentence = error.split_whitespace().map(unrevealed).collect::<Vec<_>>().join(" ");
    let mut line = None;
    // Each level adds its own place behind; the innermost is the first, and the exact one.
    while let Some(begin) = sentence.find(AT_LINE) {
        let rest = &sentence[begin + AT_LINE.len()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        line = line.or_else(|| rest[..digits].parse::<u64>().ok());
        let column = rest[digits..].strip_prefix(", column ").unwrap_or(&rest[digits..]);
        let behind = column.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        sentence.truncate(begin);
        sentence.push_str(&behind);
    }
    match line {
        Some(line) => format!("line {line}: {sentence}"),
        None => sentence,
    }
}

/// The word without what follows the beginning of a robot's token.
fn unrevealed(word: &str) -> String {
    let mut shown = String::with_capacity(word.len());
    for (at, part) in word.split(RobotToken::PREFIX).enumerate() {
        if at == 0 {
            shown.push_str(part);
            continue;
        }
        let secret = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
        shown.push_str(RobotToken::PREFIX);
        shown.push('…');
        shown.push_str(secret);
    }
    shown
}

const AT_LINE: &str = " at line ";
const API_VERSION: &str = "wharfinger.dev/v1";

#[cfg(test)]
mod tests {
    use super::*;

    const UPSTREAM: &str = "\
apiVersion: wharfinger.dev/v1
kind: Upstream
metadata: { team: acme, name: y }
spec:
  registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com
  source: { webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull' } }
";

    fn resources(text: &str) -> Vec<Resource> {
        Documents::parse("it", text)
            .unwrap()
            .resources
            .into_iter()
            .map(|located| located.resource)
            .collect()
    }

    fn message(text: &str) -> String {
        Documents::parse("it.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn several_documents_in_either_form_are_read() {
        let text =
            format!("apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: acme }}\n---\n{UPSTREAM}---\n");
        let titles: Vec<_> = resources(&text).iter().map(Resource::title).collect();
        assert_eq!(titles, ["Team acme", "Upstream acme/y"]);
        let json = r#"{"apiVersion":"wharfinger.dev/v1","kind":"Team","metadata":{"name":"acme"},"status":{"x":[1]}}"#;
        assert_eq!(resources(json)[0].title(), "Team acme");
        assert!(resources("").is_empty());
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let [Resource::Upstream(upstream)] = &resources(UPSTREAM)[..] else {
            panic!("one upstream")
        };
        let aws::Source::WebIdentity(identity) = &upstream.chain.source else {
            panic!("a web identity")
        };
        assert_eq!(identity.audience, "sts.amazonaws.com");
        assert_eq!(upstream.tag_lifetime, Upstream::DEFAULT_TAG_LIFETIME);
        let [Resource::Upstream(upstream)] = &resources(&format!("{UPSTREAM}  tagLifetime: 5m\n"))[..] else {
            panic!("one upstream")
        };
        assert_eq!(upstream.tag_lifetime.as_secs(), 300);
    }

    #[test]
    fn an_error_is_one_line_with_the_field_the_value_and_what_is_expected() {
        for (change, parts) in [
            (
                (
                    "registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com",
                    "registry: registry.example.com",
                ),
                &[
                    "it.yaml: ",
                    "spec.registry: ",
                    "`registry.example.com`",
                    "expected ACCOUNT.dkr.ecr.",
                ][..],
            ),
            (
                (
                    "arn:aws:iam::111122223333:role/pull",
                    "arn:aws:iam::111122223333:user/pull",
                ),
                &["spec.source.webIdentity.roleArn: ", "role"],
            ),
            (("roleArn", "rolearn"), &["rolearn", "roleArn"]),
            (("webIdentity", "keyless"), &["keyless", "webIdentity"]),
            (("kind: Upstream", "kind: Nope"), &["Nope", "Upstream"]),
            (("name: y", "name: Y"), &["metadata.name: ", "`Y`"]),
            (("team: acme, ", ""), &["metadata.team"]),
            (
                ("wharfinger.dev/v1", "wharfinger.dev/v2"),
                &["wharfinger.dev/v2", "expected wharfinger.dev/v1"],
            ),
            (("spec:", "spek:"), &["spek", "spec"]),
            (
                ("  source:", "  tagLifetime: soon\n  source:"),
                &["spec.tagLifetime: ", "`soon`"],
            ),
            (
                ("  source:", "  tagLifetime: -5s\n  source:"),
                &["spec.tagLifetime: ", "`-5s`"],
            ),
        ] {
            let text = UPSTREAM.replace(change.0, change.1);
            assert_ne!(text, UPSTREAM);
            let message = message(&text);
            assert!(!message.contains('\n'), "{message}");
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in: {message}");
            }
        }
    }

    #[test]
    fn a_token_in_the_place_of_its_hash_is_not_repeated() {
        let message = message(
            "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {team: a, name: b}\nspec: {tokenHash: whr_thesecret}\n",
        );
        assert!(
            message.contains("spec.tokenHash: ") && !message.contains("thesecret"),
            "{message}"
        );
    }

    #[test]
    fn a_key_in_a_form_that_is_none_is_not_repeated() {
        let key = |secret: &str| {
            let source = format!("{{ accessKey: {{ accessKeyId: AKIA, secretAccessKey: {secret} }} }}");
            UPSTREAM.replace(
                "{ webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull' } }",
                &source,
            )
        };
        assert!(Documents::parse("it", &key("'0123456789'")).is_ok());
        for secret in ["0123456789", "123456789", "[123456789]", "{ vault: 123456789 }", "''"] {
            let message = message(&key(secret));
            let field = "spec.source.accessKey.secretAccessKey";
            assert!(message.contains(field) && !message.contains("123456789"), "{message}");
        }
    }

    #[test]
    fn an_upstream_without_a_source_is_refused_rather_than_served_with_somebody_elses_identity() {
        let text = UPSTREAM
            .lines()
            .filter(|line| !line.contains("source:"))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(message(&text).contains("source"), "{}", message(&text));
        for source in ["accessKey: {}", "anonymous: {}", "{}"] {
            let text = UPSTREAM.replace(
                "{ webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull' } }",
                &format!("{{ {source} }}"),
            );
            assert!(Documents::parse("it", &text).is_err(), "{source}");
        }
    }

    #[test]
    fn a_document_that_grows_out_of_itself_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let text = format!(
            "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: a }}\nstatus:\n  {}",
            bomb.replace('\n', "\n  ")
        );
        assert!(Documents::parse("it", &text).is_err());
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for text in [
            "- 1",
            "1",
            "a: [b",
            "kind: Team",
            "apiVersion: wharfinger.dev/v1\nspec: {}\nkind: Team\nmetadata: {name: a}",
        ] {
            assert!(Documents::parse("it", text).is_err(), "{text}");
        }
        assert!(Documents::parse("it", &" ".repeat(Documents::MAX_LENGTH + 1)).is_err());
    }
}
