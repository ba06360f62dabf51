use super::*;
use crate::Arn;

const ROLE: &str = "arn:aws:iam::111122223333:role/team/puller";
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:role/a"},"Action":"sts:AssumeRole"}]}"#;
const REPOSITORY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;

fn dossier(files: &[(&str, &str)]) -> Dossier {
    let mut dossier = Dossier::new();
    for (file, text) in files {
        dossier
            .add(file, text)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    dossier
}

fn role() -> Arn {
    ROLE.parse().unwrap()
}

fn quoted(document: &str) -> String {
    document.replace('"', "\\\"")
}

#[test]
fn what_the_aws_command_prints() {
    let dossier = dossier(&[
        (
            "role.json",
            &format!(
                r#"{{"Role":{{"Path":"/team/","RoleName":"puller","Arn":"{ROLE}","AssumeRolePolicyDocument":{TRUST},
                "PermissionsBoundary":{{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":"arn:aws:iam::111122223333:policy/edge"}}}}}}"#
            ),
        ),
        (
            "inline.json",
            &format!(r#"{{"RoleName":"puller","PolicyName":"pull","PolicyDocument":{DOCUMENT}}}"#),
        ),
        (
            "user.json",
            &format!(r#"{{"UserName":"puller","PolicyName":"pull","PolicyDocument":{DOCUMENT}}}"#),
        ),
        (
            "repository.json",
            &format!(
                r#"{{"registryId":"111122223333","repositoryName":"team/app","policyText":"{}"}}"#,
                quoted(REPOSITORY)
            ),
        ),
        (
            "provider.json",
            r#"{"Url":"issuer.example/acme","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}"#,
        ),
    ]);
    let names = dossier
        .papers()
        .map(|(sheet, paper)| (paper.kind, paper.name_in(&sheet.file)));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            (Kind::Trust, "the policy of role puller (role.json)".to_owned()),
            (Kind::Identity, "pull of role puller (inline.json)".to_owned()),
            (Kind::Identity, "pull of user puller (user.json)".to_owned()),
            (
                Kind::Resource,
                "the policy of repository team/app (repository.json)".to_owned()
            ),
        ]
    );
    assert_eq!(dossier.permissions(&role(), true).documents.len(), 1);
    assert_eq!(dossier.trust(&role(), true).documents.len(), 1);
    assert_eq!(
        dossier.boundary(&role(), true).lacking,
        ["arn:aws:iam::111122223333:policy/edge"]
    );
    let provider = dossier.providers().next().unwrap();
    assert_eq!(provider.host_and_path(), "issuer.example/acme");
    assert_eq!(provider.audiences().unwrap(), ["sts.amazonaws.com"]);
    assert_eq!(
        dossier.contents().nth(1).unwrap(),
        "inline.json: the output of `aws iam get-role-policy` — identity-based policy of role puller"
    );
}

#[test]
fn another_account_is_another_role() {
    let dossier = dossier(&[(
        "role.json",
        &format!(r#"{{"Role":{{"Arn":"{ROLE}","AssumeRolePolicyDocument":{TRUST}}}}}"#),
    )]);
    let other: Arn = "arn:aws:iam::444455556666:role/puller".parse().unwrap();
    assert!(!dossier.trust(&other, true).is_known);
}

#[test]
fn managed_policies_by_their_arn() {
    let attached = |arn: &str| format!(r#"{{"AttachedPolicies":[{{"PolicyName":"x","PolicyArn":"{arn}"}}]}}"#);
    let of_aws = attached("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly");
    let known = dossier(&[("list.json", &of_aws)]);
    let side = known.permissions(&role(), true);
    assert_eq!((side.of_aws.len(), side.has_gaps()), (1, false));
    let own = attached("arn:aws:iam::111122223333:policy/own");
    let unknown = dossier(&[("list.json", &own)]);
    let side = unknown.permissions(&role(), true);
    assert_eq!(side.lacking, ["arn:aws:iam::111122223333:policy/own"]);
    assert!(side.has_gaps());
}

#[test]
fn the_whole_account_at_once() {
    let dossier = dossier(&[(
        "account.json",
        &format!(
            r#"{{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[{{"Arn":"{ROLE}","RoleName":"puller",
            "AssumeRolePolicyDocument":{TRUST},"RolePolicyList":[{{"PolicyName":"in","PolicyDocument":{DOCUMENT}}}],
            "AttachedManagedPolicies":[{{"PolicyName":"own","PolicyArn":"arn:aws:iam::111122223333:policy/own"}}]}}],
            "Policies":[{{"PolicyName":"own","Arn":"arn:aws:iam::111122223333:policy/own","PolicyVersionList":[
            {{"Document":{TRUST},"VersionId":"v1","IsDefaultVersion":false}},
            {{"Document":{DOCUMENT},"VersionId":"v2","IsDefaultVersion":true}}]}}]}}"#
        ),
    )]);
    let side = dossier.permissions(&role(), true);
    assert_eq!((side.documents.len(), side.has_gaps()), (2, false));
}

#[test]
fn users_have_what_their_groups_have() {
    let group = |name: &str| {
        format!(
            r#"{{"GroupName":"{name}","GroupPolicyList":[{{"PolicyName":"in","PolicyDocument":{DOCUMENT}}}],
            "AttachedManagedPolicies":[{{"PolicyArn":"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"}}]}}"#
        )
    };
    let text = format!(
        r#"{{"RoleDetailList":[],"UserDetailList":[{{"Arn":"arn:aws:iam::111122223333:user/ann","GroupList":["a"]}}],
        "GroupDetailList":[{},{}]}}"#,
        group("a"),
        group("b")
    );
    let dossier = dossier(&[("account.json", &text)]);
    let ann = "arn:aws:iam::111122223333:user/ann".parse().unwrap();
    let side = dossier.permissions(&ann, true);
    assert_eq!((side.documents.len(), side.of_aws.len()), (1, 1));
}

#[test]
fn bare_documents_belong_to_what_is_asked_or_to_what_their_folder_says() {
    let bare = dossier(&[("a.json", DOCUMENT), ("b.json", TRUST), ("c.json", REPOSITORY)]);
    let kinds: Vec<Kind> = bare.papers().map(|(_, paper)| paper.kind).collect();
    assert_eq!(kinds, [Kind::Identity, Kind::Trust, Kind::Resource]);
    assert_eq!(bare.permissions(&role(), true).documents.len(), 1);
    assert!(!bare.permissions(&role(), false).is_known);

    let placed = dossier(&[
        ("111122223333/role/puller/pull.json", DOCUMENT),
        ("444455556666/role/puller/pull.json", DOCUMENT),
        ("444455556666/repository/team/app/policy.json", REPOSITORY),
        ("role/puller.json", TRUST),
    ]);
    assert_eq!(placed.permissions(&role(), false).documents.len(), 1);
    assert_eq!(placed.trust(&role(), false).documents.len(), 1);
    let repository = |account: &str| {
        format!("arn:aws:ecr:us-east-1:{account}:repository/team/app")
            .parse()
            .unwrap()
    };
    assert!(placed.repository(&repository("444455556666")).is_known);
    assert!(!placed.repository(&repository("111122223333")).is_known);
}

#[test]
fn plans_of_terraform() {
    let plan = format!(
        r#"{{"format_version":"1.2","planned_values":{{"root_module":{{"resources":[
        {{"address":"aws_iam_role.puller","type":"aws_iam_role","values":{{"name":"puller","assume_role_policy":"{trust}"}}}},
        {{"address":"aws_iam_role_policy.pull","type":"aws_iam_role_policy","values":{{"name":"pull","policy":"{document}"}}}},
        {{"address":"aws_iam_policy.own","type":"aws_iam_policy","values":{{"name":"own","policy":"{document}"}}}},
        {{"address":"aws_iam_role_policy_attachment.own","type":"aws_iam_role_policy_attachment","values":{{"role":"puller"}}}},
        {{"address":"aws_s3_bucket.b","type":"aws_s3_bucket","values":{{"bucket":"b"}}}}],
        "child_modules":[{{"resources":[
        {{"address":"module.m.aws_ecr_repository_policy.p","type":"aws_ecr_repository_policy","values":{{"repository":"team/app","policy":"{repository}"}}}}]}}]}}}},
        "configuration":{{"root_module":{{"resources":[
        {{"address":"aws_iam_role_policy.pull","expressions":{{"role":{{"references":["aws_iam_role.puller.id","aws_iam_role.puller"]}}}}}},
        {{"address":"aws_iam_role_policy_attachment.own","expressions":{{"policy_arn":{{"references":["aws_iam_policy.own.arn","aws_iam_policy.own"]}}}}}}]}}}}}}"#,
        trust = quoted(TRUST),
        document = quoted(DOCUMENT),
        repository = quoted(REPOSITORY),
    );
    let dossier = dossier(&[("plan.json", &plan)]);
    let side = dossier.permissions(&role(), false);
    assert_eq!(
        (side.documents.len(), side.has_gaps()),
        (2, false),
        "{:?}",
        side.lacking
    );
    assert!(dossier.trust(&role(), false).is_known);
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/team/app"
        .parse()
        .unwrap();
    assert!(dossier.repository(&repository).is_known);
}

#[test]
fn templates_of_cloudformation() {
    let template = format!(
        r#"{{"AWSTemplateFormatVersion":"2010-09-09","Resources":{{
        "Provider":{{"Type":"AWS::IAM::OIDCProvider","Properties":{{"Url":"https://issuer.example/acme","ClientIdList":["a"]}}}},
        "Role":{{"Type":"AWS::IAM::Role","Properties":{{"RoleName":"puller","AssumeRolePolicyDocument":{TRUST},
        "Policies":[{{"PolicyName":"pull","PolicyDocument":{DOCUMENT}}}]}}}},
        "More":{{"Type":"AWS::IAM::Policy","Properties":{{"PolicyName":"more","Roles":[{{"Ref":"Role"}}],"PolicyDocument":{DOCUMENT}}}}},
        "Later":{{"Type":"AWS::IAM::RolePolicy","Properties":{{"RoleName":"puller","PolicyDocument":{{"Statement":[{{"Ref":"X"}}]}}}}}},
        "App":{{"Type":"AWS::ECR::Repository","Properties":{{"RepositoryName":"team/app","RepositoryPolicyText":{REPOSITORY}}}}},
        "Bucket":{{"Type":"AWS::S3::Bucket"}}}}}}"#
    );
    let dossier = dossier(&[("template.json", &template)]);
    assert_eq!(dossier.permissions(&role(), false).documents.len(), 2);
    assert!(dossier.trust(&role(), false).is_known);
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/team/app"
        .parse()
        .unwrap();
    assert!(dossier.repository(&repository).is_known);
    assert_eq!(
        dossier.providers().next().unwrap().host_and_path(),
        "issuer.example/acme"
    );
    assert!(
        dossier
            .contents()
            .next()
            .unwrap()
            .starts_with("template.json: a template of CloudFormation")
    );
}

#[test]
fn messages_of_terraform_hold_nothing_and_garbage_is_refused() {
    let messages = "{\"@level\":\"info\",\"type\":\"version\"}\n{\"@level\":\"info\",\"type\":\"planned_change\"}\n";
    let known = dossier(&[("plan.jsonl", messages), ("other.json", "{\"a\":1}")]);
    assert!(known.contents().next().unwrap().contains("hold no documents"));
    assert!(known.contents().nth(1).unwrap().contains("left aside"));
    assert!(Dossier::new().add("x", "{]").is_err());
}
