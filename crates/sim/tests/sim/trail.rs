use oci::Digest;
use secrecy::ExposeSecret;
use serde_json::json;
use sim::Service;

use crate::{
    images::Image,
    stage::{ACCOUNT, REGISTRY, ROLE, Stage},
};

#[tokio::test]
async fn every_step_of_a_pull_is_on_record() {
    let stage = Stage::furnished().await;
    let image = Image::new(1);
    stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;
    let before = usize::try_from(stage.sim.trail_len()).unwrap();

    let login = stage.login(&stage.session().await).await;
    stage.pull(&login, "/v2/").await.ok();
    stage.pull(&login, "/v2/team/app/manifests/1").await.ok();
    let url = stage.layer_url(&login, "team/app", &Digest::of(&image.layer)).await;
    stage.send(stage.get(&url).build().unwrap()).await.ok();

    let trail = stage.sim.trail();
    let calls = trail[before..]
        .iter()
        .map(|call| (call.service, call.action.as_str(), call.status));
    assert_eq!(
        calls.collect::<Vec<_>>(),
        [
            (Service::Sts, "sts:AssumeRoleWithWebIdentity", Some(200)),
            (Service::Ecr, "ecr:GetAuthorizationToken", Some(200)),
            (Service::Registry, "GET /v2/", Some(200)),
            (Service::Registry, "ecr:BatchGetImage", Some(200)),
            (Service::Registry, "ecr:GetDownloadUrlForLayer", Some(307)),
            (Service::LayerBucket, "s3:GetObject", Some(200)),
        ]
    );
    let assumed = &trail[before];
    assert_eq!(assumed.resource.as_deref(), Some(ROLE));
    assert_eq!(assumed.account.as_deref(), Some(ACCOUNT));
    let manifest = &trail[before + 3];
    assert_eq!(manifest.host, "111122223333.dkr.ecr.us-east-1.amazonaws.com");
    assert_eq!(
        manifest.principal.as_deref(),
        Some("arn:aws:sts::111122223333:assumed-role/puller/wharf")
    );
    assert_eq!(
        manifest.resource.as_deref(),
        Some("arn:aws:ecr:us-east-1:111122223333:repository/team/app")
    );
    assert!(manifest.succeeded());
}

#[tokio::test]
async fn a_refusal_is_on_record_with_its_reason() {
    let stage = Stage::furnished().await;
    let login = stage.login(&stage.session().await).await;
    stage.pull(&login, "/v2/team/app/tags/list").await;
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!((call.status, call.error.as_deref()), (Some(403), Some("DENIED")));
    assert!(
        call.message
            .unwrap()
            .contains("no identity-based policy allows the ecr:ListImages action")
    );

    stage.pull("Basic nonsense", "/v2/").await;
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(
        (call.status, call.principal, call.error.as_deref()),
        (Some(401), None, Some("UNAUTHORIZED"))
    );
}

#[tokio::test]
async fn no_secret_is_on_record() {
    let stage = Stage::furnished().await;
    let image = Image::new(2);
    let root = stage.sim.root_credentials(&ACCOUNT.parse().unwrap());
    stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;
    let token = stage.issuer.token(&stage.claims());
    stage.assume(&token).await.ok();
    let session = stage.session().await;
    let login = stage.login(&session).await;
    let url = stage.layer_url(&login, "team/app", &Digest::of(&image.layer)).await;
    let doubled = stage.get(&url).header("authorization", &login).build().unwrap();
    assert_eq!(stage.send(doubled).await.status, 400);
    stage.ecr("CreateRepository", &json!({}), &session).await;
    let secret_in_url = format!("{REGISTRY}/v2/?token={token}");
    stage.send(stage.get(&secret_in_url).build().unwrap()).await;

    let record = format!("{:?}", stage.sim.trail());
    let signature = url.split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap();
    for secret in [
        root.secret.expose_secret(),
        session.secret.as_str(),
        session.token.as_deref().unwrap(),
        login.as_str(),
        token.as_str(),
        signature,
    ] {
        assert!(!record.contains(secret));
    }
}

#[tokio::test]
async fn each_decision_is_on_record_with_its_reason() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    stage.login(&session).await;
    let refused = stage
        .ecr("ListImages", &json!({"repositoryName": "team/app"}), &session)
        .await;
    assert_eq!(refused.status, 400);
    let trail = stage.sim.trail();
    let [.., assumed, login, list] = &trail[..] else {
        panic!("{trail:?}")
    };
    let decision = |call: &sim::Call| {
        let [decision] = &call.decisions[..] else {
            panic!("{call:?}")
        };
        (decision.action.clone(), decision.allowed, decision.reason.clone())
    };
    let (action, allowed, reason) = decision(assumed);
    assert_eq!((action.as_str(), allowed), ("sts:AssumeRoleWithWebIdentity", true));
    assert!(
        reason.contains("The role trust policy of the role allows it by the statement"),
        "{reason}"
    );
    let (action, allowed, reason) = decision(login);
    assert_eq!((action.as_str(), allowed), ("ecr:GetAuthorizationToken", true));
    assert!(
        reason.contains("The identity-based policy permissions allows it by the statement"),
        "{reason}"
    );
    let (action, allowed, reason) = decision(list);
    assert_eq!((action.as_str(), allowed), ("ecr:ListImages", false));
    assert!(reason.contains("No identity-based policy allows it"), "{reason}");
}

#[tokio::test]
async fn a_role_that_is_not_there_is_on_record() {
    let stage = Stage::furnished().await;
    let none = format!("{ROLE}-none");
    let token = stage.issuer.token(&stage.claims());
    let answer = stage
        .sts(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", &none),
            ("RoleSessionName", "wharf"),
            ("WebIdentityToken", &token),
        ])
        .await;
    assert_eq!(answer.status, 403);
    let call = stage.sim.trail().pop().unwrap();
    let [decision] = &call.decisions[..] else {
        panic!("{call:?}")
    };
    assert!(!decision.allowed);
    assert_eq!(decision.action, "sts:AssumeRoleWithWebIdentity");
    assert_eq!(decision.resource, none);
    assert_eq!(decision.reason, format!("There is no role {none}."));
}

#[tokio::test]
async fn why_the_keys_of_an_issuer_were_not_had_is_on_record() {
    let limit = std::time::Duration::from_secs(1);
    let mut stage = Stage::furnished_with(|builder| builder.issuer_time_limit(limit)).await;
    let of = |header: &serde_json::Value, stage: &Stage| stage.issuer.token_with(header, &stage.claims());
    let known = of(&json!({"alg": "ES256", "kid": "one"}), &stage);
    let reason = |stage: &Stage| {
        let call = stage.sim.trail().pop().unwrap();
        assert_eq!(call.error.as_deref(), Some("InvalidIdentityToken"));
        let [decision] = &call.decisions[..] else {
            panic!("{call:?}")
        };
        assert!(!decision.allowed);
        (decision.reason.clone(), call.fault)
    };
    let fault = |json: &str| stage.sim.add_fault(json.parse().unwrap()).unwrap();

    stage
        .assume(&of(&json!({"alg": "ES256", "kid": "nowhere"}), &stage))
        .await;
    let (text, rule) = reason(&stage);
    assert!(
        text.ends_with("none of the 1 usable keys in its key set has the id nowhere."),
        "{text}"
    );
    assert_eq!(rule, None);

    fault(r#"{"id":"sick","when":{"action":"issuer:GetKeys"},"times":1,"what":{"error":{"status":503}}}"#);
    stage.assume(&known).await;
    let (text, rule) = reason(&stage);
    assert!(
        text.contains("a rule stood in the way: the answer was 503 Service Unavailable"),
        "{text}"
    );
    assert_eq!(rule.as_deref(), Some("sick"));

    fault(r#"{"id":"stuck","when":{"service":"issuer"},"times":1,"what":"hang"}"#);
    stage.assume(&known).await;
    let (text, rule) = reason(&stage);
    assert!(text.ends_with("it did not answer within 1s."), "{text}");
    assert_eq!(rule.as_deref(), Some("stuck"));

    stage.assume(&known).await.ok();
    stage.issuer.stop().await;
    stage.assume(&known).await;
    let (text, rule) = reason(&stage);
    assert!(text.contains("onnect"), "{text}");
    assert_eq!(rule, None);
}
