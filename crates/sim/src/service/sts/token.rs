use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    claims::{Claims, missing},
    key::Algorithm,
    key_set::KeySet,
    refusal::{invalid, no_key},
};
use crate::query::Fault;

/// A web identity token (RFC 7519 in the compact form of RFC 7515) whose signature has not been looked at.
pub(super) struct Token<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
    claims: Map<String, Value>,
}

impl<'t> Token<'t> {
    /// Reads a token. Of a member that stands twice the last counts.
    pub(super) fn read(token: &'t str) -> Result<Self, Fault> {
        let no_jwt = || {
            invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        };
        let (signed, signature) = token.rsplit_once('.').ok_or_else(no_jwt)?;
        let (header, claims) = signed.split_once('.').ok_or_else(no_jwt)?;
        let header = object(header).ok_or_else(no_jwt)?;
        let claims = object(claims).ok_or_else(no_jwt)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| no_jwt())?;
        // An extension that must be understood is not (RFC 7515 §4.1.11).
        if header.contains_key("crit") {
            return Err(no_jwt());
        }
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .and_then(Algorithm::parse)
            .ok_or_else(|| invalid("The token's signing algorithm is not supported"))?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(key_id)) => Some(key_id.clone()),
            Some(_) => return Err(no_jwt()),
        };
        Ok(Self {
            signed,
            signature,
            algorithm,
            key_id,
            claims,
        })
    }

    /// The issuer that the token names; nothing of it is believed before [`Token::verify`].
    pub(super) fn issuer(&self) -> Result<String, Fault> {
        let issuer = self.claims.get("iss").and_then(Value::as_str);
        issuer.map(str::to_owned).ok_or_else(|| missing("iss"))
    }

    /// The id of the key that the token says it is signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Why these keys have none for the token, if they have none.
    pub(super) fn lack(&self, keys: &KeySet) -> Option<String> {
        keys.lack(self.key_id(), self.algorithm)
    }

    /// Verifies the signature with the issuer's keys and hands out the claims.
    pub(super) fn verify(self, keys: &KeySet) -> Result<Claims, Fault> {
        let key = keys.key(self.key_id.as_deref(), self.algorithm).ok_or_else(no_key)?;
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(invalid("Token signature invalid"));
        }
        Claims::read(self.claims)
    }
}

/// A part of a token. Of a member that stands twice the last counts, as `serde_json` has it.
fn object(part: &str) -> Option<Map<String, Value>> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn token(header: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.AA", part(header), part(&json!({"iss": "https://i"})))
    }

    #[test]
    fn only_six_algorithms_are_taken() {
        for algorithm in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] {
            assert!(Token::read(&token(&json!({"alg": algorithm}))).is_ok());
        }
        for algorithm in [
            json!("none"),
            json!("HS256"),
            json!("PS256"),
            json!("EdDSA"),
            json!("rs256"),
            json!(1),
        ] {
            let token = token(&json!({"alg": algorithm}));
            assert_eq!(Token::read(&token).err().unwrap().code, "InvalidIdentityToken");
        }
        assert!(Token::read(&token(&json!({"alg": "RS256", "crit": ["x"]}))).is_err());
    }

    proptest! {
        #[test]
        fn no_token_panics(token in "[A-Za-z0-9_-]{0,20}(\\.[A-Za-z0-9_-]{0,20}){0,4}|\\PC{0,40}") {
            let _ = Token::read(&token);
        }
    }
}
