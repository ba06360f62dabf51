//! `wharfinger cache warm`: what it refuses, and what it says where nobody answers. Images are warmed in
//! `tests/clients/warm.rs`.

use serde_json::Value;

use crate::program::{Outcome, bounded, contents, finish, loopback, run};

const ECR: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1";

/// Asserts that nothing is left in the folder.
fn warm(args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &[&["cache", "warm"], args].concat());
    assert!(contents(folder.path()).is_empty(), "{args:?} left something behind");
    outcome
}

#[test]
fn options_that_cannot_be_used_are_refused_in_one_line() {
    let image = format!("{}:9/{ECR}", loopback());
    for (args, parts) in [
        (&["app"][..], &["'app'", "expected HOST/REPOSITORY"]),
        (
            &[&image, "--platform", "arm"],
            &["--platform", "expected OS/ARCHITECTURE"],
        ),
    ] {
        warm(args).assert_refused_argument(parts);
    }
    for (args, parts) in [
        (&["--proxy", "p.test"][..], &["--proxy: ", "expected https://HOST"][..]),
        (
            &["--resolve", "p.test"],
            &["--resolve: ", "`p.test`", "expected NAME=ADDRESS"],
        ),
        (
            &["--ca-bundle", "none.pem"],
            &["--ca-bundle: ", "none.pem", "No such file"],
        ),
        (&["--username", "me"], &["--username me", "--password-stdin"]),
        (&["--password-stdin"], &["--password-stdin: ", "found nothing"]),
    ] {
        warm(&[&[image.as_str()], args].concat()).assert_refused(parts);
    }
    assert_eq!(warm(&[]).code, Some(2));
}

#[test]
fn the_registry_itself_is_not_asked_past_the_cache() {
    for image in [ECR, "public.ecr.aws/team/app:1"] {
        let expected = format!("expected SERVER/{image}, or --proxy");
        warm(&[image]).assert_refused(&[&format!("image `{image}`"), "past the cache", &expected]);
    }
}

#[test]
fn a_login_does_not_go_over_a_network_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bounded(folder.path());
    // An address for documentation (RFC 5737): nobody is there, and nobody is asked.
    command.args(["cache", "warm", ECR, "--proxy", "http://192.0.2.1"]);
    let outcome = finish(command.env("WHARFINGER_TOKEN", "whr_hunter2"));
    outcome.assert_refused(&[&format!("image `{ECR}`: "), "http://192.0.2.1/", "without TLS"]);
    outcome.assert_silent_about("hunter2");
}

#[test]
fn an_image_that_nobody_sends_is_named_with_what_was_tried() {
    let proxy = format!("http://{}:9", loopback());
    let outcome = warm(&[ECR, "--proxy", &proxy, "--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let path = ECR.replace(":1", "/manifests/1");
    outcome.assert_says(&[&format!("image `{ECR}`: GET {proxy}/v2/{path}: "), "refused", "\nfix: "]);
    outcome.assert_says(&["1 of 1 images could not be warmed"]);
    let line: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(line["image"], ECR);
    assert!(
        line["error"].as_str().unwrap().contains("refused") && line["fix"].is_string(),
        "{line}"
    );
}
