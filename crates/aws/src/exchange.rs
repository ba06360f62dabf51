mod ambient;
mod assume;
mod login;
mod public;
mod repository;
mod web_identity;

use std::{sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{
    retry::{ReconnectMode, RetryConfig},
    timeout::TimeoutConfig,
};
use jiff::Timestamp;
use oidc::Issuer;
use secrecy::ExposeSecret;

use crate::{
    AccessKey, Allowance, AwsError, Caller, Endpoints, Event, Kind, Login, Observer, RegistryHost, Session, Source,
    clock::Clock, explain,
};

/// The way from a source to a login: begin, assume role by role, log in.
pub(crate) struct Exchange {
    /// Mints tokens. Without one, only tokens of others can be used.
    pub(crate) issuer: Option<Arc<Issuer>>,
    /// For what is no API of the SDK.
    pub(crate) client: reqwest::Client,
    pub(crate) http: SharedHttpClient,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Clock,
    pub(crate) endpoints: Endpoints,
    pub(crate) allowance: Allowance,
}

impl Exchange {
    /// A login for the registries of the host's region.
    pub(crate) async fn login(&self, caller: &Caller, host: &RegistryHost) -> Result<Login, AwsError> {
        let login = if matches!(caller.chain.source, Source::Anonymous {}) {
            self.enter(None, host).await
        } else {
            let session = Arc::new(self.session(caller, host).await?);
            match host.is_public() {
                true => self.enter(Some(session), host).await,
                false => self.log_in(session, caller.last_role(), host).await,
            }
        };
        let login = login.map_err(|error| self.named(error, host))?;
        self.logged_in(&login, host);
        Ok(login)
    }

    /// The same by user name and password, at ECR Public too.
    pub(crate) async fn basic_login(&self, caller: &Caller, host: &RegistryHost) -> Result<Login, AwsError> {
        let session = Arc::new(self.session(caller, host).await?);
        let login = match host.is_public() {
            true => self.log_in_publicly(session, host).await,
            false => self.log_in(session, caller.last_role(), host).await,
        };
        let login = login.map_err(|error| self.named(error, host))?;
        self.logged_in(&login, host);
        Ok(login)
    }

    fn logged_in(&self, login: &Login, host: &RegistryHost) {
        self.observer.observe(Event::LoggedIn {
            region: host.region(),
            expires_at: login.expires_at,
        });
    }

    /// The session at the end of the chain.
    pub(crate) async fn session(&self, caller: &Caller, host: &RegistryHost) -> Result<Session, AwsError> {
        let outcome = self.through(caller, host).await;
        outcome.map_err(|error| self.named(error, host))
    }

    async fn through(&self, caller: &Caller, host: &RegistryHost) -> Result<Session, AwsError> {
        let source = &caller.chain.source;
        self.allowance
            .check(source)
            .map_err(|reason| explain::source::not_allowed(source, &reason))?;
        let mut session = match source {
            Source::WebIdentity(identity) => self.web_identity(identity, caller, host).await?,
            Source::AccessKey(key) => access_key(key)?,
            Source::Ambient {} => self.ambient(host).await?,
            Source::Anonymous {} => return Err(explain::source::nobody(host)),
        };
        for at in 0..caller.chain.hops.len() {
            session = self.hop(&session, caller, at, host).await?;
        }
        Ok(session)
    }

    /// Tells of each role session; the credentials come with their end by the own clock.
    fn assumed(
        &self,
        arn: &str,
        credentials: &aws_sdk_sts::types::Credentials,
        provider: &'static str,
    ) -> Option<Session> {
        let expires_at = self.clock.translate(timestamp(credentials.expiration())?);
        self.observer.observe(Event::Assumed {
            session: arn,
            expires_at,
        });
        Some(Session {
            principal: arn.to_owned(),
            expires_at: Some(expires_at),
            credentials: Credentials::new(
                credentials.access_key_id(),
                credentials.secret_access_key(),
                Some(credentials.session_token().to_owned()),
                None,
                provider,
            ),
        })
    }

    fn sts(&self, host: &RegistryHost) -> aws_sdk_sts::config::Builder {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .time_source(self.clock.clone())
            .region(Region::new(host.region().to_owned()))
            .timeout_config(timeouts())
            .retry_config(retries());
        config = match &self.endpoints.sts {
            Some(endpoint) => config.endpoint_url(endpoint.url(host.region())),
            None => config
                .use_fips(self.endpoints.is_fips(host))
                .use_dual_stack(host.is_dual_stack()),
        };
        config
    }

    /// A clock that is off makes AWS refuse what is right, in words about something else.
    pub(crate) fn timed(&self, error: AwsError) -> AwsError {
        match (error.kind, self.clock.fault()) {
            (Kind::Refused, Some(fault)) => error.led_by(explain::wrong_clock(&fault)),
            _ => error,
        }
    }

    /// What the answer to a single call does not show: by FIPS there is nobody to answer in most regions, which looks like a
    /// broken network.
    fn named(&self, error: AwsError, host: &RegistryHost) -> AwsError {
        match error.kind {
            Kind::Unavailable if self.endpoints.lack_fips(host) => error.led_by(explain::no_fips(host)),
            _ => error,
        }
    }
}

fn access_key(key: &AccessKey) -> Result<Session, AwsError> {
    let read = |secret: &crate::Secret| {
        secret.read().map_err(|reason| match secret.file() {
            Some(file) => explain::source::unreadable_key(&reason, file.exists()),
            None => explain::source::unset_key(&reason),
        })
    };
    let id = read(&key.access_key_id)?;
    let secret = read(&key.secret_access_key)?;
    let token = key.session_token.as_ref().map(read).transpose()?;
    Ok(Session {
        principal: format!("the access key {}", id.expose_secret()),
        expires_at: None,
        credentials: Credentials::new(
            id.expose_secret(),
            secret.expose_secret(),
            token.map(|token| token.expose_secret().to_owned()),
            None,
            "accessKey",
        ),
    })
}

/// The SDK tries three times by itself; these bound a try and all of them. STS waits 5 s for an issuer before it answers.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(6))
        .operation_timeout(Duration::from_secs(20))
        .build()
}

/// The HTTP client looks after its connections itself: the SDK, which would close one after a failure, finds none, and logs
/// that as an error of its own.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

fn timestamp(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}
