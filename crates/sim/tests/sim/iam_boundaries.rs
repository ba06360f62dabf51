use serde_json::json;

use crate::{
    iam_stage::{READ_ONLY, allowing, denial, policy},
    stage::{ACCOUNT, SUBJECT, Stage, trust},
};

#[tokio::test]
async fn a_boundary_limits_what_policies_allow() {
    let stage = Stage::furnished().await;
    let keys = stage
        .user_who_may("bob", &["iam:ListUsers", "iam:ListRoles"], "*")
        .await;
    let boundary = stage.policy("boundary", &allowing(&["iam:ListUsers"])).await;
    stage.act_as(&keys, "ListRoles", &[]).await.ok();
    let put = [("UserName", "bob"), ("PermissionsBoundary", &boundary)];
    stage.act("PutUserPermissionsBoundary", &put).await.ok();
    stage.act_as(&keys, "ListUsers", &[]).await.ok();
    stage.act_as(&keys, "ListRoles", &[]).await.refused(
        403,
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: iam:ListRoles on resource: \
         arn:aws:iam::111122223333:role/ because no permissions boundary allows the iam:ListRoles action",
    );
    let shown = stage.act("GetUser", &[("UserName", "bob")]).await.ok();
    assert_eq!(shown.element("PermissionsBoundaryArn"), boundary);
    assert_eq!(shown.element("PermissionsBoundaryType"), "Policy");

    // What limits somebody is not deleted, and counted.
    stage.act("DeletePolicy", &[("PolicyArn", &boundary)]).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    );
    let counted = stage.act("GetPolicy", &[("PolicyArn", &boundary)]).await.ok();
    assert_eq!(counted.element("PermissionsBoundaryUsageCount"), "1");
    assert_eq!(counted.element("AttachmentCount"), "0");

    let name = [("UserName", "bob")];
    stage.act("DeleteUserPermissionsBoundary", &name).await.ok();
    stage.act_as(&keys, "ListRoles", &[]).await.ok();
    let shown = stage.act("GetUser", &name).await.ok();
    assert_eq!(shown.element("PermissionsBoundary"), "");
}

#[tokio::test]
async fn a_boundary_limits_the_sessions_of_a_role() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    stage.login(&session).await;
    let boundary = stage.policy("boundary", &allowing(&["ecr:BatchGetImage"])).await;
    let put = [("RoleName", "puller"), ("PermissionsBoundary", &boundary)];
    stage.act("PutRolePermissionsBoundary", &put).await.ok();
    let denied = stage.ecr("GetAuthorizationToken", &json!({}), &session).await;
    denied.faulted(
        "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: \
         ecr:GetAuthorizationToken on resource: * because no permissions boundary allows the ecr:GetAuthorizationToken \
         action",
    );
    let shown = stage.act("GetRole", &[("RoleName", "puller")]).await.ok();
    assert_eq!(shown.element("PermissionsBoundaryArn"), boundary);
    stage
        .act("DeleteRolePermissionsBoundary", &[("RoleName", "puller")])
        .await
        .ok();
    stage.login(&session).await;
}

#[tokio::test]
async fn a_boundary_is_a_policy_that_is_there() {
    let stage = Stage::furnished().await;
    let none = "arn:aws:iam::111122223333:policy/none";
    let no_policy = "arn:aws:iam::111122223333:not_a_policy/invalid";
    let missing = format!("Scope ARN: {none} does not exist or is not attachable.");
    let invalid = format!("ARN {no_policy} is not valid.");
    let trust = trust(SUBJECT);
    for (action, named) in [
        ("PutRolePermissionsBoundary", ("RoleName", "puller")),
        ("CreateRole", ("RoleName", "other")),
        ("CreateUser", ("UserName", "bob")),
    ] {
        let with = |boundary: &'static str| {
            let (stage, trust) = (&stage, &trust);
            async move {
                let params = [
                    named,
                    ("PermissionsBoundary", boundary),
                    ("AssumeRolePolicyDocument", trust),
                ];
                stage.act(action, &params).await
            }
        };
        with(none).await.refused(404, "NoSuchEntity", &missing);
        with(no_policy).await.refused(400, "InvalidInput", &invalid);
    }
    let nobody = [("UserName", "nobody"), ("PermissionsBoundary", READ_ONLY)];
    stage.act("PutUserPermissionsBoundary", &nobody).await.refused(
        404,
        "NoSuchEntity",
        "The user with name nobody cannot be found.",
    );
    let created = stage
        .act("CreateUser", &[("UserName", "bob"), ("PermissionsBoundary", READ_ONLY)])
        .await
        .ok();
    assert_eq!(created.element("PermissionsBoundaryArn"), READ_ONLY);
}

/// The pattern of "Delegating responsibility to others using permissions boundaries" in the IAM user guide.
#[tokio::test]
async fn who_may_only_create_users_within_a_boundary_does_only_that() {
    let stage = Stage::new().await;
    let boundary = stage.policy("boundary", &allowing(&["ecr:*"])).await;
    let keys = stage.user("bob").await;
    let document = policy(&json!({
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:PutUserPolicy"],
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
    }));
    let put = [
        ("UserName", "bob"),
        ("PolicyName", "permissions"),
        ("PolicyDocument", &document),
    ];
    stage.act("PutUserPolicy", &put).await.ok();
    stage
        .act_as(&keys, "CreateUser", &[("UserName", "free")])
        .await
        .refused(
            403,
            "AccessDenied",
            &denial("bob", "iam:CreateUser", &format!("arn:aws:iam::{ACCOUNT}:user/free")),
        );
    let bound = [("UserName", "bound"), ("PermissionsBoundary", boundary.as_str())];
    stage.act_as(&keys, "CreateUser", &bound).await.ok();
    let allow = |name: &'static str| {
        let (stage, keys) = (&stage, &keys);
        async move {
            let params = [
                ("UserName", name),
                ("PolicyName", "p"),
                ("PolicyDocument", &allowing(&["*"])),
            ];
            stage.act_as(keys, "PutUserPolicy", &params).await
        }
    };
    allow("bound").await.ok();
    allow("bob")
        .await
        .refused(403, "AccessDenied", &denial("bob", "iam:PutUserPolicy", "user bob"));
}
