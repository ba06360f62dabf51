//! The edges: secrets in wrong places, files that are swapped as a whole, output that nobody reads, signals at the first
//! moment, and what messages call things.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use crate::{
    house::{House, seal_key},
    program::{contents, finish, loopback, run, wharfinger},
    served::{Served, client, until},
};

/// A message about the key's file names the key's option, not the certificate's.
#[test]
fn a_key_that_cannot_be_used_is_named_by_its_own_key() {
    let (house, edge) = House::with_certificate();
    fs::copy(&edge.certificate, &edge.key).unwrap();
    house.assert_refused(&["listen.key: ", "proxy.key", "expected a PEM block of type PRIVATE KEY"]);
    fs::remove_file(&edge.key).unwrap();
    house.assert_refused(&["listen.key: ", "proxy.key", "No such file", "expected"]);
}

#[test]
fn a_key_of_another_certificate_is_refused_with_what_is_expected() {
    let (house, edge) = House::with_certificate();
    let other = house.edge("other");
    fs::copy(&other.key, &edge.key).unwrap();
    let outcome = house.assert_refused(&["listen.key", "proxy.key", "does not belong to", "proxy.crt", "expected"]);
    assert!(!outcome.err.contains("KeyMismatch"), "{}", outcome.err);
}

#[test]
fn an_address_that_is_none_is_repeated_with_what_is_expected() {
    for address in ["8443", "localhost:8443"] {
        let mut house = House::new();
        house.set("listen.address", address);
        house.assert_refused(&["listen.address: ", &format!("`{address}`"), "expected ADDRESS:PORT"]);
    }
}

#[test]
fn a_seal_key_in_the_place_of_its_file_or_variable_is_not_repeated() {
    for (given, other) in [
        ("issuer.seal_key_env", "issuer.seal_key_file"),
        ("issuer.seal_key_file", "issuer.seal_key_env"),
    ] {
        let (mut house, key) = (House::new(), seal_key());
        house.set(other, "x");
        house.unset(other);
        house.set(given, key.trim());
        let outcome = house.assert_refused(&[given, "expected"]);
        outcome.assert_silent_about(key.trim());
    }
}

#[test]
fn the_seal_key_is_the_first_line_of_its_file() {
    let house = House::new();
    house.write("seal.key", &format!("{}# made by openssl\n", seal_key()));
    let served = Served::start(house.serve());
    served.signal("TERM");
    assert!(served.end().0.success());
}

#[test]
fn a_file_that_is_not_there_is_named_with_what_is_expected() {
    let house = House::new();
    run(house.folder(), &["serve", "--config", "none.toml"]).assert_refused(&["--config", "none.toml", "expected"]);
    let mut house = House::new();
    house.set("connect.ca_bundle", "none.pem");
    house.assert_refused(&["connect.ca_bundle: ", "none.pem", "expected"]);
    let mut house = House::new();
    house.set("resources", vec!["none"]);
    let outcome = house.assert_refused(&["resources", "none", "expected"]);
    assert!(!outcome.err.contains("resources: resources"), "{}", outcome.err);
}

#[test]
fn a_place_in_a_document_is_told_once_and_apart_from_the_sentence() {
    let house = House::new();
    house.write(
        "resources/robot.yaml",
        "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: { team: acme, name: ci }\nspec:\n  tokenHash: nope\n",
    );
    let outcome = house.assert_refused(&["robot.yaml: line 5: spec.tokenHash: "]);
    assert!(!outcome.err.contains(" at line "), "{}", outcome.err);
}

#[test]
fn an_unknown_kind_is_named_by_its_field() {
    let house = House::new();
    house.write(
        "resources/x.yaml",
        "apiVersion: wharfinger.dev/v1\nkind: Nope\nmetadata: { name: a }\n",
    );
    house.assert_refused(&["x.yaml", "kind: ", "`Nope`", "expected one of Team, Upstream, Robot"]);
}

#[test]
fn a_token_in_the_place_of_a_field_is_not_repeated() {
    let house = House::new();
    let robot = "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: { team: acme, name: ci }\n";
    house.write("resources/robot.yaml", &format!("{robot}spec: {{ whr_thesecret }}\n"));
    house
        .assert_refused(&["robot.yaml", "spec", "expected"])
        .assert_silent_about("whr_thesecret");
}

/// A data directory with nothing but a signing key that does not open, as after a restored backup.
#[test]
fn a_signing_key_that_does_not_open_is_found_before_anything_is_made() {
    let house = House::new();
    fs::create_dir(house.path("data")).unwrap();
    house.write("data/issuer.key", "{}");
    house.assert_refused(&["data_dir: ", "data/issuer.key", "is not a sealed file"]);
}

/// The token was never seen, so its document is of no use to anybody.
#[test]
fn a_token_that_cannot_be_printed_leaves_no_document() {
    let house = House::new();
    let before = contents(house.folder());
    let mut command = wharfinger(house.folder());
    command.args(["robot", "new", "acme/ci", "--output", "robot.yaml"]);
    let output = command.stdout(full()).stderr(Stdio::piped()).output().unwrap();
    assert!(contents(house.folder()) == before, "a document without a token is left");
    assert_eq!(output.status.code(), Some(1), "the input was right");
}

#[test]
fn completions_end_quietly_where_nobody_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = wharfinger(folder.path());
    let output = command
        .args(["completions", "bash"])
        .stdout(full())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
    assert_eq!(output.status.code(), Some(1), "{err}");
    // `wharfinger completions bash | head -1`
    let pipeline = "set -o pipefail; \"$0\" completions bash | head -1";
    let mut shell = Command::new("timeout");
    shell.args(["60", "bash", "-c", pipeline, env!("CARGO_BIN_EXE_wharfinger")]);
    let shell = finish(&mut shell);
    assert!(!shell.err.contains("panicked"), "{}", shell.err);
}

#[tokio::test]
async fn serve_does_not_panic_where_standard_output_is_full() {
    let mut house = House::new();
    let address = format!("{}:8443", loopback());
    house.set("listen.address", address.as_str());
    let mut command = house.serve();
    let mut process = command
        .stdout(full())
        .stderr(File::create(house.path("log")).unwrap())
        .spawn()
        .unwrap();
    // It may end at once or serve all the same: either is right.
    until("it has decided", async || {
        let answer = client(None).get(format!("http://{address}/healthz")).send().await;
        answer.is_ok() || process.try_wait().unwrap().is_some()
    })
    .await;
    let _ = process.kill();
    process.wait().unwrap();
    let log = fs::read_to_string(house.path("log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

/// RFC 9110 §15.5.6: such an answer must say which methods there are.
#[tokio::test]
async fn a_refused_method_comes_with_those_that_there_are() {
    let house = House::new();
    let served = Served::start(house.serve());
    let url = format!("http://{}/healthz", served.address());
    let response = client(None).post(url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers().get("allow").unwrap(), "GET, HEAD");
}

/// A folder that is swapped as a whole, as by a release of `resources -> releases/2`.
#[tokio::test]
async fn a_folder_that_is_replaced_is_read_again_now_and_later() {
    let mut house = House::new();
    for release in ["1", "2"] {
        fs::create_dir_all(house.path(&format!("releases/{release}"))).unwrap();
        house.write(&format!("releases/{release}/acme.yaml"), crate::house::TEAM);
    }
    symlink("releases/1", house.path("current")).unwrap();
    house.set("resources", vec!["current"]);
    let served = Served::start(house.serve());
    let output = run(
        house.folder(),
        &["robot", "new", "acme/ci", "--output", "releases/2/robot.yaml"],
    );
    symlink("releases/2", house.path("next")).unwrap();
    fs::rename(house.path("next"), house.path("current")).unwrap();
    served.answers(output.out.trim(), 200).await;
    let output = run(
        house.folder(),
        &["robot", "new", "acme/late", "--output", "releases/2/late.yaml"],
    );
    served.answers(output.out.trim(), 200).await;
}

#[test]
fn an_output_that_cannot_be_written_is_named_by_its_option() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    for output in ["oci:file", "oci:file/below"] {
        let outcome = run(folder.path(), &["pull", "r.test/app", "--output", output]);
        outcome.assert_refused(&["--output", &format!("`{output}`"), "expected"]);
    }
}

#[test]
fn an_image_with_a_scheme_is_refused_with_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &["pull", "https://r.test/app"]);
    outcome.assert_refused_argument(&["'https://r.test/app'", "expected HOST/REPOSITORY[:TAG|@DIGEST]"]);
}

#[test]
fn help_has_examples_where_there_is_something_to_show() {
    let folder = tempfile::tempdir().unwrap();
    for (args, example) in [
        (&["completions", "--help"][..], "wharfinger completions bash >"),
        (&["serve", "--help"], "wharfinger serve --config"),
        (&["demo", "--help"], "wharfinger demo --once"),
    ] {
        let outcome = run(folder.path(), args);
        assert!(outcome.out.contains(example), "{args:?}: {}", outcome.out);
    }
    let lines = run(folder.path(), &["robot", "new", "--help"]).out;
    assert!(
        lines.lines().all(|line| line.trim() != "output"),
        "an example is broken over two lines: {lines}"
    );
}

#[test]
fn every_version_is_that_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &["serve", "--version"]);
    assert_eq!(outcome.out, concat!("wharfinger ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// A service manager may change its mind at any time after the line.
#[test]
fn a_wish_of_an_end_right_after_the_line_is_granted() {
    for wish in ["TERM", "INT"].repeat(25) {
        let house = House::new();
        let served = Served::listening(house.serve());
        served.signal(wish);
        let (status, log) = served.end();
        assert_eq!(status.code(), Some(0), "SIG{wish}, {status}: {log}");
    }
}

/// SIGHUP right after the line must not end the process.
#[tokio::test]
async fn a_hangup_right_after_the_line_is_survived() {
    for _ in 0..25 {
        let house = House::new();
        let served = Served::listening(house.serve());
        served.signal("HUP");
        served.logs("resources loaded").await;
        served.signal("TERM");
        assert_eq!(served.end().0.code(), Some(0));
    }
}

/// A place to which nothing can be written.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}
