use std::time::{Duration, Instant};

use sim::Sim;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stage::{ACCOUNT, OTHER, REGISTRY, Stage, client};

#[tokio::test]
async fn names_that_are_not_of_this_aws_get_no_certificate() {
    let stage = Stage::new().await;
    for host in [
        "example.com",
        "ec2.us-east-1.amazonaws.com",
        "1.dkr.ecr.us-east-1.amazonaws.com",
    ] {
        assert!(stage.get(&format!("https://{host}/")).send().await.is_err(), "{host}");
    }
    let misdirected = stage.get("https://iam.amazonaws.com/").header("host", "example.com");
    // HTTP/2 has no Host header, so the name in the URL counts there.
    let answer = stage
        .send(misdirected.version(http::Version::HTTP_11).build().unwrap())
        .await;
    assert!(matches!(answer.status, 400 | 421), "{}", answer.status);
    assert_eq!(
        stage
            .sim
            .trail()
            .iter()
            .filter(|call| call.host == "example.com")
            .count(),
        0
    );
}

#[tokio::test]
async fn nonsense_gets_an_error_of_the_service() {
    let stage = Stage::furnished().await;
    let login = stage.root_login(ACCOUNT).await;
    let hosts = [
        "https://sts.us-east-1.amazonaws.com",
        "https://sts.amazonaws.com",
        "https://iam.amazonaws.com",
        "https://api.ecr.us-east-1.amazonaws.com",
        "https://api.ecr-public.us-east-1.amazonaws.com",
        "https://public.ecr.aws",
        REGISTRY,
        "https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com",
    ];
    let paths = [
        "/",
        "/v2",
        "/v2/..%2f..%2fetc/manifests/1",
        "/v2/a/blobs/sha256:zz",
        "/v2/A/manifests/1",
        "/v2/team/app/manifests/.",
        "/v2/team/app/referrers/x",
        "/v2/_catalog",
        "/?Action=&Version=",
        "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=%00%ff&RoleSessionName=%F0%9F%98%80",
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%2f%2f%2f%2faws4_request&X-Amz-Date=x&X-Amz-Expires=-1\
         &X-Amz-SignedHeaders=&X-Amz-Signature=",
        "/%ff%fe?%ff=%fe",
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        for host in hosts {
            for path in paths {
                let url = format!("{host}{path}");
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let request = stage
                    .http
                    .request(method.clone(), &url)
                    .header("authorization", &login)
                    .header("x-amz-target", "nonsense")
                    .body(if method == "HEAD" { "" } else { "\0\u{fffd}{[" });
                let answer = stage.send(request.build().unwrap()).await;
                let welcome = match path {
                    "/v2" => host == REGISTRY && matches!(method.as_str(), "GET" | "HEAD"),
                    "/v2/_catalog" => host == REGISTRY && method == "GET",
                    _ => false,
                };
                let expected = if welcome { 200..=200 } else { 400..=499 };
                assert!(
                    expected.contains(&answer.status),
                    "{method} {url}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    }
}

#[tokio::test]
async fn bodies_are_read_up_to_a_limit() {
    let stage = Stage::furnished().await;
    let long = vec![b'a'; 2 * 1024 * 1024];
    let post = |url: &'static str| {
        let request = stage.http.post(url).header("x-amz-target", "x").body(long.clone());
        stage.send(request.build().unwrap())
    };
    post("https://sts.us-east-1.amazonaws.com/").await.refused(
        413,
        "RequestEntityTooLarge",
        "Request body size exceeded the maximum",
    );
    post("https://iam.amazonaws.com/").await.refused(
        413,
        "RequestEntityTooLarge",
        "Request body size exceeded the maximum",
    );
    post("https://api.ecr.us-east-1.amazonaws.com/")
        .await
        .faulted("RequestEntityTooLargeException", "Request size exceeded the maximum.");
}

#[tokio::test]
async fn a_client_that_is_no_client_disturbs_nobody() {
    let stage = Stage::new().await;
    let mut silent = TcpStream::connect(stage.sim.addr()).await.unwrap();
    let mut rude = TcpStream::connect(stage.sim.addr()).await.unwrap();
    rude.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = rude.read_to_end(&mut answer).await;
    stage.root_login(OTHER).await;
    silent.shutdown().await.unwrap();
}

#[test]
fn the_end_leaves_nothing_behind() {
    let runtime = |mut builder: tokio::runtime::Builder| builder.enable_all().build().unwrap();
    let clients = runtime(tokio::runtime::Builder::new_multi_thread());
    // One thread, so that whatever has ended is gone from the count as well.
    let simulator = runtime(tokio::runtime::Builder::new_current_thread());
    let dir = tempfile::tempdir().unwrap();
    let started = simulator.block_on(async {
        let sim = Sim::builder().data_dir(dir.path()).start().await.unwrap();
        let (address, http) = (sim.addr(), client(&sim));
        // Connections that stay open: one that never says anything, one by HTTP/2, one by HTTP/1.1.
        let idle = clients.spawn(async move {
            let silent = TcpStream::connect(address).await.unwrap();
            let url = format!("{REGISTRY}/v2/");
            assert_eq!(http.get(&url).send().await.unwrap().status(), 401);
            let plain = http.get(&url).version(http::Version::HTTP_11);
            assert_eq!(plain.send().await.unwrap().status(), 401);
            (silent, http)
        });
        let idle = idle.await.unwrap();
        let started = Instant::now();
        sim.shutdown().await;
        assert!(TcpStream::connect(address).await.is_err());
        drop(idle);
        started
    });
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "idle clients held up the end"
    );
    assert_eq!(simulator.metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn an_upload_that_nobody_finished_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::with(|builder| builder.data_dir(dir.path())).await;
    stage.create_repository(ACCOUNT, "team/app").await;
    let login = stage.root_login(ACCOUNT).await;
    stage.begin(&login, "team/app").await;
    let uploads = || std::fs::read_dir(dir.path().join("uploads")).unwrap().count();
    assert_eq!(uploads(), 1);
    stage.clock.advance(Duration::from_secs(24 * 3600));
    let login = stage.root_login(ACCOUNT).await;
    stage.begin(&login, "team/app").await;
    assert_eq!(uploads(), 1, "the first was given up when the second began");
    stage.sim.shutdown().await;
    assert_eq!(uploads(), 0);
}

#[tokio::test]
async fn bad_settings_are_named() {
    let error = Sim::builder().start().await.unwrap_err();
    assert!(error.to_string().contains("data_dir"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Sim::builder().data_dir(&file).start().await.unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let first = Sim::builder().data_dir(dir.path()).start().await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let error = Sim::builder()
        .data_dir(other.path())
        .listen(first.addr())
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&first.addr().to_string()), "{error}");
    let spoilt = first.ca_pem().replace("MII", "!!!");
    let error = Sim::builder()
        .data_dir(other.path())
        .trust_pem(spoilt)
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("trust roots"), "{error}");
}

/// Long requests take turns, because they are held in memory: a turn is not for whoever has shown no key.
#[tokio::test]
async fn nobody_waits_for_long_requests_of_those_without_a_key() {
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let stage = Stage::with(|builder| builder.endpoint(anywhere)).await;
    let endpoint = stage.sim.endpoint_addr().unwrap();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(endpoint).await.unwrap();
        let head = "POST / HTTP/1.1\r\nhost: api.ecr.us-east-1.amazonaws.com\r\ncontent-length: 100\r\n\
                    x-amz-target: AmazonEC2ContainerRegistry_V20150921.PutImage\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body never comes, and the answer does not wait for it.
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400");
    }
}
