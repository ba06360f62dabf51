//! What `serve` answers over HTTP, beside the registry.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use http::{Method, Version};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;

use crate::{
    house::House,
    served::{Served, client},
};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/.well-known/jwks.json";

fn content_type(response: &reqwest::Response) -> &str {
    response.headers()["content-type"].to_str().unwrap()
}

#[tokio::test]
async fn health_discovery_and_keys_are_served() {
    let house = House::new();
    let served = Served::start(house.serve());
    let (client, base) = (client(None), format!("http://{}", served.address()));
    let get = async |path: &str| client.get(format!("{base}{path}")).send().await.unwrap();

    let health = get("/healthz").await;
    assert_eq!(
        (health.status().as_u16(), content_type(&health)),
        (200, "text/plain; charset=utf-8")
    );
    assert_eq!(health.text().await.unwrap(), "ok\n");

    let discovery = get(DISCOVERY).await;
    assert_eq!(
        (discovery.status().as_u16(), content_type(&discovery)),
        (200, "application/json")
    );
    let discovery: Value = serde_json::from_str(&discovery.text().await.unwrap()).unwrap();
    assert_eq!(discovery["issuer"], "https://images.example.com");
    assert_eq!(discovery["jwks_uri"], format!("https://images.example.com{JWKS}"));

    let keys = get(JWKS).await;
    assert_eq!((keys.status().as_u16(), content_type(&keys)), (200, "application/json"));
    let keys: Value = serde_json::from_str(&keys.text().await.unwrap()).unwrap();
    let [key] = &keys["keys"].as_array().unwrap()[..] else {
        panic!("one key: {keys}")
    };
    assert_eq!(
        (&key["kty"], &key["alg"], &key["use"]),
        (&"RSA".into(), &"RS256".into(), &"sig".into())
    );
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(key.get(private).is_none(), "a private part of the key is published");
    }
}

#[tokio::test]
async fn an_issuer_below_a_path_is_found_there() {
    let mut house = House::new();
    house.set("issuer.url", "https://images.example.com/tenant/one");
    let served = Served::start(house.serve());
    for (path, status) in [
        (format!("/tenant/one{DISCOVERY}"), 200),
        (format!("/tenant/one{JWKS}"), 200),
        (DISCOVERY.to_owned(), 404),
    ] {
        let url = format!("http://{}{path}", served.address());
        assert_eq!(client(None).get(url).send().await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test]
async fn the_signing_key_outlives_the_process() {
    let house = House::new();
    let mut documents = Vec::new();
    for _ in 0..2 {
        let served = Served::start(house.serve());
        let url = format!("http://{}{JWKS}", served.address());
        documents.push(client(None).get(url).send().await.unwrap().text().await.unwrap());
        served.signal("TERM");
        assert!(served.end().0.success());
    }
    assert_eq!(documents[0], documents[1]);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::new();
    let served = Served::start(house.serve());
    for path in [
        "/",
        "/healthz/",
        "/HEALTHZ",
        "/v1/",
        "/v2x",
        "/.well-known/",
        "/resources/acme.yaml",
        "/../seal.key",
    ] {
        let url = format!("http://{}{path}", served.address());
        let response = client(None).get(url).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert!(
            response.text().await.unwrap().contains("/v2/"),
            "{path}: it says where the registry is"
        );
    }
}

#[tokio::test]
async fn methods_that_change_something_are_refused() {
    let house = House::new();
    let served = Served::start(house.serve());
    for path in ["/healthz", DISCOVERY, JWKS] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let url = format!("http://{}{path}", served.address());
            let response = client(None).request(method.clone(), url).send().await.unwrap();
            assert_eq!(response.status(), 405, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let house = House::new();
    let served = Served::start(house.serve());
    for path in ["/healthz", DISCOVERY, JWKS, "/nowhere"] {
        let url = format!("http://{}{path}", served.address());
        let get = client(None).get(&url).send().await.unwrap();
        let head = client(None).head(&url).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.headers()[header], get.headers()[header], "{path}: {header}");
        }
        assert!(!get.text().await.unwrap().is_empty(), "{path}");
        assert_eq!(head.text().await.unwrap(), "", "{path}");
    }
}

#[tokio::test]
async fn the_registry_asks_who_it_is() {
    let house = House::new();
    let served = Served::start(house.serve());
    let url = format!("http://{}/v2/", served.address());
    let response = client(None).get(url).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), content_type(&response)),
        (401, "application/json")
    );
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic ")
    );
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED");
}

#[tokio::test]
async fn under_tls_a_client_may_speak_http_2() {
    let (house, edge) = House::with_certificate();
    let served = Served::start(house.serve());
    let url = format!("https://{}/healthz", served.address());
    let response = client(Some(&edge.ca)).get(url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
}

#[test]
fn under_tls_a_client_may_speak_http_1() {
    let (house, edge) = House::with_certificate();
    let served = Served::start(house.serve());
    for offered in [vec![b"http/1.1".to_vec()], vec![]] {
        let (agreed, answer) = ask_over_tls(&served, &edge.ca, offered.clone());
        assert_eq!(agreed.as_ref(), offered.first());
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn in_the_clear_it_is_http_1() {
    let house = House::new();
    let served = Served::start(house.serve());
    let url = format!("http://{}/healthz", served.address());
    let response = client(None).get(url).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_11)
    );
}

/// Asks for `/healthz` in HTTP/1.1: the protocol that was agreed upon, and the answer.
fn ask_over_tls(served: &Served, ca: &Path, protocols: Vec<Vec<u8>>) -> (Option<Vec<u8>>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols;
    let connection = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(served.address()).unwrap());
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (stream.conn.alpn_protocol().map(<[u8]>::to_vec), answer)
}
