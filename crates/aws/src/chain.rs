use iam::RoleArn;
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{RegistryHost, SessionName, Source, reading::parsed};

/// How an AWS identity comes about: a source, and from there role by role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// How it begins.
    pub source: Source,
    /// The roles that are assumed one after the other.
    pub hops: Vec<Hop>,
}

/// A role that is assumed with the session, or the key, that was there before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hop {
    /// The role.
    #[serde(deserialize_with = "parsed")]
    pub role_arn: RoleArn,
    /// What the role's trust policy wants as `sts:ExternalId`, so that nobody else can have the role assumed.
    #[serde(default, deserialize_with = "external_id")]
    pub external_id: Option<String>,
    /// The session's name, where it is not to be the one that is made up for the caller.
    #[serde(default, deserialize_with = "session_name")]
    pub session_name: Option<SessionName>,
    /// How long the session lasts. An hour where nothing is said, and at most an hour from role to role.
    #[serde(default, deserialize_with = "duration")]
    pub duration: Option<SignedDuration>,
}

/// A source and hops that cannot work together, or not for this registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidChain(String);

impl Chain {
    /// The most hops.
    pub const MAX_HOPS: usize = 8;

    /// The source, and the hops from there to this registry.
    ///
    /// # Errors
    /// [`InvalidChain`] with the field that is wrong.
    pub fn new(source: Source, hops: Vec<Hop>, registry: Option<&RegistryHost>) -> Result<Self, InvalidChain> {
        let invalid = |text: String| Err(InvalidChain(text));
        if hops.len() > Self::MAX_HOPS {
            return invalid(format!(
                "hops: there are {}; at most {} are taken",
                hops.len(),
                Self::MAX_HOPS
            ));
        }
        let is_anonymous = matches!(source, Source::Anonymous {});
        if is_anonymous && !hops.is_empty() {
            return invalid(
                "hops: nobody cannot assume a role; expected no hops with the source `anonymous`".to_owned(),
            );
        }
        if is_anonymous && registry.is_some_and(|registry| !registry.is_public()) {
            return invalid(
                "source: `anonymous` does for public.ecr.aws alone; expected webIdentity, accessKey or ambient for a private registry".to_owned(),
            );
        }
        // EC2 and the like are no chaining, but which of its sources `ambient` finds is known only at run time.
        let is_chained = |at: usize| at > 0 || matches!(source, Source::WebIdentity(_));
        for (at, hop) in hops.iter().enumerate() {
            if is_chained(at) && hop.duration.is_some_and(|duration| duration > CHAINED) {
                return invalid(format!(
                    "hops[{at}].duration: a role that is assumed from a role's session lasts an hour at most; expected 15m to 1h"
                ));
            }
        }
        Ok(Self { source, hops })
    }
}

fn external_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&text.len()) && text.chars().all(is_allowed) {
        return Ok(Some(text));
    }
    Err(D::Error::custom(format!(
        "`{}` is no external id; expected 2 to 1224 letters, digits and _+=,.@:/-",
        text.chars().take(200).collect::<String>()
    )))
}

fn session_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SessionName>, D::Error> {
    parsed(deserializer).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedDuration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<SignedDuration>() {
        Ok(duration) if (SHORTEST..=LONGEST).contains(&duration) => Ok(Some(duration)),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no duration of a session; expected 15m to 12h, such as 1h"
        ))),
    }
}

const SHORTEST: SignedDuration = SignedDuration::from_mins(15);
const LONGEST: SignedDuration = SignedDuration::from_hours(12);
const CHAINED: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: &str = "arn:aws:iam::111122223333:role/pull";

    fn chain(source: serde_json::Value, hops: serde_json::Value) -> Result<Chain, String> {
        let source = serde_json::from_value(source).map_err(|error| error.to_string())?;
        let hops = serde_json::from_value(hops).map_err(|error| error.to_string())?;
        let registry = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        Chain::new(source, hops, Some(&registry)).map_err(|error| error.to_string())
    }

    #[test]
    fn sources_and_hops_are_read_together() {
        let key = json!({"accessKey": {"accessKeyId": "AKIA", "secretAccessKey": "s"}});
        let hop = json!({"roleArn": ROLE, "externalId": "a:b/c", "sessionName": "snyk", "duration": "12h"});
        assert!(chain(key.clone(), json!([hop])).is_ok());
        assert!(chain(json!({"ambient": {}}), json!([hop])).is_ok());
        assert!(chain(json!({"webIdentity": {"roleArn": ROLE}}), json!([{"roleArn": ROLE}])).is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let (hop, long) = (json!({"roleArn": ROLE}), json!({"roleArn": ROLE, "duration": "2h"}));
        let web = json!({"webIdentity": {"roleArn": ROLE}});
        for (source, hops, expected) in [
            (json!({"anonymous": {}}), json!([]), "public.ecr.aws"),
            (json!({"anonymous": {}}), json!([hop]), "no hops"),
            (web.clone(), json!([long]), "hops[0].duration"),
            (json!({"ambient": {}}), json!([long, long]), "hops[1].duration"),
            (web.clone(), json!(vec![hop.clone(); 9]), "at most 8"),
            (
                web.clone(),
                json!([{"roleArn": ROLE, "externalId": "a b"}]),
                "external id",
            ),
            (
                web.clone(),
                json!([{"roleArn": ROLE, "externalId": "a"}]),
                "external id",
            ),
            (web.clone(), json!([{"roleArn": ROLE, "sessionName": "a b"}]), "session"),
            (web.clone(), json!([{"roleArn": ROLE, "duration": "1m"}]), "15m"),
            (web, json!([{"roleArn": ROLE, "externalID": "abc"}]), "externalId"),
        ] {
            let error = chain(source, hops).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
