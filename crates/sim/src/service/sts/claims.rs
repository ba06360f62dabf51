use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::refusal::{expired, invalid};
use crate::query::{Fault, Pattern};

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

impl Claims {
    /// Reads the claims of a token whose signature has been verified.
    pub(super) fn read(claims: Map<String, Value>) -> Result<Self, Fault> {
        let subject = match claims.get("sub") {
            Some(Value::String(subject)) => subject.clone(),
            Some(Value::Number(subject)) => subject.to_string(),
            // The one thing that a client can send to AWS, as far as is known, and that AWS fails over.
            Some(Value::Null) => {
                return Err(Fault::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalFailure",
                    "The request processing has failed because of an unknown error, exception or failure.",
                ));
            }
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

    /// All claims, as they stand in the token.
    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim that is one text.
    pub(super) fn text(&self, claim: &str) -> Option<String> {
        text(&self.claims, claim)
    }

    /// A claim that is one text or several.
    pub(super) fn texts(&self, claim: &str) -> Vec<String> {
        texts(&self.claims, claim)
    }

    /// Who the token says is at the source of the session.
    pub(super) fn source_identity(&self) -> Result<Option<String>, Fault> {
        let Some(source) = self.claims.get("https://aws.amazon.com/source_identity") else {
            return Ok(None);
        };
        let is_valid = |source: &&str| {
            (2..=64).contains(&source.chars().count()) && source.chars().all(Pattern::SESSION_NAME.allows)
        };
        let source = source.as_str().filter(is_valid);
        let source = source.ok_or_else(|| invalid("The source identity in the token is malformed"))?;
        Ok(Some(source.to_owned()))
    }

    /// The roles that the token is pinned to; none where it is not pinned.
    pub(super) fn roles(&self) -> Option<Vec<String>> {
        match self.claims.get("https://aws.amazon.com/roles")? {
            Value::String(roles) => Some(roles.split(';').map(|role| role.trim().to_owned()).collect()),
            _ => Some(self.texts("https://aws.amazon.com/roles")),
        }
    }
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

pub(super) fn missing(claim: &str) -> Fault {
    invalid(format!("Missing a required claim: {claim}"))
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let fault = claims(&json!({"sub": null})).unwrap_err();
        assert_eq!((fault.status.as_u16(), fault.code), (500, "InternalFailure"));
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
}
