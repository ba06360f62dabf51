use super::{Desk, LOGIN};

const UNQUOTED: &str = "{\n  Version: 2012-10-17,\n  Statement: [ { Effect: Allow, Action: ecr:GetAuthorizationToken, Resource: * } ]\n}\n";

#[test]
fn clean_files_are_silent() {
    let desk = Desk::with(&[("a.json", LOGIN)]);
    assert_eq!(
        desk.run(&["policy", "lint", "a.json"]),
        (0, String::new(), String::new())
    );
    let (code, json) = desk.json(&["policy", "lint", "a.json", "--format", "json"]);
    assert_eq!((code, json), (0, serde_json::json!({"findings": [], "fixed": []})));
}

#[test]
fn findings_have_a_place_a_reason_and_a_remedy() {
    let desk = Desk::with(&[("a.json", &LOGIN.replace("Authorization", "Authorisation"))]);
    let (code, out, _) = desk.run(&["policy", "lint", "a.json"]);
    assert_eq!(
        (code, out.as_str()),
        (
            1,
            "a.json:1:65: error[unknown-action] `ecr:GetAuthorisationToken` is not a known action\n    \
             why: AWS stores what it does not know, and it never grants anything.\n    \
             fix: Did you mean `ecr:GetAuthorizationToken`?\n"
        )
    );
    let (code, json) = desk.json(&["policy", "lint", "a.json", "--format", "json"]);
    let finding = &json["findings"][0];
    assert_eq!(code, 1);
    assert_eq!(
        (
            &finding["id"],
            &finding["severity"],
            &finding["file"],
            &finding["line"],
            &finding["column"]
        ),
        (
            &"unknown-action".into(),
            &"error".into(),
            &"a.json".into(),
            &1.into(),
            &65.into()
        )
    );
}

#[test]
fn fixing_writes_the_file_and_is_done_once() {
    let desk = Desk::with(&[("a.txt", UNQUOTED)]);
    let (code, out, _) = desk.run(&["policy", "lint", "a.txt"]);
    assert!(code == 1 && out.starts_with("a.txt:2:3: error[unquoted-json]"), "{out}");
    let (code, out, _) = desk.run(&["policy", "lint", "--fix", "a.txt"]);
    assert_eq!((code, out.as_str()), (0, "a.txt: fixed\n"));
    let fixed = desk.read("a.txt");
    assert_eq!(fixed.replace('"', ""), UNQUOTED);
    assert_eq!(
        desk.run(&["policy", "lint", "--fix", "a.txt"]),
        (0, String::new(), String::new())
    );
    assert_eq!(desk.read("a.txt"), fixed);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(desk.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn fixing_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let desk = Desk::with(&[("real.txt", UNQUOTED)]);
    let real = desk.path().join("real.txt");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    symlink("real.txt", desk.path().join("link.txt")).unwrap();
    assert_eq!(desk.run(&["policy", "lint", "--fix", "link.txt"]).0, 0);
    assert!(desk.path().join("link.txt").is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(desk.read("real.txt").contains("\"Version\""));
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let desk = Desk::with(&[("a.json", "Dear colleague,"), ("ok.json", LOGIN)]);
    let (code, out, _) = desk.run(&["policy", "lint", "a.json", "ok.json"]);
    assert!(
        code == 2 && out.starts_with("a.json:1:1: error[not-json]"),
        "{code} {out}"
    );
    let (code, out, err) = desk.run(&["policy", "lint", "missing.json"]);
    assert!(
        code == 2 && out.is_empty() && err.contains("`missing.json` cannot be read"),
        "{err}"
    );
    std::fs::write(desk.path().join("b.json"), [0xff, 0xfe]).unwrap();
    let (code, _, err) = desk.run(&["policy", "lint", "b.json"]);
    assert!(code == 2 && err.contains("UTF-8"), "{err}");
    assert_eq!(desk.run(&["policy", "lint"]).0, 2);
}

#[test]
fn files_are_looked_at_together() {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/issuer.example"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"issuer.example:aud":"vault","issuer.example:sub":"a"}}}]}"#;
    let provider = r#"{"Url":"issuer.example","ClientIDList":["sts.amazonaws.com"],"ThumbprintList":[]}"#;
    let desk = Desk::with(&[("trust.json", trust), ("provider.json", provider)]);
    assert_eq!(desk.run(&["policy", "lint", "trust.json"]).0, 0);
    let (code, out, _) = desk.run(&["policy", "lint", "trust.json", "provider.json"]);
    assert!(
        code == 1 && out.contains("error[audience-unknown-to-provider]"),
        "{out}"
    );
    // The account of the role may be told.
    let (_, out, _) = desk.run(&["policy", "lint", "trust.json", "--account", "444455556666"]);
    assert!(out.contains("error[provider-of-other-account]"), "{out}");
    let (code, _, err) = desk.run(&["policy", "lint", "trust.json", "--account", "44445555666"]);
    assert!(code == 2 && err.contains("11 digits"), "{err}");
    let (_, out, _) = desk.run(&["policy", "lint", "trust.json", "--kind", "identity"]);
    assert!(out.contains("error[misplaced-element]"), "{out}");
}

#[test]
fn control_characters_stay_in_the_file() {
    let text = LOGIN.replace("Allow\"", "Allow\",\"Sid\":\"\\u001b[31mred\"");
    let desk = Desk::with(&[("a.json", &text)]);
    let (code, out, _) = desk.run(&["policy", "lint", "a.json"]);
    assert!(code == 1 && !out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn the_documentation_has_every_rule() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policies.md");
    let page = std::fs::read_to_string(page).unwrap();
    for rule in iam::lint::Rule::ALL {
        let row = format!("| `{rule}` | {} |", rule.severity());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn what_generate_writes_is_clean() {
    let desk = Desk::with(&[]);
    let token = [
        "trust",
        "--issuer",
        "https://issuer.example/acme",
        "--account",
        "111122223333",
        "--audience",
        "a",
        "--subject",
        "s",
    ];
    let role = "arn:aws:iam::111122223333:role/puller";
    let repository = "444455556666.dkr.ecr.us-east-1.amazonaws.com/team/app";
    let ways: [&[&str]; 6] = [
        &token,
        &["trust", "--principal", role, "--external-id", "id-1"],
        &["permissions", "--role", "puller", "--repository", repository],
        &[
            "permissions",
            "--role",
            "scanner",
            "--for",
            "inventory",
            "--repository",
            repository,
        ],
        &["agent", "--role", "agent", "--assume", role],
        &["repository", "--principal", role, "--repository", repository],
    ];
    for way in ways {
        for format in ["json", "cloudformation"] {
            let arguments: Vec<&str> = ["policy", "generate"]
                .iter()
                .chain(way)
                .copied()
                .chain(["--format", format])
                .collect();
            let (code, document, err) = desk.run(&arguments);
            assert_eq!(code, 0, "{arguments:?}: {err}");
            std::fs::write(desk.path().join("generated.json"), document).unwrap();
            let (code, out, _) = desk.run(&["policy", "lint", "generated.json"]);
            assert_eq!((code, out.as_str()), (0, ""), "{arguments:?}");
        }
    }
}
