//! What changes on disk while `serve` runs.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::Value;
use wharfinger::demo::Edge;

use crate::{
    house::House,
    program::run,
    served::{Served, client, until},
};

/// Makes a robot: its token, and the file with its document below the house.
fn robot(house: &House, name: &str, file: &str) -> String {
    let outcome = run(
        house.folder(),
        &["robot", "new", &format!("acme/{name}"), "--output", file],
    );
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.out.trim().to_owned()
}

/// Puts another certificate and its key in the place of those that are served.
fn replace(edge: &Edge, by: &Edge) {
    fs::rename(&by.key, &edge.key).unwrap();
    fs::rename(&by.certificate, &edge.certificate).unwrap();
}

async fn is_trusted(served: &Served, ca: &Path) -> bool {
    let url = format!("https://{}/healthz", served.address());
    client(Some(ca)).get(url).send().await.is_ok()
}

#[tokio::test]
async fn a_new_robot_is_let_in_and_a_removed_one_is_not() {
    let house = House::new();
    let served = Served::start(house.serve());
    let token = robot(&house, "ci", "robot-ci.yaml");
    assert_eq!(served.login(&token).await, 401, "its document lies elsewhere");
    fs::rename(house.path("robot-ci.yaml"), house.path("resources/robot-ci.yaml")).unwrap();
    served.answers(&token, 200).await;
    fs::remove_file(house.path("resources/robot-ci.yaml")).unwrap();
    served.answers(&token, 401).await;
    assert!(!served.log().contains(&token), "{served:?}");
}

#[tokio::test]
async fn a_document_that_is_written_in_place_takes_effect() {
    let house = House::new();
    let first = robot(&house, "ci", "resources/robot.yaml");
    let served = Served::start(house.serve());
    assert_eq!(served.login(&first).await, 200);
    let next = robot(&house, "ci", "next.yaml");
    house.write(
        "resources/robot.yaml",
        &fs::read_to_string(house.path("next.yaml")).unwrap(),
    );
    served.answers(&next, 200).await;
    assert_eq!(served.login(&first).await, 401);
}

#[tokio::test]
async fn a_broken_change_leaves_the_former_in_force_and_is_logged() {
    let house = House::new();
    let token = robot(&house, "ci", "resources/robot.yaml");
    let mut command = house.serve();
    command.args(["--log-format", "json"]);
    let served = Served::start(command);
    house.write("resources/broken.yaml", "kind: Nope\n");
    served.logs("the former stay in force").await;
    let log = served.log();
    let line = log
        .lines()
        .find(|line| line.contains("the former stay in force"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
    let error = line["fields"]["error"].as_str().unwrap();
    assert!(
        error.contains("resources/broken.yaml") && error.contains("`Nope`"),
        "{error}"
    );
    assert_eq!(served.login(&token).await, 200);

    let late = robot(&house, "late", "resources/late.yaml");
    fs::remove_file(house.path("resources/broken.yaml")).unwrap();
    served.answers(&late, 200).await;
    assert_eq!(served.login(&token).await, 200);
}

#[tokio::test]
async fn sighup_loads_what_cannot_be_watched() {
    let mut house = House::new();
    fs::create_dir(house.path("elsewhere")).unwrap();
    let first = robot(&house, "ci", "elsewhere/robot.yaml");
    symlink("elsewhere/robot.yaml", house.path("link.yaml")).unwrap();
    house.set("resources", vec!["resources/acme.yaml", "link.yaml"]);
    let served = Served::start(house.serve());
    assert_eq!(served.login(&first).await, 200);

    let next = robot(&house, "ci", "elsewhere/next.yaml");
    fs::rename(house.path("elsewhere/next.yaml"), house.path("elsewhere/robot.yaml")).unwrap();
    served.signal("HUP");
    served.answers(&next, 200).await;
    assert_eq!(served.login(&first).await, 401);
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_new_connections() {
    let (house, edge) = House::with_certificate();
    let served = Served::start(house.serve());
    let next = house.edge("next");
    let old = client(Some(&edge.ca));
    let url = format!("https://{}/healthz", served.address());
    assert_eq!(old.get(&url).send().await.unwrap().status(), 200);
    assert!(!is_trusted(&served, &next.ca).await);

    replace(&edge, &next);
    until("the new certificate is shown", async || {
        is_trusted(&served, &next.ca).await
    })
    .await;
    assert!(!is_trusted(&served, &edge.ca).await, "the old one is still shown");
    assert_eq!(
        old.get(&url).send().await.unwrap().status(),
        200,
        "a connection lives on"
    );
}

#[tokio::test]
async fn a_broken_certificate_leaves_the_former_in_force_and_is_logged() {
    let (house, edge) = House::with_certificate();
    let served = Served::start(house.serve());
    fs::write(&edge.certificate, "not a certificate").unwrap();
    served
        .logs("the certificate changed and cannot be used; the former stays in force")
        .await;
    assert!(is_trusted(&served, &edge.ca).await);

    let next = house.edge("next");
    replace(&edge, &next);
    until("the new certificate is shown", async || {
        is_trusted(&served, &next.ca).await
    })
    .await;
}

#[tokio::test]
async fn sighup_loads_the_certificate_too() {
    let (mut house, edge) = House::with_certificate();
    fs::create_dir(house.path("links")).unwrap();
    for (file, link) in [(&edge.certificate, "links/tls.crt"), (&edge.key, "links/tls.key")] {
        symlink(file, house.path(link)).unwrap();
    }
    house.set("listen.certificate", "links/tls.crt");
    house.set("listen.key", "links/tls.key");
    let served = Served::start(house.serve());
    assert!(is_trusted(&served, &edge.ca).await);

    let next = house.edge("next");
    replace(&edge, &next);
    served.signal("HUP");
    until("the new certificate is shown", async || {
        is_trusted(&served, &next.ca).await
    })
    .await;
}
