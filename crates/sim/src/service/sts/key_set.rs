use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The signing algorithms that STS takes.
///
/// The signatures are checked with `aws-lc-rs` itself: the product signs its tokens through a JWT library, and that
/// library knows no ES512.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
}

/// An issuer's public keys (RFC 7517), read by the rules that STS was seen to go by.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<(String, Key)>,
    /// More RSA keys than STS looks at: no RSA token can be verified.
    too_many_rsa: bool,
}

/// A public key.
#[derive(Debug)]
pub(super) enum Key {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The curve's signing algorithm, and the point in its uncompressed form.
    Ec {
        algorithm: Algorithm,
        point: Vec<u8>,
    },
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
        let mut keys = Vec::<(String, Key)>::new();
        for (id, key) in listed.iter().filter_map(read_key) {
            keys.retain(|(known, _)| *known != id);
            keys.push((id, key));
        }
        let rsa = keys.iter().filter(|(_, key)| matches!(key, Key::Rsa { .. })).count();
        Ok(Self {
            keys,
            too_many_rsa: rsa > Self::MAX_RSA,
        })
    }

    /// The key that a token names; a token that names none is served where there is no choice.
    pub(super) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let key = match id {
            Some(id) => self.keys.iter().find(|(known, _)| known == id).map(|(_, key)| key),
            None => match &self.keys[..] {
                [(_, key)] => Some(key),
                _ => None,
            },
        };
        key.filter(|_| !(self.too_many_rsa && algorithm.is_rsa()))
    }
}

impl Key {
    /// Whether `signature` is this key's under `message`. A key of another kind than the algorithm's verifies nothing.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { modulus, exponent } => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    _ => return false,
                };
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                key.verify(parameters, message, signature).is_ok()
            }
            Self::Ec { algorithm: own, point } => {
                let parameters = match algorithm {
                    _ if algorithm != *own => return false,
                    Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
                    Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
                    Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
                    _ => return false,
                };
                UnparsedPublicKey::new(parameters, point)
                    .verify(message, signature)
                    .is_ok()
            }
        }
    }
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            _ => return None,
        })
    }

    fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512)
    }
}

/// A key and its id. Keys without an id, keys for encryption and keys with `key_ops` are not used; `alg` is ignored.
fn read_key(key: &Value) -> Option<(String, Key)> {
    let id = key.get("kid")?.as_str()?.to_owned();
    if key.get("use").is_some_and(|use_| use_ != "sig") || key.get("key_ops").is_some() {
        return None;
    }
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key.get(name)?.as_str()?).ok();
    let key = match key.get("kty")?.as_str()? {
        "RSA" => Key::Rsa {
            modulus: number("n")?,
            exponent: number("e")?,
        },
        "EC" => {
            let (algorithm, length) = match key.get("crv")?.as_str()? {
                "P-256" => (Algorithm::Es256, 32),
                "P-384" => (Algorithm::Es384, 48),
                "P-521" => (Algorithm::Es512, 66),
                _ => return None,
            };
            let (x, y) = (number("x")?, number("y")?);
            if x.len() != length || y.len() != length {
                return None;
            }
            // SEC 1 §2.3.3: 4 begins a point that is written out in full.
            let point = [&[4], &x[..], &y[..]].concat();
            Key::Ec { algorithm, point }
        }
        _ => return None,
    };
    Some((id, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{EcdsaKeyPair, KeyPair, RsaKeyPair},
    };
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
    fn every_curve_verifies_its_own_signatures_and_no_others() {
        let cases = [
            ("P-256", Algorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            ("P-384", Algorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            ("P-521", Algorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        ];
        for (curve, algorithm, signing) in cases {
            let pair = EcdsaKeyPair::generate(signing).unwrap();
            let signed = pair.sign(&SystemRandom::new(), b"message").unwrap();
            let keys = parse(&[ec_jwk("1", curve, &pair)]);
            let key = keys.key(Some("1"), algorithm).unwrap();
            assert!(key.verifies(algorithm, b"message", signed.as_ref()), "{curve}");
            assert!(!key.verifies(algorithm, b"another", signed.as_ref()));
            assert!(!key.verifies(Algorithm::Rs256, b"message", signed.as_ref()));
            for (_, other, _) in cases.iter().filter(|(_, other, _)| *other != algorithm) {
                assert!(!key.verifies(*other, b"message", signed.as_ref()));
            }
        }
    }

    #[test]
    fn rsa_signatures_are_verified() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let key = json!({
            "kty": "RSA", "kid": "1", "alg": "whatever", "use": "sig",
            "n": encode(public.modulus().big_endian_without_leading_zero()),
            "e": encode(public.exponent().big_endian_without_leading_zero()),
        });
        let mut signed = vec![0; pair.public_modulus_len()];
        pair.sign(
            &signature::RSA_PKCS1_SHA384,
            &SystemRandom::new(),
            b"message",
            &mut signed,
        )
        .unwrap();
        let keys = parse(&[key]);
        let key = keys.key(None, Algorithm::Rs384).unwrap();
        assert!(key.verifies(Algorithm::Rs384, b"message", &signed));
        assert!(!key.verifies(Algorithm::Rs256, b"message", &signed));
        signed[0] ^= 1;
        assert!(!key.verifies(Algorithm::Rs384, b"message", &signed));
    }

    #[test]
    fn keys_that_sts_does_not_use_are_left_out() {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let good = ec_jwk("1", "P-256", &pair);
        let with = |name: &str, value: Value| {
            let mut key = good.clone();
            key[name] = value;
            key
        };
        for bad in [
            with("use", json!("enc")),
            with("key_ops", json!(["verify"])),
            with("kid", Value::Null),
            with("crv", json!("P-384")),
            with("x", json!("AA")),
            with("kty", json!("OKP")),
            json!({"kty": "EC", "kid": "1", "x5c": ["AA"]}),
            json!(7),
        ] {
            assert!(
                parse(std::slice::from_ref(&bad)).key(None, Algorithm::Es256).is_none(),
                "{bad}"
            );
        }
        assert!(
            parse(&[with("alg", json!("RS512"))])
                .key(None, Algorithm::Es256)
                .is_some()
        );
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
