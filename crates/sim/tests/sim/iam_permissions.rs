use serde_json::json;

use crate::{
    iam_stage::{READ_ONLY, allowing, denial, policy},
    images::Image,
    stage::{ACCOUNT, Stage},
};

#[tokio::test]
async fn inline_policies_of_users_are_put_shown_listed_and_deleted() {
    let stage = Stage::new().await;
    let keys = stage.user("bob").await;
    let document = allowing(&["iam:ListUsers"]);
    let put = |name: &'static str, document: String| {
        let stage = &stage;
        async move {
            let params = [("UserName", "bob"), ("PolicyName", name), ("PolicyDocument", &document)];
            stage.act("PutUserPolicy", &params).await
        }
    };
    put("one", document.clone()).await.ok();
    put("two", allowing(&["iam:ListRoles"])).await.ok();
    stage.act_as(&keys, "ListUsers", &[]).await.ok();
    let named = [("UserName", "bob"), ("PolicyName", "one")];
    let shown = stage.act("GetUserPolicy", &named).await.ok();
    assert_eq!(
        percent_encoding::percent_decode_str(&shown.element("PolicyDocument"))
            .decode_utf8()
            .unwrap(),
        document
    );
    let listed = stage.act("ListUserPolicies", &[("UserName", "bob")]).await.ok();
    assert_eq!(listed.elements("member"), ["one", "two"]);
    let page = [("UserName", "bob"), ("MaxItems", "1")];
    assert_eq!(
        stage.act("ListUserPolicies", &page).await.ok().element("IsTruncated"),
        "true"
    );

    put("three", "{".to_owned())
        .await
        .refused(400, "MalformedPolicyDocument", "Syntax errors in policy.");
    put(
        "three",
        policy(&json!({"Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:ecr:{}", "r".repeat(2048))})),
    )
    .await
    .refused(
        409,
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user bob",
    );
    stage.act("DeleteUser", &[("UserName", "bob")]).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    );
    stage.act("DeleteUserPolicy", &named).await.ok();
    for action in ["GetUserPolicy", "DeleteUserPolicy"] {
        stage
            .act(action, &named)
            .await
            .refused(404, "NoSuchEntity", "The user policy with name one cannot be found.");
    }
    stage.act_as(&keys, "ListUsers", &[]).await.refused(
        403,
        "AccessDenied",
        &denial("bob", "iam:ListUsers", "arn:aws:iam::111122223333:user/"),
    );
    let nobody = [("UserName", "nobody"), ("PolicyName", "one")];
    stage.act("GetUserPolicy", &nobody).await.refused(
        404,
        "NoSuchEntity",
        "The user with name nobody cannot be found.",
    );
}

#[tokio::test]
async fn inline_policies_of_roles_are_listed() {
    let stage = Stage::furnished().await;
    let listed = stage.act("ListRolePolicies", &[("RoleName", "puller")]).await.ok();
    assert_eq!(listed.elements("member"), ["permissions"]);
    stage.act("ListRolePolicies", &[("RoleName", "nobody")]).await.refused(
        404,
        "NoSuchEntity",
        "The role with name nobody cannot be found.",
    );
}

#[tokio::test]
async fn a_user_with_the_policy_of_aws_pulls_until_it_is_detached() {
    let stage = Stage::furnished().await;
    let image = Image::new(1);
    stage.push(&stage.root_login(ACCOUNT).await, "team/app", &image).await;
    let keys = stage.user("bob").await;
    let denied = stage.ecr("GetAuthorizationToken", &json!({}), &keys).await;
    denied.faulted(
        "AccessDeniedException",
        &denial("bob", "ecr:GetAuthorizationToken", "*"),
    );

    let params = [("UserName", "bob"), ("PolicyArn", READ_ONLY)];
    stage.act("AttachUserPolicy", &params).await.ok();
    stage.act("AttachUserPolicy", &params).await.ok();
    let login = stage.login(&keys).await;
    let path = "/v2/team/app/manifests/1";
    assert_eq!(stage.pull(&login, path).await.ok().text(), image.manifest);
    let listed = stage.act("ListAttachedUserPolicies", &[("UserName", "bob")]).await.ok();
    assert_eq!(listed.elements("PolicyArn"), [READ_ONLY]);
    assert_eq!(listed.elements("PolicyName"), ["AmazonEC2ContainerRegistryReadOnly"]);

    stage.act("DetachUserPolicy", &params).await.ok();
    stage.pull(&login, path).await.denied(
        403,
        "DENIED",
        &denial(
            "bob",
            "ecr:BatchGetImage",
            "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
        ),
    );
    stage.act("DetachUserPolicy", &params).await.refused(
        404,
        "NoSuchEntity",
        &format!("Policy {READ_ONLY} was not found."),
    );
}

#[tokio::test]
async fn ten_policies_are_attached_at_most_and_only_such_as_are_there() {
    let stage = Stage::furnished().await;
    let attach = |arn: String| {
        let stage = &stage;
        async move {
            let params = [("RoleName", "puller"), ("PolicyArn", arn.as_str())];
            stage.act("AttachRolePolicy", &params).await
        }
    };
    for (arn, code, message) in [
        (
            "longpolicynamebutnoarn",
            "ValidationError",
            "ARN longpolicynamebutnoarn is not valid.".to_owned(),
        ),
        (
            "arn:aws:iam::111122223333:policy/none",
            "NoSuchEntity",
            "Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable.".to_owned(),
        ),
        (
            "arn:aws:iam::aws:policy/AmazonS3FullAccess",
            "NoSuchEntity",
            "Policy arn:aws:iam::aws:policy/AmazonS3FullAccess does not exist or is not attachable.".to_owned(),
        ),
    ] {
        let answer = attach(arn.to_owned()).await;
        assert_eq!(
            (answer.element("Code"), answer.element("Message")),
            (code.to_owned(), message)
        );
    }
    for number in 0..9 {
        let arn = stage.policy(&format!("p{number}"), &allowing(&["ecr:*"])).await;
        attach(arn).await.ok();
    }
    attach(READ_ONLY.to_owned()).await.ok();
    let arn = stage.policy("one-too-many", &allowing(&["ecr:*"])).await;
    attach(arn)
        .await
        .refused(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10");
    attach(READ_ONLY.to_owned()).await.ok();
    let page = [("RoleName", "puller"), ("MaxItems", "9")];
    let first = stage.act("ListAttachedRolePolicies", &page).await.ok();
    assert_eq!(first.elements("PolicyArn").len(), 9);
    let page = [("RoleName", "puller"), ("Marker", &first.element("Marker"))];
    let last = stage.act("ListAttachedRolePolicies", &page).await.ok();
    assert_eq!(last.elements("PolicyArn").len(), 1);

    stage
        .act(
            "DeleteRolePolicy",
            &[("RoleName", "puller"), ("PolicyName", "permissions")],
        )
        .await
        .ok();
    stage.act("DeleteRole", &[("RoleName", "puller")]).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    );
}

#[tokio::test]
async fn which_policy_is_attached_may_be_a_condition() {
    let stage = Stage::new().await;
    let keys = stage.user("bob").await;
    let document = policy(&json!({
        "Effect": "Allow",
        "Action": "iam:AttachUserPolicy",
        "Resource": "*",
        "Condition": {"ArnEquals": {"iam:PolicyARN": READ_ONLY}},
    }));
    let put = [
        ("UserName", "bob"),
        ("PolicyName", "permissions"),
        ("PolicyDocument", &document),
    ];
    stage.act("PutUserPolicy", &put).await.ok();
    let attach = |arn: &'static str| {
        let (stage, keys) = (&stage, &keys);
        async move {
            let params = [("UserName", "bob"), ("PolicyArn", arn)];
            stage.act_as(keys, "AttachUserPolicy", &params).await
        }
    };
    attach(READ_ONLY).await.ok();
    attach("arn:aws:iam::aws:policy/AdministratorAccess").await.refused(
        403,
        "AccessDenied",
        &denial("bob", "iam:AttachUserPolicy", "user bob"),
    );
}
