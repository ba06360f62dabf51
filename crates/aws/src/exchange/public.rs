use std::{sync::Arc, time::SystemTime};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Exchange, login::decode};
use crate::{
    AwsError, Login, Pass, RegistryHost, Session,
    explain::{self, Failure},
};

impl Exchange {
    /// A token for ECR Public: of somebody, who is asked of its API first, or of nobody.
    pub(super) async fn enter(&self, session: Option<Arc<Session>>, host: &RegistryHost) -> Result<Login, AwsError> {
        let principal = session
            .as_ref()
            .map_or("nobody", |session| &session.principal)
            .to_owned();
        let explain = |failure| self.timed(explain::public::refused(&principal, host, &failure));
        let made_at = self.clock.now();
        let url = format!("https://{host}/token/?service={host}&scope=aws");
        let mut request = self.client.get(&url);
        let mut end = None;
        if let Some(session) = &session {
            let (username, password, expires_at) = self.public_login(session, host).await.map_err(explain)?;
            end = [session.expires_at, Some(expires_at)].into_iter().flatten().min();
            // The password is none of the tokens that the registry takes; it buys one.
            request = request.basic_auth(username, Some(password.expose_secret()));
        }
        let Token { token, expires_in } = self.json(request).await.map_err(explain)?;
        let lifetime = SignedDuration::from_secs(expires_in.unwrap_or(UNTOLD).clamp(0, LONGEST));
        let expires_at = made_at + lifetime;
        Ok(Login {
            principal,
            pass: Pass::Bearer(token),
            session,
            made_at,
            expires_at: end.map_or(expires_at, |end| end.min(expires_at)),
        })
    }

    /// User name and password of somebody, which buy tokens of ECR Public until they end.
    pub(super) async fn log_in_publicly(&self, session: Arc<Session>, host: &RegistryHost) -> Result<Login, AwsError> {
        let made_at = self.clock.now();
        let (username, password, token_expires_at) = self
            .public_login(&session, host)
            .await
            .map_err(|failure| self.timed(explain::public::refused(&session.principal, host, &failure)))?;
        Ok(Login {
            principal: session.principal.clone(),
            pass: Pass::Basic { username, password },
            made_at,
            expires_at: session
                .expires_at
                .map_or(token_expires_at, |end| end.min(token_expires_at)),
            session: Some(session),
        })
    }

    /// `GetAuthorizationToken` of ECR Public, which is in one region for all.
    async fn public_login(
        &self,
        session: &Session,
        host: &RegistryHost,
    ) -> Result<(String, SecretString, Timestamp), Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            authorization_data: Data,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            authorization_token: SecretString,
            expires_at: f64,
        }
        let request = self
            .signed(session, host)
            .map_err(|error| Failure::Silent(error.to_string()))?;
        let Answer { authorization_data } = self.json(request).await?;
        let (username, password) = decode(authorization_data.authorization_token.expose_secret())
            .ok_or_else(|| Failure::incomplete("a user name and a password in the token"))?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds since 1970 with a fraction that does not count"
        )]
        let expires_at = Timestamp::from_second(authorization_data.expires_at as i64)
            .map_err(|_| Failure::incomplete("expiresAt"))?;
        Ok((username, password, self.clock.translate(expires_at)))
    }

    fn signed(
        &self,
        session: &Session,
        host: &RegistryHost,
    ) -> Result<RequestBuilder, Box<dyn std::error::Error + Send + Sync>> {
        const BODY: &str = "{}";
        let api = if host.is_dual_stack() { DUAL_STACK_API } else { API };
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "SpencerFrontendService.GetAuthorizationToken"),
        ];
        let identity = session.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("ecr-public")
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new("POST", api, headers.into_iter(), SignableBody::Bytes(BODY.as_bytes()))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::post(api);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(self.client.post(api).headers(request.into_parts().0.headers).body(BODY))
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let silent = |error: reqwest::Error| Failure::Silent(explain::causes(&error.without_url()));
        let asked_at = self.clock.now();
        let mut answer = request.send().await.map_err(silent)?;
        self.clock.compare(answer.headers(), asked_at);
        let status = answer.status();
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(silent)? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(Failure::Incomprehensible(format!(
                    "an answer of more than {MAX_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&piece);
        }
        if status != StatusCode::OK {
            return Err(Failure::of_json(status.as_u16(), &body));
        }
        serde_json::from_slice(&body).map_err(|_| Failure::incomplete("the token that it promises"))
    }
}

#[derive(Deserialize)]
struct Token {
    token: SecretString,
    expires_in: Option<i64>,
}

const API: &str = "https://api.ecr-public.us-east-1.amazonaws.com/";
const DUAL_STACK_API: &str = "https://ecr-public.us-east-1.api.aws/";
const MAX_ANSWER: usize = 64 * 1024;

/// How many seconds a token is used whose lifetime was not told. Those of ECR Public last longer; one that does not is
/// refused with 401, and another is fetched.
const UNTOLD: i64 = 300;
const LONGEST: i64 = 12 * 3600;
