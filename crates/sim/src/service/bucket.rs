//! The layer bucket: what the registry's presigned URLs point at.

mod condition;

use std::{io, time::Duration};

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use oci::{ByteRange, Digest};

use crate::{
    clock::{iso, later},
    door::Door,
    exchange::{Inbound, Response, empty, respond, set_header},
    host::Region,
    sigv4::{Payload, Placement, Presented, Refused, Style, calculate, same},
    trail::Entry,
    world::World,
    xml::Element,
};
use condition::Outcome;

/// An error as S3 writes it: the members behind the message differ from code to code.
struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Element>,
}

/// S3's second id of a request, which says nothing here.
const HOST_ID: &str = "simulated";

/// How far in the future a signature of S3's may be.
const SKEW: Duration = Duration::from_mins(15);

pub(crate) async fn answer(world: &World, inbound: &Inbound, region: &Region, entry: &mut Entry) -> Response {
    let mut response = match call(world, inbound, region, entry).await {
        Ok(response) => response,
        Err(fault) => {
            entry.failed(fault.code, &fault.message);
            fault.answer(&entry.call.request_id, inbound.parts.method == Method::HEAD)
        }
    };
    let request_id = HeaderName::from_static("x-amz-request-id");
    set_header(&mut response, request_id, &entry.call.request_id);
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-amz-id-2"), HeaderValue::from_static(HOST_ID));
    response
        .headers_mut()
        .insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
    response
}

async fn call(world: &World, inbound: &Inbound, region: &Region, entry: &mut Entry) -> Result<Response, Fault> {
    let method = &inbound.parts.method;
    if *method != Method::GET && *method != Method::HEAD {
        return Err(Fault::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        ));
    }
    entry.call.action = "s3:GetObject".to_owned();
    let key = inbound.door.object_key(region, inbound.parts.uri.path());
    // An object's key is 100 characters long, whatever the client asks for.
    let shown = key.chars().take(128).collect::<String>();
    entry.call.resource = Some(format!("arn:aws:s3:::prod-{region}-starport-layer-bucket/{shown}"));
    authenticate(world, inbound, region)?;
    let object = world.read(|state| state.object(key).cloned());
    let (digest, size) = object.ok_or_else(|| no_key(key))?;
    serve(world, inbound, &digest, size).await
}

/// Checks the presigned URL: nothing but the signature lets anybody in here.
fn authenticate(world: &World, inbound: &Inbound, region: &Region) -> Result<(), Fault> {
    let presented = Presented::from_query(inbound);
    // A client that is redirected from one port of a machine to the same or another one takes it for the same host and
    // sends its credentials along, so only by its name does the bucket object to them.
    let objects = inbound.door == Door::Names || presented.is_err();
    if let Some(authorization) = inbound.parts.headers.get(header::AUTHORIZATION).filter(|_| objects) {
        let shown = String::from_utf8_lossy(authorization.as_bytes()).into_owned();
        // S3 repeats the credential to whoever sent it. It is not put on record.
        return Err(match presented {
            Err(Refused::Missing) => Fault::bad_request("InvalidArgument", "Unsupported Authorization Type"),
            _ => Fault::bad_request(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            ),
        }
        .detail("ArgumentName", "Authorization")
        .detail("ArgumentValue", shown));
    }
    let presented = presented.map_err(Fault::from)?;
    let Placement::Query { expires } = presented.placement else {
        return Err(Fault::from(Refused::Missing));
    };
    let scoped = presented.service == "s3" && presented.region == region.as_str();
    if presented.key_id != world.presigner.key.id {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .detail("AWSAccessKeyId", &presented.key_id));
    }
    let own = calculate(
        &presented,
        inbound,
        Payload::Unsigned,
        Style::S3,
        &world.presigner.key.secret,
    );
    if !scoped || !own.is_some_and(|own| same(&own, &presented.signature)) {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing \
             method.",
        )
        .detail("AWSAccessKeyId", &presented.key_id)
        .detail("SignatureProvided", &presented.signature));
    }
    let ended = world.trouble.has_ended(&presented.signature);
    check_time(&presented, expires, ended, world.clock.now())
}

/// A URL that a rule let expire before its time has ended, is answered as it will be after its time.
fn check_time(presented: &Presented, expires: u64, ended: bool, now: Timestamp) -> Result<(), Fault> {
    let end = later(presented.time, Duration::from_secs(expires));
    let now = if ended { now.max(end) } else { now };
    let denied = |message: &str| Fault::new(StatusCode::FORBIDDEN, "AccessDenied", message);
    if now >= end {
        return Err(denied("Request has expired")
            .detail("X-Amz-Expires", expires.to_string())
            .detail("Expires", iso(end))
            .detail("ServerTime", iso(now)));
    }
    if presented.time > later(now, SKEW) {
        return Err(denied("Request is not valid yet").detail("ServerTime", iso(now)));
    }
    Ok(())
}

async fn serve(world: &World, inbound: &Inbound, digest: &Digest, size: u64) -> Result<Response, Fault> {
    let etag = format!("\"{}\"", &digest.hex()[..32]);
    // Several ranges are none to S3, which answers with the whole.
    let mut asked = inbound.header(header::RANGE).and_then(ByteRange::from_header);
    match Outcome::of(&inbound.parts.headers, &etag) {
        Outcome::Serve => {}
        Outcome::ServeAll => asked = None,
        Outcome::NotModified => return Ok(not_modified(&etag)),
        Outcome::Failed => {
            return Err(Fault::new(
                StatusCode::PRECONDITION_FAILED,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            )
            .detail("Condition", "If-Match"));
        }
    }
    let (status, range) = match asked {
        None => (StatusCode::OK, 0..size),
        Some(asked) => match asked.within(size) {
            Ok(range) => (StatusCode::PARTIAL_CONTENT, range),
            Err(_) => {
                let shown = inbound.header(header::RANGE).unwrap_or_default();
                return Err(Fault::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "InvalidRange",
                    "The requested range is not satisfiable",
                )
                .detail("RangeRequested", shown)
                .detail("ActualObjectSize", size.to_string()));
            }
        },
    };
    let mut response = respond(status, "application/octet-stream", "");
    if inbound.parts.method == Method::GET {
        let content = world.blobs.read(digest, range.clone()).await;
        *response.body_mut() = content.map_err(|error| unreadable(&error, digest, inbound))?;
    }
    let length = (range.end - range.start).to_string();
    set_header(&mut response, header::CONTENT_LENGTH, &length);
    set_header(&mut response, header::ACCEPT_RANGES, "bytes");
    set_header(&mut response, header::ETAG, &etag);
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = ByteRange::content_range(&range, size);
        set_header(&mut response, header::CONTENT_RANGE, &content_range);
    }
    Ok(response)
}

fn unreadable(error: &io::Error, digest: &Digest, inbound: &Inbound) -> Fault {
    // It was removed after it was found.
    if error.kind() == io::ErrorKind::NotFound {
        return no_key(inbound.parts.uri.path().trim_start_matches('/'));
    }
    tracing::warn!(%error, %digest, "a layer cannot be read");
    Fault::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        "The simulated bucket cannot use its disk.",
    )
}

fn no_key(key: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.").detail("Key", key)
}

fn not_modified(etag: &str) -> Response {
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    set_header(&mut response, header::ETAG, etag);
    response
}

impl Fault {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    fn bad_request(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn detail(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push(Element::text(name, text));
        self
    }

    fn answer(self, request_id: &str, head: bool) -> Response {
        let document = Element::new("Error")
            .child(Element::text("Code", self.code))
            .child(Element::text("Message", self.message))
            .children(self.details)
            .child(Element::text("RequestId", request_id))
            .child(Element::text("HostId", HOST_ID));
        let mut response = respond(self.status, "application/xml", document.print_compact());
        if head {
            *response.body_mut() = empty();
        }
        response
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied"),
            Refused::Incomplete(message) => Self::bad_request("AuthorizationQueryParametersError", &message),
            Refused::UnknownKey => Self::new(
                StatusCode::FORBIDDEN,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Refused::Expired => Self::bad_request("ExpiredToken", "The provided token has expired."),
            Refused::Mismatch(message) => Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message),
        }
    }
}
