//! How a simulated AWS is watched and steered while it runs: a small HTTP API for whoever sits at the same machine.
//!
//! It hands out root keys, so it listens on loopback only, and a page in a browser gets nothing from it: neither by a
//! name that somebody made point at loopback nor by a form.

mod machines;
mod trail;
mod trouble;

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{Method, StatusCode, header, request::Parts};
use iam::AccountId;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    exchange::{Response, read, respond},
    request_body::RequestBody,
    world::World,
};

/// Where the parts of a simulated AWS are to be found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Places {
    /// All host names, by TLS.
    pub(crate) names: String,
    /// STS, IAM and the ECR API by plain HTTP.
    pub(crate) endpoint: Option<String>,
    pub(crate) registries: Vec<RegistryPlace>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistryPlace {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) address: String,
}

/// Why a request was not done.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    message: String,
}

#[derive(Serialize)]
struct Overview<'w> {
    now: String,
    calls: u64,
    #[serde(flatten)]
    places: Option<&'w Places>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    /// `13h`, `PT13H`, `1h 30m`
    advance: SignedDuration,
}

const MAX_BODY: usize = 256 * 1024;

pub(crate) async fn answer(world: Arc<World>, parts: &Parts, body: RequestBody) -> Response {
    match call(world, parts, body).await {
        Ok(response) => response,
        Err(refused) => json(refused.status, &serde_json::json!({"error": refused.message})),
    }
}

async fn call(world: Arc<World>, parts: &Parts, body: RequestBody) -> Result<Response, Refused> {
    refuse_browsers(parts)?;
    let path = parts.uri.path();
    let segments = path.split('/').skip(1).collect::<Vec<_>>();
    let method = &parts.method;
    let methods: &[Method] = match segments[..] {
        [""] | ["ca.pem" | "trail"] | ["credentials", _] => &[Method::GET],
        ["clock" | "machines"] => &[Method::GET, Method::POST],
        ["network"] => &[Method::GET, Method::POST, Method::DELETE],
        ["faults"] => &[Method::GET, Method::POST, Method::PUT, Method::DELETE],
        ["faults", _] => &[Method::DELETE],
        _ => {
            return Err(Refused::new(
                StatusCode::NOT_FOUND,
                "there are /, /ca.pem, /credentials/ACCOUNT, /trail, /clock, /machines, /faults, /faults/ID and /network",
            ));
        }
    };
    if !methods.contains(method) {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{method} is not for {path}"),
        ));
    }
    let text = match *method {
        Method::POST | Method::PUT => document(parts, body).await?,
        _ => String::new(),
    };
    match segments[..] {
        ["ca.pem"] => Ok(respond(StatusCode::OK, "application/x-pem-file", world.ca_pem.clone())),
        ["credentials", account] => credentials(&world, account),
        ["trail"] => trail::show(&world, parts.uri.query()),
        ["clock"] => clock(&world, method, &text),
        ["machines"] => machines::machines(&world, method, &text).await,
        ["network"] => trouble::network(&world.trouble, method, &text),
        ["faults"] => trouble::faults(&world.trouble, method, &text),
        ["faults", id] => trouble::remove_fault(&world.trouble, id),
        _ => Ok(ok(&overview(&world))),
    }
}

fn overview(world: &World) -> Overview<'_> {
    Overview {
        now: world.clock.now().to_string(),
        calls: world.trail.count(),
        places: world.places.get(),
    }
}

fn credentials(world: &World, account: &str) -> Result<Response, Refused> {
    let account = account
        .parse::<AccountId>()
        .map_err(|error| Refused::bad(error.to_string()))?;
    let key = world.root_key(account);
    Ok(ok(&serde_json::json!({
        "account": account.as_str(),
        "accessKeyId": key.id,
        "secretAccessKey": key.secret.expose_secret(),
    })))
}

fn clock(world: &World, method: &Method, text: &str) -> Result<Response, Refused> {
    if *method == Method::POST {
        let Advance { advance } = serde_json::from_str(text).map_err(|error| Refused::bad(error.to_string()))?;
        let advance = Duration::try_from(advance)
            .map_err(|_| Refused::bad(format!("`advance` is {advance:#}: a clock never goes back")))?;
        if world.clock.after(advance) == Timestamp::MAX {
            let end = Timestamp::MAX.strftime("%Y");
            return Err(Refused::bad(format!(
                "`advance` is {}h: expected less, for the calendar ends with the year {end}",
                advance.as_secs() / 3600
            )));
        }
        world.clock.advance(advance);
    }
    Ok(ok(&serde_json::json!({"now": world.clock.now().to_string()})))
}

/// A page in a browser can make a browser send requests here, but not with a type that is none of a form's, not
/// without saying where it comes from, and with its own host name at best.
fn refuse_browsers(parts: &Parts) -> Result<(), Refused> {
    let host = match parts.uri.host() {
        Some(host) => Some(host),
        None => parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .map(without_port),
    };
    if !host.is_some_and(is_loopback) || parts.headers.contains_key(header::ORIGIN) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "only programs on the same machine are answered, under a loopback address or `localhost`",
        ));
    }
    Ok(())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The JSON document of a request.
async fn document(parts: &Parts, body: RequestBody) -> Result<String, Refused> {
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        return Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON, with the header `Content-Type: application/json`",
        ));
    }
    let body = read(body, MAX_BODY)
        .await
        .map_err(|error| Refused::bad(error.to_string()))?;
    String::from_utf8(body.into()).map_err(|_| Refused::bad("the body is not UTF-8"))
}

fn ok(document: &impl Serialize) -> Response {
    json(StatusCode::OK, document)
}

fn json(status: StatusCode, document: &impl Serialize) -> Response {
    let text = serde_json::to_vec(document).expect("these documents are plain structures with text keys");
    respond(status, "application/json", text)
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_loopback() {
        for host in [
            "localhost",
            "localhost:4568",
            "127.0.0.1:4568",
            "127.1.2.3",
            "[::1]:4568",
            "[::1]",
        ] {
            assert!(is_loopback(without_port(host)), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:4568",
            "10.0.0.1",
            "127.0.0.1.nip.io",
            "[::2]:1",
        ] {
            assert!(!is_loopback(without_port(host)), "{host}");
        }
    }
}
