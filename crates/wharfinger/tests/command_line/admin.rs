//! The listener for whoever runs the server.

use std::net::TcpListener;

use state::TokenHash;

use crate::{
    house::House,
    served::{Served, client, until},
};

fn house() -> House {
    let mut house = House::new();
    house.set("admin.listen", "127.0.0.1:0");
    house
}

async fn ask(method: &str, url: &str) -> (u16, String, String) {
    let answer = client(None).request(method.parse().unwrap(), url).send().await.unwrap();
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), content_type, answer.text().await.unwrap())
}

#[tokio::test]
async fn it_has_metrics_and_readiness_and_nothing_else() {
    let house = house();
    let mut served = Served::start(house.serve());
    let url = format!("http://{}", served.admin());
    let (status, content_type, text) = ask("GET", &format!("{url}/metrics")).await;
    assert_eq!(status, 200);
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(ask("GET", &format!("{url}/readyz")).await.0, 200);
    for path in [
        "",
        "/",
        "/v2/",
        "/healthz",
        "/metrics/",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(ask("GET", &format!("{url}{path}")).await.0, 404, "{path}");
    }
    for (method, path) in [("POST", "/metrics"), ("PUT", "/readyz"), ("DELETE", "/metrics")] {
        assert_eq!(ask(method, &format!("{url}{path}")).await.0, 405, "{method} {path}");
    }
    let public = format!("http://{}", served.address());
    for path in ["/metrics", "/readyz"] {
        assert_eq!(
            ask("GET", &format!("{public}{path}")).await.0,
            404,
            "clients get no {path}"
        );
    }
}

#[tokio::test]
async fn an_address_that_others_reach_is_warned_of() {
    let mut house = house();
    let served = Served::start(house.serve());
    assert!(!served.log().contains("no loopback address"), "{served:?}");
    drop(served);
    house.set("admin.listen", "0.0.0.0:0");
    let served = Served::start(house.serve());
    served.logs("admin.listen is no loopback address").await;
}

/// A registry that takes a question and never answers, so that a pull is under way when the server is to end.
#[tokio::test]
async fn whoever_asks_while_it_ends_is_told_that_it_is_not_ready() {
    const TOKEN: &str = "whr_a-token-that-only-this-test-has-0123456789a";
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut house = house();
    let resolve = format!("*.amazonaws.com={}", silent.local_addr().unwrap());
    house.set("connect.resolve", vec![resolve]);
    house.write(
        "resources/more.yaml",
        &format!(
            "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: ci }}\nspec: {{ tokenHash: '{}' }}\n\
             ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec:\n  registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::111122223333:role/pull' }} }}\n",
            TokenHash::of(TOKEN)
        ),
    );
    let mut served = Served::start(house.serve());
    let ready = format!("http://{}/readyz", served.admin());
    assert_eq!(ask("GET", &ready).await.0, 200);
    let url = format!("http://{}/v2/prod/team/app/manifests/1", served.address());
    let pull = client(None).get(url).basic_auth("robot", Some(TOKEN)).send();
    let pull = tokio::spawn(pull);
    // It asks AWS, and so is under way.
    let silent = tokio::net::TcpListener::from_std({
        silent.set_nonblocking(true).unwrap();
        silent
    })
    .unwrap();
    let _question = silent.accept().await.unwrap();

    served.signal("TERM");
    let mut told = String::new();
    until("it is not ready", async || {
        let (status, _, text) = ask("GET", &ready).await;
        told = text;
        status == 503
    })
    .await;
    assert!(told.contains("it is ending"), "{told}");
    served.signal("TERM");
    assert_eq!(served.end().0.code(), Some(0));
    pull.abort();
}
