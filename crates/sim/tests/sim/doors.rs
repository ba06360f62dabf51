//! The ways in beside the host names: an endpoint URL, and registries with a port of their own.

use std::net::{Ipv4Addr, SocketAddr};

use oci::Digest;
use serde_json::json;

use crate::{
    images::Image,
    signing::{Scope, post, presigned},
    stage::{ACCOUNT, OTHER, REGION, Stage},
};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn stage() -> Stage {
    Stage::with(|builder| {
        builder
            .endpoint(ANYWHERE)
            .registry(ACCOUNT.parse().unwrap(), REGION, ANYWHERE)
    })
    .await
}

fn endpoint(stage: &Stage) -> String {
    format!("http://{}/", stage.sim.endpoint_addr().unwrap())
}

fn registry(stage: &Stage) -> String {
    let (account, region, address) = stage.sim.registry_addrs().next().unwrap();
    assert_eq!((account.as_str(), region), (ACCOUNT, REGION));
    format!("http://{address}")
}

fn scope<'a>(stage: &Stage, service: &'a str, region: &'a str) -> Scope<'a> {
    Scope {
        service,
        region,
        time: stage.now(),
    }
}

#[tokio::test]
async fn the_endpoint_knows_a_service_by_the_scope_of_the_signature() {
    let stage = stage().await;
    let keys = stage.root(ACCOUNT);
    let url = endpoint(&stage);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let request = post(&url, &[form], body, &keys, scope(&stage, "sts", "eu-west-1"));
    let answer = stage.send(request).await.ok();
    assert_eq!(answer.element("Arn"), format!("arn:aws:iam::{ACCOUNT}:root"));

    let query = format!("{url}?Action=GetCallerIdentity&Version=2011-06-15");
    let query = presigned(
        &query,
        &keys,
        scope(&stage, "sts", REGION),
        std::time::Duration::from_mins(1),
    );
    let answer = stage.send(stage.get(&query).build().unwrap()).await.ok();
    assert_eq!(answer.element("Account"), ACCOUNT);

    let body = b"Action=ListOpenIDConnectProviders&Version=2010-05-08";
    let request = post(&url, &[form], body, &keys, scope(&stage, "iam", REGION));
    stage.send(request).await.ok();

    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.CreateRepository"),
    ];
    let input = json!({"repositoryName": "team/app"}).to_string();
    let request = post(
        &url,
        &headers,
        input.as_bytes(),
        &keys,
        scope(&stage, "ecr", "eu-west-1"),
    );
    let answer = stage.send(request).await.ok();
    assert_eq!(
        answer.json()["repository"]["repositoryArn"],
        json!(format!("arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"))
    );
    let hosts = stage.sim.trail().into_iter().map(|call| call.host).collect::<Vec<_>>();
    assert_eq!(
        hosts,
        [
            "sts.eu-west-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com",
            "iam.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com"
        ]
    );
}

#[tokio::test]
async fn the_endpoint_checks_signatures_like_the_names() {
    let stage = stage().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let mut keys = stage.root(ACCOUNT);
    keys.secret.push('x');
    let request = post(&endpoint(&stage), &[form], body, &keys, scope(&stage, "sts", REGION));
    let answer = stage.send(request).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "SignatureDoesNotMatch")
    );

    let unsigned = stage
        .http
        .post(endpoint(&stage))
        .header(form.0, form.1)
        .body(body.to_vec());
    let answer = stage.send(unsigned.build().unwrap()).await;
    assert_eq!(answer.element("Code"), "MissingAuthenticationToken");

    // A web identity needs no signature, and gets as far as its own checks.
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15";
    let unsigned = stage.http.post(endpoint(&stage)).header(form.0, form.1).body(body);
    assert_eq!(
        stage.send(unsigned.build().unwrap()).await.element("Code"),
        "ValidationError"
    );
}

#[tokio::test]
async fn what_the_endpoint_cannot_place_is_misdirected() {
    let stage = stage().await;
    let answer = stage
        .send(stage.get(&format!("{}v2/", endpoint(&stage))).build().unwrap())
        .await;
    assert_eq!(answer.status, 421);
    assert!(
        answer.text().contains("a registry has a name or a port of its own"),
        "{}",
        answer.text()
    );
    assert_eq!(stage.sim.trail_len(), 0);
}

#[tokio::test]
async fn a_registry_with_a_port_sends_nobody_to_a_name() {
    let stage = stage().await;
    let base = registry(&stage);
    let challenge = stage.send(stage.get(&format!("{base}/v2/")).build().unwrap()).await;
    assert_eq!(challenge.status, 401);

    stage.create_repository(ACCOUNT, "team/app").await;
    let login = stage.root_login(ACCOUNT).await;
    let image = Image::new(1);
    stage.push(&login, "team/app", &image).await;

    let upload = stage
        .http
        .post(format!("{base}/v2/team/app/blobs/uploads/"))
        .header("authorization", &login);
    let answer = stage.send(upload.build().unwrap()).await;
    assert!(
        answer
            .header("location")
            .starts_with(&format!("{base}/v2/team/app/blobs/uploads/"))
    );

    let blob = format!("{base}/v2/team/app/blobs/{}", Digest::of(&image.layer));
    let answer = stage
        .send(stage.get(&blob).header("authorization", &login).build().unwrap())
        .await;
    assert_eq!(answer.status, 307);
    let location = answer.header("location").to_owned();
    assert!(
        location.starts_with(&format!("{base}/prod-us-east-1-starport-layer-bucket/")),
        "{location}"
    );
    // Clients take another port for the same host, and so send the login along.
    let layer = stage.get(&location).header("authorization", &login).build().unwrap();
    assert_eq!(stage.send(layer).await.ok().body, image.layer);

    let tampered = location.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    let answer = stage.send(stage.get(&tampered).build().unwrap()).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (403, "SignatureDoesNotMatch")
    );
}

#[tokio::test]
async fn a_port_is_of_one_account_only() {
    let stage = stage().await;
    stage.create_repository(OTHER, "team/app").await;
    let login = stage.root_login(OTHER).await;
    let manifest = format!("{}/v2/team/app/manifests/1", registry(&stage));
    let answer = stage
        .send(stage.get(&manifest).header("authorization", &login).build().unwrap())
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .text()
            .contains(&format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"))
    );
}

#[tokio::test]
async fn a_policy_can_tell_plain_http() {
    let stage = stage().await;
    stage.create_repository(ACCOUNT, "team/app").await;
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "ecr:*"},
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]});
    let input = json!({"repositoryName": "team/app", "policyText": deny.to_string()});
    stage
        .ecr("SetRepositoryPolicy", &input, &stage.root(ACCOUNT))
        .await
        .ok();
    let login = stage.root_login(OTHER).await;
    let status = async |base: &str| {
        let request = stage.get(&format!("{base}/v2/team/app/manifests/1"));
        stage
            .send(request.header("authorization", &login).build().unwrap())
            .await
            .status
    };
    assert_eq!(status(&registry(&stage)).await, 403);
    assert_eq!(status(crate::stage::REGISTRY).await, 404);
}

#[tokio::test]
async fn a_region_must_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let builder = sim::Sim::builder().data_dir(dir.path());
    let error = builder
        .registry(ACCOUNT.parse().unwrap(), "moon", ANYWHERE)
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`moon` is not a region of the partition aws: a name such as us-east-1 is expected"
    );
}
