use std::collections::BTreeMap;

use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;

/// The longest that a token lives. STS needs it for the one exchange that follows its minting.
pub const MAX_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// What a token is to say.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// On whose behalf: what the trust policy compares with `HOST/PATH:sub`.
    pub subject: String,
    /// For whom: a client id of the identity provider in AWS.
    pub audience: String,
    /// The ARN of the one role that the token may buy.
    pub role: Option<String>,
    /// The tags of the session that the token buys. They stay with the sessions that follow by AssumeRole.
    pub tags: Vec<(String, String)>,
    /// The source identity of that session.
    pub source_identity: Option<String>,
}

/// What a token says. Not a secret: without the signature nobody can use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer's URL.
    pub iss: String,
    /// The subject.
    pub sub: String,
    /// The audience.
    pub aud: String,
    /// When it was minted, in seconds since 1970.
    pub iat: i64,
    /// Before when it does not count, in seconds since 1970.
    pub nbf: i64,
    /// From when on it does not count, in seconds since 1970.
    pub exp: i64,
    /// Its own name, 128 random bits in hexadecimal digits.
    pub jti: String,
    /// The roles that it may buy. STS compares before it looks at any trust policy.
    #[serde(rename = "https://aws.amazon.com/roles", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The tags of the session that it buys.
    #[serde(rename = "https://aws.amazon.com/tags", skip_serializing_if = "Option::is_none")]
    pub tags: Option<SessionTags>,
    /// The source identity of that session.
    #[serde(
        rename = "https://aws.amazon.com/source_identity",
        skip_serializing_if = "Option::is_none"
    )]
    pub source_identity: Option<String>,
}

/// Session tags as STS reads them in a token (IAM User Guide, "Pass session tags in AWS STS").
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionTags {
    /// Each tag with its value, which STS wants as a list of one.
    pub principal_tags: BTreeMap<String, [String; 1]>,
    /// The tags that the sessions of further roles inherit: all of them.
    pub transitive_tag_keys: Vec<String>,
}

impl SessionTags {
    /// The tags in this form; nothing where there are none.
    pub fn of(tags: Vec<(String, String)>) -> Option<Self> {
        let principal_tags: BTreeMap<_, _> = tags.into_iter().map(|(key, value)| (key, [value])).collect();
        (!principal_tags.is_empty()).then(|| Self {
            transitive_tag_keys: principal_tags.keys().cloned().collect(),
            principal_tags,
        })
    }
}

/// A token and what it says.
#[derive(Debug)]
pub struct Minted {
    /// The token in compact form (RFC 7515 §3.1).
    pub token: SecretString,
    /// Its claims.
    pub claims: Claims,
}
