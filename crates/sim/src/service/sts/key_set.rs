use std::collections::HashMap;

use serde_json::Value;

use super::key::{Algorithm, Key};

/// An issuer's public keys (RFC 7517), read by the rules that STS was seen to go by.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: HashMap<String, Key>,
    /// More RSA keys than STS looks at: no RSA token can be verified.
    too_many_rsa: bool,
}

/// The document is no key set at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document is not a key set: a JSON object with the array `keys` is expected")]
pub(super) struct NoKeySet;

impl KeySet {
    const MAX_RSA: usize = 100;

    /// Reads a key set. Keys that STS would not use are left out; of two with the same id the later counts.
    pub(super) fn parse(json: &[u8]) -> Result<Self, NoKeySet> {
        let document = serde_json::from_slice::<Value>(json).map_err(|_| NoKeySet)?;
        let listed = document.get("keys").and_then(Value::as_array).ok_or(NoKeySet)?;
        let keys = listed.iter().filter_map(Key::read).collect::<HashMap<_, _>>();
        let rsa = keys.values().filter(|key| key.is_rsa()).count();
        Ok(Self {
            keys,
            too_many_rsa: rsa > Self::MAX_RSA,
        })
    }

    /// The key that a token names; a token that names none is served where there is no choice.
    pub(super) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let key = match id {
            Some(id) => self.keys.get(id),
            None if self.keys.len() == 1 => self.keys.values().next(),
            None => None,
        };
        key.filter(|_| !(self.too_many_rsa && algorithm.is_rsa()))
    }

    /// Why there is no key for a token, if there is none.
    pub(super) fn lack(&self, id: Option<&str>, algorithm: Algorithm) -> Option<String> {
        if self.key(id, algorithm).is_some() {
            return None;
        }
        let count = self.keys.len();
        Some(match id {
            Some(id) if !self.has(id) => format!("none of the {count} usable keys in its key set has the id {id}"),
            None if count != 1 => format!("the token names no key, and its key set has {count} usable keys"),
            _ => format!("its key set has more than {} RSA keys", Self::MAX_RSA),
        })
    }

    /// Whether there is a key of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{self, EcdsaKeyPair, KeyPair},
    };
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ec_jwk(id: &str, curve: &str, key: &EcdsaKeyPair) -> Value {
        let (x, y) = key.public_key().as_ref()[1..].split_at((key.public_key().as_ref().len() - 1) / 2);
        json!({"kty": "EC", "kid": id, "crv": curve, "x": encode(x), "y": encode(y)})
    }

    fn parse(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_id_or_because_it_is_the_only_one() {
        let [first, second] =
            [1, 2].map(|_| EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let keys = parse(&[ec_jwk("1", "P-256", &first), ec_jwk("2", "P-256", &second)]);
        assert!(keys.key(Some("2"), Algorithm::Es256).is_some());
        assert!(keys.key(Some("3"), Algorithm::Es256).is_none());
        assert!(keys.key(None, Algorithm::Es256).is_none());

        let replaced = parse(&[ec_jwk("1", "P-256", &first), ec_jwk("1", "P-256", &second)]);
        let signed = second.sign(&SystemRandom::new(), b"m").unwrap();
        let key = replaced.key(None, Algorithm::Es256).unwrap();
        assert!(key.verifies(Algorithm::Es256, b"m", signed.as_ref()));
    }

    #[test]
    fn more_than_a_hundred_rsa_keys_break_rsa() {
        let rsa = |id: usize| json!({"kty": "RSA", "kid": id.to_string(), "n": "AQAB", "e": "AQAB"});
        let hundred = (0..100).map(rsa).collect::<Vec<_>>();
        assert!(parse(&hundred).key(Some("0"), Algorithm::Rs256).is_some());
        let more = (0..101).map(rsa).collect::<Vec<_>>();
        assert!(parse(&more).key(Some("0"), Algorithm::Rs256).is_none());
    }

    proptest! {
        #[test]
        fn no_document_panics(json in "\\PC{0,60}|\\{\"keys\":\\[.{0,40}\\]\\}") {
            let _ = KeySet::parse(json.as_bytes());
        }
    }
}
