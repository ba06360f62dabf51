use std::fmt;

use aws_lc_rs::rand;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    identity::Identity,
    seal::{Purpose, Seal},
};

/// A long-term access key.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessKey {
    /// The key's id, `AKIA…`; not a secret.
    pub id: String,
    /// The secret that requests are signed with.
    #[serde(serialize_with = "write_secret")]
    pub secret: SecretString,
}

/// Temporary credentials, as STS hands them out.
pub(crate) struct SessionCredentials {
    pub(crate) key_id: String,
    pub(crate) secret: SecretString,
    pub(crate) token: SecretString,
    pub(crate) expires: Timestamp,
}

/// What a session token says to the AWS that made it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionStatement {
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) expires_millis: i64,
    pub(crate) identity: Identity,
}

impl AccessKey {
    /// A new key.
    pub(crate) fn generate() -> Self {
        Self {
            id: key_id("AKIA"),
            secret: SecretString::from(secret()),
        }
    }
}

impl SessionCredentials {
    /// New credentials for `identity`, good until `expires`.
    pub(crate) fn issue(seal: &Seal, identity: Identity, expires: Timestamp) -> Self {
        let statement = SessionStatement {
            key_id: key_id("ASIA"),
            secret: secret(),
            expires_millis: expires.as_millisecond(),
            identity,
        };
        Self {
            token: SecretString::from(seal.close(Purpose::Session, &statement)),
            key_id: statement.key_id,
            secret: SecretString::from(statement.secret),
            expires,
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Secrets are written where the state of this AWS is kept, and nowhere else.
pub(crate) fn write_secret<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// An access key's or an entity's id: its prefix says what it is of (IAM user guide, "Unique identifiers"), 20
/// characters in all.
pub(crate) fn key_id(prefix: &str) -> String {
    unique_id(prefix, 16)
}

/// The id of an entity of IAM, 21 characters in all: `AROA…` of a role, `AIDA…` of a user, `ANPA…` of a managed policy,
/// `AIPA…` of an instance profile.
pub(crate) fn entity_id(prefix: &str) -> String {
    unique_id(prefix, 17)
}

fn unique_id(prefix: &str, length: usize) -> String {
    random_text(prefix, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
}

fn secret() -> String {
    random_text(
        "",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        40,
    )
}

/// Both alphabets have a power of two characters, so the remainder prefers none.
fn random_text(prefix: &str, alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("the operating system has randomness");
    let random = bytes
        .iter()
        .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
    prefix.chars().chain(random).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn ids_have_the_form_of_real_ones() {
        let key = AccessKey::generate();
        assert_eq!((key.id.len(), &key.id[..4]), (20, "AKIA"));
        assert_eq!(key.secret.expose_secret().len(), 40);
        assert_eq!(entity_id("AROA").len(), 21);
        assert_ne!(key.id, AccessKey::generate().id);
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        let key = AccessKey::generate();
        assert!(!format!("{key:?}").contains(key.secret.expose_secret()));
    }
}
