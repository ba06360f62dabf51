use crate::{
    issuer,
    stage::{ACCOUNT, AUDIENCE, OTHER, PROVIDER, ROLE, SUBJECT, Stage, pull_permissions, trust},
};

/// `%7B…` as text.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

#[tokio::test]
async fn a_provider_is_created_shown_listed_and_deleted() {
    let stage = Stage::new().await;
    let create = [
        ("Action", "CreateOpenIDConnectProvider"),
        ("Url", issuer::URL),
        ("ClientIDList.member.1", AUDIENCE),
        ("ClientIDList.member.2", "another"),
        ("ThumbprintList.member.1", "ABCDEF0123456789ABCDEF0123456789ABCDEF01"),
    ];
    let answer = stage.iam(&create).await.ok();
    assert_eq!(answer.element("OpenIDConnectProviderArn"), PROVIDER);
    assert!(answer.text().starts_with(
        "<CreateOpenIDConnectProviderResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  \
         <CreateOpenIDConnectProviderResult>\n    <OpenIDConnectProviderArn>"
    ));
    stage.iam(&create).await.refused(
        409,
        "EntityAlreadyExists",
        "Provider with url https://issuer.example.test/team already exists.",
    );

    let named = |action: &'static str| {
        let stage = &stage;
        async move {
            stage
                .iam(&[("Action", action), ("OpenIDConnectProviderArn", PROVIDER)])
                .await
        }
    };
    let shown = named("GetOpenIDConnectProvider").await.ok();
    assert_eq!(shown.element("Url"), "issuer.example.test/team");
    assert_eq!(shown.element("CreateDate"), "2026-11-20T12:00:00Z");
    assert_eq!(
        shown.element("ClientIDList").split_whitespace().collect::<Vec<_>>(),
        ["<member>sts.amazonaws.com</member>", "<member>another</member>"]
    );
    assert!(
        shown
            .element("ThumbprintList")
            .contains("<member>abcdef0123456789abcdef0123456789abcdef01</member>")
    );

    let list = [("Action", "ListOpenIDConnectProviders")];
    assert_eq!(stage.iam(&list).await.ok().element("Arn"), PROVIDER);
    // Other accounts have providers of their own.
    assert_eq!(
        stage.query("iam", &list, &stage.root(OTHER)).await.ok().element("Arn"),
        ""
    );

    named("DeleteOpenIDConnectProvider").await.ok();
    named("DeleteOpenIDConnectProvider").await.refused(
        404,
        "NoSuchEntity",
        &format!("OpenId connect Provider {PROVIDER} cannot be found."),
    );
    named("GetOpenIDConnectProvider").await.refused(
        404,
        "NoSuchEntity",
        &format!("OpenIDConnect Provider not found for arn {PROVIDER}"),
    );
}

#[tokio::test]
async fn a_provider_keeps_to_the_rules() {
    let stage = Stage::new().await;
    let create = |params: Vec<(String, String)>| {
        let stage = &stage;
        async move {
            let mut all = vec![("Action", "CreateOpenIDConnectProvider")];
            all.extend(params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            stage.iam(&all).await
        }
    };
    let url = |url: &str| ("Url".to_owned(), url.to_owned());
    let members = |list: &str, count: usize, text: &str| {
        (1..=count)
            .map(|number| (format!("{list}.member.{number}"), format!("{text}{number}")))
            .collect::<Vec<_>>()
    };
    for (bad, code) in [
        ("https://issuer.example.test:443", "InvalidInput"),
        ("http://issuer.example.test", "InvalidInput"),
        ("https://issuer.example.test?a=b", "InvalidInput"),
        ("issuer.example.test", "ValidationError"),
    ] {
        assert_eq!(create(vec![url(bad)]).await.element("Code"), code, "{bad}");
    }
    create(vec![]).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'url' failed to satisfy constraint: Member must not be null",
    );
    let thumbprints = [vec![url(issuer::URL)], members("ThumbprintList", 6, &"0".repeat(39))].concat();
    create(thumbprints).await.refused(
        400,
        "InvalidInput",
        "Thumbprint list must contain fewer than 5 entries.",
    );
    let short = [vec![url(issuer::URL)], members("ThumbprintList", 1, "0")].concat();
    create(short).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy \
         constraint: [Member must have length less than or equal to 40, Member must have length greater than or equal to \
         40]",
    );
    let clients = [vec![url(issuer::URL)], members("ClientIDList", 101, "client")].concat();
    create(clients).await.refused(
        409,
        "LimitExceeded",
        "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
    );
    for number in 0..100 {
        create(vec![url(&format!("https://issuer.example.test/{number}"))])
            .await
            .ok();
    }
    create(vec![url(issuer::URL)]).await.refused(
        409,
        "LimitExceeded",
        "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100",
    );
}

#[tokio::test]
async fn a_role_is_created_shown_changed_and_deleted() {
    let stage = Stage::new().await;
    let document = trust(SUBJECT);
    let created = stage.create_role("puller", &document).await.ok();
    assert_eq!(created.element("Arn"), ROLE);
    assert!(created.element("RoleId").starts_with("AROA"));
    stage.create_role("Puller", &document).await.refused(
        409,
        "EntityAlreadyExists",
        "Role with name Puller already exists.",
    );

    let shown = stage.iam(&[("Action", "GetRole"), ("RoleName", "puller")]).await.ok();
    assert!(
        shown
            .element("AssumeRolePolicyDocument")
            .starts_with("%7B%22Statement%22%3A%5B%7B")
    );
    assert_eq!(decoded(&shown.element("AssumeRolePolicyDocument")), document);
    assert_eq!(shown.element("MaxSessionDuration"), "3600");
    assert_eq!(shown.element("RoleId"), created.element("RoleId"));
    assert_eq!(shown.element("Path"), "/");

    let other = trust("team:other");
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", "puller"),
        ("PolicyDocument", &other),
    ];
    stage.iam(&update).await.ok();
    let shown = stage.iam(&[("Action", "GetRole"), ("RoleName", "puller")]).await.ok();
    assert_eq!(decoded(&shown.element("AssumeRolePolicyDocument")), other);

    stage.allow("puller", &pull_permissions("team/app")).await;
    let delete = [("Action", "DeleteRole"), ("RoleName", "puller")];
    stage.iam(&delete).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    );
    stage
        .iam(&[
            ("Action", "DeleteRolePolicy"),
            ("RoleName", "puller"),
            ("PolicyName", "permissions"),
        ])
        .await
        .ok();
    stage.iam(&delete).await.ok();
    for action in ["GetRole", "DeleteRole"] {
        stage.iam(&[("Action", action), ("RoleName", "puller")]).await.refused(
            404,
            "NoSuchEntity",
            "The role with name puller cannot be found.",
        );
    }
}

#[tokio::test]
async fn a_role_has_a_path_and_a_longest_session() {
    let stage = Stage::new().await;
    let document = trust(SUBJECT);
    let create = |path: &'static str, duration: &'static str| {
        let (stage, document) = (&stage, &document);
        async move {
            stage
                .iam(&[
                    ("Action", "CreateRole"),
                    ("RoleName", "puller"),
                    ("Path", path),
                    ("MaxSessionDuration", duration),
                    ("AssumeRolePolicyDocument", document),
                ])
                .await
        }
    };
    assert_eq!(create("team", "3600").await.element("Code"), "ValidationError");
    assert_eq!(create("/", "3599").await.element("Code"), "ValidationError");
    assert_eq!(create("/", "43201").await.element("Code"), "ValidationError");
    let created = create("/team/", "7200").await.ok();
    assert_eq!(created.element("Arn"), "arn:aws:iam::111122223333:role/team/puller");
    let shown = stage.iam(&[("Action", "GetRole"), ("RoleName", "puller")]).await.ok();
    assert_eq!(shown.element("MaxSessionDuration"), "7200");
}

#[tokio::test]
async fn an_inline_policy_is_put_shown_and_deleted() {
    let stage = Stage::furnished().await;
    let document = pull_permissions("team/app");
    let policy = |action: &'static str, name: &'static str| {
        let stage = &stage;
        async move {
            stage
                .iam(&[("Action", action), ("RoleName", "puller"), ("PolicyName", name)])
                .await
        }
    };
    let shown = policy("GetRolePolicy", "permissions").await.ok();
    assert_eq!(shown.element("RoleName"), "puller");
    assert_eq!(shown.element("PolicyName"), "permissions");
    assert_eq!(decoded(&shown.element("PolicyDocument")), document);
    for action in ["GetRolePolicy", "DeleteRolePolicy"] {
        policy(action, "other")
            .await
            .refused(404, "NoSuchEntity", "The role policy with name other cannot be found.");
    }
    policy("DeleteRolePolicy", "permissions").await.ok();
    assert_eq!(policy("GetRolePolicy", "permissions").await.status, 404);
}

#[tokio::test]
async fn documents_are_validated_when_they_are_written() {
    let stage = Stage::furnished().await;
    let malformed = "MalformedPolicyDocument";
    stage
        .create_role("other", "{")
        .await
        .refused(400, malformed, "This policy contains invalid Json");
    stage.create_role("other", &pull_permissions("team/app")).await.refused(
        400,
        malformed,
        "Has prohibited field Resource",
    );
    let put = |document: String| {
        let stage = &stage;
        async move {
            stage
                .iam(&[
                    ("Action", "PutRolePolicy"),
                    ("RoleName", "puller"),
                    ("PolicyName", "permissions"),
                    ("PolicyDocument", &document),
                ])
                .await
        }
    };
    put(trust(SUBJECT))
        .await
        .refused(400, malformed, "Policy document should not specify a principal.");
    put("{}".to_owned())
        .await
        .refused(400, malformed, "Policy statement must contain resources.");
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", "puller"),
        ("PolicyDocument", "[]"),
    ];
    assert_eq!(stage.iam(&update).await.element("Code"), malformed);

    let long = trust(&"s".repeat(2048));
    stage.create_role("other", &long).await.refused(
        409,
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    );
    put(pull_permissions(&"r".repeat(10_240))).await.refused(
        409,
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role puller",
    );
}

#[tokio::test]
async fn only_who_is_allowed_changes_an_account() {
    let stage = Stage::furnished().await;
    let session = stage.session().await;
    let document = trust("team:attacker");
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", "puller"),
        ("PolicyDocument", &document),
    ];
    let message = |action: &str, resource: &str| {
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/puller/wharf is not authorized to perform: {action} on \
             resource: {resource} because no identity-based policy allows the {action} action"
        )
    };
    stage.query("iam", &update, &session).await.refused(
        403,
        "AccessDenied",
        &message("iam:UpdateAssumeRolePolicy", "role puller"),
    );
    stage
        .query("iam", &[("Action", "ListOpenIDConnectProviders")], &session)
        .await
        .refused(
            403,
            "AccessDenied",
            &message(
                "iam:ListOpenIDConnectProviders",
                "arn:aws:iam::111122223333:oidc-provider/*",
            ),
        );
    // Another account's root sees its own roles only.
    stage.query("iam", &update, &stage.root(OTHER)).await.refused(
        404,
        "NoSuchEntity",
        "The role with name puller cannot be found.",
    );

    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iam:GetRole","Resource":"{ROLE}"}}}}"#
    );
    stage.allow("puller", &policy).await;
    stage
        .query("iam", &[("Action", "GetRole"), ("RoleName", "puller")], &session)
        .await
        .ok();
}

#[tokio::test]
async fn what_is_not_there_is_not_ignored() {
    let stage = Stage::new().await;
    stage
        .iam(&[("Action", "CreateGroup"), ("GroupName", "a")])
        .await
        .refused(
            400,
            "ValidationError",
            "This simulated AWS does not have the action CreateGroup yet.",
        );
    stage.iam(&[("Action", "CreateCarpet")]).await.refused(
        400,
        "InvalidAction",
        "Could not find operation CreateCarpet for version 2010-05-08",
    );
    stage
        .sts(&[("Action", "GetCallerIdentity"), ("Version", "2010-05-08")])
        .await
        .refused(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        );
    assert_eq!(stage.root(ACCOUNT).id, stage.root(ACCOUNT).id);
}
