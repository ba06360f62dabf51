use std::net::TcpListener;

use net::{Certificate, Outgoing, Resolve, Roots};

use super::*;
use crate::pull::Credentials;

/// A scene whose registry is `https://r.test`, with a certificate that nobody trusts by himself.
async fn under_tls() -> (Scene, String) {
    let mut scene = Scene::new().await;
    let pair = rcgen::generate_simple_self_signed(["r.test".to_owned()]).unwrap();
    let (chain, key) = (scene.folder.path().join("crt"), scene.folder.path().join("key"));
    fs::write(&chain, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let certificate = Certificate::load(&chain, &key).unwrap();
    scene.registry = TestRegistry::listen(Some(&certificate)).await;
    scene.image.push(&scene.registry, Some("1"));
    (scene, pair.cert.pem())
}

/// A pull from the registry that the image names.
fn direct(scene: &Scene, roots: Roots) -> Pull {
    let mut pull = scene.pull(":1");
    pull.proxy = None;
    let resolve = Resolve::parse([format!("r.test={}", scene.registry.address)]).unwrap();
    pull.outgoing = Outgoing { resolve, roots };
    pull
}

#[tokio::test]
async fn without_a_proxy_the_images_own_host_is_asked_over_tls() {
    let (scene, ca) = under_tls().await;
    let mut pull = direct(&scene, Roots::system().with_pem("the CA", ca.as_bytes()).unwrap());
    pull.credentials = Some(Credentials {
        username: "robot".to_owned(),
        password: "hunter2".into(),
        origin: "a test".to_owned(),
    });
    pull.run().await.unwrap();
    scene.assert_whole();
    let asked = scene.registry.asked();
    assert_eq!(asked[0].path, "/v2/team/app/manifests/1");
    assert!(asked.iter().all(|asked| asked.header("authorization").is_some()));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_at_once() {
    let (scene, _) = under_tls().await;
    let error = direct(&scene, Roots::system()).run().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("GET https://r.test/v2/team/app/manifests/1: the host's certificate"),
        "{text}"
    );
    assert!(error.fix().unwrap().contains("--ca-bundle"));
    assert!(scene.registry.asked().is_empty() && !scene.layout().exists());
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut pull = scene.pull(":1");
    pull.proxy = Some(format!("http://{address}").parse().unwrap());
    let error = pull.run().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&address.to_string()) && text.contains("the connection failed"),
        "{text}"
    );
    assert!(error.fix().unwrap().contains("can be reached"));
}
