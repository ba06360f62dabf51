use std::{collections::VecDeque, io, ops::Range, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame};

use super::{Trouble, effect::Effect};
use crate::{
    exchange::{Body, Response},
    wire::{Connection, Severed},
};

/// A body to which something happens on its way to the client.
struct Spoilt {
    body: Body,
    /// What of the body is at hand.
    chunk: Bytes,
    /// Where in the object the chunk begins.
    offset: u64,
    /// What is to happen, in the order of the offsets.
    events: VecDeque<(u64, Event)>,
    connection: Connection,
    trouble: Trouble,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Flip,
    Stall(Option<Duration>),
    Close,
    Reset,
    /// Closes, and the URL with this signature has expired from then on.
    Expire(String),
}

/// Which bytes of the object an answer holds; none where it has no body.
pub(super) fn part(response: &Response) -> Option<Range<u64>> {
    if !response.status().is_success() {
        return None;
    }
    // The answer to a HEAD has the length of a body, and none.
    let length = response
        .body()
        .size_hint()
        .exact()
        .or_else(|| content_length(response.headers()))?;
    if response.body().is_end_stream() || length == 0 {
        return None;
    }
    let first = response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse::<u64>().ok())
        .unwrap_or(0);
    Some(first..first.checked_add(length)?)
}

/// What an effect makes happen within `part` of an object; nothing, if its offset does not lie in there.
///
/// Bytes are flipped where they are. A connection ends *between* two bytes, so a download that goes on just there is
/// past it.
pub(super) fn events(effect: &Effect, part: &Range<u64>, signature: Option<&str>) -> Vec<(u64, Event)> {
    let between = |at: u64| at < part.end && (part.start < at || (part.start == 0 && at == 0));
    let one = |at: u64, event: Event| between(at).then_some((at, event)).into_iter().collect();
    match effect {
        Effect::Flip(flip) => {
            let within = flip.at.as_slice().iter().filter(|at| part.contains(at));
            within.map(|at| (*at, Event::Flip)).collect()
        }
        Effect::Stall(stall) => one(stall.at, Event::Stall(stall.millis.map(super::limit::Millis::duration))),
        Effect::Truncate(at) => one(at.at, Event::Close),
        Effect::Reset(at) => one(at.at, Event::Reset),
        Effect::Expire(at) => {
            signature.map_or_else(Vec::new, |signature| one(at.at, Event::Expire(signature.to_owned())))
        }
        Effect::Error(_) | Effect::Throttle(_) | Effect::Latency(_) | Effect::Unreachable | Effect::Hang => Vec::new(),
    }
}

/// Makes things happen to an answer's body.
pub(super) fn spoil(
    response: Response,
    part: &Range<u64>,
    mut events: Vec<(u64, Event)>,
    connection: &Connection,
    trouble: &Trouble,
) -> Response {
    // Stable, so that rules come in their order where they mean the same offset.
    events.sort_by_key(|(at, _)| *at);
    let (mut parts, body) = response.into_parts();
    // A body that is a stream has no length of its own, and without one its early end would be no error.
    parts
        .headers
        .entry(header::CONTENT_LENGTH)
        .or_insert_with(|| header::HeaderValue::from(part.end - part.start));
    let spoilt = Spoilt {
        body,
        chunk: Bytes::new(),
        offset: part.start,
        events: events.into(),
        connection: connection.clone(),
        trouble: trouble.clone(),
    };
    let frames = stream::try_unfold(spoilt, |mut spoilt| async move {
        let frame = spoilt.next().await?;
        Ok(frame.map(|frame| (frame, spoilt)))
    });
    Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
}

impl Spoilt {
    async fn next(&mut self) -> io::Result<Option<Frame<Bytes>>> {
        loop {
            if self.chunk.is_empty() {
                let Some(frame) = self.body.frame().await.transpose()? else {
                    return Ok(None);
                };
                match frame.into_data() {
                    Ok(chunk) => self.chunk = chunk,
                    Err(trailers) => return Ok(Some(trailers)),
                }
                continue;
            }
            let until = match self.events.front() {
                Some((at, _)) => at - self.offset,
                None => u64::MAX,
            };
            if until == 0 {
                self.happen().await?;
                continue;
            }
            let length = usize::try_from(until).unwrap_or(usize::MAX).min(self.chunk.len());
            self.offset += length as u64;
            return Ok(Some(Frame::data(self.chunk.split_to(length))));
        }
    }

    /// Lets the next event happen, which is due here.
    async fn happen(&mut self) -> io::Result<()> {
        match self.events.pop_front() {
            None => Ok(()),
            Some((_, Event::Flip)) => {
                let mut chunk = BytesMut::from(self.chunk.as_ref());
                if let Some(byte) = chunk.first_mut() {
                    *byte ^= 1;
                }
                self.chunk = chunk.freeze();
                Ok(())
            }
            Some((_, Event::Stall(time))) => match self.trouble.wait(time).await {
                Ok(()) => Ok(()),
                Err(severed) => {
                    self.connection.close();
                    Err(severed.into())
                }
            },
            Some((_, Event::Close)) => self.end(Connection::close).await,
            Some((_, Event::Reset)) => self.end(Connection::reset).await,
            Some((_, Event::Expire(signature))) => {
                self.trouble.end_url(signature);
                self.end(Connection::close).await
            }
        }
    }

    async fn end(&mut self, end: impl FnOnce(&Connection)) -> io::Result<()> {
        self.connection.flushed().await;
        end(&self.connection);
        Err(Severed.into())
    }
}

impl From<Severed> for io::Error {
    fn from(severed: Severed) -> Self {
        io::Error::new(io::ErrorKind::ConnectionAborted, severed)
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{full, respond, set_header};
    use http::StatusCode;

    fn effect(json: &str) -> Effect {
        serde_json::from_str(json).unwrap()
    }

    fn happens(json: &str, part: Range<u64>) -> Vec<u64> {
        events(&effect(json), &part, Some("signature"))
            .into_iter()
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn an_end_is_between_two_bytes() {
        for kind in ["reset", "truncate", "stall", "expire"] {
            let json = |at: u64| format!(r#"{{"{kind}":{{"at":{at}}}}}"#);
            assert_eq!(happens(&json(5), 0..10), [5]);
            assert_eq!(happens(&json(5), 4..10), [5]);
            assert_eq!(happens(&json(0), 0..10), [0]);
            for (at, part) in [(5, 5..10), (5, 6..10), (10, 0..10), (11, 0..10), (0, 1..10)] {
                assert!(happens(&json(at), part.clone()).is_empty(), "{kind} {at} {part:?}");
            }
        }
        assert!(events(&effect(r#"{"expire":{"at":5}}"#), &(0..10), None).is_empty());
    }

    #[test]
    fn a_byte_is_flipped_where_it_is() {
        let json = r#"{"flip":{"at":[9,0,5,5]}}"#;
        assert_eq!(happens(json, 0..10), [0, 5, 9]);
        assert_eq!(happens(json, 5..9), [5]);
        assert!(happens(json, 6..9).is_empty());
    }

    #[test]
    fn the_part_is_what_the_headers_say() {
        let answer = |status: StatusCode, headers: &[(header::HeaderName, &str)], body: &'static str| {
            let mut response = respond(status, "text/plain", body);
            for (name, value) in headers {
                set_header(&mut response, name.clone(), value);
            }
            part(&response)
        };
        assert_eq!(answer(StatusCode::OK, &[], "12345"), Some(0..5));
        let range = [(header::CONTENT_RANGE, "bytes 7-11/100")];
        assert_eq!(answer(StatusCode::PARTIAL_CONTENT, &range, "12345"), Some(7..12));
        let head = [(header::CONTENT_LENGTH, "5")];
        assert_eq!(answer(StatusCode::OK, &head, ""), None);
        assert_eq!(answer(StatusCode::NOT_FOUND, &[], "12345"), None);
    }

    #[tokio::test]
    async fn flipped_bytes_are_the_only_ones_that_differ() {
        let trouble = Trouble::default();
        let content = (0..=255).collect::<Vec<u8>>();
        let response = Response::new(full(content.clone()));
        let part = part(&response).unwrap();
        let events = events(&effect(r#"{"flip":{"at":[0,1,100,255]}}"#), &part, None);
        let spoilt = spoil(response, &part, events, &Connection::default(), &trouble);
        assert_eq!(spoilt.headers()[header::CONTENT_LENGTH], "256");
        let found = spoilt.into_body().collect().await.unwrap().to_bytes();
        let differ = (0..256).filter(|at| found[*at] != content[*at]).collect::<Vec<_>>();
        assert_eq!((found.len(), differ), (256, vec![0, 1, 100, 255]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_stands_still_and_goes_on() {
        let trouble = Trouble::default();
        let response = Response::new(full("0123456789"));
        let events = events(&effect(r#"{"stall":{"at":4,"millis":5000}}"#), &(0..10), None);
        let mut body = spoil(response, &(0..10), events, &Connection::default(), &trouble).into_body();
        let started = tokio::time::Instant::now();
        let mut frame = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame().await, "0123");
        assert!(started.elapsed().is_zero());
        assert_eq!(frame().await, "456789");
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }
}
