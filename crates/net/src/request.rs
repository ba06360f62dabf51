use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;

use crate::{Body, remainder::Remainder};

/// What the handler says of a request's head; what else the client sends is passed by.
pub(crate) fn answer<H, A>(handler: &H, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + use<H, A>
where
    H: Fn(Request<()>) -> A,
    A: Future<Output = Response<Body>>,
{
    let (request, remainder) = Remainder::part(request);
    let answer = names_one_host(&request).then(|| handler(request));
    async move {
        let mut response = match answer {
            Some(answer) => answer.await,
            None => without_host(),
        };
        if let Some(remainder) = remainder {
            remainder.pass_by(&mut response);
        }
        response
    }
}

/// RFC 9112 §3.2. With two hosts, whatever stands in front may go by the other one.
fn names_one_host<B>(request: &Request<B>) -> bool {
    request.version() != Version::HTTP_11 || request.headers().get_all(header::HOST).iter().count() == 1
}

fn without_host() -> Response<Body> {
    let mut response = Response::new(Body::from("a request of HTTP/1.1 has one Host header\n".to_owned()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
