//! What STS makes of the claims of a token, and what a role's trust policy sees of them.

use serde_json::{Value, json};

use crate::{
    issuer::{Issuer, Oddities},
    stage::{ACCOUNT, AUDIENCE, Answer, PROVIDER, ROLE, SUBJECT, Stage, trust},
    web_identity::{DENIED, assume_with, changed},
};

/// Gives `puller` a trust policy whose one statement has another condition, or further members.
async fn trust_with(stage: &Stage, changes: &Value) {
    let mut policy = serde_json::from_str::<Value>(&trust(SUBJECT)).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        policy["Statement"][0][name] = value.clone();
    }
    stage
        .iam(&[
            ("Action", "UpdateAssumeRolePolicy"),
            ("RoleName", "puller"),
            ("PolicyDocument", &policy.to_string()),
        ])
        .await
        .ok();
}

fn denied(answer: &Answer) {
    answer.refused(403, "AccessDenied", DENIED);
}

#[tokio::test]
async fn subjects_may_be_empty_long_or_numbers() {
    let stage = Stage::furnished().await;
    trust_with(&stage, &json!({"Condition": {}})).await;
    let long = "s".repeat(5000);
    for (subject, shown) in [
        (json!(""), ""),
        (json!(17), "17"),
        (json!(long), long.as_str()),
        (json!("a<b>&\"'"), "a<b>&\"'"),
    ] {
        let answer = assume_with(&stage, &json!({"sub": subject})).await.ok();
        assert_eq!(answer.element("SubjectFromWebIdentityToken"), shown);
    }
}

#[tokio::test]
async fn sts_fails_over_a_subject_that_is_null() {
    let stage = Stage::furnished().await;
    let answer = assume_with(&stage, &json!({"sub": null})).await;
    assert_eq!(
        (
            answer.status,
            answer.element("Code").as_str(),
            answer.element("Type").as_str()
        ),
        (500, "InternalFailure", "Receiver")
    );
    let call = stage.sim.trail().pop().unwrap();
    assert_eq!(call.error.as_deref(), Some("InternalFailure"));
}

#[tokio::test]
async fn times_may_be_integers_in_strings_and_no_fractions() {
    let stage = Stage::furnished().await;
    let now = stage.now().as_second();
    for claim in ["iat", "nbf", "exp"] {
        assume_with(&stage, &json!({claim: (now + 60).to_string()})).await.ok();
        let fraction = assume_with(&stage, &json!({claim: f64::from(u32::try_from(now).unwrap()) + 0.5})).await;
        assert_eq!(fraction.element("Code"), "InvalidIdentityToken", "{claim}");
    }
}

#[tokio::test]
async fn of_a_member_that_stands_twice_the_last_counts() {
    let stage = Stage::furnished().await;
    let claims = stage.claims().to_string();
    let header = r#"{"alg":"none","alg":"ES256","kid":"nowhere","kid":"one"}"#;
    let twice = |first: &str, last: &str| {
        let members = claims.strip_prefix('{').unwrap();
        let without = members.replace(r#","sub":"team:app""#, "");
        format!(
            r#"{{"sub":"{first}",{},"sub":"{last}"}}"#,
            without.strip_suffix('}').unwrap()
        )
    };
    let good = stage.issuer.token_of(header, &twice("team:other", SUBJECT));
    stage.assume(&good).await.ok();
    let bad = stage.issuer.token_of(header, &twice(SUBJECT, "team:other"));
    denied(&stage.assume(&bad).await);
}

#[tokio::test]
async fn a_token_with_a_minute_left_buys_a_session_of_two_hours() {
    let stage = Stage::furnished().await;
    stage
        .iam(&[
            ("Action", "CreateRole"),
            ("RoleName", "long"),
            ("AssumeRolePolicyDocument", &trust(SUBJECT)),
            ("MaxSessionDuration", "7200"),
        ])
        .await
        .ok();
    let token = changed(&stage, &json!({"exp": stage.now().as_second() + 60}));
    let assume = |seconds: &'static str| {
        let token = stage.issuer.token(&token);
        let stage = &stage;
        async move {
            stage
                .sts(&[
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("RoleArn", "arn:aws:iam::111122223333:role/long"),
                    ("RoleSessionName", "wharf"),
                    ("WebIdentityToken", &token),
                    ("DurationSeconds", seconds),
                ])
                .await
        }
    };
    assert_eq!(assume("7200").await.ok().element("Expiration"), "2026-11-20T14:00:00Z");
    assume("7201").await.refused(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
}

#[tokio::test]
async fn a_trust_policy_sees_a_user_who_is_the_provider() {
    let stage = Stage::furnished().await;
    for (condition, is_met) in [
        (json!({"StringEquals": {"aws:PrincipalType": "User"}}), true),
        (json!({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}), false),
        (json!({"StringEquals": {"aws:userid": PROVIDER}}), true),
        (json!({"Null": {"aws:PrincipalArn": "true"}}), true),
        (json!({"StringLike": {"aws:PrincipalArn": "*"}}), false),
        (json!({"StringEquals": {"aws:FederatedProvider": PROVIDER}}), true),
        (json!({"StringEquals": {"sts:RoleSessionName": "wharf"}}), true),
        (json!({"StringEquals": {"sts:RoleSessionName": "other"}}), false),
        (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), true),
        (json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), false),
        (json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), true),
    ] {
        trust_with(&stage, &json!({"Condition": condition})).await;
        let answer = assume_with(&stage, &json!({})).await;
        if is_met {
            answer.ok();
        } else {
            denied(&answer);
        }
    }
}

#[tokio::test]
async fn only_the_provider_names_a_web_identity() {
    let stage = Stage::furnished().await;
    for principal in [
        json!({"AWS": "*"}),
        json!("*"),
        json!({"AWS": ACCOUNT}),
        json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example.test"}),
    ] {
        trust_with(&stage, &json!({"Principal": principal})).await;
        denied(&assume_with(&stage, &json!({})).await);
    }
    trust_with(&stage, &json!({"Principal": {"Federated": PROVIDER}})).await;
    assume_with(&stage, &json!({})).await.ok();
}

#[tokio::test]
async fn only_standard_claims_of_a_generic_issuer_are_condition_keys() {
    let stage = Stage::furnished().await;
    let key = |claim: &str| format!("issuer.example.test/team:{claim}");
    let claims = json!({"amr": ["mfa", "pwd"], "repository": "team/app"});
    for (condition, is_met) in [
        (json!({"ForAnyValue:StringEquals": {key("amr"): "mfa"}}), true),
        (json!({"ForAnyValue:StringEquals": {key("amr"): "otp"}}), false),
        (json!({"StringEquals": {key("repository"): "team/app"}}), false),
        (
            json!({"StringEquals": {key("iss"): "https://issuer.example.test/team"}}),
            false,
        ),
    ] {
        trust_with(&stage, &json!({"Condition": condition})).await;
        let answer = assume_with(&stage, &claims).await;
        if is_met {
            answer.ok();
        } else {
            denied(&answer);
        }
    }
}

#[tokio::test]
async fn azp_decides_and_leaves_the_audience_another_name() {
    let stage = Stage::furnished().await;
    let key = |claim: &str| format!("issuer.example.test/team:{claim}");
    let condition = json!({"StringEquals": {key("aud"): AUDIENCE}, "ForAnyValue:StringEquals": {key("oaud"): "other"}});
    trust_with(&stage, &json!({"Condition": condition})).await;
    let answer = assume_with(&stage, &json!({"aud": ["other", "third"], "azp": AUDIENCE})).await;
    assert_eq!(answer.ok().element("Audience"), AUDIENCE);
    denied(&assume_with(&stage, &json!({})).await);
}

#[tokio::test]
async fn circleci_has_a_key_of_its_own() {
    const HOST: &str = "oidc.circleci.com";
    const CIRCLE: &str = "https://oidc.circleci.com/org/acme";
    let issuer = Issuer::at(CIRCLE, Oddities::default()).await;
    let stage = Stage::with(|builder| builder.resolve(HOST, issuer.address).trust_pem(&issuer.ca_pem)).await;
    stage
        .iam(&[
            ("Action", "CreateOpenIDConnectProvider"),
            ("Url", CIRCLE),
            ("ClientIDList.member.1", "acme"),
        ])
        .await
        .ok();
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.circleci.com/org/acme"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"oidc.circleci.com/org/acme:oidc.circleci.com/project-id": "p-1"}},
    }});
    stage.create_role("puller", &trust.to_string()).await.ok();
    let token = |project: &str| {
        let changes = json!({"iss": CIRCLE, "aud": "acme", "oidc.circleci.com/project-id": project});
        issuer.token(&changed(&stage, &changes))
    };
    stage.assume(&token("p-1")).await.ok();
    denied(&stage.assume(&token("p-2")).await);
}

#[tokio::test]
async fn a_trust_policy_can_insist_on_a_token_that_is_pinned() {
    let stage = Stage::furnished().await;
    trust_with(
        &stage,
        &json!({"Condition": {"Bool": {"sts:RoleAuthorizedByIdp": "true"}}}),
    )
    .await;
    denied(&assume_with(&stage, &json!({})).await);
    assume_with(&stage, &json!({"https://aws.amazon.com/roles": ROLE}))
        .await
        .ok();
}
