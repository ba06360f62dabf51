use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{self, ParsedPublicKey, VerificationAlgorithm},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls::{pki_types::CertificateDer, server::ParsedCertificate};
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

/// A public key of an issuer (RFC 7517), ready to verify.
#[derive(Debug)]
pub(super) struct Key {
    is_rsa: bool,
    /// One for each algorithm that the key is good for; none where its numbers make no key.
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
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

    pub(super) fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512)
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }
}

impl Key {
    /// A key and its id, if STS would use it. Keys without an id, keys for encryption, keys with `key_ops` and keys that
    /// are not those of their certificate are not used; `alg` is ignored.
    pub(super) fn read(jwk: &Value) -> Option<(String, Self)> {
        let id = jwk.get("kid")?.as_str()?.to_owned();
        if jwk.get("use").is_some_and(|use_| use_ != "sig") || jwk.get("key_ops").is_some() {
            return None;
        }
        let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
        let key = match jwk.get("kty")?.as_str()? {
            "RSA" => Self::rsa(&number("n")?, &number("e")?),
            "EC" => Self::ec(jwk.get("crv")?.as_str()?, &number("x")?, &number("y")?)?,
            _ => return None,
        };
        let agrees = jwk.get("x5c").is_none_or(|chain| key.is_of_certificate(chain));
        agrees.then_some((id, key))
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.is_rsa
    }

    /// Whether `signature` is this key's under `message`. A key of another kind than the algorithm's verifies nothing.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifiers
            .iter()
            .find(|(own, _)| *own == algorithm)
            .is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        // RFC 8017 §A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
        let der = der(0x30, &[positive(modulus), positive(exponent)].concat());
        Self::new(true, &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512], &der)
    }

    fn ec(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let (algorithm, length) = match curve {
            "P-256" => (Algorithm::Es256, 32),
            "P-384" => (Algorithm::Es384, 48),
            "P-521" => (Algorithm::Es512, 66),
            _ => return None,
        };
        if x.len() != length || y.len() != length {
            return None;
        }
        // SEC 1 §2.3.3: 4 begins a point that is written out in full.
        Some(Self::new(false, &[algorithm], &[&[4], x, y].concat()))
    }

    fn new(is_rsa: bool, algorithms: &[Algorithm], public: &[u8]) -> Self {
        let parsed = |algorithm: &Algorithm| {
            let key = ParsedPublicKey::new(algorithm.verification(), public).ok()?;
            Some((*algorithm, key))
        };
        Self {
            is_rsa,
            verifiers: algorithms.iter().filter_map(parsed).collect(),
        }
    }

    /// Whether the first certificate of `x5c` (RFC 7517 §4.7) is of this key.
    fn is_of_certificate(&self, chain: &Value) -> bool {
        let certified = || {
            let der = STANDARD.decode(chain.get(0)?.as_str()?).ok()?;
            let der = CertificateDer::from(der);
            let certificate = ParsedCertificate::try_from(&der).ok()?;
            let (_, own) = self.verifiers.first()?;
            let own: PublicKeyX509Der<'_> = own.as_der().ok()?;
            Some(certificate.subject_public_key_info().as_ref() == own.as_ref())
        };
        certified().unwrap_or(false)
    }
}

/// A positive INTEGER (X.690 §8.3): no superfluous zeros in front, but one where it would look negative.
fn positive(number: &[u8]) -> Vec<u8> {
    let significant = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let significant = &number[significant..];
    let zero: &[u8] = match significant.first() {
        Some(0..=0x7F) => &[],
        _ => &[0],
    };
    der(0x02, &[zero, significant].concat())
}

/// A value with its tag and its length (X.690 §8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let leading = length.iter().take_while(|byte| **byte == 0).count();
    let length = &length[leading..];
    let mut value = vec![tag];
    match length {
        [] => value.push(0),
        [short @ 0..=0x7F] => value.push(*short),
        long => {
            // A `usize` has eight bytes at most.
            value.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            value.extend_from_slice(long);
        }
    }
    value.extend_from_slice(content);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{EcdsaKeyPair, KeyPair, RsaKeyPair},
    };
    use serde_json::json;

    fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ec_jwk(id: &str, curve: &str, key: &EcdsaKeyPair) -> Value {
        let (x, y) = key.public_key().as_ref()[1..].split_at((key.public_key().as_ref().len() - 1) / 2);
        json!({"kty": "EC", "kid": id, "crv": curve, "x": encode(x), "y": encode(y)})
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
            let (_, key) = Key::read(&ec_jwk("1", curve, &pair)).unwrap();
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
        let (_, key) = Key::read(&key).unwrap();
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
            assert!(Key::read(&bad).is_none(), "{bad}");
        }
        assert!(Key::read(&with("alg", json!("RS512"))).is_some());
    }

    #[test]
    fn a_certificate_must_be_of_the_key() {
        let certificate = |pair: &rcgen::KeyPair| {
            let certificate = rcgen::CertificateParams::new(["issuer.example.test".to_owned()]).unwrap();
            STANDARD.encode(certificate.self_signed(pair).unwrap().der())
        };
        let elliptic = rcgen::KeyPair::generate().unwrap();
        let (x, y) = elliptic.public_key_raw()[1..].split_at(32);
        let elliptic_jwk = json!({"kty": "EC", "kid": "1", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let rsa_jwk = json!({
            "kty": "RSA", "kid": "1",
            "n": encode(public.modulus().big_endian_without_leading_zero()),
            "e": encode(public.exponent().big_endian_without_leading_zero()),
        });
        let rsa = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let rsa = rustls::pki_types::PrivatePkcs8KeyDer::from(rsa.as_ref().to_vec());
        let rsa = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&rsa, &rcgen::PKCS_RSA_SHA256).unwrap();
        for (jwk, own, other) in [
            (&elliptic_jwk, certificate(&elliptic), certificate(&rsa)),
            (&rsa_jwk, certificate(&rsa), certificate(&elliptic)),
        ] {
            let with = |chain: Value| {
                let mut jwk = jwk.clone();
                jwk["x5c"] = chain;
                Key::read(&jwk)
            };
            assert!(with(json!([own])).is_some(), "{jwk}");
            for chain in [json!([other, own]), json!([]), json!(["AA"]), json!(own), json!([7])] {
                assert!(with(chain.clone()).is_none(), "{chain}");
            }
            assert!(Key::read(&json!({"kty": jwk["kty"], "kid": "1", "crv": "P-256", "x5c": [own]})).is_none());
        }
    }

    #[test]
    fn numbers_are_written_as_der_wants_them() {
        assert_eq!(positive(&[0, 0, 0x7F]), [2, 1, 0x7F]);
        assert_eq!(positive(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(positive(&[]), [2, 1, 0]);
        assert_eq!(der(4, &[0; 128])[..4], [4, 0x81, 128, 0]);
        assert_eq!(der(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(der(5, &[]), [5, 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_numbers_panic(
            n in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            e in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..10),
        ) {
            let jwk = json!({"kty": "RSA", "kid": "1", "n": encode(&n), "e": encode(&e)});
            if let Some((_, key)) = Key::read(&jwk) {
                assert!(!key.verifies(Algorithm::Rs256, b"m", b"s"));
            }
        }
    }
}
