//! Clients that do not take what waits for them: those that take nothing, and those that are slow.

#![allow(clippy::unwrap_used)]

use std::{convert::Infallible, fs::File, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use net::{Body, Certificate, Limits, Listener, Outgoing, Resolve, Roots, Traffic};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::oneshot,
    time::{Instant, interval, sleep, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject},
};

/// More than all buffers and windows on the way hold.
const SIZE: u64 = 64 * 1024 * 1024;

struct Server {
    address: SocketAddr,
    traffic: Traffic,
    ca: String,
    _folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// `/file` is a file and everything else a stream; each has [`SIZE`] bytes.
    async fn start(is_tls: bool, standstill: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap().set_len(SIZE).unwrap();
        let pair = rcgen::generate_simple_self_signed(["slow.example.test".to_owned()]).unwrap();
        let (chain, key) = (folder.path().join("crt"), folder.path().join("key"));
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        let limits = Limits {
            standstill,
            ..Limits::default()
        };
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), is_tls.then_some(&certificate), limits)
            .await
            .unwrap();
        let (address, traffic) = (listener.address(), listener.traffic());
        let (stop, stopped) = oneshot::channel();
        let handler = move |request: Request<()>| {
            let body = match request.uri().path() {
                "/file" => {
                    let parts = stream::iter([io::Result::Ok(0..SIZE)]);
                    Body::file(Arc::new(File::open(&path).unwrap()), parts)
                }
                _ => {
                    let piece = Ok::<_, Infallible>(Bytes::from_static(&[1; 1024]));
                    Body::stream(stream::iter((0..SIZE / 1024).map(move |_| piece.clone())))
                }
            };
            async move { Response::builder().header("content-length", SIZE).body(body).unwrap() }
        };
        tokio::spawn(listener.serve(handler, async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            traffic,
            ca: pair.cert.pem(),
            _folder: folder,
            _stop: stop,
        }
    }

    /// A connection over which this was asked for, and whose client has read nothing yet.
    async fn ask(&self, path: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(256 * 1024).unwrap();
        let mut client = socket.connect(self.address).await.unwrap();
        client.write_all(request(path).as_bytes()).await.unwrap();
        client
    }

    async fn ask_over_tls(&self, path: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = "slow.example.test".try_into().unwrap();
        let mut client = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap();
        client.write_all(request(path).as_bytes()).await.unwrap();
        client
    }

    /// Reads the whole answer as fast as it comes; the length of its head.
    async fn read(&self, path: &str) -> u64 {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let request = request(path).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        (answer.len() as u64).checked_sub(SIZE).expect("it is whole")
    }

    /// A client of HTTP/2, whose windows open as its bodies are read.
    fn client(&self) -> reqwest::Client {
        let resolve = Resolve::parse([format!("*.example.test={}", self.address)]).unwrap();
        let roots = Roots::system().with_pem("the CA", self.ca.as_bytes()).unwrap();
        Outgoing { resolve, roots }.client().unwrap()
    }

    /// Waits until a client was cut off, and nobody is connected any more.
    async fn cuts_one_off(&self) {
        let mut pace = interval(Duration::from_millis(10));
        let cut = async {
            while self.traffic.stalled() == 0 || self.traffic.open() > 0 {
                pace.tick().await;
            }
        };
        timeout(Duration::from_secs(30), cut).await.expect("it is cut off");
        assert_eq!(self.traffic.stalled(), 1);
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: slow.example.test\r\n\r\n")
}

const SOON: Duration = Duration::from_millis(300);
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut_off_and_counted() {
    for path in ["/file", "/stream"] {
        let server = Server::start(false, SOON).await;
        let mut client = server.ask(path).await;
        server.cuts_one_off().await;
        let mut rest = Vec::new();
        assert!(
            client.read_to_end(&mut rest).await.is_err(),
            "{path} did not end in a reset"
        );
        assert!((rest.len() as u64) < SIZE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_tls_a_client_that_reads_nothing_is_cut_off_and_counted() {
    let server = Server::start(true, SOON).await;
    let mut client = server.ask_over_tls("/file").await;
    server.cuts_one_off().await;
    assert!(client.read_to_end(&mut Vec::new()).await.is_err());
}

/// Its socket is idle, and it goes on answering PINGs.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_2_that_opens_no_window_is_cut_off_and_counted() {
    let server = Server::start(true, SOON).await;
    let client = server.client();
    let asked = |path: &str| client.get(format!("https://slow.example.test/{path}")).send();
    let (one, other) = (asked("file").await.unwrap(), asked("stream").await.unwrap());
    assert_eq!(one.version(), http::Version::HTTP_2);
    server.cuts_one_off().await;
    assert!(one.bytes().await.is_err() && other.bytes().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_slow_and_moves_is_left_alone() {
    let patience = Duration::from_secs(2);
    let (plain, secure) = tokio::join!(Server::start(false, patience), Server::start(true, patience));
    let in_the_clear = async {
        let mut client = plain.ask("/file").await;
        // So slowly that the server's socket has room for more only once in a long time.
        let mut buffer = vec![0; 16 * 1024];
        slowly(patience, async || client.read(&mut buffer).await.unwrap() > 0).await;
    };
    let under_tls = async {
        let mut answer = secure
            .client()
            .get("https://slow.example.test/file")
            .send()
            .await
            .unwrap();
        slowly(patience, async || answer.chunk().await.unwrap().is_some()).await;
    };
    tokio::join!(in_the_clear, under_tls);
    for server in [plain, secure] {
        assert_eq!(server.traffic.stalled(), 0);
    }
}

/// Reads a bit now and then, for twice as long as nothing may move.
async fn slowly(patience: Duration, mut read: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + patience * 2;
    while Instant::now() < end {
        assert!(read().await, "the answer ended");
        sleep(patience / 40).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_owes_nothing() {
    let server = Server::start(false, SOON).await;
    let mut client = server.ask("/file").await;
    let mut taken = tokio::io::sink();
    let head_and_body = timeout(SOON * 4, tokio::io::copy(&mut client, &mut taken)).await;
    assert!(head_and_body.is_err(), "the connection stays");
    assert_eq!((server.traffic.stalled(), server.traffic.open()), (0, 1));
}

/// `/proc/self/io` could not tell: it counts what `sendfile` moves as read, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_the_clear_is_sent_by_the_kernel_alone() {
    let server = Server::start(false, NEVER).await;
    let head = server.read("/file").await;
    assert_eq!(server.traffic.sent_by_kernel(), SIZE);
    assert_eq!(server.traffic.written(), head, "no byte of the file came this way");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_sent_is_counted_as_written() {
    let server = Server::start(false, NEVER).await;
    let head = server.read("/stream").await;
    assert_eq!(
        (server.traffic.written(), server.traffic.sent_by_kernel()),
        (head + SIZE, 0)
    );
}
