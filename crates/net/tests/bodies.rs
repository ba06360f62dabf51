//! Requests with a body, which nobody here reads: the answer arrives all the same, and it is known what becomes of the
//! connection.

#![allow(clippy::unwrap_used)]

use std::{net::SocketAddr, sync::Arc};

use http::{Request, Response};
use net::{Body, Certificate, Limits, Listener};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject},
};

struct Server {
    address: SocketAddr,
    ca: String,
    _folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    async fn start(is_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = rcgen::generate_simple_self_signed(["rude.example.test".to_owned()]).unwrap();
        let (chain, key) = (folder.path().join("crt"), folder.path().join("key"));
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        let listening = Listener::bind(
            ([127, 0, 0, 1], 0).into(),
            is_tls.then_some(&certificate),
            Limits::default(),
        );
        let listener = listening.await.unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let handler = |_: Request<()>| async { Response::new(Body::from("no".to_owned())) };
        tokio::spawn(listener.serve(handler, async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            ca: pair.cert.pem(),
            _folder: folder,
            _stop: stop,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which HTTP/2 is agreed upon, and no frame was sent.
    async fn connect_by_http_2(&self) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let name = "rude.example.test".try_into().unwrap();
        connector.connect(name, self.connect().await).await.unwrap()
    }
}

/// Reads an answer, and nothing behind it.
async fn answer(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nno") {
        answer.push(client.read_u8().await.expect("there is more of an answer"));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_body_that_comes_after_the_answer_does_not_end_the_connection() {
    let server = Server::start(false).await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        let head = "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
        client.write_all(&[b'x'; 100_000]).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_is_announced_is_not_asked_for() {
    let server = Server::start(false).await;
    let mut client = server.connect().await;
    let head = "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let answer = answer(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0, "it is closed");
}

#[tokio::test]
async fn a_body_too_long_to_be_read_ends_the_connection_as_the_answer_says() {
    let server = Server::start(false).await;
    for length in ["content-length: 5000000", "transfer-encoding: chunked"] {
        let mut client = server.connect().await;
        let head = format!("PUT / HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = answer(&mut client).await;
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_of_http_2_with_a_body_is_not_reset_beside_its_answer() {
    const PING: [u8; 8] = *b"is it on";
    let server = Server::start(true).await;
    let mut client = server.connect_by_http_2().await;
    let head = literals(&[
        (":method", "PUT"),
        (":scheme", "https"),
        (":path", "/"),
        (":authority", "x"),
    ]);
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frame(HEADERS, END_HEADERS, 1, &head));
    client.write_all(&sent).await.unwrap();
    let mut kinds = Vec::new();
    loop {
        let (kind, flags, stream) = read_frame(&mut client).await;
        if stream == 1 {
            kinds.push(kind);
        }
        if kind == DATA && flags & END_STREAM != 0 {
            client.write_all(&frame(PING_FRAME, 0, 0, &PING)).await.unwrap();
        }
        // Whatever was sent with the answer has come before this.
        if kind == PING_FRAME {
            break;
        }
    }
    assert_eq!(kinds, [HEADERS, DATA]);
}

/// Fields that are in no table (RFC 7541 §6.2.2).
fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let literal = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    fields.iter().flat_map(literal).collect()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [
        &length.to_be_bytes()[1..],
        &[kind, flags],
        &stream.to_be_bytes(),
        payload,
    ]
    .concat()
}

async fn read_frame(client: &mut (impl AsyncRead + Unpin)) -> (u8, u8, u32) {
    let mut head = [0; 9];
    client.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    client.read_exact(&mut vec![0; length as usize]).await.unwrap();
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    (head[3], head[4], stream)
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING_FRAME: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
