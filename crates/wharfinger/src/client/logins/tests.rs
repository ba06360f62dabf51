use proptest::prelude::*;
use serde_json::json;

use super::super::{login::Login, tests::LOGIN};
use super::*;

fn entry(way: Way) -> Entry {
    Entry {
        proxy: "https://images.example.com".parse().unwrap(),
        way,
    }
}

fn login() -> Entry {
    entry(Way::Login(
        Login::read("robot", Path::new("-"), "hunter2".as_bytes()).unwrap(),
    ))
}

fn add(text: &str, entry: &Entry, force: bool) -> Result<Value, String> {
    let text = merged(Path::new("config.json"), text, entry, force)?;
    Ok(serde_json::from_str(&text).unwrap())
}

#[test]
fn what_else_is_there_stays() {
    let before = json!({
        "auths": { "other.example.com": { "auth": "b3RoZXI6eA==" } },
        "credHelpers": { "gcr.io": "gcloud" },
        "psFormat": "table",
    });
    let mut expected = before.clone();
    expected["auths"]["images.example.com"] = json!({ "auth": LOGIN });
    assert_eq!(add(&before.to_string(), &login(), false).unwrap(), expected);
    expected = before.clone();
    expected["credHelpers"]["images.example.com"] = "wharfinger".into();
    assert_eq!(add(&before.to_string(), &entry(Way::Helper), false).unwrap(), expected);
    assert_eq!(
        add(" \n", &entry(Way::Helper), false).unwrap()["credHelpers"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_file_that_has_the_entry_stays_as_it_is_to_the_letter() {
    let text = format!("{{\n\t\"z\": 1,\n\t\"auths\": {{ \"images.example.com\": {{ \"auth\": \"{LOGIN}\" }} }}\n}}");
    assert_eq!(*merged(Path::new("x"), &text, &login(), false).unwrap(), text);
}

#[test]
fn another_login_is_overwritten_by_force_alone() {
    let text = json!({ "auths": { "images.example.com": { "auth": "b2xk" } } }).to_string();
    let error = add(&text, &login(), false).unwrap_err();
    assert!(
        error.contains("another login for images.example.com") && error.contains("--force"),
        "{error}"
    );
    assert!(!error.contains("b2xk") && !error.contains(LOGIN), "{error}");
    assert_eq!(
        add(&text, &login(), true).unwrap()["auths"]["images.example.com"]["auth"],
        LOGIN
    );
}

#[test]
fn a_password_that_the_client_would_not_read_is_not_written() {
    for (text, helper) in [
        (json!({ "credsStore": "desktop" }), "`desktop`"),
        (json!({ "credHelpers": { "images.example.com": "pass" } }), "`pass`"),
    ] {
        let error = add(&text.to_string(), &login(), true).unwrap_err();
        assert!(
            error.contains(helper) && error.contains("expected --credential-helper"),
            "{error}"
        );
        assert!(add(&text.to_string(), &entry(Way::Helper), true).is_ok());
    }
    let others = json!({ "credsStore": "", "credHelpers": { "gcr.io": "gcloud" } });
    assert!(add(&others.to_string(), &login(), false).is_ok());
}

#[test]
fn a_file_of_another_kind_is_refused_and_not_repeated() {
    for text in [
        "[\"hunter2\"]",
        "{\"auths\": {\"hunter2\"",
        "hunter2",
        "{\"auths\": [\"hunter2\"]}",
        "\"hunter2\"",
    ] {
        let error = add(text, &login(), true).unwrap_err();
        assert!(
            error.starts_with("`config.json` ") && error.contains("expected the config.json"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = merged(Path::new("x"), &text, &login(), true);
    }
}
