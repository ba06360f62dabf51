use super::super::tests::{HOST, LOGIN, authority, files, settings};

#[test]
fn it_is_said_how_images_are_named() {
    let notes = |options: &str| settings(&format!("docker {HOST} {options}")).unwrap().notes.concat();
    assert!(notes("").ends_with(&format!("docker pull images.example.com/{HOST}/REPOSITORY:TAG")));
    assert!(notes("--upstream prod").ends_with("docker pull images.example.com/prod/REPOSITORY:TAG"));
}

#[test]
fn the_engine_and_the_command_have_folders_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(folder.path());
    let options = format!("--password-file - --ca {}", ca.display());
    let paths = |options: &str| {
        files(&format!("docker {HOST} {options}"))
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(&options),
        [
            "/etc/docker/certs.d/images.example.com/ca.crt",
            "/home/ann/.docker/config.json"
        ]
    );
    assert_eq!(
        paths(&format!("{options} --folder /c")),
        ["/c/certs.d/images.example.com/ca.crt", "/c/config.json"]
    );
}

#[test]
fn the_login_is_in_the_file_or_comes_from_the_helper() {
    let logins = |options: &str| {
        let (text, mode) = files(&format!("docker {HOST} {options}"))["/home/ann/.docker/config.json"].clone();
        assert_eq!(mode, 0o600);
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(
        logins("--password-file -")["auths"]["images.example.com"]["auth"],
        LOGIN
    );
    assert_eq!(
        logins("--credential-helper")["credHelpers"]["images.example.com"],
        "wharfinger"
    );
    let both = settings(&format!("docker {HOST} --credential-helper --password-file -"));
    assert!(both.unwrap_err().contains("cannot be used with"));
    let helper = settings(&format!("docker {HOST} --credential-helper")).unwrap();
    assert!(
        helper
            .notes
            .concat()
            .contains("[[registry]]\nhost = \"images.example.com\"")
    );
}
