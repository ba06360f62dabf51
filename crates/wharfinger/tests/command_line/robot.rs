//! `wharfinger robot new`.

use std::fs;

use serde_json::Value;

use crate::{
    house::House,
    program::{Outcome, contents, run},
    served::Served,
};

fn new_robot(house: &House, args: &[&str]) -> Outcome {
    run(house.folder(), &[&["robot", "new"], args].concat())
}

fn assert_token(text: &str) {
    let secret = text
        .strip_prefix("whr_")
        .unwrap_or_else(|| panic!("not a token: {text}"));
    assert_eq!(secret.len(), 43, "256 bits in base64");
}

#[test]
fn a_name_that_is_none_is_refused() {
    let house = House::new();
    let before = contents(house.folder());
    let long = format!("acme/{}", "a".repeat(64));
    for (name, expected) in [
        ("ci", "expected TEAM/NAME"),
        ("", "expected TEAM/NAME"),
        ("acme/", "expected 1 to 63 lower-case letters"),
        ("/ci", "expected 1 to 63 lower-case letters"),
        ("Acme/ci", "expected 1 to 63 lower-case letters"),
        ("acme/c_i", "expected 1 to 63 lower-case letters"),
        ("acme/-ci", "expected 1 to 63 lower-case letters"),
        ("a/b/c", "expected 1 to 63 lower-case letters"),
        ("acme/ci\"", "expected 1 to 63 lower-case letters"),
        (&long, "expected 1 to 63 lower-case letters"),
    ] {
        let outcome = new_robot(&house, &[name, "--output", "robot.yaml"]);
        outcome.assert_refused_argument(&[&format!("'{name}'"), "TEAM/NAME", expected]);
    }
    assert!(contents(house.folder()) == before);
}

#[test]
fn without_a_file_the_document_is_the_output_and_the_token_is_not_in_it() {
    let house = House::new();
    let before = contents(house.folder());
    let outcome = new_robot(&house, &["acme/ci"]);
    assert_eq!(outcome.code, Some(0));
    let [explanation, token] = &outcome.err.lines().collect::<Vec<_>>()[..] else {
        panic!("two lines: {outcome:#?}")
    };
    assert!(
        explanation.contains("acme/ci") && explanation.contains("once"),
        "{explanation}"
    );
    assert_token(token);
    assert!(
        outcome.out.starts_with("apiVersion: wharfinger.dev/v1\nkind: Robot\n"),
        "{}",
        outcome.out
    );
    assert!(!outcome.out.contains("whr_"));
    assert!(contents(house.folder()) == before);
}

#[test]
fn each_robot_gets_a_token_of_its_own() {
    let house = House::new();
    let [one, other] = ["one.yaml", "other.yaml"].map(|file| new_robot(&house, &["acme/ci", "--output", file]).out);
    assert_token(one.trim());
    assert_ne!(one, other);
}

#[test]
fn a_file_gets_the_document_without_the_token() {
    let house = House::new();
    let mut before = contents(house.folder());
    let outcome = new_robot(&house, &["acme/ci", "--output", "robot.yaml"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_token(outcome.out.trim());
    let document = fs::read(house.path("robot.yaml")).unwrap();
    assert!(!String::from_utf8_lossy(&document).contains("whr_"));
    before.insert(house.path("robot.yaml"), Some(document));
    assert!(
        contents(house.folder()) == before,
        "there is one file more, and no other change"
    );
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let house = House::new();
    house.write("robot.yaml", "precious");
    let before = contents(house.folder());
    for format in ["text", "json"] {
        let outcome = new_robot(&house, &["acme/ci", "--output", "robot.yaml", "--format", format]);
        outcome.assert_refused(&[
            "--output `robot.yaml`",
            "exists",
            "expected a file that does not exist yet",
        ]);
        outcome.assert_silent_about("whr_");
    }
    new_robot(&house, &["acme/ci", "--output", "resources"]).assert_refused(&["--output `resources`", "exists"]);
    new_robot(&house, &["acme/ci", "--output", "none/robot.yaml"]).assert_refused(&[
        "--output `none/robot.yaml`",
        "No such file",
        "in a folder that does",
    ]);
    assert!(contents(house.folder()) == before);
}

#[test]
fn a_format_that_is_none_is_refused() {
    let outcome = new_robot(&House::new(), &["acme/ci", "--format", "yaml"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""));
    outcome.assert_says(&["'yaml'", "--format", "text, json"]);
}

#[tokio::test]
async fn the_token_of_every_form_of_output_is_let_in() {
    let house = House::new();
    let text = new_robot(&house, &["acme/text"]);
    house.write("resources/text.yaml", &text.out);
    let file = new_robot(&house, &["acme/file", "--output", "resources/file.yaml"]);
    let json = new_robot(&house, &["acme/json", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert!(!json["document"].to_string().contains("whr_"));
    house.write("resources/json.json", &json["document"].to_string());

    let served = Served::start(house.serve());
    for token in [
        text.err.lines().last().unwrap(),
        file.out.trim(),
        json["token"].as_str().unwrap(),
    ] {
        assert_token(token);
        assert_eq!(served.login(token).await, 200);
        assert_eq!(served.login(&token[..token.len() - 1]).await, 401);
    }
    assert!(!served.log().contains("whr_"), "{served:?}");
}
