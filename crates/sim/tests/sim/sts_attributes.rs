//! Session tags and source identities that a token attaches.

use serde_json::{Value, json};

use crate::{
    signing::Keys,
    stage::{Answer, PROVIDER, Stage},
    web_identity::assume_with,
};

pub(crate) const TAGS: &str = "https://aws.amazon.com/tags";
pub(crate) const SOURCE: &str = "https://aws.amazon.com/source_identity";

/// A trust policy of `puller` for the issuer, without conditions but those given.
pub(crate) async fn trust_issuer(stage: &Stage, actions: Value, condition: Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": actions, "Condition": condition,
    }});
    update_trust(stage, "puller", &policy, &stage.root("111122223333")).await;
}

pub(crate) async fn update_trust(stage: &Stage, role: &str, policy: &Value, keys: &Keys) {
    let policy = policy.to_string();
    let params = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", role),
        ("PolicyDocument", &policy),
    ];
    stage.query("iam", &params, keys).await.ok();
}

pub(crate) fn all_actions() -> Value {
    json!([
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
        "sts:SetSourceIdentity"
    ])
}

pub(crate) fn tags(tags: Value, transitive: Value) -> Value {
    json!({TAGS: {"principal_tags": tags, "transitive_tag_keys": transitive}})
}

pub(crate) fn keys(answer: &Answer) -> Keys {
    Keys {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    }
}

/// Whether a session may log in where its role demands a principal's tag, or another condition on the session.
pub(crate) async fn may_log_in(stage: &Stage, role: &str, account: &str, condition: Value, keys: &Keys) -> bool {
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "sts:*"], "Resource": "*", "Condition": condition,
    }})
    .to_string();
    let params = [
        ("Action", "PutRolePolicy"),
        ("RoleName", role),
        ("PolicyName", "permissions"),
        ("PolicyDocument", &policy),
    ];
    stage.query("iam", &params, &stage.root(account)).await.ok();
    stage.ecr("GetAuthorizationToken", &json!({}), keys).await.status == 200
}

#[tokio::test]
async fn a_token_tags_a_session() {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, all_actions(), json!({})).await;
    let flattened = json!({
        "https://aws.amazon.com/tags/principal_tags/Team": "red",
        "https://aws.amazon.com/tags/transitive_tag_keys": ["Team"],
    });
    for claims in [tags(json!({"Team": ["red"]}), json!(["Team"])), flattened] {
        let answer = assume_with(&stage, &claims).await.ok();
        assert_eq!(answer.element("PackedPolicySize"), "2");
        let session = keys(&answer);
        let tagged = |value: &str| json!({"StringEquals": {"aws:PrincipalTag/team": value}});
        assert!(may_log_in(&stage, "puller", "111122223333", tagged("red"), &session).await);
        assert!(!may_log_in(&stage, "puller", "111122223333", tagged("blue"), &session).await);
    }
    assert_eq!(
        assume_with(&stage, &json!({})).await.ok().element("PackedPolicySize"),
        ""
    );
}

#[tokio::test]
async fn tags_and_source_identities_of_a_token_need_permission() {
    let stage = Stage::furnished().await;
    let tagged = tags(json!({"Team": ["red"]}), json!([]));
    let sourced = json!({SOURCE: "alice"});
    let actions = |more: &str| json!(["sts:AssumeRoleWithWebIdentity", more]);
    trust_issuer(&stage, actions("sts:SetSourceIdentity"), json!({})).await;
    assume_with(&stage, &tagged)
        .await
        .refused(403, "AccessDenied", "Not authorized to perform sts:TagSession");
    let answer = assume_with(&stage, &sourced).await.ok();
    assert_eq!(answer.element("SourceIdentity"), "alice");
    trust_issuer(&stage, actions("sts:TagSession"), json!({})).await;
    assume_with(&stage, &tagged).await.ok();
    assume_with(&stage, &sourced)
        .await
        .refused(403, "AccessDenied", "Not authorized to perform sts:SetSourceIdentity");
}

#[tokio::test]
async fn a_trust_policy_sees_what_a_token_attaches() {
    let stage = Stage::furnished().await;
    let mut claims = tags(json!({"Team": ["red"], "Site": ["x"]}), json!(["Team"]));
    claims[SOURCE] = json!("alice");
    for (condition, is_met) in [
        (json!({"StringEquals": {"aws:RequestTag/Team": "red"}}), true),
        (json!({"StringEquals": {"aws:RequestTag/Team": "blue"}}), false),
        (
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Site"]}}),
            true,
        ),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}), false),
        (
            json!({"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Team"]}}),
            true,
        ),
        (
            json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["Site"]}}),
            false,
        ),
        (json!({"StringEquals": {"sts:SourceIdentity": "alice"}}), true),
        (json!({"StringEquals": {"sts:SourceIdentity": "bob"}}), false),
    ] {
        trust_issuer(&stage, all_actions(), condition.clone()).await;
        let answer = assume_with(&stage, &claims).await;
        assert_eq!(answer.status == 200, is_met, "{condition}: {}", answer.text());
    }
}

#[tokio::test]
async fn malformed_attributes_of_a_token_are_refused() {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, all_actions(), json!({})).await;
    let many = |count: usize| {
        let tags = (0..count).map(|number| (number.to_string(), json!(["v"])));
        Value::Object(tags.collect())
    };
    let key = |length: usize| Value::Object([("k".repeat(length), json!(["v"]))].into_iter().collect());
    assume_with(&stage, &tags(many(50), json!([]))).await.ok();
    assume_with(&stage, &tags(key(128), json!([]))).await.ok();
    assume_with(&stage, &tags(json!({"k": ["v".repeat(256)]}), json!([])))
        .await
        .ok();
    assume_with(&stage, &tags(json!({"Größe": ["x y_.:/=+-@"], "e": [""]}), json!([])))
        .await
        .ok();
    for claims in [
        json!({TAGS: "Team=red"}),
        json!({TAGS: {"principal_tags": ["Team"]}}),
        tags(json!({"Team": "red"}), json!([])),
        tags(json!({"Team": []}), json!([])),
        tags(json!({"Team": ["red", "blue"]}), json!([])),
        tags(json!({"Team": [7]}), json!([])),
        tags(json!({"Team": ["red"]}), json!("Team")),
        tags(json!({"Team": ["red"]}), json!([7])),
        tags(json!({"": ["red"]}), json!([])),
        tags(json!({"Team!": ["red"]}), json!([])),
        tags(json!({"Team": ["red\n"]}), json!([])),
        tags(many(51), json!([])),
        tags(key(129), json!([])),
        tags(json!({"k": ["v".repeat(257)]}), json!([])),
        json!({"https://aws.amazon.com/tags/principal_tags/Team": ["red"]}),
    ] {
        let answer = assume_with(&stage, &claims).await;
        answer.refused(
            400,
            "InvalidIdentityToken",
            "The session tags in the token are malformed",
        );
    }
    for source in [
        json!("a"),
        json!("a".repeat(65)),
        json!("a b"),
        json!(["alice"]),
        json!(null),
    ] {
        assume_with(&stage, &json!({SOURCE: source})).await.refused(
            400,
            "InvalidIdentityToken",
            "The source identity in the token is malformed",
        );
    }
}

#[tokio::test]
async fn tags_of_a_token_keep_to_the_rules_of_all_tags() {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, all_actions(), json!({})).await;
    for (claims, message) in [
        (
            tags(json!({"Team": ["red"], "team": ["blue"]}), json!([])),
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            tags(json!({"Team": ["red"]}), json!(["Site"])),
            "The specified transitive tag key must be included in the requested tags.",
        ),
        (
            tags(json!({"aws:team": ["red"]}), json!([])),
            "Tag keys that begin with aws: are reserved for system use.",
        ),
    ] {
        assume_with(&stage, &claims)
            .await
            .refused(400, "InvalidParameterValue", message);
    }
}

#[tokio::test]
async fn more_tags_than_there_is_space_for_are_refused() {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, all_actions(), json!({})).await;
    let claims = |length: usize| tags(json!({"k": ["v".repeat(256)], "l": ["v".repeat(length)]}), json!([]));
    let answer = assume_with(&stage, &claims(126)).await.ok();
    assert_eq!(answer.element("PackedPolicySize"), "100");
    assume_with(&stage, &claims(127)).await.refused(
        400,
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 101% of allotted space.",
    );
}

#[tokio::test]
async fn a_session_without_attributes_needs_no_further_permission() {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, json!("sts:AssumeRoleWithWebIdentity"), json!({})).await;
    let answer = assume_with(&stage, &tags(json!({}), json!([]))).await.ok();
    assert_eq!(answer.element("SourceIdentity"), "");
    assert_eq!(answer.element("PackedPolicySize"), "");
}
