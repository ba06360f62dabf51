use std::str::FromStr;

use iam::RoleArn;
use serde::{Deserialize, Deserializer};

/// How an AWS identity begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Source {
    /// A token of the own issuer buys a session of a role.
    WebIdentity(WebIdentity),
}

/// Which role the token buys, and for which audience it is minted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebIdentity {
    /// The role, in the account that registered the issuer.
    #[serde(deserialize_with = "parsed")]
    pub role_arn: RoleArn,
    /// A client id of the identity provider in that account.
    #[serde(default = "default_audience", deserialize_with = "audience")]
    pub audience: String,
}

impl WebIdentity {
    /// The audience where none is named: what AWS's documentation uses throughout.
    pub const DEFAULT_AUDIENCE: &'static str = "sts.amazonaws.com";
}

fn default_audience() -> String {
    WebIdentity::DEFAULT_AUDIENCE.to_owned()
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// IAM takes client ids of 1 to 255 characters (API reference, `AddClientIDToOpenIDConnectProvider`).
fn audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let audience = String::deserialize(deserializer)?;
    if (1..=255).contains(&audience.chars().count()) && !audience.chars().any(char::is_control) {
        return Ok(audience);
    }
    Err(serde::de::Error::custom(format!(
        "audience `{audience}` is not a client id; expected 1 to 255 characters"
    )))
}
