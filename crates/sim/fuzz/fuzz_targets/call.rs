//! Calls of every service by somebody who may do everything, so that nothing stands between the call and the code that
//! reads it: each gets an answer, in time, and none of a server that failed.
//!
//! The first line says where the call goes (`iam`, `sts`, `ecr OPERATION`, `ecr-public OPERATION`, `METHOD PATH` for the
//! registry, `machine METHOD PATH`, `control METHOD PATH`), the rest is its body.

#![no_main]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;
use sim::{AccessKey, Instance, Machine, Sim};
use tempfile::TempDir;
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The simulator, and what its root user signs and logs in with.
struct Stage {
    runtime: Runtime,
    sim: Sim,
    root: AccessKey,
    login: String,
    _dir: TempDir,
}

static STAGE: LazyLock<Stage> = LazyLock::new(Stage::new);

fuzz_target!(|input: &str| {
    let (line, body) = input.split_once('\n').unwrap_or((input, ""));
    let mut words = line.splitn(3, ' ');
    let words = [words.next(), words.next(), words.next()];
    let stage = &*STAGE;
    let (address, request) = match words {
        [Some(service @ ("iam" | "sts")), ..] => (stage.endpoint(), stage.signed(service, &[FORM], body)),
        [Some(service @ ("ecr" | "ecr-public")), Some(operation), _] => {
            let prefix = if service == "ecr" {
                "AmazonEC2ContainerRegistry_V20150921"
            } else {
                "SpencerFrontendService"
            };
            let target = format!("{prefix}.{operation}");
            let headers = [
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", &target),
            ];
            (stage.endpoint(), stage.signed(service, &headers, body))
        }
        [Some("machine"), Some(method), Some(path)] => (stage.machine(), stage.plain(method, path, body)),
        [Some("control"), Some(method), Some(path)] => {
            // Time at its end, calls that were told to hang and thousands of machines would be no finding.
            let steers = ["/clock", "/faults", "/network", "/machines"];
            if method != "GET" && steers.iter().any(|steering| path.starts_with(steering)) {
                return;
            }
            (stage.sim.control_addr().unwrap(), stage.plain(method, path, body))
        }
        [Some(method), Some(path), _] => (stage.registry(), stage.plain(method, path, body)),
        _ => return,
    };
    let Some(request) = request else { return };
    let endless = request.uri().query().is_some_and(|query| query.contains("follow"));
    let (status, answer) = stage.runtime.block_on(call(address, request, endless));
    // AWS itself fails on a subject that is null.
    assert!(status < 500, "{line}: {status} {}", String::from_utf8_lossy(&answer));
});

async fn call(address: SocketAddr, request: Request<Full<Bytes>>, endless: bool) -> (u16, Bytes) {
    let stream = TcpStream::connect(address).await.unwrap();
    // Thousands of connections a second would otherwise use up the ports.
    stream.set_zero_linger().unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        if endless {
            return (status, Bytes::new());
        }
        (status, response.into_body().collect().await.unwrap().to_bytes())
    };
    timeout(Duration::from_secs(5), answered)
        .await
        .expect("an answer in time")
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let account = ACCOUNT.parse().unwrap();
        let builder = Sim::builder()
            .data_dir(dir.path())
            .endpoint(anywhere)
            .control(anywhere)
            .registry(account, REGION, anywhere)
            // Issuers and hosts outside are none of this.
            .resolve("*.test", SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
            .issuer_time_limit(Duration::from_millis(100))
            .machine(Machine::new("m", account, Instance::new().role("puller").imds_v1(true)));
        let sim = runtime.block_on(builder.start()).unwrap();
        let mut stage = Self {
            root: sim.root_credentials(&account),
            runtime,
            sim,
            login: String::new(),
            _dir: dir,
        };
        let target = (
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        );
        let request = stage.signed("ecr", &[target], "{}").unwrap();
        let (_, answer) = stage.runtime.block_on(call(stage.endpoint(), request, false));
        let answer = serde_json::from_slice::<serde_json::Value>(&answer).unwrap();
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
        stage.login = format!("Basic {token}");
        stage
    }

    fn endpoint(&self) -> SocketAddr {
        self.sim.endpoint_addr().unwrap()
    }

    fn registry(&self) -> SocketAddr {
        self.sim.registry_addrs().next().unwrap().2
    }

    fn machine(&self) -> SocketAddr {
        self.sim.machines()[0].address
    }

    /// A call of an API by the root user.
    fn signed(&self, service: &str, headers: &[(&str, &str)], body: &str) -> Option<Request<Full<Bytes>>> {
        let url = format!("http://{}/", self.endpoint());
        let credentials = Credentials::from_keys(&self.root.id, self.root.secret.expose_secret(), None).into();
        let params = v4::SigningParams::builder()
            .identity(&credentials)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let body_signed = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.iter().copied(), body_signed).ok()?;
        let (instructions, _) = sign(signable, &params).ok()?.into_parts();
        let mut request = Request::post("/").header("host", self.endpoint().to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::from(body.to_owned())).ok()?;
        instructions.apply_to_request_http1x(&mut request);
        Some(request)
    }

    fn plain(&self, method: &str, path: &str, body: &str) -> Option<Request<Full<Bytes>>> {
        if !path.starts_with('/') || method == "CONNECT" {
            return None;
        }
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("authorization", &self.login)
            .header("content-type", "application/json")
            .header("x-aws-ec2-metadata-token-ttl-seconds", "60")
            .body(Full::from(body.to_owned()))
            .ok()
    }
}
