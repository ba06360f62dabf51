use base64::{Engine, prelude::BASE64_STANDARD};
use iam::RoleArn;
use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroize};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    challenge::Challenge,
    endpoint::{Endpoint, is_loopback},
    error::{Failure, Login, RequestError, Tried},
    refusal::Refusal,
};
use crate::pull::credentials::Credentials;

/// What is sent to a registry to be let in: nothing, a user name and a password, or the token that the registry's token
/// service gave for them (Docker's token authentication specification).
pub(crate) struct Authorization {
    client: Client,
    registry: Url,
    scope: String,
    login: Login,
    basic: Option<HeaderValue>,
    held: Mutex<Held>,
}

/// What is sent now. The generation tells two tokens apart without comparing secrets.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) header: Option<HeaderValue>,
    generation: u64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Authorization {
    /// # Errors
    /// [`RequestError::CleartextCredentials`] where the password would travel in the clear to another machine, and
    /// [`RequestError::Username`].
    pub(crate) fn new(
        client: Client,
        endpoint: &Endpoint,
        credentials: Option<&Credentials>,
    ) -> Result<Self, RequestError> {
        let registry = endpoint.root().clone();
        if credentials.is_some() && registry.scheme() != "https" && !is_loopback(&registry) {
            return Err(RequestError::CleartextCredentials {
                registry: registry.into(),
            });
        }
        let basic = credentials.map(basic).transpose()?;
        let login = credentials.map_or(Login::Anonymous, |credentials| Login::User {
            name: credentials.username.clone(),
            origin: credentials.origin.clone(),
        });
        let held = Mutex::new(Held {
            header: basic.clone(),
            generation: 0,
        });
        Ok(Self {
            client,
            registry,
            scope: endpoint.scope(),
            login,
            basic,
            held,
        })
    }

    /// What to send with the next request.
    pub(crate) async fn current(&self) -> Held {
        self.held.lock().await.clone()
    }

    /// As whom requests are made.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// Answers the challenges of an answer to a request that was made with `used`: fetches a token where one is asked
    /// for. Says whether there is now something else to send.
    pub(crate) async fn answer(&self, challenges: &[Challenge], used: &Held) -> Result<bool, RequestError> {
        // The lock is held while the token is fetched: of several blobs that are challenged at a time, one fetches it.
        let mut held = self.held.lock().await;
        if held.generation != used.generation {
            return Ok(true);
        }
        let Some(bearer) = challenges.iter().find(|challenge| challenge.is_bearer()) else {
            return Ok(false);
        };
        held.header = Some(self.token(bearer).await?);
        held.generation += 1;
        Ok(true)
    }

    async fn token(&self, challenge: &Challenge) -> Result<HeaderValue, RequestError> {
        let url = self.token_url(challenge)?;
        let tried = Tried::get(&url);
        let mut request = self.client.get(url);
        if let Some(basic) = &self.basic {
            request = request.header(AUTHORIZATION, basic.clone());
        }
        let mut answer = request.send().await.map_err(|error| RequestError::Connection {
            tried: tried.clone(),
            failure: Failure::new(&error),
        })?;
        if answer.status() != StatusCode::OK {
            let refusal = Box::new(Refusal::read(answer).await);
            let login = self.login.clone();
            return Err(match refusal.status {
                StatusCode::UNAUTHORIZED => RequestError::Unauthorized { tried, login, refusal },
                _ => RequestError::Refused { tried, refusal },
            });
        }
        let mut body = super::body(&mut answer, MAX_TOKEN_ANSWER, &tried).await?;
        // The parser's own error could repeat the token, so it is dropped.
        let parsed = serde_json::from_slice::<TokenAnswer>(&body);
        body.zeroize();
        let unusable = |reason| RequestError::Token { tried, reason };
        let Ok(parsed) = parsed else {
            return Err(unusable("the answer of the token service is not the JSON it should be"));
        };
        let Some(token) = parsed.token.or(parsed.access_token).map(SecretString::from) else {
            return Err(unusable("the answer of the token service holds no `token`"));
        };
        sensitive("Bearer", token.expose_secret())
            .ok_or_else(|| unusable("the token service gave a token with characters that no header holds"))
    }

    /// The token service's URL. It gets the password, so it is held to the same rule as the registry.
    fn token_url(&self, challenge: &Challenge) -> Result<Url, RequestError> {
        let unusable = |reason| RequestError::Token {
            tried: Tried::get(&self.registry),
            reason,
        };
        let mut url = challenge
            .parameter("realm")
            .and_then(|realm| Url::parse(realm).ok())
            .ok_or_else(|| unusable("the registry asks for a token and names no URL to get it from (`realm`)"))?;
        let stays_here = url.scheme() == "http" && is_loopback(&url) && is_loopback(&self.registry);
        if url.scheme() != "https" && !stays_here {
            return Err(unusable(
                "the registry's token service (`realm`) is not at an https URL",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable(
                "the URL of the registry's token service (`realm`) has credentials in it",
            ));
        }
        let mut query = url.query_pairs_mut();
        if let Some(service) = challenge.parameter("service") {
            query.append_pair("service", service);
        }
        query.append_pair("scope", challenge.parameter("scope").unwrap_or(&self.scope));
        drop(query);
        Ok(url)
    }
}

fn basic(credentials: &Credentials) -> Result<HeaderValue, RequestError> {
    let unusable = || RequestError::Username(super::text::printable(&credentials.username));
    // A colon would end the user name (RFC 7617), but for a Wharfinger, which knows that a role's ARN has some.
    let is_cut = credentials.username.contains(':') && credentials.username.parse::<RoleArn>().is_err();
    if is_cut || credentials.username.contains(char::is_control) {
        return Err(unusable());
    }
    let mut pair = format!("{}:{}", credentials.username, credentials.password.expose_secret());
    let mut encoded = BASE64_STANDARD.encode(&pair);
    let header = sensitive("Basic", &encoded);
    pair.zeroize();
    encoded.zeroize();
    header.ok_or_else(unusable)
}

/// A header's value that no `Debug` output shows.
fn sensitive(scheme: &str, secret: &str) -> Option<HeaderValue> {
    let mut text = format!("{scheme} {secret}");
    let value = HeaderValue::from_str(&text);
    text.zeroize();
    let mut value = value.ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How many bytes of a token service's answer are read.
const MAX_TOKEN_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(username: &str) -> Option<String> {
        let credentials = Credentials {
            username: username.to_owned(),
            password: "whr_x".into(),
            origin: "a test".to_owned(),
        };
        let header = basic(&credentials).ok()?;
        assert!(header.is_sensitive());
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        Some(String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap())
    }

    #[test]
    fn a_role_is_sent_whole_in_the_place_of_the_user_name() {
        let role = "arn:aws:iam::111122223333:role/team/pull";
        assert_eq!(header(role), Some(format!("{role}:whr_x")));
        assert_eq!(header("robot").as_deref(), Some("robot:whr_x"));
        for username in ["a:b", "arn:aws:s3:::bucket", "a\nb"] {
            assert_eq!(header(username), None, "{username}");
        }
    }
}
