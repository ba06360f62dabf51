use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::{fed, run};

const ROLE: &str = "arn:aws:iam::111122223333:role/wharfinger-pull";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";
const ISSUER: [&str; 8] = [
    "--issuer",
    "https://issuer.example/acme",
    "--account",
    "111122223333",
    "--audience",
    "sts.amazonaws.com",
    "--subject",
    "team:a",
];

fn generate(arguments: &[&str]) -> String {
    run(&[&["generate"], arguments].concat()).written()
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&generate(arguments)).unwrap()
}

/// What the same binary decides.
fn decision(question: &Value) -> String {
    let ended = fed(&["evaluate", "-", "--format", "json"], question.to_string().as_bytes());
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    answer["decision"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

#[test]
fn a_web_identity_is_let_in_by_its_trust_policy() {
    let ask = |trust: &Value, action: &str, subject: &str| {
        decision(&json!({
            "principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"},
            "action": action,
            "resource": ROLE,
            "context": {"issuer.example/acme:aud": "sts.amazonaws.com", "issuer.example/acme:sub": subject},
            "policies": {"trust": trust},
        }))
    };
    let trust = document(&[&["trust"], &ISSUER[..]].concat());
    assert_eq!(ask(&trust, "sts:AssumeRoleWithWebIdentity", "team:a"), "Allowed");
    assert_eq!(
        ask(&trust, "sts:AssumeRoleWithWebIdentity", "team:b"),
        "ImplicitlyDenied"
    );
    assert_eq!(ask(&trust, "sts:TagSession", "team:a"), "ImplicitlyDenied");
    let tagged = document(&[&["trust", "--session-tags"], &ISSUER[..]].concat());
    assert_eq!(ask(&tagged, "sts:TagSession", "team:a"), "Allowed");
}

#[test]
fn the_two_sides_of_a_pull_across_accounts() {
    let own = document(&[
        "permissions",
        "--repository",
        "444455556666.dkr.ecr.us-east-1.amazonaws.com/team/app",
    ]);
    let theirs = document(&["repository", "--principal", ROLE]);
    let ask = |action: &str, resource: &str, session: &str| {
        decision(&json!({
            "principal": {"AWS": format!("arn:aws:sts::111122223333:assumed-role/{session}")},
            "action": action,
            "resource": resource,
            "policies": {"identity": own, "resource": theirs},
        }))
    };
    assert_eq!(ask("ecr:BatchGetImage", REPOSITORY, "wharfinger-pull/s"), "Allowed");
    assert_eq!(
        ask("ecr:GetDownloadUrlForLayer", REPOSITORY, "wharfinger-pull/s"),
        "Allowed"
    );
    assert_eq!(ask("ecr:GetAuthorizationToken", "*", "wharfinger-pull/s"), "Allowed");
    assert_eq!(ask("ecr:PutImage", REPOSITORY, "wharfinger-pull/s"), "ImplicitlyDenied");
    assert_eq!(
        ask("ecr:BatchGetImage", &format!("{REPOSITORY}/x"), "wharfinger-pull/s"),
        "ImplicitlyDenied"
    );
    assert_eq!(ask("ecr:BatchGetImage", REPOSITORY, "other/s"), "ImplicitlyDenied");
}

#[test]
fn an_agent_and_the_role_that_it_assumes() {
    let target = "arn:aws:iam::444455556666:role/inventory";
    let agent = document(&["agent", "--assume", target]);
    let trust = document(&[
        "trust",
        "--principal",
        "arn:aws:iam::111122223333:user/agent",
        "--external-id",
        "one-id",
    ]);
    let ask = |role: &str, id: &str| {
        decision(&json!({
            "principal": {"AWS": "arn:aws:iam::111122223333:user/agent"},
            "action": "sts:AssumeRole",
            "resource": role,
            "context": {"sts:ExternalId": id},
            "policies": {"identity": [agent], "trust": trust},
        }))
    };
    assert_eq!(ask(target, "one-id"), "Allowed");
    assert_eq!(ask(target, "another-id"), "ImplicitlyDenied");
    assert_eq!(
        ask("arn:aws:iam::444455556666:role/admin", "one-id"),
        "ImplicitlyDenied"
    );
}

#[test]
fn a_template_deploys_provider_role_and_permissions_in_one_go() {
    let arguments = [
        &["trust"],
        &ISSUER[..],
        &["--repository", REPOSITORY, "--format", "cloudformation"],
    ]
    .concat();
    let template: Value = serde_json::from_str(&generate(&arguments)).unwrap();
    let resources = &template["Resources"];
    assert_eq!(
        resources["Provider"]["Properties"]["Url"],
        "https://issuer.example/acme"
    );
    assert_eq!(resources["Role"]["DependsOn"], "Provider");
    let role = &resources["Role"]["Properties"];
    assert_eq!(
        role["AssumeRolePolicyDocument"],
        document(&[&["trust"], &ISSUER[..]].concat())
    );
    assert_eq!(
        role["Policies"][0]["PolicyDocument"],
        document(&["permissions", "--repository", REPOSITORY])
    );
    let existing = [&arguments[..], &["--existing-provider"]].concat();
    let template: Value = serde_json::from_str(&generate(&existing)).unwrap();
    assert_eq!(
        template["Resources"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["Role"]
    );
}

#[test]
fn every_way_in_every_language() {
    let trust = [&["trust"], &ISSUER[..]].concat();
    let ways: [&[&str]; 6] = [
        &trust,
        &[
            "trust",
            "--principal",
            "arn:aws:iam::444455556666:role/agent",
            "--external-id",
            "one-id",
        ],
        &["permissions", "--repository", REPOSITORY, "--role", "r"],
        &[
            "permissions",
            "--for",
            "inventory",
            "--repository",
            REPOSITORY,
            "--user",
            "u",
        ],
        &["repository", "--principal", "111122223333", "--repository", REPOSITORY],
        &["agent", "--assume", ROLE, "--user", "u"],
    ];
    for way in ways {
        let written = |format: &str| generate(&[way, &["--format", format]].concat());
        assert!(document(way)["Statement"].is_array(), "{way:?}");
        let template: Value = serde_json::from_str(&written("cloudformation")).unwrap();
        assert!(!template["Resources"].as_object().unwrap().is_empty());
        assert!(written("terraform").starts_with("resource \"aws_"));
        let script = written("aws-cli");
        assert!(
            script.starts_with("aws iam ") || script.starts_with("aws ecr "),
            "{script}"
        );
        let checked = Command::new("sh")
            .args(["-n", "-c", &script])
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(checked.success(), "{script}");
    }
}

#[test]
fn mistakes_are_named() {
    let provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
    let url = |url: &'static str| [&["trust", "--issuer", url], &ISSUER[2..]].concat();
    let cases: [(Vec<&str>, &str); 13] = [
        (vec!["trust"], "--provider"),
        (vec!["trust", "--provider", provider], "--subject"),
        (
            vec!["trust", "--provider", ROLE, "--audience", "a", "--subject", "s"],
            "is the ARN of a role; expected: the ARN of an OIDC provider",
        ),
        (url("https://issuer.example:8443"), "names a port"),
        (url("http://issuer.example"), "does not begin with https://"),
        (
            vec!["trust", "--principal", provider, "--external-id", "id"],
            "the ARN of one role or user",
        ),
        (
            vec!["trust", "--principal", "111122223333", "--external-id", "id"],
            "is not an ARN",
        ),
        (vec!["trust", "--principal", ROLE], "--no-external-id"),
        (
            vec!["trust", "--principal", ROLE, "--external-id", "a b"],
            "2 to 1224 letters",
        ),
        (
            vec!["permissions", "--repository", "team/app"],
            "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME",
        ),
        (
            vec!["permissions", "--repository", REPOSITORY, "--format", "terraform"],
            "--role NAME or --user NAME is needed",
        ),
        (
            vec!["repository", "--principal", ROLE, "--format", "aws-cli"],
            "--repository is needed",
        ),
        (
            vec!["agent", "--assume", provider],
            "is the ARN of an OIDC provider; expected: the ARN of a role",
        ),
    ];
    for (arguments, part) in cases {
        let ended = run(&[&["generate"], &arguments[..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ended.stderr.contains(part), "{part}\nin {}", ended.stderr);
    }
}
