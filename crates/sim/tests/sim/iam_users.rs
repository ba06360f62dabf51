use crate::{
    iam_stage::{allowing, denial},
    stage::{ACCOUNT, OTHER, Stage},
};

#[tokio::test]
async fn a_user_is_created_shown_listed_renamed_and_deleted() {
    let stage = Stage::new().await;
    let created = stage
        .act("CreateUser", &[("UserName", "bob"), ("Path", "/team/")])
        .await
        .ok();
    assert_eq!(created.element("Arn"), "arn:aws:iam::111122223333:user/team/bob");
    assert_eq!(created.element("CreateDate"), "2026-11-20T12:00:00Z");
    assert_eq!(&created.element("UserId")[..4], "AIDA");
    stage.act("CreateUser", &[("UserName", "BOB")]).await.refused(
        409,
        "EntityAlreadyExists",
        "User with name BOB already exists.",
    );
    stage.act("CreateUser", &[("UserName", "alice")]).await.ok();

    let shown = stage.act("GetUser", &[("UserName", "bob")]).await.ok();
    assert_eq!(shown.element("UserId"), created.element("UserId"));
    assert_eq!(shown.element("Path"), "/team/");

    let listed = stage.act("ListUsers", &[]).await.ok();
    assert_eq!(listed.elements("UserName"), ["alice", "bob"]);
    assert_eq!(listed.element("IsTruncated"), "false");
    let listed = stage.act("ListUsers", &[("PathPrefix", "/te")]).await.ok();
    assert_eq!(listed.elements("UserName"), ["bob"]);
    let first = stage.act("ListUsers", &[("MaxItems", "1")]).await.ok();
    assert_eq!(
        (first.elements("UserName"), first.element("IsTruncated")),
        (vec!["alice".to_owned()], "true".to_owned())
    );
    let next = [("MaxItems", "1"), ("Marker", &first.element("Marker"))];
    let last = stage.act("ListUsers", &next).await.ok();
    assert_eq!(
        (last.elements("UserName"), last.element("Marker")),
        (vec!["bob".to_owned()], String::new())
    );
    stage
        .act("ListUsers", &[("Marker", "***")])
        .await
        .refused(400, "ValidationError", "Invalid Marker");

    let rename = |name: &'static str, new: &'static str| {
        let stage = &stage;
        async move {
            let params = [("UserName", name), ("NewUserName", new), ("NewPath", "/")];
            stage.act("UpdateUser", &params).await
        }
    };
    rename("bob", "Alice")
        .await
        .refused(409, "EntityAlreadyExists", "User with name Alice already exists.");
    rename("bob", "robert").await.ok();
    let shown = stage.act("GetUser", &[("UserName", "robert")]).await.ok();
    assert_eq!(shown.element("Arn"), "arn:aws:iam::111122223333:user/robert");
    assert_eq!(shown.element("UserId"), created.element("UserId"));

    stage.act("DeleteUser", &[("UserName", "robert")]).await.ok();
    for (action, name) in [("GetUser", "bob"), ("UpdateUser", "bob"), ("DeleteUser", "robert")] {
        stage.act(action, &[("UserName", name)]).await.refused(
            404,
            "NoSuchEntity",
            &format!("The user with name {name} cannot be found."),
        );
    }
}

#[tokio::test]
async fn names_and_paths_keep_to_the_rules() {
    let stage = Stage::new().await;
    let cases: [(&[(&str, &str)], &str); 5] = [
        (
            &[],
            "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null",
        ),
        (
            &[("UserName", "")],
            "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length \
             greater than or equal to 1",
        ),
        (
            &[("UserName", "a b")],
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-",
        ),
        (
            &[("UserName", "bob"), ("Path", "team")],
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ),
        (
            &[
                (
                    "UserName",
                    "12345678901234567890123456789012345678901234567890123456789012345",
                ),
                ("PermissionsBoundary", "short"),
            ],
            "2 validation errors detected: Value at 'permissionsBoundary' failed to satisfy constraint: Member must have \
             length greater than or equal to 20; Value at 'userName' failed to satisfy constraint: Member must have length \
             less than or equal to 64",
        ),
    ];
    for (params, message) in cases {
        stage
            .act("CreateUser", params)
            .await
            .refused(400, "ValidationError", message);
    }
    for (params, message) in [
        (
            ("PathPrefix", "team"),
            "The specified value for pathPrefix is invalid. It must begin with the / character and contain only \
             alphanumeric characters and/or / characters.",
        ),
        (
            ("MaxItems", "1001"),
            "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less \
             than or equal to 1000",
        ),
    ] {
        stage
            .act("ListUsers", &[params])
            .await
            .refused(400, "ValidationError", message);
    }
}

#[tokio::test]
async fn a_key_works_until_it_is_switched_off_or_deleted() {
    let stage = Stage::new().await;
    let keys = stage.user("bob").await;
    assert_eq!((keys.id.len(), &keys.id[..4], keys.secret.len()), (20, "AKIA", 40));
    let identity = stage.whoami(&keys).await.ok();
    assert_eq!(identity.element("Arn"), "arn:aws:iam::111122223333:user/bob");
    let user_id = identity.element("UserId");

    let status = |status: &'static str| {
        let (stage, id) = (&stage, keys.id.clone());
        async move {
            let params = [("UserName", "bob"), ("AccessKeyId", &id), ("Status", status)];
            stage.act("UpdateAccessKey", &params).await
        }
    };
    let invalid = "The security token included in the request is invalid";
    status("Inactive").await.ok();
    stage.whoami(&keys).await.refused(403, "InvalidClientTokenId", invalid);
    let listed = stage.act("ListAccessKeys", &[("UserName", "bob")]).await.ok();
    assert_eq!(listed.elements("Status"), ["Inactive"]);
    status("Active").await.ok();
    stage.whoami(&keys).await.ok();
    status("Off").await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: \
         [Active, Inactive, Expired]",
    );
    assert_eq!(status("Expired").await.element("Code"), "ValidationError");

    // A key follows its user to another name.
    let rename = [("UserName", "bob"), ("NewUserName", "robert")];
    stage.act("UpdateUser", &rename).await.ok();
    let identity = stage.whoami(&keys).await.ok();
    assert_eq!(identity.element("Arn"), "arn:aws:iam::111122223333:user/robert");
    assert_eq!(identity.element("UserId"), user_id);

    let delete = [("UserName", "robert"), ("AccessKeyId", &keys.id)];
    stage.act("DeleteAccessKey", &delete).await.ok();
    stage.whoami(&keys).await.refused(403, "InvalidClientTokenId", invalid);
    for action in ["DeleteAccessKey", "UpdateAccessKey"] {
        let params = [&delete[..], &[("Status", "Active")]].concat();
        stage.act(action, &params).await.refused(
            404,
            "NoSuchEntity",
            &format!("The Access Key with id {} cannot be found.", keys.id),
        );
    }
}

#[tokio::test]
async fn a_user_has_two_keys_at_most_and_goes_after_them() {
    let stage = Stage::new().await;
    let first = stage.user("bob").await;
    let second = stage.key("bob").await;
    stage.act("CreateAccessKey", &[("UserName", "bob")]).await.refused(
        409,
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    );
    let listed = stage.act("ListAccessKeys", &[("UserName", "bob")]).await.ok();
    assert_eq!(listed.elements("AccessKeyId").len(), 2);
    stage.act("DeleteUser", &[("UserName", "bob")]).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete entity, must delete access keys first.",
    );
    for keys in [&first, &second] {
        let params = [("UserName", "bob"), ("AccessKeyId", &keys.id)];
        stage.act("DeleteAccessKey", &params).await.ok();
    }
    stage.act("DeleteUser", &[("UserName", "bob")]).await.ok();
    // A key of somebody else is no key of this user's.
    let other = stage.user("alice").await;
    stage.user("carol").await;
    let params = [("UserName", "carol"), ("AccessKeyId", &other.id)];
    stage.act("DeleteAccessKey", &params).await.refused(
        404,
        "NoSuchEntity",
        &format!("The Access Key with id {} cannot be found.", other.id),
    );
    stage.whoami(&other).await.ok();
}

#[tokio::test]
async fn without_a_name_a_call_is_about_the_caller() {
    let stage = Stage::furnished().await;
    let keys = stage
        .user_who_may(
            "bob",
            &["iam:*AccessKey*", "iam:GetUser"],
            "arn:aws:iam::*:user/${aws:username}",
        )
        .await;
    assert_eq!(
        stage.act_as(&keys, "GetUser", &[]).await.ok().element("UserName"),
        "bob"
    );
    let second = stage.act_as(&keys, "CreateAccessKey", &[]).await.ok();
    assert_eq!(second.element("UserName"), "bob");
    let listed = stage.act_as(&keys, "ListAccessKeys", &[]).await.ok();
    assert_eq!(listed.elements("UserName"), ["bob", "bob"]);
    let id = second.element("AccessKeyId");
    let off = [("AccessKeyId", id.as_str()), ("Status", "Inactive")];
    stage.act_as(&keys, "UpdateAccessKey", &off).await.ok();
    stage
        .act_as(&keys, "DeleteAccessKey", &[("AccessKeyId", &id)])
        .await
        .ok();

    let session = stage.session().await;
    for action in ["GetUser", "ListAccessKeys", "CreateAccessKey"] {
        stage.act_as(&session, action, &[]).await.refused(
            400,
            "ValidationError",
            "Must specify userName when calling with non-User credentials",
        );
    }
    // The root user is shown, and its one key stays as it is.
    let root = stage.act("GetUser", &[]).await.ok();
    assert_eq!(root.element("Arn"), "arn:aws:iam::111122223333:root");
    assert_eq!(root.element("UserId"), ACCOUNT);
    let listed = stage.act("ListAccessKeys", &[]).await.ok();
    assert_eq!(listed.elements("AccessKeyId"), [stage.root(ACCOUNT).id]);
    assert_eq!(
        stage.act("CreateAccessKey", &[]).await.element("Code"),
        "ValidationError"
    );
}

#[tokio::test]
async fn a_user_may_only_what_policies_allow() {
    let stage = Stage::new().await;
    let keys = stage
        .user_who_may("bob", &["iam:GetUser"], "arn:aws:iam::111122223333:user/bob")
        .await;
    stage.act("CreateUser", &[("UserName", "alice")]).await.ok();
    stage.act_as(&keys, "GetUser", &[("UserName", "bob")]).await.ok();
    // Whether somebody is there is none of the caller's business.
    for name in ["alice", "nobody"] {
        stage.act_as(&keys, "GetUser", &[("UserName", name)]).await.refused(
            403,
            "AccessDenied",
            &denial("bob", "iam:GetUser", &format!("user {name}")),
        );
    }
    let account = "arn:aws:iam::111122223333";
    for (action, params, resource) in [
        ("CreateUser", vec![("UserName", "eve")], format!("{account}:user/eve")),
        ("ListUsers", vec![], format!("{account}:user/")),
        ("ListUsers", vec![("PathPrefix", "/a/")], format!("{account}:user/a/")),
        ("DeleteUser", vec![("UserName", "bob")], "user bob".to_owned()),
        ("CreateAccessKey", vec![], "user bob".to_owned()),
        ("ListRoles", vec![], format!("{account}:role/")),
        ("ListPolicies", vec![], "policy path /".to_owned()),
        ("ListInstanceProfiles", vec![], format!("{account}:instance-profile/")),
        (
            "CreatePolicy",
            vec![("PolicyName", "p"), ("PolicyDocument", &allowing(&["ecr:*"]))],
            "policy p".to_owned(),
        ),
        (
            "GetPolicy",
            vec![("PolicyArn", crate::iam_stage::READ_ONLY)],
            format!("policy {}", crate::iam_stage::READ_ONLY),
        ),
        (
            "GetInstanceProfile",
            vec![("InstanceProfileName", "p")],
            "instance profile p".to_owned(),
        ),
    ] {
        let answer = stage.act_as(&keys, action, &params).await;
        let denied = denial("bob", &format!("iam:{action}"), &resource);
        answer.refused(403, "AccessDenied", &denied);
    }
    // The users of other accounts are others.
    assert_eq!(
        stage
            .act_as(&stage.root(OTHER), "GetUser", &[("UserName", "bob")])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_user_is_renamed_only_to_what_the_caller_may_change_as_well() {
    let stage = Stage::new().await;
    let keys = stage
        .user_who_may("bob", &["iam:UpdateUser"], "arn:aws:iam::111122223333:user/team/*")
        .await;
    stage
        .act("CreateUser", &[("UserName", "alice"), ("Path", "/team/")])
        .await
        .ok();
    let params = [("UserName", "alice"), ("NewPath", "/admins/")];
    stage.act_as(&keys, "UpdateUser", &params).await.refused(
        403,
        "AccessDenied",
        &denial("bob", "iam:UpdateUser", "arn:aws:iam::111122223333:user/admins/alice"),
    );
    let params = [("UserName", "alice"), ("NewUserName", "alicia")];
    stage.act_as(&keys, "UpdateUser", &params).await.ok();
}

#[tokio::test]
async fn users_and_what_they_may_do_outlive_a_restart() {
    let stage = Stage::with(sim::Builder::keep_state).await;
    let keys = stage.user("bob").await;
    let switched_off = stage.key("bob").await;
    let off = [
        ("UserName", "bob"),
        ("AccessKeyId", &switched_off.id),
        ("Status", "Inactive"),
    ];
    stage.act("UpdateAccessKey", &off).await.ok();
    let policy = stage.policy("p", &allowing(&["iam:ListUsers"])).await;
    let attach = [("UserName", "bob"), ("PolicyArn", policy.as_str())];
    stage.act("AttachUserPolicy", &attach).await.ok();
    let rename = [("UserName", "bob"), ("NewUserName", "robert")];
    stage.act("UpdateUser", &rename).await.ok();

    let stage = stage.restarted(sim::Builder::keep_state).await;
    let listed = stage.act_as(&keys, "ListUsers", &[]).await.ok();
    assert_eq!(listed.elements("UserName"), ["robert"]);
    assert_eq!(
        stage.whoami(&switched_off).await.element("Code"),
        "InvalidClientTokenId"
    );
}
