use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, Response as HttpResponse, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::Refused;
use crate::{exchange::Response, trail::Call, world::World};

/// What is asked of the trail.
#[derive(Debug, Default, PartialEq, Eq)]
struct Question {
    /// Go on with the calls to come.
    follow: bool,
    /// Begin with so many of the latest.
    last: Option<usize>,
}

/// The calls, a JSON document a line.
pub(super) fn show(world: &World, query: Option<&str>) -> Result<Response, Refused> {
    let question = Question::read(query.unwrap_or_default())?;
    let (mut past, coming) = world.trail.follow();
    let surplus = past.len().saturating_sub(question.last.unwrap_or(usize::MAX));
    past.drain(..surplus);
    let past = stream::iter(past).map(|call| line(&call));
    let body = if question.follow {
        past.chain(coming_lines(coming, world.ending.clone())).boxed()
    } else {
        past.boxed()
    };
    let body = StreamBody::new(body.map(|line| Ok(Frame::data(line)))).boxed_unsync();
    let mut response = HttpResponse::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// Calls as they are answered, until this AWS ends. What a slow reader missed is a line of its own.
fn coming_lines(coming: Receiver<Arc<Call>>, ending: CancellationToken) -> impl Stream<Item = Bytes> {
    stream::unfold((coming, ending), |(mut coming, ending)| async move {
        let received = ending.run_until_cancelled(coming.recv()).await?;
        let line = match received {
            Ok(call) => line(&call),
            Err(RecvError::Lagged(missed)) => Bytes::from(format!("{}\n", json!({ "missed": missed }))),
            Err(RecvError::Closed) => return None,
        };
        Some((line, (coming, ending)))
    })
}

fn line(call: &Call) -> Bytes {
    let mut line = serde_json::to_vec(call).expect("a call is a plain structure with text keys");
    line.push(b'\n');
    line.into()
}

impl Question {
    fn read(query: &str) -> Result<Self, Refused> {
        let mut question = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("follow", "true") => question.follow = true,
                ("follow", "false") => question.follow = false,
                ("last", number) if number.parse::<usize>().is_ok() => question.last = number.parse().ok(),
                _ => {
                    let shown = format!("{name}={value}").chars().take(100).collect::<String>();
                    return Err(Refused::bad(format!(
                        "`{shown}` is not understood: follow=true|false and last=NUMBER are"
                    )));
                }
            }
        }
        Ok(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_or_refused() {
        let read = |query| Question::read(query).map_err(|refused| refused.message);
        assert_eq!(read(""), Ok(Question::default()));
        assert_eq!(
            read("last=7&follow=true"),
            Ok(Question {
                follow: true,
                last: Some(7)
            })
        );
        for query in ["last=-1", "last=many", "follow=yes", "x"] {
            assert!(read(query).unwrap_err().contains("is not understood"), "{query}");
        }
    }
}
