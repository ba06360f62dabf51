//! Session tags and source identities that a request attaches, and that a chain of roles inherits.

use serde_json::json;

use crate::{
    signing::Keys,
    stage::{Answer, OTHER, ROLE, Stage},
    sts_attributes::{SOURCE, all_actions, keys, may_log_in, tags, trust_issuer, update_trust},
    web_identity::assume_with,
};

const NEXT: &str = "arn:aws:iam::444455556666:role/next";
const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/puller/wharf";

/// A role of the other account that `puller` may assume with everything, and that trusts it for `actions`.
async fn furnished(actions: &[&str]) -> Stage {
    let stage = Stage::furnished().await;
    trust_issuer(&stage, all_actions(), json!({})).await;
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": actions,
    }});
    let create = [
        ("Action", "CreateRole"),
        ("RoleName", "next"),
        ("AssumeRolePolicyDocument", &trust.to_string()),
    ];
    stage.query("iam", &create, &stage.root(OTHER)).await.ok();
    stage.allow("puller", &permission(&["sts:*"])).await;
    stage
}

fn permission(actions: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": NEXT}}).to_string()
}

async fn hop(stage: &Stage, keys: &Keys, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("Action", "AssumeRole"), ("RoleArn", NEXT), ("RoleSessionName", "hop")];
    params.extend(more);
    stage.query("sts", &params, keys).await
}

fn may_not(answer: &Answer, action: &str) {
    answer.refused(
        403,
        "AccessDenied",
        &format!("User: {CALLER} is not authorized to perform: {action} on resource: {NEXT}"),
    );
}

#[tokio::test]
async fn assume_role_tags_a_session() {
    let stage = furnished(&["sts:AssumeRole", "sts:TagSession"]).await;
    let caller = stage.session().await;
    let answer = hop(
        &stage,
        &caller,
        &[("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red")],
    )
    .await;
    let session = keys(&answer.ok());
    let tagged = |value: &str| json!({"StringEquals": {"aws:PrincipalTag/Team": value}});
    assert!(may_log_in(&stage, "next", OTHER, tagged("red"), &session).await);
    assert!(!may_log_in(&stage, "next", OTHER, tagged("blue"), &session).await);
}

#[tokio::test]
async fn both_sides_must_allow_tags_and_source_identities() {
    let tag = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red")];
    let source = [("SourceIdentity", "alice")];
    let stage = furnished(&["sts:AssumeRole"]).await;
    let caller = stage.session().await;
    hop(&stage, &caller, &[]).await.ok();
    may_not(&hop(&stage, &caller, &tag).await, "sts:TagSession");
    may_not(&hop(&stage, &caller, &source).await, "sts:SetSourceIdentity");

    let stage = furnished(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]).await;
    let caller = stage.session().await;
    stage.allow("puller", &permission(&["sts:AssumeRole"])).await;
    may_not(&hop(&stage, &caller, &tag).await, "sts:TagSession");
    may_not(&hop(&stage, &caller, &source).await, "sts:SetSourceIdentity");
    stage
        .allow(
            "puller",
            &permission(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]),
        )
        .await;
    hop(&stage, &caller, &tag).await.ok();
    let answer = hop(&stage, &caller, &source).await.ok();
    assert_eq!(answer.element("SourceIdentity"), "alice");
}

#[tokio::test]
async fn both_sides_see_what_a_request_attaches() {
    let stage = furnished(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]).await;
    let caller = stage.session().await;
    let request = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "red"),
        ("TransitiveTagKeys.member.1", "team"),
        ("SourceIdentity", "alice"),
    ];
    for (condition, is_met) in [
        (json!({"StringEquals": {"aws:RequestTag/Team": "red"}}), true),
        (json!({"StringEquals": {"aws:RequestTag/Team": "blue"}}), false),
        (
            json!({"ForAllValues:StringEqualsIgnoreCase": {"sts:TransitiveTagKeys": ["Team"]}}),
            true,
        ),
        (json!({"StringEquals": {"sts:SourceIdentity": "alice"}}), true),
        (json!({"StringEquals": {"sts:SourceIdentity": "bob"}}), false),
        (json!({"StringEquals": {"sts:RoleSessionName": "hop"}}), true),
    ] {
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:*", "Resource": NEXT, "Condition": condition,
        }});
        stage.allow("puller", &policy.to_string()).await;
        let answer = hop(&stage, &caller, &request).await;
        assert_eq!(answer.status == 200, is_met, "{condition}: {}", answer.text());
    }
}

#[tokio::test]
async fn transitive_tags_are_inherited_and_cannot_be_overridden() {
    let stage = furnished(&["sts:AssumeRole", "sts:TagSession"]).await;
    let claims = tags(json!({"Team": ["red"], "Site": ["x"]}), json!(["team"]));
    let caller = keys(&assume_with(&stage, &claims).await.ok());
    let answer = hop(&stage, &caller, &[]).await.ok();
    assert_eq!(answer.element("PackedPolicySize"), "2");
    let session = keys(&answer);
    let has = |key: &str, value: &str| json!({"StringEquals": {format!("aws:PrincipalTag/{key}"): value}});
    assert!(may_log_in(&stage, "next", OTHER, has("Team", "red"), &session).await);
    assert!(!may_log_in(&stage, "next", OTHER, has("Site", "x"), &session).await);
    for key in ["Team", "TEAM"] {
        let tag = [("Tags.member.1.Key", key), ("Tags.member.1.Value", "blue")];
        hop(&stage, &caller, &tag).await.refused(
            400,
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from \
             the calling session.",
        );
    }
    // What is not handed on may be set anew.
    let tag = [("Tags.member.1.Key", "Site"), ("Tags.member.1.Value", "y")];
    let session = keys(&hop(&stage, &caller, &tag).await.ok());
    assert!(may_log_in(&stage, "next", OTHER, has("Site", "y"), &session).await);
    assert!(may_log_in(&stage, "next", OTHER, has("Team", "red"), &session).await);
}

#[tokio::test]
async fn inherited_tags_need_permission_as_well() {
    let stage = furnished(&["sts:AssumeRole"]).await;
    let claims = tags(json!({"Team": ["red"]}), json!(["Team"]));
    let caller = keys(&assume_with(&stage, &claims).await.ok());
    may_not(&hop(&stage, &caller, &[]).await, "sts:TagSession");
}

#[tokio::test]
async fn a_source_identity_stays_and_cannot_be_changed() {
    let stage = furnished(&["sts:AssumeRole", "sts:SetSourceIdentity"]).await;
    let caller = keys(&assume_with(&stage, &json!({SOURCE: "alice"})).await.ok());
    for more in [&[][..], &[("SourceIdentity", "alice")]] {
        let answer = hop(&stage, &caller, more).await.ok();
        assert_eq!(answer.element("SourceIdentity"), "alice");
        let sourced = |name: &str| json!({"StringEquals": {"aws:SourceIdentity": name}});
        assert!(may_log_in(&stage, "next", OTHER, sourced("alice"), &keys(&answer)).await);
        assert!(!may_log_in(&stage, "next", OTHER, sourced("bob"), &keys(&answer)).await);
    }
    may_not(
        &hop(&stage, &caller, &[("SourceIdentity", "bob")]).await,
        "sts:SetSourceIdentity",
    );
    // Nor can it be dropped where the next role does not allow it.
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole",
    }});
    update_trust(&stage, "next", &trust, &stage.root(OTHER)).await;
    may_not(&hop(&stage, &caller, &[]).await, "sts:SetSourceIdentity");
}

#[tokio::test]
async fn attributes_in_a_request_keep_to_the_model() {
    let stage = furnished(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]).await;
    let caller = stage.session().await;
    let broken = |rule: &str| format!("1 validation error detected: {rule}");
    let long = "k".repeat(129);
    let shown = format!(
        "Value '{long}' at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal \
         to 128"
    );
    for (request, message) in [
        (
            vec![("Tags.member.1.Key", long.as_str()), ("Tags.member.1.Value", "v")],
            shown.as_str(),
        ),
        (
            vec![("Tags.member.1.Key", "Team")],
            "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
        (
            vec![("Tags.member.1.Value", "red")],
            "Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            vec![("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red!")],
            r"Value 'red!' at 'tags.1.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        ),
        (
            vec![("SourceIdentity", "aws:alice")],
            r"Value 'aws:alice' at 'sourceIdentity' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
    ] {
        hop(&stage, &caller, &request)
            .await
            .refused(400, "ValidationError", &broken(message));
    }
    let names = (1..=51)
        .map(|number| format!("Tags.member.{number}"))
        .collect::<Vec<_>>();
    let names = names
        .iter()
        .map(|name| (format!("{name}.Key"), format!("{name}.Value"), name.clone()));
    let names = names.collect::<Vec<_>>();
    let many = names
        .iter()
        .flat_map(|(key, value, name)| [(key.as_str(), name.as_str()), (value.as_str(), "")]);
    let many = many.collect::<Vec<_>>();
    hop(&stage, &caller, &many).await.refused(
        400,
        "ValidationError",
        &broken("Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
    );
    for (request, message) in [
        (
            vec![
                ("Tags.member.1.Key", "Team"),
                ("Tags.member.1.Value", "red"),
                ("Tags.member.2.Key", "Team"),
                ("Tags.member.2.Value", "red"),
            ],
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            vec![("TransitiveTagKeys.member.1", "Team")],
            "The specified transitive tag key must be included in the requested tags.",
        ),
    ] {
        hop(&stage, &caller, &request)
            .await
            .refused(400, "InvalidParameterValue", message);
    }
}
