use std::sync::Arc;

use aws_sdk_ecr::config::{BehaviorVersion, Region};
use base64::{Engine, engine::general_purpose::STANDARD};
use iam::RoleArn;
use secrecy::SecretString;

use super::{Exchange, retries, timeouts, timestamp};
use crate::{
    AwsError, Login, Pass, RegistryHost, Session,
    explain::{self, Failure},
};

impl Exchange {
    pub(crate) fn ecr(&self, session: &Session, host: &RegistryHost) -> aws_sdk_ecr::Client {
        let mut config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .time_source(self.clock.clone())
            .region(Region::new(host.region().to_owned()))
            .credentials_provider(session.credentials.clone())
            .timeout_config(timeouts())
            .retry_config(retries());
        config = match self.endpoints.ecr(host) {
            Some(url) => config.endpoint_url(url),
            None => config
                .use_fips(self.endpoints.is_fips(host))
                .use_dual_stack(host.is_dual_stack()),
        };
        aws_sdk_ecr::Client::from_conf(config.build())
    }

    /// A login at the private registries of the host's region.
    pub(super) async fn log_in(
        &self,
        session: Arc<Session>,
        role: Option<&RoleArn>,
        host: &RegistryHost,
    ) -> Result<Login, AwsError> {
        let made_at = self.clock.now();
        let explain = |failure| {
            self.timed(explain::ecr::authorization_token(
                &session.principal,
                role,
                host,
                &failure,
            ))
        };
        let answer = self
            .ecr(&session, host)
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| explain(Failure::of(&error)))?;
        let missing = |what| explain(Failure::incomplete(what));
        let data = answer
            .authorization_data()
            .first()
            .ok_or_else(|| missing("authorizationData"))?;
        let token = data
            .authorization_token()
            .ok_or_else(|| missing("authorizationToken"))?;
        let token_expires_at = data
            .expires_at()
            .and_then(timestamp)
            .ok_or_else(|| missing("expiresAt"))?;
        let token_expires_at = self.clock.translate(token_expires_at);
        let (username, password) = decode(token).ok_or_else(|| missing("a user name and a password in the token"))?;
        // Whether a token outlives the session that made it is not documented, so it may not matter.
        let expires_at = session
            .expires_at
            .map_or(token_expires_at, |end| end.min(token_expires_at));
        Ok(Login {
            principal: session.principal.clone(),
            pass: Pass::Basic { username, password },
            session: Some(session),
            made_at,
            expires_at,
        })
    }
}

/// A token is a user name and a password in base64.
pub(super) fn decode(token: &str) -> Option<(String, SecretString)> {
    let decoded = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), SecretString::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_token_is_a_user_name_and_a_password_in_base64() {
        let (username, password) = decode(&STANDARD.encode("AWS:a:b")).unwrap();
        assert_eq!((username.as_str(), password.expose_secret()), ("AWS", "a:b"));
        assert!(decode("***").is_none());
        assert!(decode(&STANDARD.encode("AWS")).is_none());
    }
}
