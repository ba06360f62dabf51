use iam::{Context, Named, Policy, PolicySet, Principal, Request};
use oci::{ErrorCode, ErrorEnvelope};
use serde_json::{Value, json};

use super::*;
use crate::explain::shown::shown;

const ACCOUNT: &str = "111122223333";
const ELSEWHERE: &str = "444455556666";
const NO_IDENTITY: &str = "because no identity-based policy allows the ecr:BatchGetImage action";
const NO_RESOURCE: &str = "because no resource-based policy allows the ecr:BatchGetImage action";
const DENY: &str = "with an explicit deny in a resource-based policy";

fn read(account: &str, end: &str, reading: &Reading) -> AwsError {
    let message = format!(
        "User: arn:aws:sts::{account}:assumed-role/pull/s is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app {end}"
    );
    let body = serde_json::to_vec(&ErrorEnvelope::new(ErrorCode::Denied, message)).unwrap();
    let refusal = Refusal {
        host: &format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com").parse().unwrap(),
        repository: &"team/app".parse().unwrap(),
        wanted: "manifest 1",
        principal: "arn:aws:sts::444455556666:assumed-role/pull/s",
        status: 403,
        body: &body,
    };
    assert!(is_of_use(&refusal));
    let role = format!("arn:aws:iam::{account}:role/teams/pull").parse().unwrap();
    explain(refusal, Some(&role), reading)
}

fn policy(statements: Value) -> Reading {
    Reading::Policy(json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

/// A statement for a role.
fn allow(sid: &str, principal: &str) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Principal": { "AWS": principal },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] })
}

fn pull(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/teams/pull")
}

#[test]
fn the_side_that_lacks_is_named() {
    let narrowed = json!({ "Sid": "FromOurNetwork", "Effect": "Allow", "Principal": { "AWS": pull(ELSEWHERE) },
        "Action": "ecr:BatchGetImage", "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } } });
    let deny = json!({ "Sid": "NotTheCi", "Effect": "Deny", "Principal": "*", "Action": "ecr:*",
        "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/teams/*" } } });
    let unnamed = json!({ "Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage" });
    let other = allow("Other", "arn:aws:iam::999988887777:role/other");
    let rows = [
        (
            "identity, across",
            ELSEWHERE,
            NO_IDENTITY,
            policy(json!([allow("Elsewhere", &pull(ELSEWHERE))])),
        ),
        ("identity, own account", ACCOUNT, NO_IDENTITY, policy(json!([other]))),
        (
            "identity, own account let in as a whole",
            ACCOUNT,
            NO_IDENTITY,
            policy(json!([allow("Ours", ACCOUNT)])),
        ),
        ("identity, no policy", ACCOUNT, NO_IDENTITY, Reading::NoPolicy),
        (
            "repository, another principal",
            ELSEWHERE,
            NO_RESOURCE,
            policy(json!([other])),
        ),
        (
            "repository, a condition",
            ELSEWHERE,
            NO_RESOURCE,
            policy(json!([narrowed])),
        ),
        ("repository, nothing", ELSEWHERE, NO_RESOURCE, policy(json!([]))),
        ("repository, no policy", ELSEWHERE, NO_RESOURCE, Reading::NoPolicy),
        ("repository, none", ELSEWHERE, NO_RESOURCE, Reading::NoRepository),
        (
            "repository, allowed by now",
            ELSEWHERE,
            NO_RESOURCE,
            policy(json!([allow("Elsewhere", &pull(ELSEWHERE))])),
        ),
        (
            "denied",
            ELSEWHERE,
            DENY,
            policy(json!([allow("Elsewhere", &pull(ELSEWHERE)), deny])),
        ),
        ("denied without a name", ACCOUNT, DENY, policy(json!([other, unnamed]))),
        ("denied no more", ACCOUNT, DENY, policy(json!([other]))),
    ];
    let text: Vec<_> = rows
        .iter()
        .map(|(row, account, end, reading)| format!("== {row}\n{}", shown(&read(account, end, reading))))
        .collect();
    insta::assert_snapshot!("repository", text.join("\n"));
}

/// The document that is offered is the whole policy, and what it adds is what lacks.
#[test]
fn the_merged_policy_lets_the_pull_through_and_keeps_what_there_was() {
    let other = "arn:aws:iam::999988887777:role/other";
    let guarded = json!({ "Sid": "Guarded", "Effect": "Allow", "Principal": { "AWS": other }, "Action": "ecr:*" });
    let error = read(ELSEWHERE, NO_RESOURCE, &policy(json!([guarded])));
    let document = error.causes[0].document.as_ref().unwrap();
    let merged = Policy::parse(&document.text).unwrap();
    merged.check(iam::Kind::Resource).unwrap();
    assert_eq!(merged.statements()[0].sid(), Some("Guarded"));
    for (principal, action, is_allowed) in [
        (pull(ELSEWHERE), "ecr:BatchGetImage", true),
        (pull(ELSEWHERE), "ecr:GetDownloadUrlForLayer", true),
        (pull(ELSEWHERE), "ecr:PutImage", false),
        (other.to_owned(), "ecr:PutImage", true),
    ] {
        let role: RoleArn = principal.parse().unwrap();
        let context = Context::complete().with("aws:PrincipalArn", role.as_str());
        let arn = format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app");
        let session = Principal::Aws(role.session("s").unwrap());
        let everything: Policy =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#
                .parse()
                .unwrap();
        let policies = PolicySet {
            identity: vec![Named::new("all", everything)],
            resource: Some(Named::new("merged", merged.clone())),
            ..PolicySet::default()
        };
        let evaluation = iam::evaluate(&Request::new(session, action, arn, context), &policies);
        assert_eq!(evaluation.is_allowed(), is_allowed, "{principal} {action}");
    }
}

#[test]
fn a_policy_that_cannot_be_used_changes_nothing() {
    for text in [
        "",
        "{",
        "[]",
        "{\"Statement\":3}",
        &"[".repeat(100_000),
        &" ".repeat(MAX_POLICY + 1),
    ] {
        let error = read(ELSEWHERE, NO_RESOURCE, &Reading::Policy(text.to_owned()));
        assert!(
            error.causes[0].why.contains("has no repository policy that lets"),
            "{error}"
        );
    }
}

#[test]
fn nothing_of_a_policy_reaches_a_terminal_as_a_command() {
    let nasty = allow("a\u{1b}[2J\u{202e}", "arn:aws:iam::999988887777:role/\u{1b}other");
    let error = read(ELSEWHERE, NO_RESOURCE, &policy(json!([nasty])));
    let text = shown(&error);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn only_what_a_policy_can_explain_is_asked() {
    let asked = |host: &str, status, message: &str| {
        let body = serde_json::to_vec(&ErrorEnvelope::new(ErrorCode::Denied, message)).unwrap();
        is_of_use(&Refusal {
            host: &host.parse().unwrap(),
            repository: &"team/app".parse().unwrap(),
            wanted: "manifest 1",
            principal: "x",
            status,
            body: &body,
        })
    };
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
    assert!(asked(host, 403, NO_IDENTITY) && asked(host, 403, NO_RESOURCE) && asked(host, 403, ""));
    for (host, status, message) in [
        (host, 401, ""),
        (host, 404, NO_RESOURCE),
        (host, 403, "Your authorization token has expired."),
        (host, 403, "with an explicit deny in an identity-based policy"),
        (
            host,
            403,
            "because no session policy allows the ecr:BatchGetImage action",
        ),
        ("public.ecr.aws", 403, ""),
    ] {
        assert!(!asked(host, status, message), "{host} {status} {message}");
    }
}
