use serde_json::json;

use crate::{
    iam_stage::{READ_ONLY, allowing, denial, policy},
    stage::{OTHER, Stage},
};

const OWN: &str = "arn:aws:iam::111122223333:policy/team/push";

#[tokio::test]
async fn a_policy_is_created_shown_listed_and_deleted() {
    let stage = Stage::new().await;
    let document = allowing(&["ecr:*"]);
    let create = [
        ("PolicyName", "push"),
        ("Path", "/team/"),
        ("Description", "who pushes"),
        ("PolicyDocument", &document),
    ];
    let created = stage.act("CreatePolicy", &create).await.ok();
    assert_eq!(created.element("Arn"), OWN);
    assert_eq!(&created.element("PolicyId")[..4], "ANPA");
    assert_eq!(created.element("DefaultVersionId"), "v1");
    assert_eq!(created.element("IsAttachable"), "true");
    assert_eq!(created.element("Description"), "");
    stage.act("CreatePolicy", &create).await.refused(
        409,
        "EntityAlreadyExists",
        "A policy called push already exists. Duplicate names are not allowed.",
    );
    let named = [("PolicyArn", OWN)];
    let shown = stage.act("GetPolicy", &named).await.ok();
    assert_eq!(shown.element("Description"), "who pushes");
    assert_eq!(shown.element("AttachmentCount"), "0");
    assert!(shown.text().contains("<Tags></Tags>"), "{}", shown.text());

    stage.user("bob").await;
    let attach = [("UserName", "bob"), ("PolicyArn", OWN)];
    stage.act("AttachUserPolicy", &attach).await.ok();
    let counted = stage.act("GetPolicy", &named).await.ok();
    assert_eq!(counted.element("AttachmentCount"), "1");
    stage.act("DeletePolicy", &named).await.refused(
        409,
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    );
    stage.act("DetachUserPolicy", &attach).await.ok();
    stage.act("DeletePolicy", &named).await.ok();
    for action in [
        "GetPolicy",
        "DeletePolicy",
        "ListPolicyVersions",
        "ListEntitiesForPolicy",
    ] {
        stage
            .act(action, &named)
            .await
            .refused(404, "NoSuchEntity", &format!("Policy {OWN} was not found."));
    }
}

#[tokio::test]
async fn documents_of_managed_policies_keep_to_the_rules() {
    let stage = Stage::new().await;
    let create = |document: String| {
        let stage = &stage;
        async move {
            let params = [("PolicyName", "p"), ("PolicyDocument", document.as_str())];
            stage.act("CreatePolicy", &params).await
        }
    };
    let malformed = "MalformedPolicyDocument";
    create("no json".to_owned())
        .await
        .refused(400, malformed, "Syntax errors in policy.");
    create(allowing(&["ecr:*"]).replace("2012-10-17", "2008-10-17"))
        .await
        .refused(400, malformed, "Policy document must be version 2012-10-17 or greater.");
    create(policy(&json!({"Effect": "Allow", "Action": "ecr:*"})))
        .await
        .refused(400, malformed, "Policy statement must contain resources.");
    create(policy(
        &json!({"Effect": "Allow", "Action": "ecr:*", "Resource": format!("arn:aws:ecr:{}", "r".repeat(6144))}),
    ))
    .await
    .refused(409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144");
    create(policy(
        &json!({"Effect": "Allow", "Action": "ecr:*", "Resource": "image"}),
    ))
    .await
    .refused(400, malformed, "Resource image must be in ARN format or \"*\".");
    for (actions, sentence) in [
        (
            json!("foo"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            json!("GetItem"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            json!(["ecr:*", "a:b:c"]),
            "Actions/Condition can contain only one colon.",
        ),
        (json!(["a a:b"]), "Vendor a a is not valid"),
    ] {
        create(policy(&json!({"Effect": "Allow", "Action": actions, "Resource": "*"})))
            .await
            .refused(400, malformed, sentence);
    }
    let bad_path = [
        ("PolicyName", "p"),
        ("Path", "team"),
        ("PolicyDocument", &allowing(&["ecr:*"])),
    ];
    stage.act("CreatePolicy", &bad_path).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'path' failed to satisfy constraint: Member must satisfy regular expression \
         pattern: ((/[A-Za-z0-9\\.,\\+@=_-]+)*)/",
    );
}

#[tokio::test]
async fn the_version_in_force_decides() {
    let stage = Stage::new().await;
    let arn = stage.policy("p", &allowing(&["iam:ListUsers"])).await;
    let keys = stage.user("bob").await;
    stage
        .act("AttachUserPolicy", &[("UserName", "bob"), ("PolicyArn", &arn)])
        .await
        .ok();
    let version = |action: &'static str, version: &'static str| {
        let (stage, arn) = (&stage, &arn);
        async move { stage.act(action, &[("PolicyArn", arn), ("VersionId", version)]).await }
    };
    let add = |set_default: &'static str| {
        let (stage, arn) = (&stage, &arn);
        async move {
            let params = [
                ("PolicyArn", arn.as_str()),
                ("PolicyDocument", &allowing(&["iam:ListRoles"])),
                ("SetAsDefault", set_default),
            ];
            stage.act("CreatePolicyVersion", &params).await
        }
    };
    stage.act_as(&keys, "ListUsers", &[]).await.ok();
    let second = add("true").await.ok();
    assert_eq!(
        (second.element("VersionId"), second.element("IsDefaultVersion")),
        ("v2".to_owned(), "true".to_owned())
    );
    stage.act_as(&keys, "ListRoles", &[]).await.ok();
    assert_eq!(stage.act_as(&keys, "ListUsers", &[]).await.status, 403);
    version("SetDefaultPolicyVersion", "v1").await.ok();
    stage.act_as(&keys, "ListUsers", &[]).await.ok();

    let shown = version("GetPolicyVersion", "v2").await.ok();
    assert!(shown.element("Document").contains("iam%3AListRoles"));
    assert_eq!(shown.element("IsDefaultVersion"), "false");
    for _ in 3..=5 {
        add("false").await.ok();
    }
    add("false").await.refused(
        409,
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    );
    let listed = stage.act("ListPolicyVersions", &[("PolicyArn", &arn)]).await.ok();
    assert_eq!(listed.elements("VersionId"), ["v5", "v4", "v3", "v2", "v1"]);
    let page = [("PolicyArn", arn.as_str()), ("MaxItems", "2")];
    let first = stage.act("ListPolicyVersions", &page).await.ok();
    let page = [("PolicyArn", arn.as_str()), ("Marker", &first.element("Marker"))];
    let rest = stage.act("ListPolicyVersions", &page).await.ok();
    assert_eq!(rest.elements("VersionId"), ["v3", "v2", "v1"]);

    version("DeletePolicyVersion", "v1").await.refused(
        409,
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    );
    version("DeletePolicyVersion", "v5").await.ok();
    // Numbers are never given twice.
    assert_eq!(add("false").await.ok().element("VersionId"), "v6");
    for action in ["GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"] {
        version(action, "v9").await.refused(
            404,
            "NoSuchEntity",
            &format!("Policy {arn} version v9 does not exist or is not attachable."),
        );
        version(action, "9").await.refused(
            400,
            "ValidationError",
            "1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?",
        );
    }
    stage
        .act("DetachUserPolicy", &[("UserName", "bob"), ("PolicyArn", &arn)])
        .await
        .ok();
    stage.act("DeletePolicy", &[("PolicyArn", &arn)]).await.refused(
        409,
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The \
         default version is deleted with the policy.",
    );
}

#[tokio::test]
async fn policies_of_aws_are_shown_and_nobody_changes_them() {
    let stage = Stage::new().await;
    let named = [("PolicyArn", READ_ONLY)];
    let shown = stage.act("GetPolicy", &named).await.ok();
    assert_eq!(shown.element("DefaultVersionId"), "v3");
    assert_eq!(
        shown.element("Description"),
        "Provides read-only access to Amazon EC2 Container Registry repositories."
    );
    let version = [("PolicyArn", READ_ONLY), ("VersionId", "v3")];
    let document = stage.act("GetPolicyVersion", &version).await.ok();
    assert!(document.element("Document").contains("ecr%3AGetAuthorizationToken"));
    let listed = stage.act("ListPolicyVersions", &named).await.ok();
    assert_eq!(listed.elements("VersionId"), ["v3"]);

    let root = "User: arn:aws:iam::111122223333:root is not authorized to perform";
    stage.act("DeletePolicy", &named).await.refused(
        403,
        "AccessDenied",
        &format!("{root}: iam:DeletePolicy on resource: policy {READ_ONLY}"),
    );
    assert_eq!(stage.act("SetDefaultPolicyVersion", &version).await.status, 403);
    let unknown = [("PolicyArn", "arn:aws:iam::aws:policy/AmazonS3FullAccess")];
    stage.act("GetPolicy", &unknown).await.refused(
        404,
        "NoSuchEntity",
        "Policy arn:aws:iam::aws:policy/AmazonS3FullAccess was not found.",
    );
    // Those of other accounts are theirs.
    stage.policy("p", &allowing(&["ecr:*"])).await;
    let other = [("PolicyArn", "arn:aws:iam::111122223333:policy/p")];
    let denied = stage.act_as(&stage.root(OTHER), "GetPolicy", &other).await;
    assert_eq!(
        (denied.status, denied.element("Code")),
        (403, "AccessDenied".to_owned())
    );
}

#[tokio::test]
async fn policies_are_listed_by_scope_use_and_path() {
    let stage = Stage::new().await;
    let document = allowing(&["ecr:*"]);
    stage
        .act(
            "CreatePolicy",
            &[
                ("PolicyName", "push"),
                ("Path", "/team/"),
                ("PolicyDocument", &document),
            ],
        )
        .await
        .ok();
    stage.policy("bound", &document).await;
    stage.policy("unused", &document).await;
    let bound = "arn:aws:iam::111122223333:policy/bound";
    stage
        .act("CreateUser", &[("UserName", "bob"), ("PermissionsBoundary", bound)])
        .await
        .ok();
    for arn in [OWN, READ_ONLY] {
        let attach = [("UserName", "bob"), ("PolicyArn", arn)];
        stage.act("AttachUserPolicy", &attach).await.ok();
    }
    let list = |params: &'static [(&'static str, &'static str)]| {
        let stage = &stage;
        async move { stage.act("ListPolicies", params).await.ok().elements("PolicyName") }
    };
    let read_only = "AmazonEC2ContainerRegistryReadOnly";
    assert_eq!(list(&[("Scope", "Local")]).await, ["bound", "push", "unused"]);
    assert_eq!(list(&[("Scope", "AWS"), ("OnlyAttached", "true")]).await, [read_only]);
    assert_eq!(list(&[("OnlyAttached", "true")]).await, ["bound", "push", read_only]);
    assert_eq!(list(&[("PathPrefix", "/team/")]).await, ["push"]);
    assert_eq!(list(&[("PolicyUsageFilter", "PermissionsBoundary")]).await, ["bound"]);
    assert_eq!(
        list(&[("PolicyUsageFilter", "PermissionsPolicy")]).await,
        ["push", read_only]
    );
    assert!(list(&[]).await.contains(&"AdministratorAccess".to_owned()));
    stage.act("ListPolicies", &[("Scope", "Mine")]).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'scope' failed to satisfy constraint: Member must satisfy enum value set: \
         [All, AWS, Local]",
    );
}

#[tokio::test]
async fn who_has_a_policy_is_listed() {
    let stage = Stage::furnished().await;
    stage.user("bob").await;
    stage
        .act("AttachUserPolicy", &[("UserName", "bob"), ("PolicyArn", READ_ONLY)])
        .await
        .ok();
    stage
        .act("AttachRolePolicy", &[("RoleName", "puller"), ("PolicyArn", READ_ONLY)])
        .await
        .ok();
    stage
        .act(
            "CreateUser",
            &[
                ("UserName", "bound"),
                ("Path", "/team/"),
                ("PermissionsBoundary", READ_ONLY),
            ],
        )
        .await
        .ok();
    let list = |more: &'static [(&'static str, &'static str)]| {
        let stage = &stage;
        async move {
            let params = [&[("PolicyArn", READ_ONLY)], more].concat();
            let answer = stage.act("ListEntitiesForPolicy", &params).await.ok();
            (answer.elements("RoleName"), answer.elements("UserName"))
        }
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(list(&[]).await, (names(&["puller"]), names(&["bob", "bound"])));
    assert_eq!(
        list(&[("EntityFilter", "Role")]).await,
        (names(&["puller"]), names(&[]))
    );
    assert_eq!(list(&[("PathPrefix", "/team/")]).await, (names(&[]), names(&["bound"])));
    assert_eq!(
        list(&[("PolicyUsageFilter", "PermissionsBoundary")]).await,
        (names(&[]), names(&["bound"]))
    );
    let page = [("PolicyArn", READ_ONLY), ("MaxItems", "2")];
    let first = stage.act("ListEntitiesForPolicy", &page).await.ok();
    assert_eq!(first.element("IsTruncated"), "true");
    let page = [("PolicyArn", READ_ONLY), ("Marker", &first.element("Marker"))];
    let last = stage.act("ListEntitiesForPolicy", &page).await.ok();
    assert_eq!(
        (last.elements("RoleName"), last.elements("UserName")),
        (names(&[]), names(&["bound"]))
    );
}

#[tokio::test]
async fn a_policy_is_created_only_by_who_may() {
    let stage = Stage::new().await;
    let keys = stage
        .user_who_may("bob", &["iam:CreatePolicy"], "arn:aws:iam::111122223333:policy/team/*")
        .await;
    let document = allowing(&["ecr:*"]);
    let create = |path: &'static str| {
        let (stage, keys, document) = (&stage, &keys, &document);
        async move {
            let params = [
                ("PolicyName", "push"),
                ("Path", path),
                ("PolicyDocument", document.as_str()),
            ];
            stage.act_as(keys, "CreatePolicy", &params).await
        }
    };
    create("/")
        .await
        .refused(403, "AccessDenied", &denial("bob", "iam:CreatePolicy", "policy push"));
    create("/team/").await.ok();
}

#[tokio::test]
async fn statements_of_one_policy_have_names_of_their_own() {
    let stage = Stage::new().await;
    stage.user("bob").await;
    let document = |sids: [&str; 2], member: &str, value: &str, action: &str| {
        let statement = |sid| json!({"Sid": sid, "Effect": "Allow", "Action": action, member: value});
        json!({"Version": "2012-10-17", "Statement": sids.map(statement)}).to_string()
    };
    for (sids, sentence) in [
        (
            ["Pull", "Pull"],
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            ["Pull", "to pull"],
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
             [0-9A-Za-z]*",
        ),
    ] {
        let permissions = document(sids, "Resource", "*", "ecr:*");
        let managed = [("PolicyName", "p"), ("PolicyDocument", permissions.as_str())];
        let inline = [&[("UserName", "bob")], &managed[..]].concat();
        let trust = document(sids, "Principal", "*", "sts:AssumeRole");
        for refused in [
            stage.act("CreatePolicy", &managed).await,
            stage.act("PutUserPolicy", &inline).await,
            stage.create_role("r", &trust).await,
        ] {
            refused.refused(400, "MalformedPolicyDocument", sentence);
        }
    }
    let permissions = document(["Login", "Pull"], "Resource", "*", "ecr:*");
    stage.policy("p", &permissions).await;
}
