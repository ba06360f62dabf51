//! A small registry on 127.0.0.1 that answers as the specification says, but for what a test tells it to do otherwise.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use net::{Body, Certificate, Limits, Listener};
use oci::{ByteRange, Digest, Route};
use tokio::sync::oneshot;

/// A registry that serves one repository, or a host of any other kind.
pub(super) struct TestRegistry {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    _stop: oneshot::Sender<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
}

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// After how many bytes the connection breaks.
    pub(super) cut: Option<usize>,
    /// Whether it hangs in place of breaking.
    pub(super) hangs: bool,
    /// Whether the header `Content-Length` is left out.
    pub(super) is_chunked: bool,
}

type Mischief = Box<dyn FnMut(&Asked, &mut Answer) + Send>;

#[derive(Default)]
struct State {
    content: Mutex<HashMap<String, (String, Bytes)>>,
    asked: Mutex<Vec<Asked>>,
    mischief: Mutex<Option<Mischief>>,
}

impl TestRegistry {
    /// In the clear.
    pub(super) async fn start() -> Self {
        Self::listen(None).await
    }

    /// In the clear, or under TLS.
    pub(super) async fn listen(certificate: Option<&Certificate>) -> Self {
        let state = Arc::new(State::default());
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), certificate, Limits::default());
        let listener = listener.await.unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let shared = state.clone();
        let handler = move |request| {
            let answer = shared.answer(&request);
            async { answer.into_response() }
        };
        tokio::spawn(listener.serve(handler, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            state,
            _stop: stop,
        }
    }

    /// Serves content under its digest, and under a name where it has one.
    pub(super) fn hold(&self, name: Option<&str>, media_type: &str, content: &[u8]) {
        let entry = (media_type.to_owned(), Bytes::copy_from_slice(content));
        let mut held = self.state.content.lock().unwrap();
        held.insert(Digest::of(content).to_string(), entry.clone());
        if let Some(name) = name {
            held.insert(name.to_owned(), entry);
        }
    }

    /// Changes answers from now on.
    pub(super) fn mischief(&self, mischief: impl FnMut(&Asked, &mut Answer) + Send + 'static) {
        *self.state.mischief.lock().unwrap() = Some(Box::new(mischief));
    }

    /// Answers as it should from now on.
    pub(super) fn behave(&self) {
        *self.state.mischief.lock().unwrap() = None;
    }

    /// Every request since the last call, in order.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock().unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl State {
    fn answer<B>(&self, request: &Request<B>) -> Answer {
        let asked = Asked {
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        };
        self.asked.lock().unwrap().push(asked.clone());
        let mut answer = self.serve(&asked);
        if let Some(mischief) = &mut *self.mischief.lock().unwrap() {
            mischief(&asked, &mut answer);
        }
        answer
    }

    fn serve(&self, asked: &Asked) -> Answer {
        let (name, is_blob) = match Route::parse(&asked.path) {
            Ok(Route::Manifest { reference, .. }) => (reference.to_string(), false),
            Ok(Route::Blob { digest, .. }) => (digest.to_string(), true),
            _ => return Answer::error(404, "UNSUPPORTED", "no such path"),
        };
        let held = self.content.lock().unwrap();
        let Some((media_type, content)) = held.get(&name) else {
            return Answer::error(
                404,
                if is_blob { "BLOB_UNKNOWN" } else { "MANIFEST_UNKNOWN" },
                "not here",
            );
        };
        let mut answer = Answer::new(200, content.clone());
        answer.set("content-type", media_type);
        answer.set("docker-content-digest", &Digest::of(content).to_string());
        let range = asked
            .headers
            .get(header::RANGE)
            .and_then(|value| ByteRange::from_header(value.to_str().unwrap()));
        match range
            .filter(|_| is_blob)
            .map(|range| range.within(content.len() as u64))
        {
            None => answer,
            Some(Err(_)) => Answer::error(416, "RANGE", "no such bytes"),
            Some(Ok(range)) => {
                answer.status = StatusCode::PARTIAL_CONTENT;
                answer.set("content-range", &ByteRange::content_range(&range, content.len() as u64));
                answer.body = content.slice(range.start as usize..range.end as usize);
                answer
            }
        }
    }
}

impl Asked {
    pub(super) fn is_blob(&self) -> bool {
        self.path.contains("/blobs/")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
            cut: None,
            hangs: false,
            is_chunked: false,
        }
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        Self::new(status, body.to_string())
    }

    pub(super) fn redirect(status: u16, to: &str) -> Self {
        let mut answer = Self::new(status, "");
        answer.set("location", to);
        answer
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.parse().unwrap());
    }

    fn into_response(self) -> Response<Body> {
        let length = self.body.len();
        let body = match self.cut {
            None if !self.is_chunked => Body::from(self.body),
            cut => broken(
                self.body.slice(..cut.unwrap_or(length).min(length)),
                cut.is_some(),
                self.hangs,
            ),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if !self.is_chunked {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }
}

/// A body that ends after these bytes: as it should, by a broken connection, or never.
fn broken(bytes: Bytes, breaks: bool, hangs: bool) -> Body {
    let step = move |position: u8| {
        let bytes = bytes.clone();
        async move {
            match position {
                0 => Some((Ok(bytes), 1)),
                _ if hangs => std::future::pending().await,
                // Each turn without a piece makes the server flush what it has, so that the bytes arrive before the end.
                1..=3 => {
                    tokio::task::yield_now().await;
                    Some((Ok(Bytes::new()), position + 1))
                }
                4 if breaks => Some((Err(std::io::Error::other("cut")), 5)),
                _ => None,
            }
        }
    };
    Body::stream(futures_util::stream::unfold(0, step))
}
