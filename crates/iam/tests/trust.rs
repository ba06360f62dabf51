//! Who may assume a role: "IAM roles: trust policies", "Compare IAM roles and resource-based policies" of the IAM user
//! guide, and what was recorded of web identities.

mod support;

use iam::Denial::{Explicit, NoAllow, RootUser};
use iam::Kind::{Boundary, Identity, Trust};
use iam::{Named, Principal};
use support::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/puller";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme";

fn assume(principal: Principal) -> Question {
    ask(principal, "sts:AssumeRole", ROLE)
}

fn trusting(principal: &str) -> Named {
    allow(&format!(
        r#""Principal": {{"AWS": "{principal}"}}, "Action": "sts:AssumeRole""#
    ))
}

#[test]
fn no_identity_policy_replaces_the_trust_policy() {
    assume(user()).identity(allow(ALL)).denied(NoAllow(Trust));
    assume(user())
        .identity(allow(ALL))
        .trust(trusting("arn:aws:iam::111122223333:user/bob"))
        .denied(NoAllow(Trust));
    // Neither does a policy that a role does not have.
    assume(user())
        .identity(allow(ALL))
        .resource(trusting("111122223333"))
        .denied(NoAllow(Trust));
}

#[test]
fn within_the_account_naming_the_user_suffices_and_naming_the_account_does_not() {
    assume(user())
        .trust(trusting("arn:aws:iam::111122223333:user/ann"))
        .allowed();
    assume(user()).trust(trusting("111122223333")).denied(NoAllow(Identity));
    assume(user())
        .trust(trusting("111122223333"))
        .identity(allow(ALL))
        .allowed();
    let narrow = || allow(r#""Action": "s3:*", "Resource": "*""#);
    assume(user())
        .trust(trusting("111122223333"))
        .identity(allow(ALL))
        .boundary(narrow())
        .denied(NoAllow(Boundary));
    assume(session())
        .trust(trusting(ROLE))
        .boundary(narrow())
        .denied(NoAllow(Boundary));
    assume(session()).trust(trusting(ROLE)).allowed();
}

/// The weaker grant of one statement does not hide the stronger one of the next.
#[test]
fn several_statements_grant_together() {
    let trust = policy(
        r#"{"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}, "Action": "sts:AssumeRole"}]}"#,
    );
    assume(user()).trust(Named::new("trust", trust)).allowed();
}

#[test]
fn from_another_account_both_are_needed() {
    let stranger = || aws("arn:aws:iam::444455556666:user/eve");
    assume(stranger())
        .trust(trusting("arn:aws:iam::444455556666:user/eve"))
        .denied(NoAllow(Identity));
    assume(stranger())
        .trust(trusting("arn:aws:iam::444455556666:user/eve"))
        .identity(allow(ALL))
        .allowed();
    assume(stranger())
        .trust(trusting("444455556666"))
        .identity(allow(ALL))
        .allowed();
    assume(stranger())
        .trust(trusting("111122223333"))
        .identity(allow(ALL))
        .denied(NoAllow(Trust));
    assume(stranger())
        .trust(trusting("*"))
        .identity(deny(r#""Action": "sts:AssumeRole", "Resource": "*""#))
        .denied(Explicit(Identity));
}

#[test]
fn the_external_id() {
    let trust = || {
        allow(
            r#""Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole",
               "Condition": {"StringEquals": {"sts:ExternalId": ["a", "b"]}}"#,
        )
    };
    let agent = || {
        assume(aws("arn:aws:sts::444455556666:assumed-role/agent/i-1"))
            .identity(allow(ALL))
            .trust(trust())
    };
    agent().with("sts:ExternalId", "b").allowed();
    agent().with("sts:ExternalId", "c").denied(NoAllow(Trust));
    agent().denied(NoAllow(Trust));
}

#[test]
fn tags_and_source_identity_are_asked_for_each() {
    let trust = || trusting("arn:aws:iam::111122223333:user/ann");
    for action in ["sts:TagSession", "sts:SetSourceIdentity"] {
        ask(user(), action, ROLE)
            .trust(trust())
            .identity(allow(ALL))
            .denied(NoAllow(Trust));
        let both = allow(
            r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]"#,
        );
        ask(user(), action, ROLE).trust(both).allowed();
    }
}

#[test]
fn services_need_no_more_than_the_trust() {
    let service = || assume(Principal::Service("ecs-tasks.amazonaws.com".into()));
    service()
        .trust(allow(
            r#""Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole""#,
        ))
        .allowed();
    service()
        .trust(allow(
            r#""Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole""#,
        ))
        .denied(NoAllow(Trust));
}

#[test]
fn the_root_user_can_assume_no_role() {
    assume(aws("arn:aws:iam::111122223333:root"))
        .trust(trusting("111122223333"))
        .denied(RootUser)
        .says("Roles may not be assumed by root accounts.");
}

fn web_identity(subject: &str) -> Question {
    ask(
        Principal::Federated(PROVIDER.into()),
        "sts:AssumeRoleWithWebIdentity",
        ROLE,
    )
    .with("issuer.example/acme:aud", "sts.amazonaws.com")
    .with("issuer.example/acme:sub", subject)
}

fn trusting_subject(condition: &str) -> Named {
    allow(&format!(
        r#""Principal": {{"Federated": "{PROVIDER}"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {condition}"#
    ))
}

#[test]
fn a_web_identity_is_known_by_its_claims() {
    let exact =
        r#"{"StringEquals": {"issuer.example/acme:aud": "sts.amazonaws.com", "issuer.example/acme:sub": "team:a"}}"#;
    web_identity("team:a").trust(trusting_subject(exact)).allowed();
    web_identity("team:b")
        .trust(trusting_subject(exact))
        .denied(NoAllow(Trust))
        .says("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    // A condition key is host and path without the scheme; with it, no request has the key.
    let with_scheme = r#"{"StringEquals": {"https://issuer.example/acme:sub": "team:a"}}"#;
    web_identity("team:a")
        .trust(trusting_subject(with_scheme))
        .denied(NoAllow(Trust));
    let like = r#"{"StringLike": {"issuer.example/acme:sub": "team:*"}}"#;
    web_identity("team:b").trust(trusting_subject(like)).allowed();
}

#[test]
fn everyone_of_aws_does_not_include_web_identities_where_it_allows() {
    for everyone in [r#""*""#, r#"{"AWS": "*"}"#] {
        let members = format!(r#""Principal": {everyone}, "Action": "sts:AssumeRoleWithWebIdentity""#);
        web_identity("team:a").trust(allow(&members)).denied(NoAllow(Trust));
        web_identity("team:a").trust(deny(&members)).denied(Explicit(Trust));
    }
}

#[test]
fn what_follows_of_a_web_identity() {
    let keys = format!(
        r#"{{"StringEquals": {{"aws:PrincipalType": "User", "aws:userid": "{PROVIDER}", "aws:FederatedProvider": "{PROVIDER}"}},
            "Null": {{"aws:PrincipalArn": "true"}}}}"#
    );
    web_identity("team:a").trust(trusting_subject(&keys)).allowed();
}

#[test]
fn another_provider_is_another_principal() {
    let other = "arn:aws:iam::111122223333:oidc-provider/other.example";
    let trust = allow(&format!(
        r#""Principal": {{"Federated": "{other}"}}, "Action": "sts:AssumeRoleWithWebIdentity""#
    ));
    web_identity("team:a").trust(trust).denied(NoAllow(Trust));
}

#[test]
fn a_trust_policy_says_nothing_about_other_actions() {
    ask(user(), "iam:GetRole", ROLE)
        .trust(allow(r#""Principal": "*", "Action": "*""#))
        .denied(NoAllow(Identity));
}

#[test]
fn sentences() {
    let who = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sts:AssumeRole on resource: \
               arn:aws:iam::111122223333:role/puller";
    assume(user()).says(&format!(
        "{who} because no role trust policy allows the sts:AssumeRole action"
    ));
    assume(user())
        .trust(deny(r#""Principal": "*", "Action": "sts:*""#))
        .says(&format!("{who} with an explicit deny in the role trust policy"));
}
