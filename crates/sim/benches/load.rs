//! How many calls a simulated AWS answers, with the clients that call it in the same process:
//! `cargo bench -p wharfinger-sim`.
//!
//! Aims, on 2 cores: 50,000 `AssumeRoleWithWebIdentity` a minute and 5,000 manifests a second, in bounded memory. It must
//! not be what limits a benchmark of the product.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a stage that cannot be set ends the benchmark, and the tests use more of it"
)]

#[path = "../tests/sim/images.rs"]
mod images;
#[path = "../tests/sim/issuer.rs"]
mod issuer;
#[path = "../tests/sim/signing.rs"]
mod signing;
#[path = "../tests/sim/stage.rs"]
mod stage;

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use oci::Digest;
use tokio::net::TcpStream;

use images::Image;
use stage::{ACCOUNT, REGION, ROLE, Stage};

/// One measurement: a request that is sent again and again, on many connections at once.
struct Load {
    name: &'static str,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    expected: StatusCode,
}

const CONNECTIONS: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
const DURATION: Duration = Duration::from_secs(10);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let stage = Stage::furnished_with(|builder| {
            builder
                .endpoint(anywhere)
                .registry(ACCOUNT.parse().unwrap(), REGION, anywhere)
                .key_set_lifetime(Duration::from_mins(1))
        })
        .await;
        let image = Image::new(1);
        stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;
        println!("| call | calls/s | median | 99 of 100 | calls a minute | memory at the peak |");
        println!("|---|---|---|---|---|---|");
        for load in loads(&stage, &image).await {
            load.measure().await;
        }
    });
}

async fn loads(stage: &Stage, image: &Image) -> Vec<Load> {
    let endpoint = stage.sim.endpoint_addr().unwrap();
    let (_, _, registry) = stage.sim.registry_addrs().next().unwrap();
    let session = stage.session().await;
    let login = stage.login(&session).await;
    let token = stage.issuer.token(&stage.claims());
    let assume = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "load"),
            ("WebIdentityToken", &token),
        ])
        .finish();
    let assume = Request::post("/")
        .header("host", endpoint.to_string())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(assume))
        .unwrap();
    let pull = |path: String| {
        Request::get(format!("/v2/team/app/{path}"))
            .header("host", registry.to_string())
            .header("authorization", &login)
            .header("accept", oci::MediaType::OCI_MANIFEST)
            .body(Full::default())
            .unwrap()
    };
    vec![
        Load {
            name: "AssumeRoleWithWebIdentity, ES256",
            address: endpoint,
            request: assume,
            expected: StatusCode::OK,
        },
        Load {
            name: "manifest by tag",
            address: registry,
            request: pull("manifests/1".to_owned()),
            expected: StatusCode::OK,
        },
        Load {
            name: "manifest by digest",
            address: registry,
            request: pull(format!("manifests/{}", image.digest)),
            expected: StatusCode::OK,
        },
        Load {
            name: "redirect to a layer",
            address: registry,
            request: pull(format!("blobs/{}", Digest::of(&image.layer))),
            expected: StatusCode::TEMPORARY_REDIRECT,
        },
    ]
}

impl Load {
    async fn measure(&self) {
        self.run(WARM_UP).await;
        let mut times = self.run(DURATION).await;
        times.sort_unstable();
        let rate = times.len() as f64 / DURATION.as_secs_f64();
        let quantile = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "| {} | {rate:.0} | {:.2} ms | {:.2} ms | {:.0} | {} MiB |",
            self.name,
            quantile(0.5),
            quantile(0.99),
            rate * 60.0,
            peak_memory_mib()
        );
    }

    /// The time that each answer took.
    async fn run(&self, duration: Duration) -> Vec<Duration> {
        let end = Instant::now() + duration;
        let clients =
            (0..CONNECTIONS).map(|_| tokio::spawn(client(self.address, self.request.clone(), self.expected, end)));
        let times = futures_util::future::join_all(clients).await;
        times.into_iter().flat_map(Result::unwrap).collect()
    }
}

async fn client(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    expected: StatusCode,
    end: Instant,
) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut times = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        let response = sender.send_request(request.clone()).await.unwrap();
        assert_eq!(response.status(), expected);
        response.into_body().collect().await.unwrap();
        times.push(began.elapsed());
    }
    times
}

fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
