use std::fmt;

use iam::AccountId;
use oci::Digest;
use serde::{Deserialize, Serialize};

use super::limit::{Account, shown};
use crate::trail::Service;

/// Which calls a rule is about: all conditions must hold, and what is not named is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct When {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<Target>,
    /// The action as IAM names it (`ecr:BatchGetImage`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Account>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<Pattern>,
    /// Of a blob or a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Digest>,
}

/// What is called: a service by a client, or an issuer by STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Target {
    Sts,
    Iam,
    Ecr,
    Registry,
    LayerBucket,
    InstanceMetadata,
    TaskCredentials,
    PodIdentity,
    /// STS's own fetches of an issuer's documents: `issuer:GetDiscovery` and `issuer:GetKeys`.
    Issuer,
}

/// Text in which `*` stands for any and `?` for one character, without regard to case, as IAM reads actions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Pattern(String);

/// A call as rules see it, before the service does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) target: Target,
    pub(crate) action: String,
    pub(crate) host: String,
    /// Whose resource is asked for, as far as the request tells; else whose key it was signed with.
    pub(crate) account: Option<AccountId>,
    pub(crate) repository: Option<String>,
    pub(crate) digest: Option<Digest>,
}

impl When {
    pub(crate) fn matches(&self, subject: &Subject) -> bool {
        let text = |pattern: &Option<Pattern>, text: Option<&str>| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| pattern.matches(text)),
        };
        self.is_about(subject.target)
            && text(&self.action, Some(&subject.action))
            && text(&self.host, Some(&subject.host))
            && text(&self.repository, subject.repository.as_deref())
            && self.account.is_none_or(|account| subject.account == Some(account.0))
            && self
                .digest
                .as_ref()
                .is_none_or(|digest| subject.digest.as_ref() == Some(digest))
    }

    /// Whether it takes more than the headers of a call to know whether it is meant.
    pub(crate) fn asks_for_content(&self) -> bool {
        self.repository.is_some() || self.account.is_some() || self.digest.is_some()
    }

    /// Whether the rule is about an issuer: it must say so, for "every call" is every call of a client.
    pub(crate) fn is_of_issuer(&self) -> bool {
        let by_action = || {
            self.action
                .as_ref()
                .is_some_and(|pattern| pattern.0.starts_with("issuer:"))
        };
        self.service == Some(Target::Issuer) || (self.service.is_none() && by_action())
    }

    /// Whether a call of this service, or a fetch of an issuer, can be meant.
    pub(crate) fn is_about(&self, target: Target) -> bool {
        match self.service {
            Some(service) => service == target,
            None => self.is_of_issuer() == (target == Target::Issuer),
        }
    }
}

impl Target {
    pub(crate) fn of(service: Service) -> Self {
        match service {
            Service::Sts => Self::Sts,
            Service::Iam => Self::Iam,
            Service::Ecr => Self::Ecr,
            Service::Registry => Self::Registry,
            Service::LayerBucket => Self::LayerBucket,
            Service::InstanceMetadata => Self::InstanceMetadata,
            Service::TaskCredentials => Self::TaskCredentials,
            Service::PodIdentity => Self::PodIdentity,
        }
    }
}

impl Pattern {
    const MAX: usize = 256;

    /// Greedy, with one place to come back to.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        let mut back = None;
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    back = Some((p + 1, t));
                    p += 1;
                }
                Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&text[t]) => {
                    p += 1;
                    t += 1;
                }
                _ => {
                    let Some((after, from)) = back else { return false };
                    back = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_sign = |byte: u8| byte.is_ascii_graphic();
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(is_sign) {
            return Err(format!(
                "{} is not a pattern: 1 to {} signs of ASCII without spaces are expected",
                shown(&text),
                Self::MAX
            ));
        }
        Ok(Self(text))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            target: Target::Registry,
            action: "ecr:BatchGetImage".to_owned(),
            host: "111122223333.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
            account: Some("111122223333".parse().unwrap()),
            repository: Some("team/app".to_owned()),
            digest: Some(Digest::of(b"x")),
        }
    }

    fn when(json: serde_json::Value) -> When {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_body_is_looked_at_only_for_what_stands_in_it() {
        let asks = |when: &str| serde_json::from_str::<When>(when).unwrap().asks_for_content();
        assert!(!asks(r#"{"action": "ecr:GetAuthorizationToken", "service": "ecr"}"#));
        assert!(!asks(r#"{"host": "*.amazonaws.com"}"#));
        assert!(asks(r#"{"repository": "team/*"}"#));
        assert!(asks(r#"{"account": "111122223333"}"#));
    }

    #[test]
    fn patterns_are_those_of_iam() {
        for (pattern, text, expected) in [
            ("ecr:Get*", "ecr:GetAuthorizationToken", true),
            ("ECR:get*", "ecr:GetAuthorizationToken", true),
            ("ecr:Get*", "ecr:BatchGetImage", false),
            ("*Image*", "ecr:BatchGetImage", true),
            ("ecr:?atchGetImage", "ecr:BatchGetImage", true),
            ("*", "", true),
            ("a*b*c", "abxbc", true),
            ("a*b*c", "abxb", false),
        ] {
            let found = Pattern::try_from(pattern.to_owned()).unwrap().matches(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let full = serde_json::json!({
            "service": "registry", "action": "ecr:*", "host": "*.us-east-1.*", "account": "111122223333",
            "repository": "team/*", "digest": Digest::of(b"x").to_string(),
        });
        assert!(when(full.clone()).matches(&subject()));
        for (name, other) in [
            ("service", "sts"),
            ("action", "sts:*"),
            ("host", "*.eu-west-1.*"),
            ("account", "444455556666"),
            ("repository", "other/*"),
            ("digest", &Digest::of(b"y").to_string()),
        ] {
            let mut spoilt = full.clone();
            spoilt[name] = other.into();
            assert!(!when(spoilt).matches(&subject()), "{name}");
        }
        let nameless = Subject {
            account: None,
            repository: None,
            digest: None,
            ..subject()
        };
        assert!(!when(full).matches(&nameless));
    }

    #[test]
    fn an_issuer_is_meant_only_where_it_is_named() {
        let fetch = Subject {
            target: Target::Issuer,
            action: "issuer:GetKeys".to_owned(),
            account: None,
            repository: None,
            digest: None,
            ..subject()
        };
        let cases = [
            (serde_json::json!({}), false, true),
            (serde_json::json!({"action": "*"}), false, true),
            (serde_json::json!({"service": "issuer"}), true, false),
            (serde_json::json!({"action": "issuer:*"}), true, false),
            (serde_json::json!({"action": "issuer:GetDiscovery"}), false, false),
        ];
        for (json, of_fetch, of_call) in cases {
            let found = when(json.clone());
            assert_eq!(
                (found.matches(&fetch), found.matches(&subject())),
                (of_fetch, of_call),
                "{json}"
            );
        }
    }
}
