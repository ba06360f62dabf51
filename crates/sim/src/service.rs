//! The services behind the host names, and the way from a request to its service.

pub(crate) mod bucket;
pub(crate) mod ecr;
pub(crate) mod iam;
pub(crate) mod public_registry;
pub(crate) mod registry;
pub(crate) mod sts;

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    control,
    door::Door,
    exchange::{Inbound, Response, respond, set_header},
    host::{Host, Region},
    request_body::RequestBody,
    trail::{Decisions, Entry},
    trouble::{Passage, Visit, internal_failure},
    wire::{Connection, Severed},
    world::World,
};

/// Answers any request on any host.
///
/// Everything passes here once: the trail, the clock's `Date`, and the faults that are to be injected, which may leave a
/// call without an answer.
pub(crate) async fn answer(
    world: Arc<World>,
    connection: Connection,
    door: Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Severed> {
    let (parts, body) = request.into_parts();
    let body = RequestBody::from(body);
    if door == Door::Control {
        return Ok(control::answer(world, &parts, body).await);
    }
    // HTTP/2 has the name in the URI, HTTP/1.1 in a header.
    let authority = match parts.uri.authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    };
    let Some(host) = door.host(&authority, &parts) else {
        return Ok(misdirected(&authority, &door));
    };
    let inbound = Inbound {
        authority,
        peer,
        door,
        connection: connection.clone(),
        parts,
        decisions: Decisions::default(),
    };
    let now = world.clock.now();
    let action = format!("{} {}", inbound.parts.method, inbound.parts.uri.path());
    let request_id = Uuid::new_v4().to_string();
    let mut entry = world
        .trail
        .begin(now, request_id, host.service(), &host.to_string(), action);
    let arrival = Visit::arrive(&world, &connection, &host, &inbound, body, &mut entry);
    let (visit, passage) = arrival.await?;
    let mut response = match passage {
        Passage::Answered(response) => response,
        Passage::Open(body) => serve(&world, &host, &inbound, body, &mut entry).await,
    };
    let reads = inbound.parts.method == Method::GET || inbound.parts.method == Method::HEAD;
    // Nothing is answered with success that would be gone after a restart.
    if !reads && response.status().is_success() && !world.is_kept() {
        response = internal_failure(host.service(), &mut entry, false);
    }
    entry.call.status = Some(response.status().as_u16());
    entry.call.decisions = inbound.decisions.take();
    // Clients correct their clocks by this header, so it must tell the time that signatures are judged by.
    set_header(&mut response, header::DATE, &http_date(now));
    visit.leave(response, &mut entry).await
}

async fn serve(world: &World, host: &Host, inbound: &Inbound, body: RequestBody, entry: &mut Entry) -> Response {
    match host {
        // The global endpoint is in us-east-1 and is signed for it.
        Host::GlobalSts => sts::answer(world, inbound, body, &Region::us_east_1(), entry).await,
        Host::Sts { region, .. } => sts::answer(world, inbound, body, region, entry).await,
        Host::Iam => iam::answer(world, inbound, body, entry).await,
        Host::Ecr { region, .. } => ecr::answer(world, inbound, body, ecr::Api::Private, region, entry).await,
        Host::EcrPublic { region, .. } => ecr::answer(world, inbound, body, ecr::Api::Public, region, entry).await,
        Host::Registry { account, region, .. } => {
            let registry = registry::Registry {
                account: *account,
                region,
                host,
                alias: None,
            };
            registry::answer(world, inbound, body, registry, entry).await
        }
        Host::PublicRegistry { .. } => public_registry::answer(world, inbound, body, host, entry).await,
        Host::LayerBucket { region } => bucket::answer(world, inbound, region, entry).await,
        Host::Machine(machine) => machine.answer(world, inbound, entry),
    }
}

/// `Fri, 20 Nov 2026 05:38:00 GMT` (RFC 9110 §5.6.7)
pub(crate) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A request that no AWS has a host for. By TLS no certificate was made for such a name, so the client asked for another
/// one in the handshake.
fn misdirected(authority: &str, door: &Door) -> Response {
    let shown = authority.chars().take(128).collect::<String>();
    let advice = match door {
        Door::Endpoint => {
            ": a call of STS, IAM or the ECR API is known by its signature; a registry has a name or a port of its own"
        }
        Door::Names | Door::Registry { .. } | Door::Machine(_) | Door::Control => "",
    };
    let mut response = respond(
        StatusCode::MISDIRECTED_REQUEST,
        "text/plain; charset=utf-8",
        format!("the simulated AWS does not answer for the host `{shown}`{advice}\n"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let time = "2026-11-20T05:38:00.5Z".parse().unwrap();
        assert_eq!(http_date(time), "Fri, 20 Nov 2026 05:38:00 GMT");
    }
}
