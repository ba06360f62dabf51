use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use iam::RoleArn;
use oidc::Wanted;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};

use super::Exchange;
use crate::{
    AwsError, Caller, Event, RegistryHost, Session, TokenOrigin, WebIdentity,
    explain::{self, Failure, sts::Shown},
    secret::read_line,
};

impl Exchange {
    /// A session for a token, of the own issuer or of another one.
    pub(super) async fn web_identity(
        &self,
        identity: &WebIdentity,
        caller: &Caller,
        host: &RegistryHost,
    ) -> Result<Session, AwsError> {
        let role = caller
            .role
            .as_ref()
            .ok_or_else(|| explain::source::no_role(&identity.allowed_roles))?;
        let (token, shown) = match &identity.token {
            TokenOrigin::Issuer => self.mint(identity, role, caller)?,
            TokenOrigin::File(path) => {
                let token = read_line(path).map_err(|error| explain::source::unreadable_token(path, &error))?;
                let unreadable = || Shown {
                    is_foreign: true,
                    ..Shown::default()
                };
                let shown = claims_of(token.expose_secret()).unwrap_or_else(unreadable);
                (token, shown)
            }
        };
        let explain = |failure| self.timed(explain::sts::web_identity(role, &shown, host, &failure));
        let is_last = caller.chain.hops.is_empty();
        let policy = caller.session_policy.as_deref().filter(|_| is_last);
        let answer = aws_sdk_sts::Client::from_conf(self.sts(host).build())
            .assume_role_with_web_identity()
            .role_arn(role.as_str())
            .role_session_name(caller.session_name.as_str())
            .web_identity_token(token.expose_secret())
            .set_policy(policy.map(str::to_owned))
            .send()
            .await
            .map_err(|error| explain(Failure::of(&error)))?;
        let missing = |what| explain(Failure::incomplete(what));
        let user = answer.assumed_role_user().ok_or_else(|| missing("AssumedRoleUser"))?;
        let credentials = answer.credentials().ok_or_else(|| missing("Credentials"))?;
        self.assumed(user.arn(), credentials, "AssumeRoleWithWebIdentity")
            .ok_or_else(|| missing("Expiration"))
    }

    fn mint(&self, identity: &WebIdentity, role: &RoleArn, caller: &Caller) -> Result<(SecretString, Shown), AwsError> {
        let issuer = self.issuer.as_ref().ok_or_else(|| explain::source::no_issuer(role))?;
        let wanted = Wanted {
            subject: caller.subject.clone(),
            audience: identity.audience.clone(),
            role: Some(role.to_string()),
            tags: caller.tags.clone(),
            source_identity: caller.source_identity.clone(),
        };
        let minted = issuer
            .mint(wanted, self.clock.now())
            .map_err(|error| explain::source::mint(role, &error))?;
        self.observer.observe(Event::Minted { claims: &minted.claims });
        let shown = Shown {
            iss: minted.claims.iss,
            aud: minted.claims.aud,
            sub: minted.claims.sub,
            is_tagged: minted.claims.tags.is_some(),
            has_source_identity: minted.claims.source_identity.is_some(),
            is_foreign: false,
        };
        Ok((minted.token, shown))
    }
}

/// What a token of another issuer says of itself. It is not verified: this is for people who look for a mistake.
fn claims_of(token: &str) -> Option<Shown> {
    #[derive(Deserialize)]
    struct Payload {
        #[serde(default)]
        iss: String,
        #[serde(default)]
        sub: String,
        #[serde(default)]
        aud: Audience,
        /// Where it is there, it is what STS takes for the audience.
        azp: Option<String>,
        #[serde(rename = "https://aws.amazon.com/tags")]
        tags: Option<IgnoredAny>,
        #[serde(rename = "https://aws.amazon.com/source_identity")]
        source_identity: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    impl Default for Audience {
        fn default() -> Self {
            Self::One(String::new())
        }
    }
    let payload = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1)?.trim_end_matches('='))
        .ok()?;
    let payload: Payload = serde_json::from_slice(&payload).ok()?;
    let printable = |text: String| -> String { text.chars().filter(|c| !c.is_control()).take(300).collect() };
    Some(Shown {
        iss: printable(payload.iss),
        sub: printable(payload.sub),
        aud: printable(match (payload.azp, payload.aud) {
            (Some(party), _) => party,
            (None, Audience::One(audience)) => audience,
            (None, Audience::Several(audiences)) => audiences.join(", "),
        }),
        is_tagged: payload.tags.is_some(),
        has_source_identity: payload.source_identity.is_some(),
        is_foreign: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_token_says_whose_it_is() {
        let token = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let shown = claims_of(&token(
            r#"{"iss":"https://oidc.example","sub":"system:serviceaccount:a:b","aud":["x","y"]}"#,
        ))
        .unwrap();
        assert_eq!(
            (shown.iss.as_str(), shown.aud.as_str()),
            ("https://oidc.example", "x, y")
        );
        assert_eq!(claims_of(&token(r#"{"aud":"x"}"#)).unwrap().aud, "x");
        for nonsense in ["", "a.b", "a.***.c", &token("[1]")] {
            assert!(claims_of(nonsense).is_none(), "{nonsense}");
        }
    }
}
