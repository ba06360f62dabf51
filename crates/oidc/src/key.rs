use std::fmt;

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use zeroize::Zeroizing;

/// The key that signs tokens: RSA with 2048 bits, algorithm RS256.
///
/// RS256 is the one algorithm that every relying party must take (OpenID Connect Core §15.1), AWS STS among them.
pub struct SigningKey {
    pair: KeyPair,
    modulus: String,
    exponent: String,
    id: String,
}

/// A key that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The random source or the library failed.
    #[error("a signing key cannot be generated")]
    Generate,
    /// Bytes that are not an RSA key in PKCS#8.
    #[error("the signing key is damaged or not an RSA key in PKCS#8: {0}")]
    Damaged(String),
    /// The library failed to sign.
    #[error("a token cannot be signed")]
    Sign,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::from_pair(
            KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?,
        ))
    }

    /// The key that [`to_pkcs8`](Self::to_pkcs8) wrote.
    ///
    /// # Errors
    /// [`KeyError::Damaged`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der)
            .map(Self::from_pair)
            .map_err(|rejected| KeyError::Damaged(rejected.to_string()))
    }

    /// The private key in PKCS#8 (DER).
    ///
    /// # Errors
    /// [`KeyError::Generate`] where the library cannot write it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Generate)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The key's id: its JWK thumbprint (RFC 7638), so that a key has the same id wherever it is published.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a JWK. It has no `use`-restricting `key_ops` and no certificate: AWS refuses sets with those.
    pub fn jwk(&self) -> serde_json::Value {
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": self.modulus, "e": self.exponent })
    }

    /// The signature of `message` under RS256.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Sign)?;
        Ok(signature)
    }

    fn from_pair(pair: KeyPair) -> Self {
        let public = pair.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Self {
            pair,
            modulus,
            exponent,
            id,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_writing_and_reading() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.id(), key.id());
        assert_eq!(again.jwk(), key.jwk());
        assert_ne!(SigningKey::generate().unwrap().id(), key.id());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut der = SigningKey::generate().unwrap().to_pkcs8().unwrap();
        der.truncate(100);
        assert!(matches!(SigningKey::from_pkcs8(&der), Err(KeyError::Damaged(_))));
    }

    #[test]
    fn debug_shows_no_more_than_the_id() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()) && shown.len() < 120, "{shown}");
    }
}
