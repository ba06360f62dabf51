//! `wharfinger pull`.

mod interruption;
mod proxy;

use std::fs;

use crate::program::{Outcome, bounded, contents, finish, loopback, run};

const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1";

/// Asserts that the arguments leave an empty folder empty.
fn pull(args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &[&["pull"], args].concat());
    assert!(contents(folder.path()).is_empty(), "{args:?} left something behind");
    outcome
}

#[test]
fn an_image_that_is_none_is_refused() {
    for (image, reason) in [
        ("", "names no registry"),
        ("app", "names no registry"),
        ("team/app", "names no registry"),
        ("https://r.test/app", "not a host name"),
        ("r.test/App", "expected lower-case components"),
        ("r.test//app", "expected lower-case components"),
        ("r.test/app:", "tag `` is not one; expected"),
        ("r.test/app:-1", "tag `-1` is not one; expected"),
        ("r.test/app@sha256:00", "`sha256:00` is not a digest; expected"),
    ] {
        pull(&[image]).assert_refused_argument(&[&format!("'{image}'"), "<IMAGE>", reason]);
    }
}

#[test]
fn an_output_that_is_none_is_refused() {
    for output in ["app", "docker:app", "oci:", "docker-archive:", "oci:app:1"] {
        let outcome = pull(&[IMAGE, "--output", output]);
        outcome.assert_refused_argument(&[
            "--output",
            &format!("`{output}`"),
            "expected oci:DIR or docker-archive:FILE",
        ]);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("folder/precious"), "x").unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let before = contents(folder.path());
    let proxy = format!("http://{}:9", loopback());
    for (output, path) in [
        ("oci:file", "file"),
        ("oci:file/below", "file/below"),
        ("oci:folder", "folder"),
        ("docker-archive:folder", "folder"),
    ] {
        let outcome = run(folder.path(), &["pull", IMAGE, "--proxy", &proxy, "--output", output]);
        outcome.assert_refused(&[path]);
        assert!(!outcome.err.contains(&proxy), "the proxy was asked: {}", outcome.err);
    }
    assert!(contents(folder.path()) == before);
}

#[test]
fn a_proxy_that_is_none_is_refused_and_a_password_not_repeated() {
    for (proxy, reason) in [
        ("p.test", "cannot be read"),
        ("https://", "cannot be read"),
        ("ftp://p.test", "`https://`"),
        ("https://u:hunter2@p.test", "a user name or a password"),
        ("https://p.test/?token=hunter2", "a `?`"),
    ] {
        let outcome = pull(&[IMAGE, "--proxy", proxy]);
        outcome.assert_refused(&["--proxy: ", reason, "expected https://HOST[:PORT]"]);
        outcome.assert_silent_about("hunter2");
    }
}

#[test]
fn an_entry_of_the_resolve_map_that_is_none_is_refused() {
    for (entry, reason) in [
        ("r.test", "has no `=`"),
        ("r.test=localhost:1", "has no IP address"),
        ("=127.0.0.1:1", "has no host name"),
    ] {
        let parts = [
            "--resolve: ",
            &format!("`{entry}`"),
            reason,
            "expected NAME=ADDRESS:PORT",
        ];
        pull(&[IMAGE, "--resolve", entry]).assert_refused(&parts);
    }
    let twice = ["--resolve=r.test=127.0.0.1:1", "--resolve=r.test=127.0.0.1:2"];
    pull(&[&[IMAGE], &twice[..]].concat()).assert_refused(&["--resolve: ", "an earlier entry"]);
}

#[test]
fn a_ca_bundle_that_cannot_be_used_is_refused() {
    let outcome = pull(&[IMAGE, "--ca-bundle", "none.pem"]);
    outcome.assert_refused(&["--ca-bundle: ", "none.pem", "cannot be read", "No such file"]);
    let outcome = pull(&[IMAGE, "--ca-bundle", "/dev/null"]);
    outcome.assert_refused(&["--ca-bundle: ", "/dev/null", "no certificate", "expected"]);
}

#[test]
fn a_user_name_needs_a_password() {
    let outcome = pull(&[IMAGE, "--username", "me"]);
    outcome.assert_refused(&["--username me", "--password-stdin", "WHARFINGER_TOKEN"]);
    let outcome = pull(&[IMAGE, "--password-stdin"]);
    outcome.assert_refused(&["--password-stdin: expected one line", "found nothing"]);
}

#[test]
fn credentials_do_not_go_over_a_network_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    // An address for documentation (RFC 5737): nobody is there, and nobody is asked.
    let args = ["pull", IMAGE, "--proxy", "http://192.0.2.1"];
    let outcome = finish(bounded(folder.path()).args(args).env("WHARFINGER_TOKEN", "whr_hunter2"));
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    outcome.assert_says(&["error: http://192.0.2.1/", "without TLS", "fix: use an https:// URL"]);
    outcome.assert_silent_about("hunter2");
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn a_proxy_that_is_not_there_is_named_with_what_was_tried() {
    let proxy = format!("http://{}:9", loopback());
    let outcome = pull(&[IMAGE, "--proxy", &proxy, "--quiet"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
    let [error, fix] = &outcome.err.lines().collect::<Vec<_>>()[..] else {
        panic!("what happened, and what helps: {}", outcome.err)
    };
    let tried = format!("error: GET {proxy}/v2/111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app/manifests/1: ");
    assert!(error.starts_with(&tried) && error.contains("refused"), "{error}");
    assert!(fix.starts_with("fix: ") && fix.contains("reached"), "{fix}");
}
