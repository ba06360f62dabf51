//! The instance metadata service.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sim::{Instance, Service};

use crate::{
    machines::{keys, machine, service_trust},
    stage::{Answer, Stage},
};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const CREDENTIALS: &str = "latest/meta-data/iam/security-credentials/puller";

/// A stage with an instance, and the role `puller`, which EC2 may assume.
async fn stage(instance: Instance) -> Stage {
    let stage = Stage::with(|builder| builder.machine(machine("web", instance))).await;
    stage.create_role("puller", &trust("ec2.amazonaws.com")).await.ok();
    stage
}

fn trust(service: &str) -> String {
    service_trust(service, &json!("sts:AssumeRole"), &json!({}))
}

async fn ask(stage: &Stage, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let address = stage.sim.machines()[0].address;
    let mut request = stage.http.request(method, format!("http://{address}/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stage.send(request.build().unwrap()).await
}

async fn token(stage: &Stage, seconds: &str) -> Answer {
    ask(stage, Method::PUT, "latest/api/token", &[(TTL, seconds)]).await
}

/// Asks as SDKs do: with a token.
async fn metadata(stage: &Stage, path: &str) -> Answer {
    let token = token(stage, "21600").await.ok().text();
    ask(stage, Method::GET, path, &[(TOKEN, &token)]).await
}

async fn credentials(stage: &Stage) -> Value {
    metadata(stage, CREDENTIALS).await.ok().json()
}

/// The answer must be an error page of the service.
#[track_caller]
fn page(answer: &Answer, status: u16, title: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html");
    assert!(
        answer
            .text()
            .starts_with("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n")
    );
    assert!(answer.text().contains(&format!("<title>{status} - {title}</title>")));
}

#[tokio::test]
async fn an_instance_comes_by_the_credentials_of_its_role() {
    let stage = stage(Instance::new().role("puller")).await;
    let role = metadata(&stage, "latest/meta-data/iam/security-credentials/")
        .await
        .ok();
    assert_eq!(role.text(), "puller");
    assert_eq!(role.header("content-type"), "text/plain");
    assert_eq!(role.header("server"), "EC2ws");

    let document = credentials(&stage).await;
    assert_eq!(document["Code"], "Success");
    assert_eq!(document["Type"], "AWS-HMAC");
    assert_eq!(document["LastUpdated"], "2026-11-20T12:00:00Z");
    assert_eq!(document["Expiration"], "2026-11-20T18:00:00Z");
    let id = metadata(&stage, "latest/meta-data/instance-id").await.ok().text();
    assert!(id.starts_with("i-") && id.len() == 19, "{id}");
    let arn = format!("arn:aws:sts::111122223333:assumed-role/puller/{id}");
    assert_eq!(stage.who(&keys(&document)).await, arn);

    let trail = stage.sim.trail();
    let call = trail.iter().find(|call| call.action == "imds:GetCredentials").unwrap();
    assert_eq!(
        (call.service, call.host.as_str()),
        (Service::InstanceMetadata, "169.254.169.254")
    );
    assert_eq!(call.principal.as_deref(), Some(arn.as_str()));
    assert_eq!(call.account.as_deref(), Some("111122223333"));
    assert!(trail.iter().any(|call| call.action == "imds:GetToken"));
    assert!(trail.iter().any(|call| call.action == "imds:GetMetadata"));
    let secret = keys(&document).secret;
    assert!(!format!("{trail:?}").contains(&secret));
}

#[tokio::test]
async fn an_instance_says_what_it_is() {
    let stage = stage(Instance::new().role("puller")).await;
    for path in [
        "latest/meta-data/placement/region",
        "latest/meta-data/placement/region/",
    ] {
        assert_eq!(metadata(&stage, path).await.ok().text(), "us-east-1");
    }
    let zone = metadata(&stage, "latest/meta-data/placement/availability-zone/").await;
    assert_eq!(zone.ok().text(), "us-east-1a");
    let hostname = metadata(&stage, "latest/meta-data/hostname").await.ok().text();
    assert!(hostname.starts_with("ip-172-31-") && hostname.ends_with(".ec2.internal"));
    let listing = metadata(&stage, "latest/meta-data/iam/").await.ok().text();
    assert_eq!(listing, "info\nsecurity-credentials/");
    let info = metadata(&stage, "latest/meta-data/iam/info").await.ok().json();
    assert_eq!(
        info["InstanceProfileArn"],
        "arn:aws:iam::111122223333:instance-profile/puller"
    );
    let document = metadata(&stage, "latest/dynamic/instance-identity/document")
        .await
        .ok()
        .json();
    assert_eq!(document["accountId"], "111122223333");
    assert_eq!(document["region"], "us-east-1");
    assert_eq!(
        document["instanceId"],
        metadata(&stage, "latest/meta-data/instance-id").await.text()
    );
    assert_eq!(document["kernelId"], Value::Null);
    page(&metadata(&stage, "latest/meta-data/nothing").await, 404, "Not Found");
    page(&metadata(&stage, "latest/user-data").await, 404, "Not Found");
}

#[tokio::test]
async fn without_a_token_there_is_nothing() {
    let stage = stage(Instance::new().role("puller")).await;
    page(&ask(&stage, Method::GET, CREDENTIALS, &[]).await, 401, "Unauthorized");
    for invalid in ["", "AQAEAExample==", "x y"] {
        let answer = ask(&stage, Method::GET, CREDENTIALS, &[(TOKEN, invalid)]).await;
        page(&answer, 401, "Unauthorized");
    }
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(call.error.as_deref(), Some("Unauthorized"));
}

#[tokio::test]
async fn without_a_token_there_is_everything_where_that_is_allowed() {
    let stage = stage(Instance::new().role("puller").imds_v1(true)).await;
    let document = ask(&stage, Method::GET, CREDENTIALS, &[]).await.ok().json();
    stage.who(&keys(&document)).await;
    // Whoever has a token means to use it.
    let answer = ask(&stage, Method::GET, CREDENTIALS, &[(TOKEN, "invalid")]).await;
    page(&answer, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_tells_its_life_and_ends() {
    let stage = stage(Instance::new()).await;
    let answer = token(&stage, "60").await.ok();
    assert_eq!(
        (answer.header(TTL), answer.header("content-type")),
        ("60", "text/plain")
    );
    let token = answer.text();
    let get = async || ask(&stage, Method::GET, "latest/meta-data/instance-id", &[(TOKEN, &token)]).await;
    stage.clock.advance(Duration::from_secs(59));
    assert_eq!(get().await.ok().header(TTL), "1");
    stage.clock.advance(Duration::from_secs(1));
    page(&get().await, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_is_of_one_instance() {
    let stage = stage(Instance::new().role("puller")).await;
    let foreign = token(&stage, "60").await.ok().text();
    let other = stage.sim.add_machine(machine("other", Instance::new())).await.unwrap();
    let url = format!("http://{}/latest/meta-data/instance-id", other.address);
    let answer = stage
        .send(stage.get(&url).header(TOKEN, foreign).build().unwrap())
        .await;
    page(&answer, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_is_asked_for_in_one_way() {
    let stage = stage(Instance::new()).await;
    for seconds in ["", "0", "21601", "-5", "1e3", "soon"] {
        page(&token(&stage, seconds).await, 400, "Bad Request");
    }
    let without = ask(&stage, Method::PUT, "latest/api/token", &[]).await;
    page(&without, 400, "Bad Request");
    let forwarded = [(TTL, "60"), ("x-forwarded-for", "203.0.113.7")];
    let answer = ask(&stage, Method::PUT, "latest/api/token", &forwarded).await;
    page(&answer, 403, "Forbidden");
    let get = ask(&stage, Method::GET, "latest/api/token", &[(TTL, "60")]).await;
    assert_eq!((get.status, get.header("allow")), (405, "OPTIONS, PUT"));
    let post = ask(&stage, Method::POST, "latest/meta-data/", &[]).await;
    assert_eq!((post.status, post.header("allow")), (405, "OPTIONS, GET, HEAD"));
}

#[tokio::test]
async fn a_disabled_service_grants_nothing() {
    let stage = stage(Instance::new().role("puller").imds_v1(true).enabled(false)).await;
    page(&token(&stage, "60").await, 403, "Forbidden");
    page(
        &ask(&stage, Method::GET, "latest/meta-data/", &[]).await,
        403,
        "Forbidden",
    );
}

#[tokio::test]
async fn credentials_are_renewed_in_time() {
    let stage = stage(Instance::new().role("puller")).await;
    let first = credentials(&stage).await;
    stage.clock.advance(Duration::from_secs(5 * 3600 - 1));
    assert_eq!(credentials(&stage).await, first);
    stage.clock.advance(Duration::from_secs(1));
    let second = credentials(&stage).await;
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(second["Expiration"], "2026-11-20T23:00:00Z");
    // The old ones are good to their end.
    stage.who(&keys(&first)).await;
    stage.clock.advance(Duration::from_hours(1));
    let expired = stage
        .query("sts", &[("Action", "GetCallerIdentity")], &keys(&first))
        .await;
    assert_eq!(
        (expired.status, expired.element("Code").as_str()),
        (403, "ExpiredToken")
    );
    stage.who(&keys(&second)).await;
}

#[tokio::test]
async fn an_instance_assumes_a_role_of_another_account() {
    let stage = stage(Instance::new().role("puller")).await;
    let hop = stage.hop_from("puller", &keys(&credentials(&stage).await)).await.ok();
    assert_eq!(hop.element("Arn"), "arn:aws:sts::444455556666:assumed-role/deploy/hop");
    assert_eq!(hop.element("Expiration"), "2026-11-20T14:00:00Z");
}

#[tokio::test]
async fn without_a_profile_there_is_no_iam() {
    let stage = stage(Instance::new()).await;
    for path in [
        "iam/",
        "iam/info",
        "iam/security-credentials/",
        "iam/security-credentials/puller",
    ] {
        page(
            &metadata(&stage, &format!("latest/meta-data/{path}")).await,
            404,
            "Not Found",
        );
    }
    assert!(!metadata(&stage, "latest/meta-data/").await.text().contains("iam"));
}

#[tokio::test]
async fn an_instance_follows_its_profile() {
    let stage = stage(Instance::new().profile("web")).await;
    let iam = async |action: &str, more: &[(&str, &str)]| {
        let mut params = vec![("Action", action), ("InstanceProfileName", "web")];
        params.extend(more);
        stage.iam(&params).await.ok()
    };
    let info = async || metadata(&stage, "latest/meta-data/iam/info").await;
    let roles = async || metadata(&stage, "latest/meta-data/iam/security-credentials/").await;
    page(&info().await, 404, "Not Found");

    let created = iam("CreateInstanceProfile", &[("Path", "/team/")]).await;
    let document = info().await.ok().json();
    assert_eq!(document["Code"], "Success");
    assert_eq!(document["InstanceProfileId"], created.element("InstanceProfileId"));
    assert_eq!(document["InstanceProfileArn"], created.element("Arn"));
    let message = document["Message"].as_str().unwrap();
    assert!(
        message.starts_with("Instance Profile does not contain a role."),
        "{message}"
    );
    page(&roles().await, 404, "Not Found");

    iam("AddRoleToInstanceProfile", &[("RoleName", "puller")]).await;
    assert_eq!(info().await.json()["Message"], Value::Null);
    assert_eq!(roles().await.ok().text(), "puller");
    stage.who(&keys(&credentials(&stage).await)).await;

    iam("RemoveRoleFromInstanceProfile", &[("RoleName", "puller")]).await;
    page(&roles().await, 404, "Not Found");
    page(&metadata(&stage, CREDENTIALS).await, 404, "Not Found");

    iam("DeleteInstanceProfile", &[]).await;
    let gone = info().await.ok().json();
    assert_eq!(gone["Code"], "InstanceProfileNotFound");
    iam("CreateInstanceProfile", &[]).await;
    iam("AddRoleToInstanceProfile", &[("RoleName", "puller")]).await;
    assert_eq!(info().await.json(), gone);
    page(&roles().await, 404, "Not Found");
}

#[tokio::test]
async fn a_role_that_ec2_may_not_assume_is_named_and_has_no_credentials() {
    let stage = stage(Instance::new().role("puller")).await;
    stage.trust("puller", &trust("ecs-tasks.amazonaws.com")).await;
    let role = metadata(&stage, "latest/meta-data/iam/security-credentials/")
        .await
        .ok();
    assert_eq!(role.text(), "puller");
    let document = credentials(&stage).await;
    assert_eq!(
        document,
        json!({
            "Code": "AssumeRoleUnauthorizedAccess",
            "Message": "EC2 cannot assume the role puller.  Please see documentation at \
                https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html\
                #troubleshoot_iam-ec2_errors-info-doc.",
            "LastUpdated": "2026-11-20T12:00:00Z",
        })
    );
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(call.error.as_deref(), Some("AssumeRoleUnauthorizedAccess"));
    assert_eq!((call.status, call.principal), (Some(200), None));

    stage.trust("puller", &trust("ec2.amazonaws.com")).await;
    stage.who(&keys(&credentials(&stage).await)).await;
    // What an instance has is not taken from it, until it is renewed.
    stage.trust("puller", &trust("ecs-tasks.amazonaws.com")).await;
    assert_eq!(credentials(&stage).await["Code"], "Success");
    stage.clock.advance(Duration::from_hours(5));
    assert_eq!(credentials(&stage).await["Code"], "AssumeRoleUnauthorizedAccess");
}

#[tokio::test]
async fn a_role_that_is_gone_has_no_credentials() {
    let stage = stage(Instance::new().role("puller")).await;
    assert_eq!(credentials(&stage).await["Code"], "Success");
    let delete = [("Action", "DeleteRole"), ("RoleName", "puller")];
    stage.iam(&delete).await.ok();
    assert_eq!(credentials(&stage).await["Code"], "AssumeRoleUnauthorizedAccess");
    // One that is created anew is another: its sessions are new.
    stage.create_role("puller", &trust("ec2.amazonaws.com")).await.ok();
    stage.who(&keys(&credentials(&stage).await)).await;
}

#[tokio::test]
async fn nonsense_gets_a_page() {
    let stage = stage(Instance::new().imds_v1(true)).await;
    let long = format!("latest/{}", "a/".repeat(10_000));
    for path in [
        "latest/%2e%2e/etc",
        "latest/meta-data/%00",
        "latest/api/token/",
        "latest/meta-data/?q=%ff",
        &long,
    ] {
        let answer = ask(&stage, Method::GET, path, &[]).await;
        assert!(matches!(answer.status, 200 | 404), "{path}: {}", answer.status);
    }
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(call.resource.unwrap().len(), 1024);
    let garbled = ask(
        &stage,
        Method::GET,
        "latest/meta-data/",
        &[(TOKEN, &"=".repeat(30_000))],
    )
    .await;
    page(&garbled, 401, "Unauthorized");
    let put = ask(&stage, Method::PUT, "latest/meta-data/", &[]).await;
    assert_eq!(put.status, 405);
}
