use super::*;

fn action_of(arguments: &[&str]) -> Option<Action> {
    action(arguments.iter().map(OsString::from))
}

/// A machine with a Wharfinger, an exact host that is nobody's and no other.
async fn ask(action: Action, stdin: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("credentials.toml");
    std::fs::write(folder.path().join("token"), "whr_hunter2\n").unwrap();
    std::fs::write(
        &config,
        r#"
[[credential]]
host = "public.ecr.aws"
source = { anonymous = {} }
[[credential]]
host = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
source = { accessKey = { accessKeyId = "AKIA", secretAccessKey = { env = "WHARFINGER_NO_SUCH_VARIABLE" } } }
[[registry]]
host = "images.example.com"
token_file = "token"
[[registry]]
host = "127.0.0.1:5000"
username = "ci"
token_env = "WHARFINGER_NO_SUCH_VARIABLE"
"#,
    )
    .unwrap();
    let variable = |name: &str| (name == Machine::VARIABLE).then(|| config.display().to_string());
    let printed = answer(action, stdin.as_bytes(), &variable).await;
    printed.map(|printed| printed.to_string())
}

#[test]
fn the_helper_is_known_by_the_programs_name() {
    assert_eq!(action_of(&["wharfinger", "get"]), None);
    assert_eq!(
        action_of(&["/usr/bin/docker-credential-wharfinger", "get"]),
        Some(Action::Get)
    );
    assert_eq!(action_of(&["docker-credential-wharfinger", "list"]), Some(Action::List));
    for arguments in [&["get", "more"][..], &["--help"], &[]] {
        let arguments = [&["docker-credential-wharfinger"], arguments].concat();
        assert_eq!(action_of(&arguments), Some(Action::Unknown), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_configured_registry_gets_the_clients_login() {
    for server in [
        "images.example.com",
        "https://images.example.com",
        "https://images.example.com/v2/",
    ] {
        assert_eq!(
            ask(Action::Get, &format!("{server}\n")).await.unwrap(),
            format!("{{\"ServerURL\":\"{server}\",\"Username\":\"wharfinger\",\"Secret\":\"whr_hunter2\"}}\n")
        );
    }
    let error = ask(Action::Get, "127.0.0.1:5000").await.unwrap_err();
    assert!(
        error.contains("127.0.0.1:5000") && error.contains("WHARFINGER_NO_SUCH_VARIABLE"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_configured_is_not_found_in_dockers_words() {
    for server in [
        "docker.io",
        "https://index.docker.io/v1/",
        "public.ecr.aws",
        "a b",
        "444455556666.dkr.ecr.us-east-1.amazonaws.com",
    ] {
        assert_eq!(ask(Action::Get, server).await.unwrap_err(), NOT_FOUND, "{server}");
    }
    assert_eq!(ask(Action::Get, "\n").await.unwrap_err(), NO_SERVER);
}

#[tokio::test]
async fn a_source_that_gives_nothing_is_explained_in_one_line() {
    let error = ask(Action::Get, "111122223333.dkr.ecr.us-east-1.amazonaws.com")
        .await
        .unwrap_err();
    assert!(
        error.starts_with("wharfinger: ") && error.contains("WHARFINGER_NO_SUCH_VARIABLE"),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn nothing_is_stored_and_whoever_logs_in_reads_why() {
    let stored = |server: &str| format!(r#"{{"ServerURL":"{server}","Username":"AWS","Secret":"hunter2"}}"#);
    for (server, part) in [
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com", "are made here"),
        (
            "https://other.example.com",
            "expected there a [[registry]] with host = \"other.example.com\"",
        ),
    ] {
        let error = ask(Action::Store, &stored(server)).await.unwrap_err();
        assert!(error.contains("nothing is stored") && error.contains(part), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert_eq!(ask(Action::Store, "hunter2").await.unwrap_err(), NO_SERVER);
    assert_eq!(ask(Action::Erase, "images.example.com").await.unwrap(), "");
}

#[tokio::test]
async fn what_is_configured_is_listed() {
    assert_eq!(
        ask(Action::List, "").await.unwrap(),
        "{\"https://111122223333.dkr.ecr.us-east-1.amazonaws.com\":\"AWS\",\"https://127.0.0.1:5000\":\"ci\",\"https://images.example.com\":\"wharfinger\"}\n"
    );
    assert!(
        ask(Action::Version, "")
            .await
            .unwrap()
            .starts_with("docker-credential-wharfinger ")
    );
    assert!(ask(Action::Unknown, "").await.unwrap_err().starts_with("Usage: "));
}

#[tokio::test]
async fn more_input_than_a_login_has_is_refused() {
    let long = "x".repeat(70_000);
    for action in [Action::Get, Action::Store, Action::Erase] {
        assert!(ask(action, &long).await.unwrap_err().contains("64 KiB"));
    }
}
