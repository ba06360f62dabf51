//! `wharfinger pull` through a `wharfinger serve` that listens in the clear, with something before it that ends TLS, as
//! AWS wants the issuer under `https://`.

use std::{fs, net::SocketAddr, path::PathBuf};

use http::{Request, Response};
use net::{Body, Certificate, Limits, Listener};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::oneshot;
use toml::Table;
use wharfinger::demo::{Image, Stage};

use super::IMAGE;
use crate::{
    program::{Outcome, bounded, contents, finish, loopback, wharfinger},
    served::{Served, client, until},
};

/// A stage with an image, everything in AWS that a pull takes, and a proxy in the clear.
struct Scene {
    stage: Stage,
    image: Image,
    served: Served,
    /// Ends what ends TLS.
    _tls: oneshot::Sender<()>,
}

impl Scene {
    async fn set() -> Self {
        let mut stage = Stage::set_at(loopback()).await.unwrap();
        stage.start_aws().await.unwrap();
        let image = Image::generate(&[100_000, 200_000], 7).unwrap();
        stage.push("1", &image, |_| {}).await.unwrap();
        let config = write_config(&stage);
        let mut command = wharfinger(stage.folder());
        command.arg("serve").arg("--config").arg(config);
        let served = Served::start(command);
        stage.leave_address();
        let _tls = end_tls(&stage, served.address()).await;
        // Only now: AWS looks whether the issuer is there before it trusts it.
        stage.link().await.unwrap();
        Self {
            stage,
            image,
            served,
            _tls,
        }
    }

    fn pull(&self, token: &str, args: &[&str]) -> Outcome {
        let mut command = bounded(self.stage.folder());
        command.args(["pull", IMAGE, "--proxy", &format!("http://{}", self.served.address())]);
        finish(command.args(args).env("WHARFINGER_TOKEN", token))
    }

    fn token(&self) -> &str {
        self.stage.token().secret().expose_secret()
    }
}

/// The stage's configuration, but without a certificate, and with an upstream.
fn write_config(stage: &Stage) -> PathBuf {
    let path = stage.write_config().unwrap();
    let mut config: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    config["listen"] = Table::from_iter([("address".to_owned(), "127.0.0.1:0".into())]).into();
    fs::write(&path, config.to_string()).unwrap();
    stage.write_upstream().unwrap();
    path
}

/// Listens under TLS at the stage's address and hands every GET on.
async fn end_tls(stage: &Stage, plain: SocketAddr) -> oneshot::Sender<()> {
    let certificate = Certificate::load(&stage.edge().certificate, &stage.edge().key).unwrap();
    let mut listener = None;
    // A process that another test starts right now holds the address too, until it becomes another program.
    until("the address is free", async || {
        let bound = Listener::bind(stage.address(), Some(&certificate), Limits::default()).await;
        listener = bound.ok();
        listener.is_some()
    })
    .await;
    let listener = listener.expect("the address is free");
    let (stop, stopped) = oneshot::channel::<()>();
    let behind = client(None);
    let handler = move |request: Request<()>| {
        let url = format!("http://{plain}{}", request.uri().path());
        let behind = behind.clone();
        async move {
            let answer = behind.get(url).send().await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            response
        }
    };
    tokio::spawn(listener.serve(handler, async {
        let _ = stopped.await;
    }));
    stop
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_through_a_proxy_in_the_clear() {
    let scene = Scene::set().await;
    let outcome = scene.pull(scene.token(), &["--output", "oci:layout"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}\n{:?}", scene.served);
    assert_eq!(outcome.out, format!("{} oci:layout\n", scene.image.digest()));
    outcome.assert_silent_about(scene.token());
    for blob in scene.image.blobs() {
        let digest = oci::Digest::of(blob);
        let path = scene.stage.folder().join("layout/blobs/sha256").join(digest.hex());
        assert_eq!(&fs::read(path).unwrap()[..], &blob[..]);
    }

    let again = scene.pull(
        scene.token(),
        &["--output", "oci:layout", "--quiet", "--format", "json"],
    );
    assert_eq!((again.code, again.err.as_str()), (Some(0), ""), "{again:#?}");
    let result: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(result["digest"], scene.image.digest().to_string());
    let layers = result["layers"].as_array().unwrap();
    assert!(
        layers.len() == 2 && layers.iter().all(|layer| layer["reused"] == true),
        "{result}"
    );

    let archive = scene.pull(scene.token(), &["--output", "docker-archive:app.tar", "--quiet"]);
    assert_eq!(archive.code, Some(0), "{archive:#?}");
    assert!(scene.stage.folder().join("app.tar").is_file() && !scene.stage.folder().join("app.tar.part").exists());
    assert!(!scene.served.log().contains(scene.token()), "{:?}", scene.served);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_known_gets_nothing_and_no_secret_is_repeated() {
    let scene = Scene::set().await;
    let before = contents(scene.stage.folder());
    let wrong = "whr_Q4yN8sD2vX0aLm7kRt5WcE1uJh6oPiZ3bGf9xYqSdVw";
    for (token, origin) in [(wrong, "password from WHARFINGER_TOKEN"), ("", "without a user name")] {
        let outcome = scene.pull(token, &["--output", "oci:layout"]);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
        let lowercase = outcome.err.to_lowercase();
        assert!(
            lowercase.contains("unauthorized") && lowercase.contains("401"),
            "{}",
            outcome.err
        );
        outcome.assert_says(&["error: GET http://", origin, "\nfix: "]);
        outcome.assert_silent_about(wrong);
    }
    assert!(contents(scene.stage.folder()) == before, "something was left behind");
    assert!(!scene.served.log().contains(wrong), "{:?}", scene.served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_not_there_is_named() {
    let scene = Scene::set().await;
    let image = IMAGE.replace(":1", ":2");
    let mut command = bounded(scene.stage.folder());
    command.args(["pull", &image, "--proxy", &format!("http://{}", scene.served.address())]);
    command.args(["--output", "oci:layout"]);
    let outcome = finish(command.env("WHARFINGER_TOKEN", scene.token()));
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
    outcome.assert_says(&["/team/app/manifests/2", "404", "fix: check the repository and the tag"]);
    assert!(!scene.stage.folder().join("layout").exists());
}
