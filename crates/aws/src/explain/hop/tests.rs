use aws_credential_types::Credentials;

use super::*;
use crate::explain::shown::{answered, shown, table};

const DENIED: &str = "User: arn:aws:sts::444455556666:assumed-role/agent/i-0 is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/scan";

fn hop(external_id: Option<&str>) -> Hop {
    serde_json::from_value(serde_json::json!({
        "roleArn": "arn:aws:iam::111122223333:role/scan", "externalId": external_id.unwrap_or("tenant-7")
    }))
    .map(|hop: Hop| Hop {
        external_id: external_id.map(str::to_owned),
        ..hop
    })
    .unwrap()
}

fn session(principal: &str) -> Session {
    Session {
        principal: principal.into(),
        expires_at: None,
        credentials: Credentials::new("ASIA", "the-secret", None, None, "test"),
    }
}

fn explain(failure: &Failure, change: impl FnOnce(&mut Attempt<'_>)) -> AwsError {
    let (before, hop) = (
        session("arn:aws:sts::444455556666:assumed-role/agent/i-0"),
        hop(Some("tenant-7")),
    );
    let mut attempt = Attempt {
        before: &before,
        from: None,
        hop: &hop,
        is_tagged: false,
        has_source_identity: false,
    };
    change(&mut attempt);
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
    refused(attempt, &host, failure)
}

#[test]
fn each_row_of_the_table() {
    let rows = [
        (403, "AccessDenied", DENIED),
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ),
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        (400, "ValidationError", "m"),
        (400, "MalformedPolicyDocument", "m"),
        (400, "PackedPolicyTooLarge", "m"),
        (403, "InvalidClientTokenId", "m"),
        (403, "SignatureDoesNotMatch", "m"),
        (403, "ExpiredToken", "m"),
        (403, "RegionDisabledException", "m"),
        (400, "Throttling", "Rate exceeded"),
        (503, "ServiceUnavailable", "m"),
    ];
    insta::assert_snapshot!("hop", table(rows, |failure| explain(failure, |_| ())));
}

#[test]
fn what_aws_names_comes_first() {
    let first =
        |end: &str| explain(&answered(403, "AccessDenied", &format!("{DENIED} {end}")), |_| ()).causes[0].clone();
    let identity = first("because no identity-based policy allows the sts:AssumeRole action");
    assert!(
        identity.fix.contains("put-role-policy --role-name agent"),
        "{identity:?}"
    );
    let trust = first("because no role trust policy allows the sts:AssumeRole action");
    assert!(
        trust.fix.contains("update-assume-role-policy --role-name scan"),
        "{trust:?}"
    );
    let deny = first("with an explicit deny in an identity-based policy");
    assert!(deny.how_to_tell.contains("Deny"), "{deny:?}");
}

#[test]
fn tags_and_a_source_identity_need_actions_of_their_own() {
    let message = DENIED.replace("sts:AssumeRole", "sts:TagSession");
    let error = explain(&answered(403, "AccessDenied", &message), |attempt| {
        attempt.is_tagged = true;
        attempt.has_source_identity = true;
    });
    assert!(error.causes[0].why.contains("sts:TagSession"));
    insta::assert_snapshot!("hop_tagged", shown(&error));
}

/// The role's path is not in the ARN of its session, and a policy without it names nobody.
#[test]
fn the_role_of_the_chain_is_named_with_its_path() {
    let from = "arn:aws:iam::444455556666:role/teams/agent".parse().unwrap();
    let hop = hop(None);
    let before = session("arn:aws:sts::444455556666:assumed-role/agent/i-0");
    let attempt = Attempt {
        before: &before,
        from: Some(&from),
        hop: &hop,
        is_tagged: false,
        has_source_identity: false,
    };
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
    let error = refused(attempt, &host, &answered(403, "AccessDenied", DENIED));
    let document = error.causes[0].document.as_ref().unwrap();
    assert!(document.text.contains("role/teams/agent") && !document.text.contains("ExternalId"));
    assert!(
        error
            .causes
            .iter()
            .any(|cause| cause.why.contains("the hop sends none"))
    );
}

/// Whose key it is, only AWS knows; where it does not tell, no policy is made up.
#[test]
fn the_owner_of_a_key_is_read_from_the_sentence() {
    let message = DENIED.replace(
        "arn:aws:sts::444455556666:assumed-role/agent/i-0",
        "arn:aws:iam::444455556666:user/ci",
    );
    let before = session("the access key AKIA");
    let error = explain(&answered(403, "AccessDenied", &message), |attempt| {
        attempt.before = Box::leak(Box::new(session("the access key AKIA")));
    });
    assert!(error.causes[0].document.as_ref().unwrap().text.contains("user/ci"));
    let error = explain(&answered(403, "AccessDenied", "no"), |attempt| {
        attempt.before = Box::leak(Box::new(session(&before.principal)));
    });
    assert!(error.causes[0].document.is_none() && error.causes[0].fix.contains("file://TRUST"));
}
