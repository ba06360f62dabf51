//! The parameters of `AssumeRoleWithWebIdentity` and the constraints of the service model on them.

use crate::stage::{PROVIDER, ROLE, Stage};

#[tokio::test]
async fn parameters_keep_to_the_model() {
    let stage = Stage::furnished().await;
    let token = stage.issuer.token(&stage.claims());
    let with = |name: &'static str, value: &'static str| {
        let (stage, token) = (&stage, &token);
        async move {
            let mut params = vec![
                ("Action", "AssumeRoleWithWebIdentity"),
                ("RoleArn", ROLE),
                ("RoleSessionName", "wharf"),
                ("WebIdentityToken", token.as_str()),
            ];
            params.retain(|(known, _)| *known != name);
            params.push((name, value));
            stage.sts(&params).await
        }
    };
    with("RoleSessionName", "a").await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have \
         length greater than or equal to 2",
    );
    with("RoleSessionName", "a b").await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: [\\w+=,.@-]*",
    );
    for (seconds, bound) in [
        ("899", "greater than or equal to 900"),
        ("43201", "less than or equal to 43200"),
    ] {
        with("DurationSeconds", seconds).await.refused(
            400,
            "ValidationError",
            &format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member \
                 must have value {bound}"
            ),
        );
    }
    with("DurationSeconds", "3601").await.refused(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    assert_eq!(
        with("DurationSeconds", "900").await.ok().element("Expiration"),
        "2026-11-20T12:15:00Z"
    );
    with("RoleArn", PROVIDER)
        .await
        .refused(400, "ValidationError", "Request ARN is invalid");
    with("RoleArn", "nothing-valid-in-here")
        .await
        .refused(400, "ValidationError", "nothing-valid-in-here is invalid");
    with("Policy", "{")
        .await
        .refused(400, "MalformedPolicyDocument", "This policy contains invalid Json");
    with(
        "PolicyArns.member.1.arn",
        "arn:aws:iam::444455556666:policy/of-another-account",
    )
    .await
    .refused(
        400,
        "ValidationError",
        "The managed policy arn:aws:iam::444455556666:policy/of-another-account is not one of the role's account or \
             of AWS.",
    );
    with("PolicyArns.member.1.arn", "short").await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value 'short' at 'policyArns.1.member.arn' failed to satisfy constraint: Member \
         must have length greater than or equal to 20",
    );
    with("ProviderId", "graph.facebook.com").await.refused(
        400,
        "ValidationError",
        "This simulated AWS has no providers of OAuth 2.0 access tokens yet; leave ProviderId out of the request.",
    );
}

#[tokio::test]
async fn tokens_and_policies_have_a_longest() {
    let stage = Stage::furnished().await;
    let long = "a".repeat(20_001);
    stage.assume(&long).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length \
         less than or equal to 20000",
    );
    let padded = |length: usize| {
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        format!("{policy}{}", " ".repeat(length - policy.len()))
    };
    let token = stage.issuer.token(&stage.claims());
    let with = |policy: String, arns: usize| {
        let (stage, token) = (&stage, &token);
        let names = (1..=arns)
            .map(|number| format!("PolicyArns.member.{number}.arn"))
            .collect::<Vec<_>>();
        async move {
            let mut params = vec![
                ("Action", "AssumeRoleWithWebIdentity"),
                ("RoleArn", ROLE),
                ("RoleSessionName", "wharf"),
                ("WebIdentityToken", token.as_str()),
                ("Policy", policy.as_str()),
            ];
            let arn = "arn:aws:iam::111122223333:policy/p";
            params.extend(names.iter().map(|name| (name.as_str(), arn)));
            stage.sts(&params).await
        }
    };
    assert_eq!(with(padded(2048), 0).await.ok().element("PackedPolicySize"), "100");
    assert_eq!(with(padded(100), 0).await.ok().element("PackedPolicySize"), "15");
    let long = with(padded(2049), 0).await;
    assert!(
        long.element("Message")
            .ends_with("Member must have length less than or equal to 2048")
    );
    with(padded(2040), 1).await.refused(
        400,
        "PackedPolicyTooLarge",
        "Packed policy consumes 102% of allotted space, please use smaller policy.",
    );
    with(padded(100), 11).await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less \
         than or equal to 10",
    );
}
