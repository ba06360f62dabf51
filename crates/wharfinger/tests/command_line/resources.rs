//! `serve` with resources that cannot be used.

use crate::house::{House, TEAM};

const UPSTREAM: &str = "\
apiVersion: wharfinger.dev/v1
kind: Upstream
metadata: { team: acme, name: prod }
spec:
  registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com
  source: { webIdentity: { roleArn: 'arn:aws:iam::111122223333:role/pull' } }
";

/// Asserts that the upstream is refused after a change of its text.
#[track_caller]
fn assert_change_refused(old: &str, new: &str, parts: &[&str]) {
    let text = UPSTREAM.replace(old, new);
    assert_ne!(text, UPSTREAM, "{old} is not in it");
    assert_document_refused(&text, parts);
}

#[track_caller]
fn assert_document_refused(text: &str, parts: &[&str]) {
    let house = House::new();
    house.write("resources/document.yaml", text);
    house.assert_refused(&[&["resources: ", "resources/document.yaml: "], parts].concat());
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let mut house = House::new();
    house.set("resources", vec!["resources", "none"]);
    house.assert_refused(&["resources", "none", "cannot be read", "No such file"]);
}

#[test]
fn what_is_no_text_is_named() {
    let house = House::new();
    std::fs::write(house.path("resources/document.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    house.assert_refused(&["resources/document.yaml", "UTF-8"]);
}

#[test]
fn an_arn_of_another_kind_is_named() {
    let provider = "arn:aws:iam::111122223333:oidc-provider/images.example.com";
    assert_change_refused(
        "arn:aws:iam::111122223333:role/pull",
        provider,
        &[
            "spec.source.webIdentity.roleArn: ",
            &format!("`{provider}` is the ARN of an OIDC provider"),
            "expected: the ARN of a role",
        ],
    );
}

#[test]
fn an_arn_that_is_none_is_named() {
    for (arn, reason) in [
        ("pull", "is not an ARN"),
        ("arn:aws:iam::11112222333:role/pull", "11 digits"),
        ("arn:aws:iam:us-east-1:111122223333:role/pull", "a region"),
        ("arn:aws:iam::111122223333:user/pull", "user"),
        ("arn:aws:iam::111122223333:role/", "names no role"),
    ] {
        assert_change_refused(
            "arn:aws:iam::111122223333:role/pull",
            arn,
            &["roleArn: ", &format!("`{arn}`"), reason, "expected: the ARN of a role"],
        );
    }
}

#[test]
fn a_registry_that_is_not_one_of_aws_is_named() {
    let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
    for wrong in [
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "111122223333.dkr.ecr.us-east-1.evil-amazonaws.com",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com:8443",
        "11112222333.dkr.ecr.us-east-1.amazonaws.com",
        "1111222233334.dkr.ecr.us-east-1.amazonaws.com",
        "a.111122223333.dkr.ecr.us-east-1.amazonaws.com",
        "registry.example.com",
        "169.254.169.254",
        "localhost",
    ] {
        assert_change_refused(
            host,
            wrong,
            &[
                "spec.registry: ",
                &format!("`{wrong}`"),
                "expected ACCOUNT.dkr.ecr.REGION.amazonaws.com",
            ],
        );
    }
}

#[test]
fn an_unknown_kind_version_or_field_is_named_with_those_that_there_are() {
    assert_change_refused(
        "kind: Upstream",
        "kind: Upstraem",
        &["`Upstraem`", "expected one of Team, Upstream, Robot"],
    );
    assert_change_refused(
        "dev/v1",
        "dev/v2",
        &["apiVersion `wharfinger.dev/v2`", "expected wharfinger.dev/v1"],
    );
    assert_change_refused(
        "spec:",
        "spek:",
        &["`spek`", "expected apiVersion, kind, metadata, spec"],
    );
    assert_change_refused(
        "registry:",
        "regsitry:",
        &["spec.regsitry", "expected one of registry, registries, domains, source"],
    );
    assert_change_refused(
        "roleArn",
        "role",
        &["spec.source.webIdentity.role", "expected one of roleArn"],
    );
    assert_change_refused(
        "webIdentity",
        "accessKeys",
        &["spec.source", "`accessKeys`", "webIdentity"],
    );
}

#[test]
fn a_name_that_is_none_is_named() {
    assert_change_refused(
        "name: prod",
        "name: Prod",
        &["metadata.name: ", "`Prod`", "expected 1 to 63 lower-case"],
    );
    assert_change_refused("team: acme, ", "", &["metadata.team", "missing"]);
}

#[test]
fn a_lifetime_that_is_none_is_named() {
    let expected = "expected a duration from 0s to 30d";
    assert_change_refused(
        "spec:",
        "spec:\n  tagLifetime: soon",
        &["spec.tagLifetime: ", "`soon`", expected],
    );
    assert_change_refused(
        "spec:",
        "spec:\n  tagLifetime: 99999h",
        &["spec.tagLifetime: ", "`99999h`", expected],
    );
}

#[test]
fn a_team_that_is_not_there_is_named() {
    let parts = [
        "Upstream umbrella/prod: ",
        "metadata.team: ",
        "no Team `umbrella`",
        "define it",
    ];
    assert_change_refused("team: acme", "team: umbrella", &parts);
}

#[test]
fn what_is_defined_twice_is_named_with_both_places() {
    assert_document_refused(TEAM, &["Team acme: ", "is defined in", "resources/acme.yaml already"]);
}

#[test]
fn a_registry_has_one_upstream_in_a_team() {
    let two = format!("{UPSTREAM}---\n{}", UPSTREAM.replace("prod", "test"));
    let parts = [
        "Upstream acme/test: spec.registry: ",
        "`111122223333.dkr.ecr.us-east-1.amazonaws.com`",
        "Upstream acme/prod",
        "by one upstream",
    ];
    assert_document_refused(&two, &parts);
}

#[test]
fn a_token_in_the_place_of_its_hash_is_refused_and_not_repeated() {
    for spec in [
        "{ tokenHash: SECRET }",
        "{ tokenHash: [SECRET] }",
        "{ tokenHash: { token: SECRET } }",
        "{ token: SECRET }",
        "SECRET",
    ] {
        let secret = "whr_Q4yN8sD2vX0aLm7kRt5WcE1uJh6oPiZ3bGf9xYqSdVw";
        let spec = spec.replace("SECRET", secret);
        let house = House::new();
        house.write(
            "resources/robot.yaml",
            &format!(
                "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: ci }}\nspec: {spec}\n"
            ),
        );
        let outcome = house.assert_refused(&["resources/robot.yaml: line 4: spec", "expected"]);
        outcome.assert_silent_about(secret);
    }
}

#[test]
fn two_robots_have_two_tokens() {
    let robot = |name| {
        let hash = "0".repeat(64);
        format!(
            "---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: acme, name: {name} }}\nspec: {{ tokenHash: 'sha256:{hash}' }}\n"
        )
    };
    let parts = ["Robot acme/other: spec.tokenHash: ", "Robot acme/ci has the same token"];
    assert_document_refused(&(robot("ci") + &robot("other")), &parts);
}

#[test]
fn what_is_no_document_is_refused() {
    for text in ["a: [b", "- a\n", "just text\n", "kind: Team\n"] {
        assert_document_refused(text, &[]);
    }
}
