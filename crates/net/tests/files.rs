//! Files as bodies: in the clear, where the kernel sends them, and under TLS, where they are read.

#![allow(clippy::unwrap_used)]

use std::{fs::File, io, net::SocketAddr, ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header};
use net::{Body, Certificate, Limits, Listener, Outgoing, Resolve, Roots};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

/// Three segments and a bit.
const SIZE: usize = 3 * 1024 * 1024 + 12_345;

struct Server {
    address: SocketAddr,
    ca: String,
    content: Vec<u8>,
    folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    async fn start(is_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..SIZE).map(|at| (at / 7 % 251) as u8 + 1).collect();
        std::fs::write(folder.path().join("file"), &content).unwrap();
        let pair = rcgen::generate_simple_self_signed(["files.example.test".to_owned()]).unwrap();
        let (chain, key) = (folder.path().join("crt"), folder.path().join("key"));
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        let certificate = is_tls.then_some(&certificate);
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), certificate, Limits::default())
            .await
            .unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let path = folder.path().join("file");
        let handler = move |request: Request<()>| {
            let answer = answer(&request, &path);
            async move { answer }
        };
        tokio::spawn(listener.serve(handler, async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            ca: pair.cert.pem(),
            content,
            folder,
            _stop: stop,
        }
    }

    /// The answers to these requests, all sent before the first answer is read.
    async fn pipelined(&self, ranges: &[Range<usize>]) -> Vec<u8> {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let mut requests = String::new();
        for (at, range) in ranges.iter().enumerate() {
            let end = if at + 1 == ranges.len() {
                "connection: close\r\n"
            } else {
                ""
            };
            requests += &format!("GET /{}-{} HTTP/1.1\r\nhost: x\r\n{end}\r\n", range.start, range.end);
        }
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).await.unwrap();
        answers
    }
}

/// `/FROM-TO` is that part of the file, `/FROM-TO/BYTES` too, but so many bytes at its end do not come from the file, and
/// `/` is some text.
fn answer(request: &Request<()>, file: &PathBuf) -> Response<Body> {
    let Some((from, to)) = request.uri().path()[1..].split_once('-') else {
        return Response::new(Body::from("some text".to_owned()));
    };
    let (to, behind) = to.split_once('/').unwrap_or((to, "0"));
    let end: u64 = to.parse().unwrap();
    let range: Range<u64> = from.parse().unwrap()..end - behind.parse::<u64>().unwrap();
    let length = end - range.start;
    // In two parts, of which either may be empty.
    let middle = range.start + (range.end - range.start) / 3;
    let parts = [Ok(range.start..middle), Ok(middle..range.end)];
    let body = Body::file(Arc::new(File::open(file).unwrap()), futures_util::stream::iter(parts));
    let body = if range.end == end {
        body
    } else {
        let content = Bytes::from(std::fs::read(file).unwrap());
        let behind = content.slice(range.end as usize..end as usize);
        let (one, other) = behind.split_at(behind.len() / 2);
        let pieces = [one, other].map(|piece| io::Result::Ok(behind.slice_ref(piece)));
        body.then(futures_util::stream::iter(pieces))
    };
    Response::builder()
        .header(header::CONTENT_LENGTH, length)
        .body(body)
        .unwrap()
}

/// The bodies of answers that follow each other, each as long as its head says.
fn bodies(mut answers: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while !answers.is_empty() {
        let end = answers.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(answers[..end].to_ascii_lowercase()).unwrap();
        let length = head.split_once("content-length: ").unwrap().1;
        let length: usize = length.split_once("\r\n").unwrap().0.parse().unwrap();
        bodies.push(answers[end..end + length].to_vec());
        answers = &answers[end + length..];
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_byte_for_byte_in_the_clear_and_under_tls() {
    for is_tls in [false, true] {
        let server = Server::start(is_tls).await;
        let resolve = Resolve::parse([format!("*.example.test={}", server.address)]).unwrap();
        let roots = Roots::system().with_pem("the CA", server.ca.as_bytes()).unwrap();
        let client = Outgoing { resolve, roots }.client().unwrap();
        let scheme = if is_tls { "https" } else { "http" };
        // And how many bytes at the end do not come from the file.
        let asked = [
            (0..SIZE, 0),
            (0..SIZE, 1_500_000),
            (5..6, 0),
            (5..6, 1),
            (0..0, 0),
            (1_048_575..1_048_577, 1),
            (SIZE - 1..SIZE, 0),
            (77..SIZE - 77, 7),
        ];
        for (range, behind) in asked {
            let url = format!("{scheme}://files.example.test/{}-{}/{behind}", range.start, range.end);
            let url = if is_tls {
                url
            } else {
                url.replace("files.example.test", &server.address.to_string())
            };
            let body = client.get(url).send().await.unwrap().bytes().await.unwrap();
            assert!(body == server.content[range.clone()], "{is_tls} {range:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_one_connection_keep_their_order() {
    let server = Server::start(false).await;
    let ranges = [0..SIZE, 10..20, 0..0, 2_000_000..SIZE, 1..2];
    let bodies = bodies(&server.pipelined(&ranges).await);
    assert_eq!(bodies.len(), ranges.len());
    for (body, range) in bodies.iter().zip(ranges) {
        assert!(*body == server.content[range.clone()], "{range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_the_middle_hurts_nobody() {
    let server = Server::start(false).await;
    for _ in 0..20 {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /0-{SIZE} HTTP/1.1\r\nhost: x\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut some = vec![0; 100_000];
        client.read_exact(&mut some).await.unwrap();
    }
    let whole = 0..SIZE;
    assert!(bodies(&server.pipelined(std::slice::from_ref(&whole)).await)[0] == server.content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_became_shorter_breaks_off() {
    let server = Server::start(false).await;
    let file = File::options()
        .write(true)
        .open(server.folder.path().join("file"))
        .unwrap();
    file.set_len(2_000_000).unwrap();
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /0-{SIZE} HTTP/1.1\r\nhost: x\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    // No byte that is not the file's: what stands for bytes is all zeros, and the file has none.
    let body = &answer[end..];
    assert!(body.len() <= 2_000_000 && *body == server.content[..body.len()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_parts_arrive_in_any_order(cuts in prop::collection::vec((0..SIZE, 0..SIZE), 1..6)) {
        let ranges: Vec<_> = cuts.into_iter().map(|(one, other)| one.min(other)..one.max(other)).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let server = Server::start(false).await;
            let bodies = bodies(&server.pipelined(&ranges).await);
            assert_eq!(bodies.len(), ranges.len());
            for (body, range) in bodies.iter().zip(&ranges) {
                assert!(*body == server.content[range.clone()], "{range:?}");
            }
        });
    }
}
