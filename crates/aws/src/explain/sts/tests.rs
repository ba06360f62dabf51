use super::*;
use crate::{
    Kind,
    explain::shown::{answered, shown, table},
};

const INVALID: &str = "InvalidIdentityToken";
const DENIED: (u16, &str, &str) = (
    403,
    "AccessDenied",
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
);
/// The error table of AssumeRoleWithWebIdentity.
const ROWS: [(u16, &str, &str); 20] = [
    (
        400,
        INVALID,
        "No OpenIDConnect provider found in your account for https://images.example.com/oidc",
    ),
    (400, INVALID, "Incorrect token audience"),
    (400, INVALID, "Missing a required claim: aud"),
    (
        400,
        INVALID,
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    ),
    (
        400,
        INVALID,
        "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    ),
    (400, INVALID, "Something else"),
    (
        400,
        "ExpiredTokenException",
        "Token expired: current date/time 2 must be before the expiration date/time 1",
    ),
    (400, "IDPCommunicationError", "m"),
    (403, "IDPRejectedClaim", "m"),
    DENIED,
    (400, "MalformedPolicyDocument", "m"),
    (400, "PackedPolicyTooLarge", "m"),
    (403, "RegionDisabledException", "m"),
    (400, "ValidationError", "m"),
    (500, "InternalFailure", "m"),
    (400, "Throttling", "Rate exceeded"),
    (429, "x", "m"),
    (503, "ServiceUnavailable", "m"),
    (400, "SomethingNew", "a message"),
    (400, "SomethingNew", "\u{1b}[2J\r\nInjected: yes"),
];

fn role() -> RoleArn {
    "arn:aws:iam::111122223333:role/wharfinger-pull".parse().unwrap()
}

fn host() -> RegistryHost {
    "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap()
}

fn claims() -> Shown {
    Shown {
        iss: "https://images.example.com/oidc".into(),
        sub: "acme".into(),
        aud: "sts.amazonaws.com".into(),
        ..Shown::default()
    }
}

#[test]
fn each_row_of_the_table_for_a_token_of_the_own_issuer() {
    let text = table(ROWS, |failure| web_identity(&role(), &claims(), &host(), failure));
    insta::assert_snapshot!("own_token", text);
    let line = web_identity(&role(), &claims(), &host(), &answered(DENIED.0, DENIED.1, DENIED.2)).to_string();
    insta::assert_snapshot!("own_token_denied_in_one_line", line);
}

/// A token that tags the session and names its source identity needs two more actions, and the policy has them.
#[test]
fn what_a_token_brings_along_is_allowed_too() {
    for (is_tagged, has_source_identity, wanted) in [
        (true, false, &["sts:TagSession"][..]),
        (false, true, &["sts:SetSourceIdentity"]),
        (true, true, &["sts:TagSession", "sts:SetSourceIdentity"]),
        (false, false, &[]),
    ] {
        let claims = Shown {
            is_tagged,
            has_source_identity,
            ..claims()
        };
        let error = web_identity(&role(), &claims, &host(), &answered(DENIED.0, DENIED.1, DENIED.2));
        let policy = iam::Policy::parse(&error.causes[0].document.as_ref().unwrap().text).unwrap();
        policy.check(iam::Kind::Trust).unwrap();
        for action in ["sts:TagSession", "sts:SetSourceIdentity"] {
            let is_wanted = wanted.contains(&action);
            assert_eq!(policy.to_string().contains(action), is_wanted);
            assert_eq!(error.causes[0].fix.contains(action), is_wanted);
            assert_eq!(error.causes.iter().any(|cause| cause.why.contains(action)), is_wanted);
        }
        if is_tagged && has_source_identity {
            insta::assert_snapshot!("own_token_tagged_and_sourced", shown(&error));
        }
    }
}

#[test]
fn a_token_that_cannot_be_read_makes_no_nonsense() {
    let unreadable = Shown {
        is_foreign: true,
        ..Shown::default()
    };
    let text = table(ROWS, |failure| web_identity(&role(), &unreadable, &host(), failure));
    assert!(
        !text.contains("``") && !text.contains("''") && !text.contains("oidc-provider/ "),
        "{text}"
    );
    insta::assert_snapshot!("unreadable_token", text);
}

#[test]
fn an_issuer_that_iam_does_not_take_is_said_to_be_one() {
    let claims = Shown {
        iss: "https://issuer.example.com:8443".into(),
        is_foreign: true,
        ..claims()
    };
    let rows = [ROWS[0], DENIED];
    let text = table(rows, |failure| web_identity(&role(), &claims, &host(), failure));
    insta::assert_snapshot!("issuer_with_port", text);
}

/// What stands in a token of somebody else may not become a part of a command that people paste.
#[test]
fn claims_mean_nothing_to_a_shell() {
    let claims = Shown {
        iss: "https://a.example.com/$(reboot)".into(),
        sub: "it's; reboot".into(),
        aud: "a b".into(),
        is_foreign: true,
        ..Shown::default()
    };
    let text = table(ROWS, |failure| web_identity(&role(), &claims, &host(), failure));
    assert!(text.contains("--client-id 'a b'"), "{text}");
    assert!(text.contains(r"it'\''s; reboot"), "{text}");
    for line in text
        .lines()
        .filter(|line| line.trim_start().starts_with("fix:") && line.contains("$("))
    {
        assert!(line.contains("'"), "{line}");
    }
}

#[test]
fn silence_and_nonsense_are_no_refusals() {
    for failure in [
        Failure::Silent("connection refused".into()),
        Failure::incomplete("Credentials"),
        Failure::of_json(502, b"<html>"),
    ] {
        let error = web_identity(&role(), &claims(), &host(), &failure);
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.causes.iter().all(|cause| cause.document.is_none()));
    }
}
