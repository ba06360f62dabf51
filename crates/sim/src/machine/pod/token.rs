use std::time::Duration;

use aws_lc_rs::{
    digest, rand,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{clock::later, machine::hex};

/// How long a token is good, as EKS's webhook has it projected into pods.
pub(super) const LIFETIME: Duration = Duration::from_hours(24);

const AUDIENCE: &str = "pods.eks.amazonaws.com";

/// What the simulated clusters sign the tokens of service accounts with.
pub(in crate::machine) struct TokenKey {
    pair: EcdsaKeyPair,
    id: String,
}

/// Whose a token must be.
pub(super) struct Bearer {
    pub(super) issuer: String,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) service_account_uid: String,
    pub(super) pod: String,
    pub(super) pod_uid: String,
}

/// Why there are no credentials for a token: first what the agent says itself, then what EKS says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("Service account token cannot be empty")]
    Empty,
    #[error("Service account token cannot be parsed: token is malformed: {0}")]
    Malformed(String),
    #[error("Service account token failed basic claim validations: token has invalid claims: token is {0}")]
    Untimely(&'static str),
    #[error("The specified Kubernetes service account token is invalid.")]
    Invalid,
    #[error("Unauthorized Exception! EKS does not have permissions to assume the associated role.")]
    Denied,
}

impl TokenKey {
    pub(in crate::machine) fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .expect("the operating system has randomness for a key");
        // The agent expects 40 hexadecimal digits.
        let digest = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let id = hex(&digest.as_ref()[..20]);
        Self { pair, id }
    }

    /// A signed token.
    pub(super) fn mint(&self, claims: &Value) -> SecretString {
        let header = json!({"alg": "ES256", "kid": self.id});
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = self
            .pair
            .sign(&rand::SystemRandom::new(), signed.as_bytes())
            .expect("a key that was made for signing signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into()
    }

    fn verifies(&self, signed: &str, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|signature| key.verify(signed.as_bytes(), &signature).is_ok())
    }
}

impl Bearer {
    /// The claims of a token that begins now.
    pub(super) fn claims(&self, now: Timestamp) -> Value {
        json!({
            "aud": [AUDIENCE],
            "exp": later(now, LIFETIME).as_second(),
            "iat": now.as_second(),
            "iss": self.issuer,
            "jti": Uuid::new_v4().to_string(),
            "kubernetes.io": {
                "namespace": self.namespace,
                "pod": {"name": self.pod, "uid": self.pod_uid},
                "serviceaccount": {"name": self.service_account, "uid": self.service_account_uid},
            },
            "nbf": now.as_second(),
            "sub": format!("system:serviceaccount:{}:{}", self.namespace, self.service_account),
        })
    }

    /// Whether a token is one of this pod, for this purpose, and good now.
    pub(super) fn check(&self, key: &TokenKey, token: &str, now: Timestamp) -> Result<(), TokenError> {
        if token.is_empty() {
            return Err(TokenError::Empty);
        }
        let parts = token.split('.').collect::<Vec<_>>();
        let [header, claims, signature] = parts[..] else {
            let problem = "token contains an invalid number of segments";
            return Err(TokenError::Malformed(problem.to_owned()));
        };
        let header = decode("header", header)?;
        let claims = decode("claim", claims)?;
        let now = now.as_second() as f64;
        let time = |name: &str| claims.get(name).and_then(Value::as_f64);
        if time("exp").is_some_and(|end| end <= now) {
            return Err(TokenError::Untimely("expired"));
        }
        if time("nbf").is_some_and(|begin| begin > now) {
            return Err(TokenError::Untimely("not valid yet"));
        }
        let signed = &token[..token.len() - signature.len() - 1];
        let is_known = header.get("alg").is_some_and(|alg| alg == "ES256")
            && header.get("kid").is_some_and(|kid| *kid == *key.id)
            && key.verifies(signed, signature);
        if !is_known || !self.owns(&claims) {
            return Err(TokenError::Invalid);
        }
        Ok(())
    }

    /// What is signed still has to be of this cluster and this pod, and for EKS.
    fn owns(&self, claims: &Map<String, Value>) -> bool {
        let kubernetes = |pointer| claims.get("kubernetes.io").and_then(|claim| claim.pointer(pointer));
        let is_for_eks = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == AUDIENCE),
            Some(audience) => audience == AUDIENCE,
            None => false,
        };
        is_for_eks
            && claims.contains_key("exp")
            && claims.get("iss").is_some_and(|issuer| *issuer == *self.issuer)
            && [
                ("/namespace", &self.namespace),
                ("/pod/uid", &self.pod_uid),
                ("/serviceaccount/name", &self.service_account),
            ]
            .into_iter()
            .all(|(pointer, expected)| kubernetes(pointer).is_some_and(|value| *value == **expected))
    }
}

impl TokenError {
    /// The code of EKS's error; none where the agent itself refuses.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::Malformed(_) | Self::Untimely(_) => None,
            Self::Invalid => Some("InvalidTokenException"),
            Self::Denied => Some("AccessDeniedException"),
        }
    }
}

fn decode(name: &str, part: &str) -> Result<Map<String, Value>, TokenError> {
    let is_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        let place = part.bytes().position(|byte| !is_alphabet(byte)).unwrap_or(part.len());
        TokenError::Malformed(format!(
            "could not base64 decode {name}: illegal base64 data at input byte {place}"
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed(format!("could not JSON decode {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn bearer() -> Bearer {
        Bearer {
            issuer: "https://oidc.eks.us-east-1.amazonaws.com/id/X".into(),
            namespace: "team".into(),
            service_account: "puller".into(),
            service_account_uid: "1".into(),
            pod: "web-0".into(),
            pod_uid: "2".into(),
        }
    }

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn check(key: &TokenKey, token: &str) -> Result<(), TokenError> {
        bearer().check(key, token, now())
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut claims = bearer().claims(now());
        *claims.pointer_mut(pointer).unwrap() = value;
        claims
    }

    #[test]
    fn a_token_of_the_pod_is_taken() {
        let key = TokenKey::generate();
        let token = key.mint(&bearer().claims(now()));
        assert_eq!(check(&key, token.expose_secret()), Ok(()));
        let token = key.mint(&changed("/aud", json!(AUDIENCE)));
        assert_eq!(check(&key, token.expose_secret()), Ok(()));
    }

    #[test]
    fn a_token_of_anybody_else_is_not() {
        let key = TokenKey::generate();
        for (pointer, value) in [
            ("/aud", json!(["sts.amazonaws.com"])),
            ("/aud", json!("pods.eks.amazonaws.com.example.org")),
            ("/aud", Value::Null),
            ("/iss", json!("https://issuer.example.test")),
            ("/kubernetes.io/namespace", json!("other")),
            ("/kubernetes.io/pod/uid", json!("3")),
            ("/kubernetes.io/serviceaccount/name", json!("default")),
            ("/kubernetes.io", Value::Null),
        ] {
            let token = key.mint(&changed(pointer, value));
            assert_eq!(
                check(&key, token.expose_secret()),
                Err(TokenError::Invalid),
                "{pointer}"
            );
        }
        let foreign = TokenKey::generate().mint(&bearer().claims(now()));
        assert_eq!(check(&key, foreign.expose_secret()), Err(TokenError::Invalid));
        // The right key id does not make a signature.
        let mut impostor = TokenKey::generate();
        impostor.id.clone_from(&key.id);
        let forged = impostor.mint(&bearer().claims(now()));
        assert_eq!(check(&key, forged.expose_secret()), Err(TokenError::Invalid));
        let mut endless = bearer().claims(now());
        endless.as_object_mut().unwrap().remove("exp");
        assert_eq!(
            check(&key, key.mint(&endless).expose_secret()),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn a_token_has_its_time() {
        let key = TokenKey::generate();
        let second = now().as_second();
        let token = key.mint(&changed("/exp", json!(second)));
        assert_eq!(check(&key, token.expose_secret()), Err(TokenError::Untimely("expired")));
        let token = key.mint(&changed("/nbf", json!(second + 1)));
        assert_eq!(
            check(&key, token.expose_secret()),
            Err(TokenError::Untimely("not valid yet"))
        );
    }

    #[test]
    fn what_is_no_token_is_told_so() {
        let key = TokenKey::generate();
        let token = key.mint(&bearer().claims(now()));
        let problem = |token: &str| check(&key, token).unwrap_err().to_string();
        assert_eq!(problem(""), "Service account token cannot be empty");
        let malformed = "Service account token cannot be parsed: token is malformed: ";
        assert_eq!(
            problem("secret"),
            format!("{malformed}token contains an invalid number of segments")
        );
        // As a client was seen to be told that sent a scheme before the token.
        assert_eq!(
            problem(&format!("Bearer {}", token.expose_secret())),
            format!("{malformed}could not base64 decode header: illegal base64 data at input byte 6")
        );
        assert_eq!(problem("e30.W10.x"), format!("{malformed}could not JSON decode claim"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z0-9_.-]{0,80}|\\PC{0,40}|e30\\.e30\\.[a-z]{0,4}") {
            prop_assert!(bearer().check(&TokenKey::generate(), &text, now()).is_err());
        }
    }
}
