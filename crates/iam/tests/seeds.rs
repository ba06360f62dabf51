//! Lint of the documents that people are told to use.

#![allow(clippy::unwrap_used, reason = "what cannot be set up has failed")]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::path::Path;

use fixtures::{ALL, fixture};
use iam::lint::{self, Known, Rule};

fn rules(text: &str) -> Vec<Rule> {
    rules_among(text, &[])
}

/// With what other files tell.
fn rules_among(text: &str, others: &[&str]) -> Vec<Rule> {
    lint::check(text, &among(others))
        .iter()
        .map(|finding| finding.rule)
        .collect()
}

fn among(others: &[&str]) -> Known {
    let mut known = Known::default();
    others.iter().for_each(|other| known.learn(other));
    known
}

/// What the shell makes of the trust policy of Okteto's page, after the page's own `export` lines.
fn filled_in() -> String {
    let issuer = "https://container.googleapis.com/v1/projects/myProject/locations/us-central1/clusters/myCluster";
    let provider = issuer.replace("https://", "arn:aws:iam::112233445566:oidc-provider/");
    fixture("okteto-trust-policy.json")
        .replace("${OIDC_ENDPOINT}", issuer)
        .replace("${ROLE_ARN}", &provider)
        .replace("${AUDIENCE}", "okteto.example.com/us-east-2")
        .replace("${OKTETO_SERVICE_ACCOUNT}", "system:serviceaccount:okteto:okteto")
}

#[test]
fn replicated_one_statement_for_login_and_pull() {
    let permissions = fixture("replicated-permissions.json");
    assert_eq!(rules(permissions), [Rule::LoginBesideRepositories]);
    // As the page goes on: "You can replace "*" with an array of specific ECR repository ARNs".
    let narrowed = permissions.replace(
        "\"*\"",
        r#"["arn:aws:ecr:us-east-1:123456789012:repository/image1/*", "arn:aws:ecr:us-east-1:123456789012:repository/image2/*"]"#,
    );
    assert_eq!(
        rules(&narrowed),
        [
            Rule::LoginOnNarrowedResource,
            Rule::MissesTheRepositoryItself,
            Rule::MissesTheRepositoryItself
        ]
    );
}

#[test]
fn replicated_two_issuers() {
    let trust = fixture("replicated-trust.json");
    assert_eq!(rules(trust), []);
    // The provider is registered with a path, and the panel shows the issuer without it.
    let of_panel = trust.replace("\"api.replicated.com/vendor:", "\"api.replicated.com:");
    assert_eq!(rules(&of_panel), [Rule::KeyOfOtherProvider, Rule::KeyOfOtherProvider]);
}

#[test]
fn okteto_a_trust_policy_for_a_shell() {
    assert_eq!(rules(fixture("okteto-trust-policy.json")), [Rule::Placeholder; 5]);
    let filled_in = filled_in();
    assert_eq!(rules(&filled_in), [Rule::KeyWithScheme, Rule::KeyWithScheme]);
    let fixed = lint::fix(&filled_in, &Known::default());
    assert_eq!(fixed, filled_in.replace("\"https://", "\""));
    assert_eq!(rules(&fixed), []);
}

#[test]
fn okteto_the_provider_s_arn_as_the_role_s() {
    let provider = "arn:aws:iam::112233445566:oidc-provider/container.googleapis.com/v1/projects/myProject";
    let assume = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{provider}"}}]}}"#
    );
    assert_eq!(rules(&assume), [Rule::ProviderArnForRole]);
}

#[test]
fn okteto_a_role_that_only_ec2_may_assume() {
    let role = fixture("okteto-create-role.json");
    assert_eq!(rules(role), []);
    assert_eq!(rules(fixture("okteto-provider.json")), []);
    assert_eq!(
        rules_among(role, &[fixture("okteto-provider.json")]),
        [Rule::TrustsServiceOnly]
    );
    assert_eq!(rules_among(role, &[&filled_in()]), [Rule::TrustsServiceOnly]);
}

#[test]
fn repost_a_wrapped_document_and_an_account_of_13_digits() {
    assert_eq!(rules(fixture("repost-question-repository.json")), [Rule::AccountDigits]);
    let wrapped = fixture("repost-question-role.json");
    assert_eq!(rules(wrapped), [Rule::WrappedDocument]);
    assert_eq!(rules(&lint::fix(wrapped, &Known::default())), []);
    assert_eq!(rules(fixture("repost-answer-role.json")), []);
    assert_eq!(rules(fixture("repost-answer-repository.json")), []);
}

#[test]
fn snyk_documents_without_quotes() {
    assert_eq!(
        rules(fixture("snyk-assume-role.txt")),
        [Rule::UnquotedJson, Rule::AssumesAnyRole]
    );
    assert_eq!(
        rules(fixture("snyk-permissions.txt")),
        [Rule::UnquotedJson, Rule::LoginBesideRepositories]
    );
    assert_eq!(
        rules(fixture("snyk-trust.txt")),
        [Rule::UnquotedJson, Rule::Placeholder]
    );
    for name in ["snyk-assume-role.txt", "snyk-permissions.txt", "snyk-trust.txt"] {
        let text = fixture(name);
        let fixed = lint::fix(text, &Known::default());
        assert!(!rules(&fixed).contains(&Rule::UnquotedJson), "{fixed}");
        assert_eq!(fixed.replace('"', ""), text);
    }
}

#[test]
fn snyk_a_user_that_is_called_a_role() {
    // "Example: arn:aws:iam::aws-account:user or SnykCraEc2Role OR arn:aws:iam::aws-account:role or SnykCraUser"
    let named =
        |arn: &str| fixture("snyk-trust.txt").replace("ARN of Container Registry Agent IAM User or IAM Role", arn);
    for arn in [
        "arn:aws:iam::aws-account:user or SnykCraEc2Role",
        "arn:aws:iam::aws-account:role or SnykCraUser",
    ] {
        assert_eq!(
            rules(&named(arn)),
            [Rule::UnquotedJson, Rule::AccountDigits, Rule::NameContradictsKind],
            "{arn}"
        );
    }
    assert_eq!(
        rules(&named("arn:aws:iam::111122223333:user/SnykCraEc2Role")),
        [Rule::UnquotedJson, Rule::NameContradictsKind]
    );
    assert_eq!(
        rules(&named("arn:aws:iam::111122223333:role/SnykCraEc2Role")),
        [Rule::UnquotedJson]
    );
}

#[test]
fn circleci_asks_for_an_arn() {
    let permissions = fixture("circleci-permissions.json");
    assert_eq!(rules(permissions), [Rule::Placeholder]);
    let filled_in = permissions.replace(
        "<your-ECR-repo-ARN>",
        "arn:aws:ecr:us-east-1:111122223333:repository/app",
    );
    assert_eq!(rules(&filled_in), []);
}

#[test]
fn what_a_reader_sees() {
    let mut text = String::new();
    for (name, document) in ALL {
        for finding in lint::check(document, &Known::default()) {
            let (line, column) = (finding.at.line, finding.at.column);
            let (severity, rule) = (finding.severity(), finding.rule);
            text += &format!(
                "{name}:{line}:{column}: {severity}[{rule}] {}\n    {}\n    {}\n",
                finding.what,
                finding.why(),
                finding.fix
            );
        }
    }
    insta::assert_snapshot!(text);
}

/// Where the pages themselves are at hand, the fixtures are compared with them.
#[test]
fn the_fixtures_stand_in_the_pages() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    for (name, text) in ALL {
        let vendor = name.split('-').next().unwrap();
        let Ok(page) = std::fs::read_to_string(pages.join(page_of(vendor))) else {
            return;
        };
        assert!(page.contains(text.trim_end()), "{name}");
    }
}

fn page_of(vendor: &str) -> &'static str {
    match vendor {
        "circleci" => "circleci-ecr-oidc.txt",
        "okteto" => "okteto-ecr-credentials.txt",
        "replicated" => "replicated-ecr-oidc.txt",
        "repost" => "repost-cross-account-ecr.txt",
        _ => "snyk-brokered-ecr.txt",
    }
}
