use std::time::Duration;

use serde_json::{Value, json};
use sim::Clock;

use crate::{
    issuer::{self, DISCOVERY, KEYS, Page},
    stage::{ACCOUNT, AUDIENCE, Answer, PROVIDER, ROLE, SUBJECT, Stage, trust},
};

pub(crate) const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference \
    AssumeRoleWithWebIdentity documentation for requirements";
pub(crate) const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

/// The claims with some of them changed; `"-"` takes one away.
pub(crate) fn changed(stage: &Stage, changes: &Value) -> Value {
    let mut claims = stage.claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| *value != "-");
    claims
}

pub(crate) async fn assume_with(stage: &Stage, changes: &Value) -> Answer {
    stage.assume(&stage.issuer.token(&changed(stage, changes))).await
}

#[tokio::test]
async fn a_token_buys_a_session() {
    let stage = Stage::furnished().await;
    let answer = assume_with(&stage, &json!({})).await.ok();
    assert_eq!(answer.header("content-type"), "text/xml");
    assert!(answer.text().starts_with(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <AssumeRoleWithWebIdentityResult>\n"
    ));
    assert_eq!(answer.element("SubjectFromWebIdentityToken"), SUBJECT);
    assert_eq!(answer.element("Audience"), AUDIENCE);
    assert_eq!(answer.element("Provider"), PROVIDER);
    assert_eq!(
        answer.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/puller/wharf"
    );
    assert!(answer.element("AssumedRoleId").starts_with("AROA"));
    assert!(answer.element("AssumedRoleId").ends_with(":wharf"));
    assert!(answer.element("AccessKeyId").starts_with("ASIA"));
    assert_eq!(answer.element("SecretAccessKey").len(), 40);
    assert_eq!(answer.element("Expiration"), "2026-11-20T13:00:00Z");
    assert_eq!(answer.header("x-amzn-requestid"), answer.element("RequestId"));

    let identity = stage
        .query("sts", &[("Action", "GetCallerIdentity")], &stage.session().await)
        .await
        .ok();
    assert_eq!(
        identity.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/puller/wharf"
    );
    assert_eq!(identity.element("Account"), ACCOUNT);
}

#[tokio::test]
async fn the_issuer_must_be_a_provider_of_the_roles_account() {
    let stage = Stage::furnished().await;
    let message = |issuer: &str| format!("No OpenIDConnect provider found in your account for {issuer}");
    for issuer in [
        "https://issuer.example.test",
        "https://issuer.example.test/team/",
        "https://issuer.example.test/Team",
        "issuer.example.test/team",
        "http://issuer.example.test/team",
    ] {
        let answer = assume_with(&stage, &json!({"iss": issuer})).await;
        answer.refused(400, "InvalidIdentityToken", &message(issuer));
    }
    let answer = stage
        .sts(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", "arn:aws:iam::444455556666:role/puller"),
            ("RoleSessionName", "wharf"),
            ("WebIdentityToken", &stage.issuer.token(&stage.claims())),
        ])
        .await;
    answer.refused(400, "InvalidIdentityToken", &message(issuer::URL));
}

#[tokio::test]
async fn a_signature_of_somebody_else_is_refused() {
    let stage = Stage::furnished().await;
    let stranger = issuer::Issuer::start().await;
    let answer = stage.assume(&stranger.token(&stage.claims())).await;
    answer.refused(400, "InvalidIdentityToken", "Token signature invalid");
}

#[tokio::test]
async fn claims_that_were_changed_after_signing_are_refused() {
    let stage = Stage::furnished().await;
    let honest = stage.issuer.token(&stage.claims());
    let forged = stage.issuer.token(&changed(&stage, &json!({"sub": "team:admin"})));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (honest, forged) = (parts(&honest), parts(&forged));
    let mixed = format!("{}.{}.{}", honest[0], forged[1], honest[2]);
    let answer = stage.assume(&mixed).await;
    answer.refused(400, "InvalidIdentityToken", "Token signature invalid");
}

#[tokio::test]
async fn unsigned_tokens_and_other_algorithms_are_refused() {
    let stage = Stage::furnished().await;
    for algorithm in ["none", "HS256", "PS256", "EdDSA"] {
        let header = json!({"alg": algorithm, "kid": "one"});
        let answer = stage.assume(&stage.issuer.token_with(&header, &stage.claims())).await;
        answer.refused(
            400,
            "InvalidIdentityToken",
            "The token's signing algorithm is not supported",
        );
    }
    let not_a_token = stage.assume("not.a.token").await;
    not_a_token.refused(
        400,
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
    );
}

#[tokio::test]
async fn a_key_that_is_not_in_the_set_is_not_had() {
    let stage = Stage::furnished().await;
    let header = json!({"alg": "ES256", "kid": "two"});
    let answer = stage.assume(&stage.issuer.token_with(&header, &stage.claims())).await;
    answer.refused(400, "InvalidIdentityToken", NO_KEY);

    let without_id = stage.issuer.token_with(&json!({"alg": "ES256"}), &stage.claims());
    stage.assume(&without_id).await.ok();
}

#[tokio::test]
async fn a_wrong_audience_is_refused() {
    let stage = Stage::furnished().await;
    for changes in [json!({"aud": "someone.else"}), json!({"azp": "someone.else"})] {
        let answer = assume_with(&stage, &changes).await;
        answer.refused(400, "InvalidIdentityToken", "Incorrect token audience");
    }
    let several = json!({"aud": [AUDIENCE, "someone.else"]});
    let answer = assume_with(&stage, &several).await;
    assert_eq!(
        (answer.status, answer.element("Code").as_str()),
        (400, "InvalidIdentityToken")
    );

    let decided = json!({"aud": ["someone.else", "another"], "azp": AUDIENCE});
    let answer = assume_with(&stage, &decided).await.ok();
    assert_eq!(answer.element("Audience"), AUDIENCE);
}

#[tokio::test]
async fn required_claims_are_required() {
    let stage = Stage::furnished().await;
    for claim in ["iss", "sub", "aud", "exp", "iat"] {
        let answer = assume_with(&stage, &json!({claim: "-"})).await;
        answer.refused(
            400,
            "InvalidIdentityToken",
            &format!("Missing a required claim: {claim}"),
        );
    }
}

#[tokio::test]
async fn times_have_five_minutes_of_tolerance() {
    let stage = Stage::furnished().await;
    let now = stage.now().as_second();
    assume_with(&stage, &json!({"exp": now - 300})).await.ok();
    let expired = assume_with(&stage, &json!({"exp": now - 301})).await;
    expired.refused(
        400,
        "ExpiredTokenException",
        &format!(
            "Token expired: current date/time {now} must be before the expiration date/time {}",
            now - 301
        ),
    );
    for claim in ["nbf", "iat"] {
        assume_with(&stage, &json!({claim: now + 300})).await.ok();
        let early = assume_with(&stage, &json!({claim: now + 301})).await;
        assert_eq!(
            (early.status, early.element("Code").as_str()),
            (400, "InvalidIdentityToken"),
            "{claim}"
        );
        assert!(early.element("Message").starts_with("Token is not yet valid"));
    }
}

#[tokio::test]
async fn a_wrong_subject_and_a_missing_role_look_alike() {
    let stage = Stage::furnished().await;
    let answer = assume_with(&stage, &json!({"sub": "team:other"})).await;
    answer.refused(403, "AccessDenied", DENIED);

    stage
        .iam(&[
            ("Action", "DeleteRolePolicy"),
            ("RoleName", "puller"),
            ("PolicyName", "permissions"),
        ])
        .await
        .ok();
    stage
        .iam(&[("Action", "DeleteRole"), ("RoleName", "puller")])
        .await
        .ok();
    let answer = assume_with(&stage, &json!({})).await;
    answer.refused(403, "AccessDenied", DENIED);
}

#[tokio::test]
async fn the_trust_policy_is_the_one_of_the_moment() {
    let stage = Stage::furnished().await;
    assume_with(&stage, &json!({})).await.ok();
    let update = |document: String| {
        let stage = &stage;
        async move {
            stage
                .iam(&[
                    ("Action", "UpdateAssumeRolePolicy"),
                    ("RoleName", "puller"),
                    ("PolicyDocument", &document),
                ])
                .await
                .ok()
        }
    };
    update(trust("team:broken")).await;
    assume_with(&stage, &json!({}))
        .await
        .refused(403, "AccessDenied", DENIED);
    update(trust(SUBJECT).replace(AUDIENCE, "another")).await;
    assume_with(&stage, &json!({}))
        .await
        .refused(403, "AccessDenied", DENIED);
    update(trust(SUBJECT)).await;
    assume_with(&stage, &json!({})).await.ok();
}

#[tokio::test]
async fn a_token_that_is_pinned_to_roles_is_good_for_no_other() {
    let stage = Stage::furnished().await;
    let claim = "https://aws.amazon.com/roles";
    for roles in [
        json!([ROLE]),
        json!(format!("arn:aws:iam::111122223333:role/other;{ROLE}")),
    ] {
        assume_with(&stage, &json!({claim: roles})).await.ok();
    }
    for roles in [json!(["arn:aws:iam::111122223333:role/other"]), json!([]), json!("")] {
        // The trust policy would deny as well; the roles are looked at before it.
        let answer = assume_with(&stage, &json!({claim: roles, "sub": "team:other"})).await;
        answer.refused(
            400,
            "InvalidIdentityToken",
            "The target role ARN is not present in the roles claim of the identity token",
        );
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told_apart_from_nothing() {
    let stage = Stage::furnished().await;
    let discovery = |issuer: &str, keys: &str| Page::Text(200, json!({"issuer": issuer, "jwks_uri": keys}).to_string());
    let keys = format!("https://{}{KEYS}", issuer::HOST);
    let honest = discovery(issuer::URL, &keys);
    let cases = [
        (DISCOVERY, Page::Text(404, String::new())),
        (DISCOVERY, Page::Text(200, "no json".to_owned())),
        (DISCOVERY, Page::Text(200, " ".repeat(70 * 1024))),
        (DISCOVERY, Page::Redirect(format!("https://{}/elsewhere", issuer::HOST))),
        (DISCOVERY, discovery("https://another.example.test", &keys)),
        (DISCOVERY, discovery(issuer::URL, &keys.replace("https", "http"))),
        (DISCOVERY, discovery(issuer::URL, "keys")),
        (KEYS, Page::Text(500, String::new())),
        (KEYS, Page::Text(200, "{\"keys\":".to_owned())),
        (KEYS, Page::Text(200, "{\"keys\":[]}".to_owned())),
        (
            KEYS,
            Page::Text(200, format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(600 * 1024))),
        ),
        (KEYS, Page::Redirect(format!("https://{}/elsewhere", issuer::HOST))),
    ];
    let set = json!({"keys": [stage.issuer.jwk()]}).to_string();
    stage.issuer.set("/elsewhere", Page::Text(200, set.clone()));
    for (path, page) in cases {
        stage.issuer.set(DISCOVERY, honest.clone());
        stage.issuer.set(KEYS, Page::Text(200, set.clone()));
        assume_with(&stage, &json!({})).await.ok();
        stage.issuer.set(path, page);
        let answer = assume_with(&stage, &json!({})).await;
        answer.refused(400, "InvalidIdentityToken", NO_KEY);
    }
}

#[tokio::test]
async fn an_issuer_that_is_gone_has_no_keys() {
    let mut stage = Stage::furnished().await;
    stage.issuer.stop().await;
    let answer = assume_with(&stage, &json!({})).await;
    answer.refused(400, "InvalidIdentityToken", NO_KEY);
}

#[tokio::test]
async fn an_issuer_that_is_slower_than_the_limit_has_no_keys() {
    let limit = std::time::Duration::from_millis(100);
    let stage = Stage::furnished_with(|builder| builder.issuer_time_limit(limit)).await;
    stage.issuer.set(KEYS, Page::Silence);
    let started = std::time::Instant::now();
    let answer = assume_with(&stage, &json!({})).await;
    answer.refused(400, "InvalidIdentityToken", NO_KEY);
    assert!(started.elapsed() >= limit);
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_be_asked_for_again() {
    let stage = Stage::furnished().await;
    for path in [DISCOVERY, KEYS] {
        stage.issuer.set(path, Page::BrokenOff);
        let answer = assume_with(&stage, &json!({})).await;
        assert_eq!(
            (answer.status, answer.element("Code").as_str()),
            (400, "IDPCommunicationError"),
            "{path}"
        );
        let keys = format!("https://{}{KEYS}", issuer::HOST);
        let discovery = json!({"issuer": issuer::URL, "jwks_uri": keys}).to_string();
        stage.issuer.set(DISCOVERY, Page::Text(200, discovery));
    }
}

#[tokio::test]
async fn a_token_of_the_machines_time_is_taken_where_that_was_asked_for() {
    for lenient in [false, true] {
        let clock = Clock::system();
        let clock = if lenient { clock.with_machine_time() } else { clock };
        let shown = clock.clone();
        let mut stage = Stage::with(|builder| builder.clock(shown)).await;
        stage.clock = clock.clone();
        stage.furnish().await;
        let machine = stage.now().as_second();
        clock.advance(Duration::from_hours(13));
        let assume = async |issued: i64| {
            let claims = changed(&stage, &json!({"iat": issued, "nbf": issued, "exp": issued + 300}));
            stage.assume(&stage.issuer.token(&claims)).await
        };
        let fresh = assume(machine).await;
        assert_eq!(fresh.status, if lenient { 200 } else { 400 }, "{}", fresh.text());
        let old = assume(machine - 1000).await;
        assert_eq!(old.element("Code"), "ExpiredTokenException");
    }
}
