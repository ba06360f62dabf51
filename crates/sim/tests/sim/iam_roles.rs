use serde_json::json;

use crate::{
    iam_stage::policy,
    stage::{SUBJECT, Stage, trust},
};

#[tokio::test]
async fn roles_are_listed_by_pages_and_paths() {
    let stage = Stage::new().await;
    let document = trust(SUBJECT);
    for (name, path) in [("c", "/"), ("a", "/team/"), ("B", "/team/ci/")] {
        let params = [
            ("RoleName", name),
            ("Path", path),
            ("AssumeRolePolicyDocument", &document),
        ];
        stage.act("CreateRole", &params).await.ok();
    }
    let listed = stage.act("ListRoles", &[]).await.ok();
    assert_eq!(listed.elements("RoleName"), ["a", "B", "c"]);
    assert_eq!(listed.elements("MaxSessionDuration"), ["3600", "3600", "3600"]);
    let listed = stage.act("ListRoles", &[("PathPrefix", "/team/")]).await.ok();
    assert_eq!(listed.elements("RoleName"), ["a", "B"]);
    let first = stage.act("ListRoles", &[("MaxItems", "2")]).await.ok();
    assert_eq!(first.element("IsTruncated"), "true");
    // Who goes between two pages takes nobody along.
    stage.act("DeleteRole", &[("RoleName", "b")]).await.ok();
    let rest = stage
        .act("ListRoles", &[("Marker", &first.element("Marker"))])
        .await
        .ok();
    assert_eq!(rest.elements("RoleName"), ["c"]);
    assert_eq!(rest.element("IsTruncated"), "false");
}

#[tokio::test]
async fn description_and_longest_session_are_changed() {
    let stage = Stage::furnished().await;
    let update = |params: &'static [(&'static str, &'static str)]| {
        let stage = &stage;
        async move {
            let params = [&[("RoleName", "puller")], params].concat();
            stage.act("UpdateRole", &params).await
        }
    };
    let updated = update(&[("Description", "pulls"), ("MaxSessionDuration", "7200")])
        .await
        .ok();
    assert!(updated.text().contains("<UpdateRoleResult></UpdateRoleResult>"));
    update(&[]).await.ok();
    let shown = stage.act("GetRole", &[("RoleName", "puller")]).await.ok();
    assert_eq!(shown.element("Description"), "pulls");
    assert_eq!(shown.element("MaxSessionDuration"), "7200");
    assert!(shown.text().contains("<RoleLastUsed></RoleLastUsed>"));
    let described = stage
        .act(
            "UpdateRoleDescription",
            &[("RoleName", "puller"), ("Description", "pushes")],
        )
        .await
        .ok();
    assert_eq!(described.element("Description"), "pushes");
    assert_eq!(
        update(&[("MaxSessionDuration", "60")]).await.element("Code"),
        "ValidationError"
    );
    for action in ["UpdateRole", "UpdateRoleDescription"] {
        stage
            .act(action, &[("RoleName", "none"), ("Description", "x")])
            .await
            .refused(404, "NoSuchEntity", "The role with name none cannot be found.");
    }
}

#[tokio::test]
async fn a_trust_policy_is_about_assuming_the_role() {
    let stage = Stage::new().await;
    let document = policy(&json!({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}));
    stage.create_role("r", &document).await.refused(
        400,
        "MalformedPolicyDocument",
        "AssumeRole policy may only specify STS AssumeRole actions.",
    );
}

#[tokio::test]
async fn a_trust_policy_names_who_can_be_somebody() {
    let stage = Stage::new().await;
    let create = |principal: serde_json::Value| {
        let stage = &stage;
        let document = policy(&json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}));
        async move { stage.create_role("r", &document).await }
    };
    let federated = "Federated principals must be valid domain names or SAML metadata ARNs";
    for (principal, sentence) in [
        (json!({"Federated": "garbage"}), federated),
        (json!({"Federated": "arn:aws:iam::111122223333:role/puller"}), federated),
        (
            json!({"Service": "garbage"}),
            "Invalid principal in policy: \"SERVICE\":\"garbage\"",
        ),
        (json!({"AWS": "ada"}), "Invalid principal in policy: \"AWS\":\"ada\""),
    ] {
        create(principal)
            .await
            .refused(400, "MalformedPolicyDocument", sentence);
    }
    create(json!({"Federated": "accounts.google.com", "Service": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}))
        .await
        .ok();
}
