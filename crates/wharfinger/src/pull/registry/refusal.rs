use std::{fmt, time::Duration};

use jiff::Timestamp;
use oci::ErrorEnvelope;
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use super::{patience::retry_after, text::printable};

/// An answer that is not a success: the status, and what the registry said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The registry's own words, without control characters. Empty where it said nothing that a person reads.
    pub(crate) said: String,
    /// What it said for programs: the `detail` of its first error.
    pub(crate) detail: Option<serde_json::Value>,
    /// How long the registry asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer, at most [`MAX_LENGTH`] bytes of it. A body that breaks off is read as far as it came: the status
    /// says enough.
    pub(crate) async fn read(mut answer: Response) -> Self {
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let is_text = header(CONTENT_TYPE).is_some_and(|value| value.starts_with("text/plain"));
        let wait = header(RETRY_AFTER).and_then(|value| retry_after(value, Timestamp::now()));
        let status = answer.status();
        let mut body = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            let room = MAX_LENGTH - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == MAX_LENGTH {
                break;
            }
        }
        Self {
            status,
            said: said(&body, is_text),
            detail: detail(&body),
            retry_after: wait,
        }
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || self.status == StatusCode::REQUEST_TIMEOUT
            || self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if self.said.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.said)
    }
}

/// The message in a body: the registry's error envelope, or a line of plain text such as Amazon ECR sends with 401.
fn said(body: &[u8], is_text: bool) -> String {
    if let Ok(envelope) = serde_json::from_slice::<ErrorEnvelope>(body) {
        return printable(&envelope.to_string());
    }
    if is_text {
        let text: String = String::from_utf8_lossy(body).chars().take(MAX_PLAIN_TEXT).collect();
        return printable(&text);
    }
    String::new()
}

fn detail(body: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice::<ErrorEnvelope>(body)
        .ok()?
        .errors
        .into_iter()
        .next()?
        .detail
}

/// How many bytes of an answer's body are read.
const MAX_LENGTH: usize = 64 * 1024;
/// How many characters of a body that is no envelope are shown.
const MAX_PLAIN_TEXT: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_envelope_speaks_as_it_is() {
        let body = r#"{"errors":[{"code":"DENIED","message":"User: x is not authorized"},{"code":"X"}]}"#;
        assert_eq!(said(body.as_bytes(), false), "DENIED: User: x is not authorized; X:");
    }

    #[test]
    fn other_bodies_speak_only_as_plain_text() {
        assert_eq!(said(b"Not Authorized\n", true), "Not Authorized");
        assert_eq!(said(b"<html>", false), "");
        assert_eq!(said(&vec![b'a'; 5000], true).len(), MAX_PLAIN_TEXT);
    }

    #[test]
    fn nothing_in_a_message_moves_the_terminal() {
        let body = r#"{"errors":[{"code":"A","message":"\u001b[2Jred\u0007\nnext\u202etxt"}]}"#;
        assert_eq!(said(body.as_bytes(), false), "A: [2Jred nexttxt");
    }

    #[test]
    fn only_what_may_pass_is_transient() {
        for (status, expected) in [
            (429, true),
            (408, true),
            (500, true),
            (503, true),
            (501, false),
            (404, false),
        ] {
            let refusal = Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                said: String::new(),
                detail: None,
                retry_after: None,
            };
            assert_eq!(refusal.is_transient(), expected, "{status}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200), is_text: bool) {
            prop_assert!(!said(&body, is_text).contains(char::is_control));
        }
    }
}
