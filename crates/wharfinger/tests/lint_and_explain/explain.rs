use super::{Desk, LOGIN};

const IMAGE: &str = "444455556666.dkr.ecr.us-east-1.amazonaws.com/team/app:1";
const ROLE: &str = "arn:aws:iam::111122223333:role/puller";

const PULL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"arn:aws:ecr:us-east-1:444455556666:repository/team/app"}]}"#;
const TRUST: &str = r#"{"Role":{"RoleName":"puller","Arn":"arn:aws:iam::111122223333:role/puller","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer.example"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"issuer.example:aud":"sts.amazonaws.com","issuer.example:sub":"team:a"}}}]}}}"#;
const PROVIDER: &str = r#"{"Url":"issuer.example","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}"#;

fn repository(principal: &str) -> String {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}}]}}"#
    );
    serde_json::json!({"registryId": "444455556666", "repositoryName": "team/app", "policyText": text}).to_string()
}

fn desk(principal: &str) -> Desk {
    Desk::with(&[
        ("policies/login.json", LOGIN),
        ("policies/111122223333/role/puller/pull.json", PULL),
        ("policies/role.json", TRUST),
        ("policies/provider.json", PROVIDER),
        ("policies/repository.json", &repository(principal)),
        ("policies/.hidden.json", "not read"),
        ("policies/notes.txt", "not read"),
        (
            "claims.json",
            r#"{"iss":"https://issuer.example","aud":"sts.amazonaws.com","sub":"team:a","exp":1}"#,
        ),
    ])
}

const COMMAND: [&str; 6] = ["explain", "pull", IMAGE, "--as", ROLE, "--policies"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    COMMAND
        .iter()
        .copied()
        .chain(["policies"])
        .chain(more.iter().copied())
        .collect()
}

#[test]
fn all_the_way() {
    let desk = desk(ROLE);
    let (code, out, err) = desk.run(&with(&["--token-claims", "claims.json"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(out.matches('✓').count(), 5, "{out}");
    assert!(
        out.contains("    provider.json: the output of `aws iam get-open-id-connect-provider`"),
        "{out}"
    );
    // The claims may be given one by one.
    let flags = [
        "--iss",
        "https://issuer.example",
        "--aud",
        "sts.amazonaws.com",
        "--sub",
        "team:b",
    ];
    let (code, out, _) = desk.run(&with(&flags));
    assert!(
        code == 1 && out.contains("✗ sts:AssumeRoleWithWebIdentity on role puller"),
        "{out}"
    );
    assert!(out.contains("\n    AWS says: Not authorized to perform sts:AssumeRoleWithWebIdentity\n"));
    // The changed document stands there as it can be copied.
    let document = &out[out.find("\n{\n").unwrap()..out.find("\n}\n").unwrap() + 2];
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let subjects = &document["Statement"][0]["Condition"]["StringEquals"]["issuer.example:sub"];
    assert_eq!(subjects, &serde_json::json!(["team:a", "team:b"]));
    assert!(out.contains("\n    \"Version\": \"2012-10-17\",\n"), "{out}");
}

#[test]
fn the_changed_document_can_be_used() {
    let desk = desk("arn:aws:iam::111122223333:role/other");
    let (code, json) = desk.json(&with(&["--token-claims", "claims.json", "--format", "json"]));
    assert_eq!((code, &json["status"]), (1, &"denied".into()));
    let statuses: Vec<&str> = json["rungs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["allowed", "allowed", "allowed", "denied", "denied"]);
    let change = &json["changes"][0];
    assert_eq!(
        (&change["account"], &change["file"]),
        (&"444455556666".into(), &"repository.json".into())
    );
    assert_eq!(json["rungs"][3]["changes"], serde_json::json!([0]));
    let path = desk.path().join("policies").join(change["file"].as_str().unwrap());
    std::fs::write(path, change["document"].to_string()).unwrap();
    assert_eq!(desk.run(&with(&["--token-claims", "claims.json"])).0, 0);
}

#[test]
fn what_was_not_given_is_not_allowed() {
    let desk = Desk::with(&[("policies/login.json", LOGIN), ("policies/pull.json", PULL)]);
    let (code, out, _) = desk.run(&with(&[]));
    assert_eq!(code, 1);
    assert!(
        out.contains("✓ Login") && out.contains("? Manifest") && !out.contains('✗'),
        "{out}"
    );
    assert!(
        out.contains("to be given: aws ecr get-repository-policy --region us-east-1"),
        "{out}"
    );
    let (code, out, _) = desk.run(&with(&["--no-repository-policy"]));
    assert!(code == 1 && out.contains("✗ Manifest"), "{out}");
}

#[test]
fn input_that_cannot_be_used() {
    let desk = desk(ROLE);
    let refuses = |arguments: &[&str], part: &str| {
        let (code, out, err) = desk.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(part), "{err}");
    };
    refuses(
        &[
            "explain",
            "pull",
            "docker.io/library/alpine",
            "--as",
            ROLE,
            "--policies",
            "policies",
        ],
        "not the host of an ECR registry",
    );
    let provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
    refuses(
        &["explain", "pull", IMAGE, "--as", provider, "--policies", "policies"],
        "is the ARN of an OIDC provider; expected: the ARN of a role",
    );
    refuses(
        &["explain", "pull", IMAGE, "--as", ROLE, "--policies", "nowhere"],
        "`nowhere` cannot be read",
    );
    refuses(&with(&["--iss", "https://issuer.example"]), "--aud");
    refuses(
        &with(&["--token-claims", "missing.json"]),
        "`missing.json` cannot be read",
    );
    refuses(&with(&["--context", "aws:SourceVpce"]), "KEY=VALUE");
    std::fs::write(desk.path().join("policies/broken.json"), "{\n  \"Statement\": [}").unwrap();
    refuses(&with(&[]), "broken.json` is no JSON: line 2, column 17");
    let empty = Desk::with(&[("policies/notes.txt", "")]);
    assert_eq!(empty.run(&with(&[])).0, 2);
}
