//! The client of this crate against its listener, under TLS, by a name that only the resolve map knows.

#![allow(clippy::unwrap_used)]

use net::{Body, Certificate, Limits, Listener, Outgoing, Resolve, Roots};

struct Server {
    address: std::net::SocketAddr,
    ca: String,
    _files: tempfile::TempDir,
    _stop: tokio::sync::oneshot::Sender<()>,
}

async fn server() -> Server {
    let files = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["registry.example.test".to_owned()]).unwrap();
    let (chain, key) = (files.path().join("crt"), files.path().join("key"));
    std::fs::write(&chain, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let certificate = Certificate::load(&chain, &key).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(&certificate), Limits::default())
        .await
        .unwrap();
    let address = listener.address();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let handler = |request: http::Request<()>| async move {
        let mut response = http::Response::new(Body::from(format!("{:?}", request.version())));
        if request.uri().path() == "/elsewhere" {
            *response.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
            response
                .headers_mut()
                .insert("location", http::HeaderValue::from_static("/"));
        }
        response
    };
    tokio::spawn(listener.serve(handler, async move {
        let _ = stopped.await;
    }));
    Server {
        address,
        ca: pair.cert.pem(),
        _files: files,
        _stop: stop,
    }
}

impl Server {
    fn client(&self, roots: Roots) -> reqwest::Client {
        let resolve = Resolve::parse([format!("*.example.test={}", self.address)]).unwrap();
        Outgoing { resolve, roots }.client().unwrap()
    }
}

#[tokio::test]
async fn a_name_in_the_map_is_reached_without_a_port_and_speaks_http_2() {
    let server = server().await;
    let roots = Roots::system().with_pem("the CA", server.ca.as_bytes()).unwrap();
    let answer = server
        .client(roots)
        .get("https://registry.example.test/")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.text().await.unwrap(), "HTTP/2.0");
}

#[tokio::test]
async fn a_private_ca_is_trusted_only_where_it_was_given() {
    let server = server().await;
    let error = server
        .client(Roots::system())
        .get("https://registry.example.test/")
        .send()
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = server().await;
    let roots = Roots::system().with_pem("the CA", server.ca.as_bytes()).unwrap();
    let answer = server
        .client(roots)
        .get("https://registry.example.test/elsewhere")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 307);
}
