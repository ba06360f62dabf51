use super::super::tests::{HOST, LOGIN, authority, files, settings};

#[test]
fn a_registry_lies_below_the_proxy() {
    let text = |options: &str| {
        let files = files(&format!("podman {HOST} {options}"));
        files[&format!("/home/ann/.config/containers/registries.conf.d/{HOST}.conf")]
            .0
            .clone()
    };
    assert_eq!(
        text(""),
        format!("[[registry]]\nprefix = \"{HOST}\"\nlocation = \"images.example.com/{HOST}\"\n")
    );
    let by_upstream: toml::Table = text("--upstream prod").parse().unwrap();
    assert_eq!(
        by_upstream["registry"][0]["location"].as_str(),
        Some("images.example.com/prod")
    );
}

#[test]
fn certificates_and_login_lie_where_podman_looks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(folder.path());
    let files = files(&format!(
        "podman {HOST} --folder /c --password-file - --ca {}",
        ca.display()
    ));
    assert_eq!(files["/c/certs.d/images.example.com/ca.crt"].1, 0o644);
    let (text, mode) = &files["/c/auth.json"];
    let logins: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(logins["auths"]["images.example.com"]["auth"], LOGIN);
    assert_eq!(*mode, 0o600);
}

#[test]
fn the_login_may_come_from_the_helper() {
    let files = files(&format!("podman {HOST} --credential-helper"));
    let logins: serde_json::Value = serde_json::from_str(&files["/home/ann/.config/containers/auth.json"].0).unwrap();
    assert_eq!(
        logins,
        serde_json::json!({ "credHelpers": { "images.example.com": "wharfinger" } })
    );
}

#[test]
fn an_upstream_stands_for_one_registry() {
    let error = settings(&format!("podman {HOST} public.ecr.aws --upstream prod")).unwrap_err();
    assert!(
        error.contains("`prod`") && error.contains("expected one HOST"),
        "{error}"
    );
    let error = settings(&format!("podman {HOST} --upstream a/b")).unwrap_err();
    assert!(
        error.starts_with("--upstream: `a/b` is not a name; expected"),
        "{error}"
    );
}

#[test]
fn another_folder_than_the_users_own_has_to_be_named_to_podman() {
    let notes = |options: &str| settings(&format!("podman {HOST} {options}")).unwrap().notes.concat();
    assert!(notes("--folder /c --password-file -").contains("--authfile /c/auth.json"));
    assert!(!notes("--password-file -").contains("--authfile"));
    assert!(!notes("--folder /c").contains("--authfile"));
}
