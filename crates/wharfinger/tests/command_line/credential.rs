//! `wharfinger credential get` and docker's credential helper: logins without a proxy.

mod cloud;
mod docker;
mod roles;

use serde_json::Value;

use crate::program::{contents, run};
use cloud::{Cloud, HOST};

#[test]
fn each_form_of_the_login_opens_the_registry() {
    let cloud = Cloud::new();
    for (args, name, password) in [
        (&[][..], "Username", "Secret"),
        (&["--format", "json"], "username", "password"),
    ] {
        let outcome = cloud.get(&[&[HOST], args].concat());
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
        let printed: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(printed[name], "AWS");
        assert_eq!(cloud.enter(HOST, printed[password].as_str().unwrap()), 200);
        assert_eq!(cloud.enter(HOST, "wrong"), 401);
    }
}

#[test]
fn the_forms_are_those_that_their_readers_expect() {
    let cloud = Cloud::new();
    let url = format!("https://{HOST}/v2/");
    let outcome = cloud.get(&[&url]);
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).unwrap()["ServerURL"], url);
    let json: Value = serde_json::from_str(&cloud.get(&[HOST, "--format=json"]).out).unwrap();
    assert_eq!(json["registry"], HOST);
    assert!(json["principal"].as_str().unwrap().contains("AKIA"), "{json}");
    let end: jiff::Timestamp = json["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(end > jiff::Timestamp::now());
    let aws: Value = serde_json::from_str(&cloud.get(&[HOST, "--format=aws"]).out).unwrap();
    assert_eq!(aws["Version"], 1);
    assert!(
        aws["AccessKeyId"].is_string() && aws["SecretAccessKey"].is_string(),
        "{aws}"
    );
    assert!(
        aws.get("SessionToken").is_none() && aws.get("Expiration").is_none(),
        "a user's key has no end: {aws}"
    );
}

#[test]
fn ecr_public_gets_the_login_that_docker_takes() {
    let cloud = Cloud::new();
    let outcome = cloud.get(&["public.ecr.aws"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
    let printed: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(printed["Username"], "AWS");
    assert_eq!(
        cloud.buy_token("public.ecr.aws", printed["Secret"].as_str().unwrap()),
        200
    );
    assert_ne!(cloud.buy_token("public.ecr.aws", "wrong"), 200);
}

#[test]
fn input_that_cannot_be_used_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("wrong.toml"),
        "[[credential]]\nhost = \"docker.io\"\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("other.toml"),
        "[[credential]]\nhost = \"public.ecr.aws\"\n",
    )
    .unwrap();
    let before = contents(folder.path());
    for (args, parts) in [
        (
            &["docker.io"][..],
            &["HOST: `docker.io`", "expected ACCOUNT.dkr.ecr.REGION"][..],
        ),
        (&["a b"], &["HOST: `a b`", "expected HOST[:PORT]"]),
        (&[HOST, "--role-arn", "pull"], &["--role-arn: `pull`", "expected"]),
        (
            &[HOST, "--config", "none.toml"],
            &["--config `none.toml`", "No such file", "expected"],
        ),
        (
            &[HOST, "--config", "wrong.toml"],
            &["wrong.toml: line 2", "credential[0].host", "`docker.io`", "expected"],
        ),
        (
            &[HOST, "--config", "other.toml"],
            &["other.toml: credential", HOST, "expected a [[credential]]"],
        ),
    ] {
        run(folder.path(), &[&["credential", "get"], args].concat()).assert_refused(parts);
    }
    let outcome = run(folder.path(), &["credential", "get", HOST, "--format", "yaml"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""));
    outcome.assert_says(&["'yaml'", "docker, aws, env, json"]);
    assert!(contents(folder.path()) == before);
}

#[test]
fn nobody_has_no_login_to_print() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("w.toml"),
        "[[credential]]\nsource = { anonymous = {} }\n",
    )
    .unwrap();
    let outcome = run(
        folder.path(),
        &["credential", "get", "public.ecr.aws", "--config", "w.toml"],
    );
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    outcome.assert_says(&["public.ecr.aws", "anonymous"]);
    let outcome = run(folder.path(), &["credential", "get", HOST, "--config", "w.toml"]);
    assert_ne!(outcome.code, Some(0));
}
