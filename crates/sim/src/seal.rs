use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
};

/// The key that this AWS keeps to itself.
///
/// Session tokens and registry passwords are statements under this key, so nothing has to be remembered of them: however
/// many are made, the memory stays the same, and a token from anywhere else says nothing.
pub(crate) struct Seal(RandomizedNonceKey);

/// What a [`Seal`] is made of.
#[derive(Clone)]
pub(crate) struct SealKey([u8; 32]);

/// What a statement is for; one made for one purpose is not understood for another.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The `SessionToken` of temporary credentials.
    Session,
    /// The password of an ECR authorization token.
    Registry,
    /// A token of the instance metadata service.
    Metadata,
    /// A bearer token of the public registry.
    Bearer,
}

impl Seal {
    pub(crate) fn new(key: &SealKey) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, &key.0).expect("the key has the algorithm's length"))
    }

    /// Text that only [`Seal::open`] can read.
    pub(crate) fn close<T: Serialize>(&self, purpose: Purpose, statement: &T) -> String {
        let mut sealed = serde_json::to_vec(statement).expect("statements are plain structures with text keys");
        let nonce = self
            .0
            .seal_in_place_append_tag(purpose.aad(), &mut sealed)
            .expect("a statement is far shorter than what one nonce may seal");
        sealed.extend_from_slice(nonce.as_ref());
        STANDARD.encode(sealed)
    }

    /// The statement in `text`, if this key sealed it for `purpose`.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: Purpose, text: &str) -> Option<T> {
        let mut sealed = STANDARD.decode(text).ok()?;
        let nonce = sealed.split_off(sealed.len().checked_sub(12)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let statement = self.0.open_in_place(nonce, purpose.aad(), &mut sealed).ok()?;
        serde_json::from_slice(statement).ok()
    }
}

impl SealKey {
    pub(crate) fn generate() -> Self {
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the operating system has randomness");
        Self(key)
    }
}

impl Serialize for SealKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for SealKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(D::Error::custom)?;
        let key = key
            .try_into()
            .map_err(|_| D::Error::custom("the key is not 32 bytes long"))?;
        Ok(Self(key))
    }
}

impl Purpose {
    fn aad(self) -> Aad<&'static [u8]> {
        Aad::from(match self {
            Self::Session => b"session",
            Self::Registry => b"registry",
            Self::Metadata => b"metadata",
            Self::Bearer => b"bearer",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_statement_is_read_back_for_its_purpose_only() {
        let seal = Seal::new(&SealKey::generate());
        let text = seal.close(Purpose::Session, &("who", 7));
        assert_eq!(seal.open(Purpose::Session, &text), Some(("who".to_owned(), 7)));
        assert_eq!(seal.open::<(String, u8)>(Purpose::Registry, &text), None);
        assert_eq!(
            Seal::new(&SealKey::generate()).open::<(String, u8)>(Purpose::Session, &text),
            None
        );
    }

    #[test]
    fn the_statement_cannot_be_seen_or_changed() {
        let seal = Seal::new(&SealKey::generate());
        let text = seal.close(Purpose::Session, &"statement");
        let mut bytes = STANDARD.decode(&text).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"stat"));
        bytes[0] ^= 1;
        assert_eq!(seal.open::<String>(Purpose::Session, &STANDARD.encode(bytes)), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z0-9+/=]{0,60}|\\PC{0,30}") {
            prop_assert_eq!(Seal::new(&SealKey::generate()).open::<String>(Purpose::Session, &text), None);
        }
    }
}
