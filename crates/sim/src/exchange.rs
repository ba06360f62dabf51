use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use tokio::time::timeout;

use crate::{door::Door, host::Host, request_body::RequestBody, trail::Decisions, wire::Connection};

/// What goes back to a client; a stream where it comes from a file.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Response = http::Response<Body>;

/// A request as it came in, without its body.
pub(crate) struct Inbound {
    /// `Host` or `:authority`, as the client wrote it and signed it.
    pub(crate) authority: String,
    /// Who is at the other end of the connection.
    pub(crate) peer: SocketAddr,
    /// How the request came in.
    pub(crate) door: Door,
    /// The connection that the answer goes out by.
    pub(crate) connection: Connection,
    pub(crate) parts: Parts,
    /// What was decided on the way to the answer.
    pub(crate) decisions: Decisions,
}

/// Why the body of a request was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body did not come in time")]
    TooSlow,
    #[error("the connection ended within the body")]
    Broken,
}

/// How long a client may take to send a body that is kept in memory.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(20);

impl Inbound {
    /// The URL under which this client finds a path of `host`.
    pub(crate) fn url(&self, host: &Host, path: &str) -> String {
        self.door.url(&self.authority, host, path)
    }

    /// A header's value, where it is there once and is text.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// Reads a body of `limit` bytes at most.
pub(crate) async fn read(body: RequestBody, limit: usize) -> Result<Bytes, Unread> {
    match timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Unread::TooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLong(limit)),
        Ok(Err(_)) => Err(Unread::Broken),
    }
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// An answer with a body that is at hand.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sets a header to text that was made here. What cannot stand in a header is left out.
pub(crate) fn set_header(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
