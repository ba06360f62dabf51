//! The public registry: anybody pulls with a bearer token that anybody gets.

use std::time::Duration;

use http::{Method, StatusCode, header};
use oci::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    clock::later,
    exchange::{Inbound, Response, respond},
    host::{Host, Region},
    identity::Identity,
    request_body::RequestBody,
    seal::Purpose,
    service::{
        ecr::{RegistryToken, account_of},
        registry::{Refusal, Registry, finish, login, serve},
    },
    trail::Entry,
    world::World,
};

/// What a bearer token says.
#[derive(Serialize, Deserialize)]
struct BearerToken {
    /// None of whoever did not log in.
    identity: Option<Identity>,
    expires_millis: i64,
}

/// How long the bearer token of somebody unknown is good for.
const LIFETIME: Duration = Duration::from_hours(12);

pub(crate) async fn answer(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    host: &Host,
    entry: &mut Entry,
) -> Response {
    let answered = match inbound.parts.uri.path() {
        "/token" | "/token/" => token(world, inbound),
        path => match identify(world, inbound) {
            Err(refusal) => Err(refusal),
            Ok(_) if path == "/v2" || path == "/v2/" => base(inbound),
            Ok(identity) => enter(world, inbound, body, host, identity, entry).await,
        },
    };
    finish(answered, inbound, host, entry)
}

fn base(inbound: &Inbound) -> Result<Response, Refusal> {
    if inbound.parts.method == Method::GET || inbound.parts.method == Method::HEAD {
        return Ok(respond(StatusCode::OK, "text/plain; charset=utf-8", ""));
    }
    Err(Refusal::new(ErrorCode::Unsupported, "The operation is unsupported."))
}

/// Goes on in the registry that the alias in the path leads to.
async fn enter(
    world: &World,
    inbound: &Inbound,
    body: RequestBody,
    host: &Host,
    identity: Option<Identity>,
    entry: &mut Entry,
) -> Result<Response, Refusal> {
    let path = inbound.parts.uri.path();
    let alias = path.strip_prefix("/v2/").and_then(|rest| rest.split('/').next());
    let alias = alias.unwrap_or_default();
    let Some(account) = account_of(alias) else {
        let shown = alias.chars().take(64).collect::<String>();
        return Err(Refusal::new(
            ErrorCode::NameUnknown,
            format!("The registry with name '{shown}' does not exist"),
        ));
    };
    let registry = Registry {
        account,
        region: &Region::public(),
        host,
        alias: Some(alias),
    };
    serve(world, inbound, body, registry, identity, entry).await
}

/// The token endpoint: a login is exchanged for a bearer token, and so is none.
fn token(world: &World, inbound: &Inbound) -> Result<Response, Refusal> {
    if inbound.parts.method != Method::GET {
        return Err(Refusal::new(ErrorCode::Unsupported, "The operation is unsupported."));
    }
    let now = world.clock.now();
    let token = match inbound.header(header::AUTHORIZATION) {
        None => BearerToken {
            identity: None,
            expires_millis: later(now, LIFETIME).as_millisecond(),
        },
        Some(authorization) => {
            let token = login::password(authorization)
                .and_then(|password| RegistryToken::read(&world.seal, &password))
                .filter(|token| token.region == Region::public().as_str())
                .ok_or_else(invalid)?;
            if token.expires_millis <= now.as_millisecond() {
                return Err(expired());
            }
            BearerToken {
                identity: Some(token.identity),
                expires_millis: token.expires_millis,
            }
        }
    };
    let token = world.seal.close(Purpose::Bearer, &token);
    let body = json!({ "token": token }).to_string();
    Ok(respond(StatusCode::OK, "application/json; charset=utf-8", body))
}

/// Who comes with a bearer token; a login itself is none here.
fn identify(world: &World, inbound: &Inbound) -> Result<Option<Identity>, Refusal> {
    let authorization = inbound.parts.headers.get(header::AUTHORIZATION);
    let authorization = authorization.ok_or(Refusal::Challenge)?;
    let token = authorization
        .to_str()
        .ok()
        .and_then(|authorization| authorization.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| world.seal.open::<BearerToken>(Purpose::Bearer, token.trim()))
        .ok_or_else(invalid)?;
    if token.expires_millis <= world.clock.now().as_millisecond() {
        return Err(expired());
    }
    Ok(token.identity)
}

/// 400 where one would expect 401 (aws/containers-roadmap#2835, dependabot/proxy#157).
fn invalid() -> Refusal {
    denied("Your Authorization Token is invalid.")
}

fn expired() -> Refusal {
    denied("Your authorization token has expired. Reauthenticate and try again.")
}

fn denied(message: &str) -> Refusal {
    Refusal::status(StatusCode::BAD_REQUEST, ErrorCode::Denied, message)
}
