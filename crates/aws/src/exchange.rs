use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::{BehaviorVersion, Region};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use oidc::{Claims, Issuer, Wanted};
use secrecy::{ExposeSecret, SecretString};

use crate::{AwsError, Event, Login, Observer, RegistryHost, SessionName, WebIdentity, explain};

/// The way from a source to a login: mint, assume, log in.
pub(crate) struct Exchange {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) http: SharedHttpClient,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Clock,
}

/// What time it is, also for the signatures that the SDK makes.
#[derive(Clone)]
pub(crate) struct Clock(pub(crate) Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now().into()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A session of a role. Its credentials never leave this file.
struct RoleSession {
    arn: String,
    credentials: Credentials,
    expires_at: Timestamp,
}

impl Exchange {
    pub(crate) async fn login(
        &self,
        identity: &WebIdentity,
        subject: &str,
        session_name: &SessionName,
        host: &RegistryHost,
    ) -> Result<Login, AwsError> {
        let now = self.clock.now();
        let wanted = Wanted {
            subject: subject.to_owned(),
            audience: identity.audience.clone(),
            role: Some(identity.role_arn.to_string()),
        };
        let minted = self
            .issuer
            .mint(wanted, now)
            .map_err(|error| explain::mint(identity, &error))?;
        self.observer.observe(Event::Minted { claims: &minted.claims });
        let session = self
            .assume(identity, &minted.claims, minted.token, session_name, host)
            .await?;
        self.observer.observe(Event::Assumed {
            session: &session.arn,
            expires_at: session.expires_at,
        });
        let login = self.log_in(session, host, now).await?;
        self.observer.observe(Event::LoggedIn {
            region: host.region(),
            expires_at: login.expires_at,
        });
        Ok(login)
    }

    async fn assume(
        &self,
        identity: &WebIdentity,
        claims: &Claims,
        token: SecretString,
        session_name: &SessionName,
        host: &RegistryHost,
    ) -> Result<RoleSession, AwsError> {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .time_source(self.clock.clone())
            .region(Region::new(host.region().to_owned()))
            .use_fips(host.is_fips())
            .use_dual_stack(host.is_dual_stack())
            .timeout_config(timeouts())
            .build();
        let explain = |failure| explain::sts::web_identity(identity, claims, host, failure);
        let answer = aws_sdk_sts::Client::from_conf(config)
            .assume_role_with_web_identity()
            .role_arn(identity.role_arn.as_str())
            .role_session_name(session_name.as_str())
            .web_identity_token(token.expose_secret())
            .send()
            .await
            .map_err(|error| explain(explain::Failure::of(&error)))?;
        let missing = |what| explain(explain::Failure::incomplete(what));
        let user = answer.assumed_role_user().ok_or_else(|| missing("AssumedRoleUser"))?;
        let credentials = answer.credentials().ok_or_else(|| missing("Credentials"))?;
        let expires_at = timestamp(credentials.expiration()).ok_or_else(|| missing("Expiration"))?;
        Ok(RoleSession {
            arn: user.arn().to_owned(),
            credentials: Credentials::new(
                credentials.access_key_id(),
                credentials.secret_access_key(),
                Some(credentials.session_token().to_owned()),
                None,
                "AssumeRoleWithWebIdentity",
            ),
            expires_at,
        })
    }

    async fn log_in(&self, session: RoleSession, host: &RegistryHost, now: Timestamp) -> Result<Login, AwsError> {
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .time_source(self.clock.clone())
            .region(Region::new(host.region().to_owned()))
            .use_fips(host.is_fips())
            .use_dual_stack(host.is_dual_stack())
            .credentials_provider(session.credentials)
            .timeout_config(timeouts())
            .build();
        let explain = |failure| explain::ecr::authorization_token(&session.arn, host, failure);
        let answer = aws_sdk_ecr::Client::from_conf(config)
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| explain(explain::Failure::of(&error)))?;
        let missing = |what| explain(explain::Failure::incomplete(what));
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
        let (username, password) = decode(token).ok_or_else(|| missing("a user name and a password in the token"))?;
        // Whether a token outlives the session that made it is not documented, so it may not matter.
        let expires_at = token_expires_at.min(session.expires_at);
        Ok(Login {
            principal: session.arn,
            username,
            password,
            made_at: now,
            expires_at,
        })
    }
}

/// The SDK tries three times by itself; these bound a try and all of them.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(8))
        .operation_timeout(Duration::from_secs(20))
        .build()
}

fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

fn decode(token: &str) -> Option<(String, SecretString)> {
    let decoded = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), SecretString::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_user_name_and_a_password_in_base64() {
        let (username, password) = decode(&STANDARD.encode("AWS:a:b")).unwrap();
        assert_eq!((username.as_str(), password.expose_secret()), ("AWS", "a:b"));
        assert!(decode("***").is_none());
        assert!(decode(&STANDARD.encode("AWS")).is_none());
    }
}
