use std::process::Command;

use hcl::eval::{Context, Evaluate, FuncArgs, FuncDef, ParamType};
use hcl::{Body, Value as Hcl};
use proptest::prelude::*;

use super::*;
use crate::generate::{
    assume_only, assume_role_trust, inventory_permissions, pull_from_elsewhere, pull_permissions, web_identity_trust,
};
use crate::json::{Node, read};
use crate::{Arn, Policy};

const ROLE: &str = "arn:aws:iam::111122223333:role/puller";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:444455556666:repository/team/app";

fn arn(text: &str) -> Arn {
    text.parse().unwrap()
}

fn provider() -> OidcProviderArn {
    "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"
        .parse()
        .unwrap()
}

fn name(text: &str) -> IamName {
    text.parse().unwrap()
}

/// A role for a web identity with all that belongs to it.
fn web_identity(audience: &str, subject: &str, thumbprints: &[String]) -> (Deployment, [Document; 2]) {
    let trust = web_identity_trust(&provider(), audience, subject);
    let permissions = pull_permissions(&[arn(REPOSITORY)]);
    let deployment = Deployment::role(name("puller"), trust.clone())
        .with_permissions(permissions.clone())
        .with_provider(&provider(), audience, thumbprints);
    (deployment, [trust, permissions])
}

/// What the script calls, each with its words.
fn calls(script: &str) -> Vec<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let checked = Command::new("sh").arg("-n").arg(file.path()).status().unwrap();
    assert!(checked.success(), "{script}");
    let recorder = r#"aws() { printf '%s\0' "$@"; printf '\1\0'; }; . "$0""#;
    let output = Command::new("sh")
        .args(["-euc", recorder])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?} of {script}"
    );
    let mut calls = vec![Vec::new()];
    for word in String::from_utf8(output.stdout).unwrap().split_terminator('\0') {
        match word {
            "\u{1}" => calls.push(Vec::new()),
            word => calls.last_mut().unwrap().push(word.to_owned()),
        }
    }
    calls.pop();
    calls
}

/// The value of an option of a call.
fn option<'c>(call: &'c [String], name: &str) -> &'c str {
    let at = call
        .iter()
        .position(|word| word == name)
        .unwrap_or_else(|| panic!("{name} in {call:?}"));
    &call[at + 1]
}

/// What `jsonencode` is given, as JSON; everything else as it is.
fn evaluated(configuration: &str) -> Vec<(String, hcl::Map<String, Hcl>)> {
    let body: Body = hcl::parse(configuration).unwrap_or_else(|error| panic!("{error} in {configuration}"));
    let encode = |args: FuncArgs| Ok(Hcl::from(serde_json::to_string(&args[0]).unwrap()));
    let mut context = Context::new();
    context.declare_func("jsonencode", FuncDef::builder().param(ParamType::Any).build(encode));
    for kind in ["aws_iam_openid_connect_provider", "aws_iam_role"] {
        let resource = hcl::value!({ (LABEL) = { "name" = "referred", "id" = "referred" } });
        context.declare_var(kind, resource);
    }
    body.blocks()
        .map(|block| {
            assert_eq!(block.identifier(), "resource");
            let kind = block.labels()[0].as_str().to_owned();
            assert_eq!(block.labels()[1].as_str(), LABEL);
            let value = |attribute: &hcl::Attribute| attribute.expr().evaluate(&context).unwrap();
            let attributes = block.body().attributes().map(|a| (a.key().to_owned(), value(a)));
            (kind, attributes.collect())
        })
        .collect()
}

const LABEL: &str = "wharfinger";

fn resource<'n>(template: &'n Node, name: &str, kind: &str) -> &'n Node {
    let resource = template.member("Resources").unwrap().member(name).unwrap();
    assert_eq!(resource.member("Type").unwrap().text(), Some(kind));
    resource.member("Properties").unwrap()
}

#[test]
fn the_script_of_a_web_identity() {
    let thumbprint = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let (deployment, [trust, permissions]) = web_identity("https://example.com/a", "it's", &[thumbprint]);
    let calls = calls(&deployment.aws_cli());
    let verbs: Vec<&str> = calls.iter().map(|call| call[1].as_str()).collect();
    assert_eq!(
        verbs,
        ["create-open-id-connect-provider", "create-role", "put-role-policy"]
    );
    assert_eq!(option(&calls[0], "--url"), "https://issuer.example/acme");
    assert_eq!(option(&calls[0], "--client-id-list"), r#"["https://example.com/a"]"#);
    assert_eq!(
        option(&calls[0], "--thumbprint-list"),
        r#"["0123456789abcdef0123456789abcdef01234567"]"#
    );
    assert_eq!(option(&calls[1], "--role-name"), "puller");
    assert_eq!(option(&calls[1], "--assume-role-policy-document"), trust.to_string());
    assert_eq!(option(&calls[2], "--role-name"), "puller");
    assert_eq!(option(&calls[2], "--policy-document"), permissions.to_string());
}

#[test]
fn a_script_stops_at_what_fails() {
    let (deployment, _) = web_identity("a", "s", &[]);
    let script = format!("aws() {{ echo \"$2\"; false; }}\n{}", deployment.aws_cli());
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert_eq!(output.stdout, b"create-open-id-connect-provider\n");
}

#[test]
fn the_other_scripts() {
    let own = inventory_permissions(&[arn(REPOSITORY)]);
    let agent = assume_only(&[ROLE.parse().unwrap()]).unwrap();
    let theirs = pull_from_elsewhere(&[arn(ROLE)]).unwrap();
    let calls = |deployment: &Deployment| calls(&deployment.aws_cli()).remove(0);
    let role = calls(&Deployment::permissions(Holder::Role(name("r")), own.clone()));
    assert_eq!(
        (role[1].as_str(), option(&role, "--role-name")),
        ("put-role-policy", "r")
    );
    assert_eq!(option(&role, "--policy-document"), own.to_string());
    let user = calls(&Deployment::permissions(Holder::User(name("u")), agent.clone()));
    assert_eq!(
        (user[1].as_str(), option(&user, "--user-name")),
        ("put-user-policy", "u")
    );
    assert_eq!(option(&user, "--policy-document"), agent.to_string());
    let repository = Repository::try_from(arn(REPOSITORY)).unwrap();
    let call = calls(&Deployment::repository_policy(repository, theirs.clone()));
    assert_eq!(call[..2], ["ecr", "set-repository-policy"]);
    for (name, value) in [
        ("--registry-id", "444455556666"),
        ("--region", "us-east-1"),
        ("--repository-name", "team/app"),
        ("--policy-text", &theirs.to_string()),
    ] {
        assert_eq!(option(&call, name), value);
    }
}

#[test]
fn terraform_as_it_is_formatted() {
    let trust = web_identity_trust(&provider(), "a", "s");
    let deployment = Deployment::role(name("puller"), trust).with_provider(&provider(), "a", &[]);
    assert_eq!(
        deployment.terraform(),
        r#"resource "aws_iam_openid_connect_provider" "wharfinger" {
  url            = "https://issuer.example/acme"
  client_id_list = ["a"]
}

resource "aws_iam_role" "wharfinger" {
  name = "puller"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "AssumeRoleWithWebIdentity"
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws:iam::111122223333:oidc-provider/issuer.example/acme"
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "issuer.example/acme:aud" = "a"
            "issuer.example/acme:sub" = "s"
          }
        }
      },
    ]
  })
  depends_on = [aws_iam_openid_connect_provider.wharfinger]
}
"#
    );
}

#[test]
fn terraform_of_the_others() {
    let theirs = pull_from_elsewhere(&[arn(ROLE)]).unwrap();
    let repository = Repository::try_from(arn(REPOSITORY)).unwrap();
    let of = |deployment: Deployment| evaluated(&deployment.terraform()).remove(0);
    let (kind, arguments) = of(Deployment::repository_policy(repository, theirs.clone()));
    assert_eq!(
        (kind.as_str(), &arguments["repository"]),
        ("aws_ecr_repository_policy", &Hcl::from("team/app"))
    );
    let text = arguments["policy"].as_str().unwrap();
    assert_eq!(Policy::parse(text).unwrap(), theirs.policy());
    let (kind, arguments) = of(Deployment::permissions(Holder::User(name("u")), pull_permissions(&[])));
    assert_eq!(
        (kind.as_str(), &arguments["user"]),
        ("aws_iam_user_policy", &Hcl::from("u"))
    );
    let (kind, arguments) = of(Deployment::permissions(Holder::Role(name("r")), pull_permissions(&[])));
    assert_eq!(
        (kind.as_str(), &arguments["role"]),
        ("aws_iam_role_policy", &Hcl::from("r"))
    );
}

#[test]
fn a_template_of_provider_and_role() {
    let thumbprint = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let (deployment, [trust, permissions]) = web_identity("a", "s", &[thumbprint]);
    let template = read(&deployment.cloudformation()).unwrap();
    assert_eq!(
        template.member("AWSTemplateFormatVersion").unwrap().text(),
        Some("2010-09-09")
    );
    let made = resource(&template, "Provider", "AWS::IAM::OIDCProvider");
    assert_eq!(made.member("Url").unwrap().text(), Some("https://issuer.example/acme"));
    assert_eq!(made.member("ClientIdList").unwrap().items()[0].text(), Some("a"));
    assert_eq!(made.member("ThumbprintList").unwrap().items().len(), 1);
    let role = resource(&template, "Role", "AWS::IAM::Role");
    assert_eq!(role.member("RoleName").unwrap().text(), Some("puller"));
    assert_eq!(
        Policy::of_node(role.member("AssumeRolePolicyDocument").unwrap()).unwrap(),
        trust.policy()
    );
    let inline = &role.member("Policies").unwrap().items()[0];
    assert_eq!(
        Policy::of_node(inline.member("PolicyDocument").unwrap()).unwrap(),
        permissions.policy()
    );
    let waits = template
        .member("Resources")
        .unwrap()
        .member("Role")
        .unwrap()
        .member("DependsOn");
    assert_eq!(waits.unwrap().text(), Some("Provider"));
    assert!(template.member("Outputs").unwrap().member("RoleArn").is_some());
}

#[test]
fn templates_of_the_others() {
    let theirs = pull_from_elsewhere(&[arn(ROLE)]).unwrap();
    let own = pull_permissions(&[arn(REPOSITORY)]);
    let of = |deployment: Deployment| read(&deployment.cloudformation()).unwrap();
    let template = of(Deployment::repository_policy(
        Repository::try_from(arn(REPOSITORY)).unwrap(),
        theirs.clone(),
    ));
    let repository = resource(&template, "Repository", "AWS::ECR::Repository");
    assert_eq!(repository.member("RepositoryName").unwrap().text(), Some("team/app"));
    let text = repository.member("RepositoryPolicyText").unwrap();
    assert_eq!(Policy::of_node(text).unwrap(), theirs.policy());
    let whole = template.member("Resources").unwrap().member("Repository").unwrap();
    assert_eq!(whole.member("DeletionPolicy").unwrap().text(), Some("Retain"));
    for (holder, kind, key) in [
        (Holder::Role(name("x")), "AWS::IAM::RolePolicy", "RoleName"),
        (Holder::User(name("x")), "AWS::IAM::UserPolicy", "UserName"),
    ] {
        let template = of(Deployment::permissions(holder, own.clone()));
        let policy = resource(&template, "Policy", kind);
        assert_eq!(policy.member(key).unwrap().text(), Some("x"));
        assert_eq!(
            Policy::of_node(policy.member("PolicyDocument").unwrap()).unwrap(),
            own.policy()
        );
    }
}

#[test]
fn names_are_those_of_aws() {
    for text in [
        "",
        "-x",
        "a b",
        "a/b",
        "ü",
        "arn:aws:iam::111122223333:role/r",
        &"x".repeat(65),
    ] {
        assert!(text.parse::<IamName>().is_err(), "{text}");
    }
    assert_eq!(name("a_+=,.@-b").as_str(), "a_+=,.@-b");
    for text in [
        "arn:aws:ecr:us-east-1:444455556666:repository/team/*",
        "arn:aws:ecr:us-east-1:444455556666:repository/",
        "arn:aws:ecr:us-east-1:444455556666:repository/Team",
        "arn:aws:ecr:*:444455556666:repository/team",
        "arn:aws:ecr:us-east-1::repository/team",
        "arn:aws:s3:::team",
    ] {
        assert!(Repository::try_from(arn(text)).is_err(), "{text}");
    }
}

/// What shells, JSON and templates would take for their own.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'"),
        Just("\""),
        Just("\\"),
        Just("$"),
        Just("${"),
        Just("$${"),
        Just("%{"),
        Just("%%{"),
        Just("}"),
        Just("`id`"),
        Just("$(id)"),
        Just("\n"),
        Just("!"),
        Just("file://x"),
        Just("-"),
        Just("["),
        Just("\u{1}"),
        Just("\u{2028}"),
        Just("é"),
        Just("a b"),
        Just("#"),
        Just("*"),
        Just("~"),
        Just("EOF"),
        Just("<<"),
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    // Each case starts two shells.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_acts_as_syntax(audience in awkward(), subject in awkward(), id in awkward()) {
        let (deployment, [trust, permissions]) = web_identity(&audience, &subject, &[]);
        let agent = assume_role_trust(&arn(ROLE), &[&id, "other"]);
        let assumed = Deployment::role(name("r"), agent.clone());

        let calls_made = calls(&deployment.aws_cli());
        let listed = read(option(&calls_made[0], "--client-id-list")).unwrap();
        prop_assert_eq!(listed.items()[0].text(), Some(audience.as_str()));
        prop_assert_eq!(option(&calls_made[1], "--assume-role-policy-document"), trust.to_string());
        prop_assert_eq!(option(&calls_made[2], "--policy-document"), permissions.to_string());
        let call = calls(&assumed.aws_cli()).remove(0);
        prop_assert_eq!(option(&call, "--assume-role-policy-document"), agent.to_string());

        let blocks = evaluated(&deployment.terraform());
        prop_assert_eq!(&blocks[0].1["client_id_list"], &Hcl::from(vec![audience.clone()]));
        let text = blocks[1].1["assume_role_policy"].as_str().unwrap();
        prop_assert_eq!(Policy::parse(text).unwrap(), trust.policy());
        prop_assert_eq!(Policy::parse(blocks[2].1["policy"].as_str().unwrap()).unwrap(), permissions.policy());
        let text = evaluated(&assumed.terraform())[0].1["assume_role_policy"].as_str().unwrap().to_owned();
        prop_assert_eq!(Policy::parse(&text).unwrap(), agent.policy());

        let template = read(&deployment.cloudformation()).unwrap();
        let made = resource(&template, "Provider", "AWS::IAM::OIDCProvider");
        prop_assert_eq!(made.member("ClientIdList").unwrap().items()[0].text(), Some(audience.as_str()));
        let role = resource(&template, "Role", "AWS::IAM::Role");
        prop_assert_eq!(Policy::of_node(role.member("AssumeRolePolicyDocument").unwrap()).unwrap(), trust.policy());
    }
}
