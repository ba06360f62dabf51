use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    key::Algorithm,
    key_set::KeySet,
    web_identity::{expired, invalid, no_key},
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

/// What a token says, once its signature has been verified and the required claims were found.
#[derive(Debug)]
pub(super) struct Claims {
    claims: Map<String, Value>,
    subject: String,
    audience: String,
    issued_at: i64,
    expires: i64,
    not_before: Option<i64>,
}

/// How far the clocks of issuer and STS may differ, in seconds.
const TOLERANCE: i64 = 300;

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
        text(&self.claims, "iss").ok_or_else(|| missing("iss"))
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

impl Claims {
    fn read(claims: Map<String, Value>) -> Result<Self, Fault> {
        let subject = match claims.get("sub") {
            Some(Value::String(subject)) => subject.clone(),
            Some(Value::Number(subject)) => subject.to_string(),
            _ => return Err(missing("sub")),
        };
        let audience = match claims.get("azp") {
            Some(_) => text(&claims, "azp").ok_or_else(|| invalid("The token's azp is not text"))?,
            None => texts(&claims, "aud").into_iter().next().ok_or_else(|| missing("aud"))?,
        };
        if texts(&claims, "aud").is_empty() {
            return Err(missing("aud"));
        }
        Ok(Self {
            subject,
            audience,
            issued_at: seconds(&claims, "iat")?.ok_or_else(|| missing("iat"))?,
            expires: seconds(&claims, "exp")?.ok_or_else(|| missing("exp"))?,
            not_before: seconds(&claims, "nbf")?,
            claims,
        })
    }

    /// Looks at `exp`, `iat` and `nbf`.
    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), Fault> {
        let seconds = now.as_second();
        if seconds > self.expires.saturating_add(TOLERANCE) {
            return Err(expired(now, self.expires));
        }
        let latest = seconds.saturating_add(TOLERANCE);
        for (claim, time) in [("iat", Some(self.issued_at)), ("nbf", self.not_before)] {
            if let Some(time) = time.filter(|time| *time > latest) {
                return Err(invalid(format!(
                    "Token is not yet valid: current date/time {seconds} must not be before the {claim} date/time {time}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// What decides as the audience: `azp` where there is one, else `aud`.
    pub(super) fn audience(&self) -> &str {
        &self.audience
    }

    pub(super) fn has(&self, claim: &str) -> bool {
        self.claims.contains_key(claim)
    }

    /// A claim that is one text.
    pub(super) fn text(&self, claim: &str) -> Option<String> {
        text(&self.claims, claim)
    }

    /// A claim that is one text or several.
    pub(super) fn texts(&self, claim: &str) -> Vec<String> {
        texts(&self.claims, claim)
    }

    /// The roles that the token is pinned to; none where it is not pinned.
    pub(super) fn roles(&self) -> Option<Vec<String>> {
        match self.claims.get("https://aws.amazon.com/roles")? {
            Value::String(roles) => Some(roles.split(';').map(|role| role.trim().to_owned()).collect()),
            _ => Some(self.texts("https://aws.amazon.com/roles")),
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

fn text(claims: &Map<String, Value>, claim: &str) -> Option<String> {
    claims.get(claim)?.as_str().map(str::to_owned)
}

fn texts(claims: &Map<String, Value>, claim: &str) -> Vec<String> {
    match claims.get(claim) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A time in whole seconds; integers in strings pass, fractions do not.
fn seconds(claims: &Map<String, Value>, claim: &str) -> Result<Option<i64>, Fault> {
    let number = match claims.get(claim) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(invalid(format!("The token's {claim} is not a whole number of seconds"))),
    }
}

fn missing(claim: &str) -> Fault {
    invalid(format!("Missing a required claim: {claim}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn claims(more: &Value) -> Result<Claims, Fault> {
        let mut claims = json!({"iss": "https://i", "sub": "s", "aud": "a", "iat": 1000, "exp": 2000});
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let Value::Object(mut claims) = claims else {
            unreachable!()
        };
        claims.retain(|_, value| *value != json!("-"));
        Claims::read(claims)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_required_claim_is_required() {
        for claim in ["sub", "aud", "iat", "exp"] {
            let fault = claims(&json!({claim: "-"})).unwrap_err();
            assert_eq!(fault.message, format!("Missing a required claim: {claim}"));
        }
        assert_eq!(claims(&json!({"sub": null})).unwrap_err().code, "InvalidIdentityToken");
    }

    #[test]
    fn times_have_five_minutes_of_tolerance() {
        let claims = claims(&json!({"nbf": 1500})).unwrap();
        assert_eq!(claims.check_times(at(1200)), Ok(()));
        assert_eq!(claims.check_times(at(2300)), Ok(()));
        assert_eq!(
            claims.check_times(at(2301)).unwrap_err().message,
            "Token expired: current date/time 2301 must be before the expiration date/time 2000"
        );
        assert!(
            claims
                .check_times(at(1199))
                .unwrap_err()
                .message
                .contains("nbf date/time 1500")
        );
        assert!(
            claims
                .check_times(at(699))
                .unwrap_err()
                .message
                .contains("iat date/time 1000")
        );
    }

    #[test]
    fn times_are_integers_or_integers_in_strings() {
        assert!(claims(&json!({"exp": "2000"})).is_ok());
        for exp in [json!(2000.5), json!("2000.5"), json!([2000]), json!(true)] {
            assert_eq!(claims(&json!({"exp": exp})).unwrap_err().code, "InvalidIdentityToken");
        }
    }

    #[test]
    fn azp_takes_the_place_of_the_audience() {
        let claims = claims(&json!({"aud": ["a", "b"], "azp": "c"})).unwrap();
        assert_eq!(claims.audience(), "c");
        assert_eq!(claims.texts("aud"), ["a", "b"]);
    }

    #[test]
    fn roles_come_as_a_list_or_as_one_text() {
        let claim = "https://aws.amazon.com/roles";
        assert_eq!(claims(&json!({})).unwrap().roles(), None);
        assert_eq!(claims(&json!({claim: "a;b"})).unwrap().roles().unwrap(), ["a", "b"]);
        assert_eq!(
            claims(&json!({claim: ["a", "b"]})).unwrap().roles().unwrap(),
            ["a", "b"]
        );
        assert_eq!(
            claims(&json!({claim: []})).unwrap().roles().unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_number_as_a_subject_becomes_text() {
        assert_eq!(claims(&json!({"sub": 17})).unwrap().subject(), "17");
        assert_eq!(claims(&json!({"sub": ""})).unwrap().subject(), "");
    }

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
