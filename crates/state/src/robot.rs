use std::{collections::BTreeMap, fmt, str::FromStr};

use aws_lc_rs::{digest, error::Unspecified, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use crate::ResourceName;

/// A client of a team: a cluster, a build, a machine. Its token is the password with which it logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// Whose it is.
    pub team: ResourceName,
    /// Its name.
    pub name: ResourceName,
    /// The hash of its token.
    pub token_hash: TokenHash,
    /// What is known of it besides: values for the variables of templates, such as `organization` and `project`.
    pub attributes: BTreeMap<String, String>,
}

/// A robot's token: `whr_` and 256 random bits. It is shown once and never stored.
#[derive(Debug)]
pub struct RobotToken(SecretString);

/// The SHA-256 of a robot's token.
///
/// A token is random and long, not a word that somebody chose: nobody finds it by trying, so a slow hash would only slow
/// down every request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// Text that is not the hash of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not the hash of a token; expected `sha256:` and 64 hexadecimal digits, as `wharfinger robot new` prints it"
)]
pub struct InvalidTokenHash;

/// The `spec` of a robot's document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RobotSpec {
    token_hash: TokenHash,
    #[serde(default, deserialize_with = "attributes")]
    attributes: BTreeMap<String, String>,
}

impl Robot {
    pub(crate) fn new(team: ResourceName, name: ResourceName, spec: RobotSpec) -> Self {
        Self {
            team,
            name,
            token_hash: spec.token_hash,
            attributes: spec.attributes,
        }
    }
}

/// Attributes become parts of subjects that trust policies compare. Without `/` and `:` no value can pass for several
/// parts, nor for one of its neighbours.
fn attributes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let attributes = BTreeMap::<String, String>::deserialize(deserializer)?;
    let is_word = |text: &str, others: &[u8], limit: usize| {
        (1..=limit).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
    };
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(serde::de::Error::custom(format!(
            "there are {}; at most {MAX_ATTRIBUTES} are taken",
            attributes.len()
        )));
    }
    for (name, value) in &attributes {
        let problem = if RESERVED.contains(&name.as_str()) {
            format!("`{name}` is what it is and no attribute; expected another name")
        } else if !is_word(name, b"-_", 64) {
            format!(
                "`{}` is no name of an attribute; expected 1 to 64 letters, digits, `-` and `_`",
                name.chars().take(80).collect::<String>()
            )
        } else if !is_word(value, b"-_.@+=", 128) {
            format!("the value of `{name}` is none; expected 1 to 128 letters, digits and -_.@+=")
        } else {
            continue;
        };
        return Err(serde::de::Error::custom(problem));
    }
    Ok(attributes)
}

const MAX_ATTRIBUTES: usize = 32;
const RESERVED: [&str; 4] = ["team", "upstream", "repository", "client"];

impl RobotToken {
    /// What every token begins with, so that people and scanners know one when they see it.
    pub const PREFIX: &str = "whr_";

    /// A new token from the system's random source.
    ///
    /// # Errors
    /// [`Unspecified`] where that source fails.
    pub fn generate() -> Result<Self, Unspecified> {
        let mut bits = [0; 32];
        rand::fill(&mut bits)?;
        Ok(Self(SecretString::from(format!(
            "{}{}",
            Self::PREFIX,
            URL_SAFE_NO_PAD.encode(bits)
        ))))
    }

    /// The token itself.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }

    /// What its document holds.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose_secret())
    }
}

impl TokenHash {
    /// The hash of what a client presents as a token.
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

impl FromStr for TokenHash {
    type Err = InvalidTokenHash;

    fn from_str(text: &str) -> Result<Self, InvalidTokenHash> {
        let digits = text.strip_prefix("sha256:").ok_or(InvalidTokenHash)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| InvalidTokenHash)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is not repeated: it may be the token itself, pasted into the wrong place.
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_never_shown() {
        let token = RobotToken::generate().unwrap();
        let secret = token.secret().expose_secret();
        assert!(secret.starts_with("whr_") && secret.len() == 47);
        assert_eq!(TokenHash::of(secret), token.hash());
        assert_ne!(RobotToken::generate().unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(secret));
    }

    #[test]
    fn no_attribute_can_pass_for_something_else() {
        let read = |attributes: serde_json::Value| {
            let spec = serde_json::json!({ "tokenHash": TokenHash::of("x").to_string(), "attributes": attributes });
            serde_json::from_value::<RobotSpec>(spec).map_err(|error| error.to_string())
        };
        assert!(read(serde_json::json!({ "organization": "0a1b-2c", "project": "web_1" })).is_ok());
        for (name, value, expected) in [
            ("team", "other", "another name"),
            ("client", "other", "another name"),
            ("a b", "x", "letters"),
            ("organization", "a/project/b", "`organization`"),
            ("organization", "a:b", "`organization`"),
            ("organization", "", "`organization`"),
            ("organization", "*", "`organization`"),
        ] {
            let error = read(serde_json::json!({ name: value })).unwrap_err();
            assert!(error.contains(expected), "{name}={value}: {error}");
        }
    }

    #[test]
    fn a_hash_is_printed_and_read() {
        let hash = TokenHash::of("x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "sha256:", "sha256:zz", "whr_secret", &hash.to_string()[..70]] {
            let error = text.parse::<TokenHash>().unwrap_err();
            assert!(!error.to_string().contains("whr_secret"));
        }
    }
}
