use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request, of which the beginning can be looked at before it goes to whoever reads it.
#[derive(Debug)]
pub(crate) struct RequestBody {
    beginning: BytesMut,
    /// What ended the look at the beginning: whoever reads the body meets it in its place.
    failure: Option<hyper::Error>,
    rest: Incoming,
}

impl RequestBody {
    /// Looks at the beginning of the body, which is all of it where that is shorter than `limit` bytes. It can be given
    /// up at any moment: what has come until then is not lost.
    pub(crate) async fn look(&mut self, limit: usize) {
        while self.beginning.len() < limit && self.failure.is_none() {
            match self.rest.frame().await {
                None => break,
                Some(Err(error)) => self.failure = Some(error),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.beginning.extend_from_slice(&bytes);
                    }
                }
            }
        }
    }

    /// What of the body has been looked at.
    pub(crate) fn beginning(&self) -> &[u8] {
        &self.beginning
    }
}

impl From<Incoming> for RequestBody {
    fn from(body: Incoming) -> Self {
        Self {
            beginning: BytesMut::new(),
            failure: None,
            rest: body,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if !self.beginning.is_empty() {
            let beginning = self.beginning.split().freeze();
            return Poll::Ready(Some(Ok(Frame::data(beginning))));
        }
        if let Some(error) = self.failure.take() {
            return Poll::Ready(Some(Err(error)));
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.is_empty() && self.failure.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.beginning.len() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}
