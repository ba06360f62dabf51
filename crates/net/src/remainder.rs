use std::{future::poll_fn, pin::Pin, time::Duration};

use http::{HeaderValue, Request, Response, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::Body;

/// What a client sends behind the head of a request. Nobody who listens here wants any of it, but the answer does not
/// always arrive where it is left unread: over HTTP/2 the stream is reset beside the answer, which curl takes for a
/// broken connection; over HTTP/1.1 the connection ends although nothing said that it would.
pub(crate) struct Remainder {
    body: Incoming,
    is_http1: bool,
    /// The client waits to be told to send it.
    is_held_back: bool,
}

impl Remainder {
    /// The request without it, and what it is, if there is any.
    pub(crate) fn part(request: Request<Incoming>) -> (Request<()>, Option<Self>) {
        let (head, body) = request.into_parts();
        let expected = head.headers.get(header::EXPECT).map(HeaderValue::as_bytes);
        let remainder = (!body.is_end_stream()).then(|| Self {
            body,
            is_http1: head.version <= Version::HTTP_11,
            is_held_back: expected.is_some_and(|expected| expected.eq_ignore_ascii_case(b"100-continue")),
        });
        (Request::from_parts(head, ()), remainder)
    }

    /// Reads it beside the answer, to its end or as much as is reasonable. Where the connection cannot be used any more
    /// after that, the answer says so.
    pub(crate) fn pass_by(self, response: &mut Response<Body>) {
        // Reading would have the client send it (RFC 9110 §10.1.1). HTTP/2 has no use for that and does not tell.
        let is_refused = self.is_http1 && self.is_held_back;
        let is_long = self.body.size_hint().upper().is_none_or(|length| length > MOST);
        if self.is_http1 && (is_refused || is_long) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if !is_refused {
            tokio::spawn(timeout(LONGEST, read(self.body)));
        }
    }
}

async fn read(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Bytes: as many as a manifest may have. What else is pushed begins with a request that has no body.
const MOST: u64 = 4 * 1024 * 1024;
/// For how long a client is listened to that has been answered.
const LONGEST: Duration = Duration::from_secs(10);
