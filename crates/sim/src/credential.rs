use std::fmt;

use aws_lc_rs::rand;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    identity::{Identity, RoleSession},
    seal::{Purpose, Seal},
};

/// A long-term access key.
#[derive(Clone)]
pub struct AccessKey {
    /// The key's id, `AKIA…`; not a secret.
    pub id: String,
    /// The secret that requests are signed with.
    pub secret: SecretString,
}

/// Temporary credentials of a role session, as STS hands them out.
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
    pub(crate) session: RoleSession,
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
    /// New credentials for `session`, good until `expires`.
    pub(crate) fn issue(seal: &Seal, session: RoleSession, expires: Timestamp) -> Self {
        let statement = SessionStatement {
            key_id: key_id("ASIA"),
            secret: secret(),
            expires_millis: expires.as_millisecond(),
            session,
        };
        Self {
            token: SecretString::from(seal.close(Purpose::Session, &statement)),
            key_id: statement.key_id,
            secret: SecretString::from(statement.secret),
            expires,
        }
    }
}

impl SessionStatement {
    /// Whose session it is.
    pub(crate) fn identity(self) -> Identity {
        Identity::Session(self.session)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An access key's or an entity's id: its prefix says what it is of (IAM user guide, "Unique identifiers"), 20
/// characters in all.
pub(crate) fn key_id(prefix: &str) -> String {
    unique_id(prefix, 16)
}

/// The id of a role, `AROA` and 17 more characters.
pub(crate) fn role_id() -> String {
    unique_id("AROA", 17)
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
        assert_eq!(role_id().len(), 21);
        assert_ne!(key.id, AccessKey::generate().id);
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        let key = AccessKey::generate();
        assert!(!format!("{key:?}").contains(key.secret.expose_secret()));
    }
}
