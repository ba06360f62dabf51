use std::fmt;

use aws_lc_rs::rand;
use iam::AccountId;
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
            key_id: session_key_id(identity.account()),
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

/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn unique_id(prefix: &str, length: usize) -> String {
    random_text(prefix, BASE32, length)
}

/// The id of temporary credentials. It tells the account, as the ids of real ones do (found out by those who took them
/// apart): of the 48 bits that the first characters stand for, the highest is set and 40 are the account's number.
fn session_key_id(account: AccountId) -> String {
    let mut bytes = [0; 10];
    rand::fill(&mut bytes).expect("the operating system has randomness");
    let number = account.as_str().parse::<u64>().expect("an account is twelve digits");
    let random = u64::from(bytes[0] & 0x7F);
    bytes[..6].copy_from_slice(&((1 << 47 | number << 7 | random).to_be_bytes()[2..]));
    let bits = bytes.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let characters = (0..16).rev().map(|index| {
        // Five bits, so the value lies within the alphabet.
        char::from(BASE32[(bits >> (5 * index)) as usize & 0x1F])
    });
    "ASIA".chars().chain(characters).collect()
}

/// The account that an id of temporary credentials tells.
pub(crate) fn session_key_account(id: &str) -> Option<AccountId> {
    let characters = id.strip_prefix("ASIA").filter(|characters| characters.len() == 16)?;
    let bits = characters.bytes().try_fold(0u128, |bits, byte| {
        let value = BASE32.iter().position(|character| *character == byte)?;
        Some(bits << 5 | value as u128)
    })?;
    let number = (bits >> (32 + 7)) & ((1 << 40) - 1);
    format!("{number:012}").parse().ok()
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
    fn the_id_of_temporary_credentials_tells_the_account() {
        for account in ["000000000000", "111122223333", "999999999999"] {
            let account = account.parse().unwrap();
            let id = session_key_id(account);
            assert_eq!((id.len(), &id[..4]), (20, "ASIA"));
            assert_eq!(session_key_account(&id), Some(account));
            assert_ne!(session_key_id(account), id);
        }
        for id in [
            "",
            "ASIA",
            "AKIAQAAAAAAAAAAAAAAA",
            "ASIAQ0AAAAAAAAAAAAAA",
            "ASIA7777777777777777",
        ] {
            assert_eq!(session_key_account(id), None, "{id}");
        }
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        let key = AccessKey::generate();
        assert!(!format!("{key:?}").contains(key.secret.expose_secret()));
    }
}
