use serde_json::json;

use crate::{
    iam_stage::{READ_ONLY, allowing, denial, policy},
    stage::{ROLE, Stage},
};

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
const BOB: &str = "arn:aws:iam::111122223333:user/bob";

#[tokio::test]
async fn policies_are_tried_out_before_they_are_attached() {
    let stage = Stage::new().await;
    let document = policy(&json!([
        {"Effect": "Allow", "Action": "ecr:*", "Resource": REPOSITORY},
        {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "ecr:DeleteRepository",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/Team": "a"}},
        },
    ]));
    let answer = stage
        .act(
            "SimulateCustomPolicy",
            &[
                ("PolicyInputList.member.1", &document),
                ("ActionNames.member.1", "ecr:BatchGetImage"),
                ("ActionNames.member.2", "ecr:PutImage"),
                ("ActionNames.member.3", "iam:GetUser"),
                ("ResourceArns.member.1", REPOSITORY),
            ],
        )
        .await
        .ok();
    assert_eq!(
        answer.elements("EvalDecision"),
        ["allowed", "explicitDeny", "implicitDeny"]
    );
    assert_eq!(answer.elements("EvalResourceName"), [REPOSITORY; 3]);
    assert_eq!(
        answer.elements("SourcePolicyId"),
        ["PolicyInputList.1", "PolicyInputList.1"]
    );
    assert_eq!(answer.elements("SourcePolicyType"), ["none", "none"]);
    assert_eq!(answer.elements("Line").len(), 2);

    // What a condition asks for and nobody said is named as the policy writes it.
    let delete = [
        ("PolicyInputList.member.1", document.as_str()),
        ("ActionNames.member.1", "ecr:DeleteRepository"),
    ];
    let answer = stage.act("SimulateCustomPolicy", &delete).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["implicitDeny"]);
    assert_eq!(answer.elements("EvalResourceName"), ["*"]);
    assert!(
        answer
            .element("MissingContextValues")
            .contains("<member>aws:ResourceTag/Team</member>")
    );
    let said = [
        &delete[..],
        &[
            ("ContextEntries.member.1.ContextKeyName", "aws:resourcetag/team"),
            ("ContextEntries.member.1.ContextKeyType", "string"),
            ("ContextEntries.member.1.ContextKeyValues.member.1", "a"),
        ],
    ]
    .concat();
    let answer = stage.act("SimulateCustomPolicy", &said).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["allowed"]);
    assert!(answer.text().contains("<MissingContextValues></MissingContextValues>"));
}

#[tokio::test]
async fn what_a_user_may_do_is_told_with_its_sources() {
    let stage = Stage::new().await;
    stage.user_who_may("bob", &["iam:GetUser"], "*").await;
    let own = stage.policy("own", &allowing(&["ecr:PutImage"])).await;
    let boundary = stage.policy("boundary", &allowing(&["ecr:*"])).await;
    for arn in [READ_ONLY, &own] {
        let attach = [("UserName", "bob"), ("PolicyArn", arn)];
        stage.act("AttachUserPolicy", &attach).await.ok();
    }
    let actions = [
        ("PolicySourceArn", BOB),
        ("ActionNames.member.1", "iam:GetUser"),
        ("ActionNames.member.2", "ecr:PutImage"),
        ("ActionNames.member.3", "ecr:BatchGetImage"),
    ];
    let answer = stage.act("SimulatePrincipalPolicy", &actions).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["allowed"; 3]);
    assert_eq!(
        answer.elements("SourcePolicyId"),
        ["user_bob_permissions", "own", "AmazonEC2ContainerRegistryReadOnly"]
    );
    assert_eq!(
        answer.elements("SourcePolicyType"),
        ["user", "user-managed", "aws-managed"]
    );
    assert_eq!(answer.element("PermissionsBoundaryDecisionDetail"), "");

    let put = [("UserName", "bob"), ("PermissionsBoundary", boundary.as_str())];
    stage.act("PutUserPermissionsBoundary", &put).await.ok();
    let answer = stage.act("SimulatePrincipalPolicy", &actions).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["implicitDeny", "allowed", "allowed"]);
    assert_eq!(
        answer.elements("AllowedByPermissionsBoundary"),
        ["false", "true", "true"]
    );
    // Another boundary can be tried, and more policies.
    let all = allowing(&["*"]);
    let deny = policy(&json!({"Effect": "Deny", "Action": "ecr:Put*", "Resource": "*"}));
    let tried = [
        &actions[..],
        &[
            ("PermissionsBoundaryPolicyInputList.member.1", &all),
            ("PolicyInputList.member.1", &deny),
        ],
    ]
    .concat();
    let answer = stage.act("SimulatePrincipalPolicy", &tried).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["allowed", "explicitDeny", "allowed"]);

    // By pages.
    let page = [&actions[..], &[("MaxItems", "2")]].concat();
    let first = stage.act("SimulatePrincipalPolicy", &page).await.ok();
    assert_eq!(first.element("IsTruncated"), "true");
    let marker = first.element("Marker");
    let page = [&actions[..], &[("Marker", &marker)]].concat();
    let last = stage.act("SimulatePrincipalPolicy", &page).await.ok();
    assert_eq!(last.elements("EvalActionName"), ["ecr:BatchGetImage"]);
}

#[tokio::test]
async fn a_policy_of_the_resource_is_tried_with_a_caller() {
    let stage = Stage::furnished().await;
    let of_repository = policy(&json!({
        "Effect": "Allow",
        "Principal": {"AWS": BOB},
        "Action": "ecr:PutImage",
    }));
    let params = [
        ("PolicySourceArn", ROLE),
        ("ActionNames.member.1", "ecr:PutImage"),
        ("ResourceArns.member.1", REPOSITORY),
        ("ResourcePolicy", &of_repository),
    ];
    assert_eq!(
        stage.act("SimulatePrincipalPolicy", &params).await.element("Code"),
        "InvalidInput"
    );
    let with_caller = [&params[..], &[("CallerArn", BOB)]].concat();
    let answer = stage.act("SimulatePrincipalPolicy", &with_caller).await.ok();
    assert_eq!(answer.elements("EvalDecision"), ["allowed"]);
    assert_eq!(answer.elements("SourcePolicyType"), ["resource"]);
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused() {
    let stage = Stage::furnished().await;
    let action = ("ActionNames.member.1", "ecr:PutImage");
    let simulate = |source: &'static str| {
        let stage = &stage;
        async move {
            stage
                .act("SimulatePrincipalPolicy", &[("PolicySourceArn", source), action])
                .await
        }
    };
    simulate("arn:aws:iam::111122223333:user/nobody").await.refused(
        404,
        "NoSuchEntity",
        "The user with name nobody cannot be found.",
    );
    let session = "arn:aws:sts::111122223333:assumed-role/puller/wharf";
    simulate(session).await.refused(
        400,
        "InvalidInput",
        &format!("Invalid Entity Arn: {session} does not clearly define entity type and name."),
    );
    assert_eq!(
        simulate("arn:aws:iam::111122223333:group/all").await.element("Code"),
        "ValidationError"
    );
    stage.act("SimulateCustomPolicy", &[action]).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'policyInputList' failed to satisfy constraint: Member must not be null",
    );
    let document = allowing(&["*"]);
    for (bad, code) in [
        (("ActionNames.member.1", "ecr:*"), "InvalidInput"),
        (("ActionNames.member.1", "PutImage"), "InvalidInput"),
        (("ResourceOwner", "nobody"), "InvalidInput"),
        (("CallerArn", ROLE), "InvalidInput"),
        (("PermissionsBoundaryPolicyInputList.member.1", "{"), "InvalidInput"),
        (("ResourcePolicy", "{}"), "InvalidInput"),
        (("ResourceHandlingOption", "EC2-VPC-EBS"), "ValidationError"),
    ] {
        let list = ("PolicyInputList.member.1", document.as_str());
        // Of a parameter that stands twice the first counts.
        let answer = stage.act("SimulateCustomPolicy", &[bad, list, action]).await;
        assert_eq!((answer.status, answer.element("Code").as_str()), (400, code), "{bad:?}");
    }

    let entry = [
        ("PolicyInputList.member.1", document.as_str()),
        ("ContextEntries.member.1.ContextKeyName", "aws:SourceIp"),
        ("ContextEntries.member.1.ContextKeyType", "address"),
        action,
    ];
    let answer = stage.act("SimulateCustomPolicy", &entry).await;
    let message = answer.element("Message");
    assert!(
        message.contains(
            "at 'contextEntries.1.member.contextKeyType' failed to satisfy constraint: Member must satisfy enum value \
             set: [string, "
        ),
        "{message}"
    );

    let keys = stage.user("bob").await;
    let params = [("PolicySourceArn", BOB), action];
    stage.act_as(&keys, "SimulatePrincipalPolicy", &params).await.refused(
        403,
        "AccessDenied",
        &denial("bob", "iam:SimulatePrincipalPolicy", BOB),
    );
}
