use super::super::tests::{HOST, LOGIN, authority, files, settings};

fn hosts(options: &str) -> (String, u32) {
    let files = files(&format!("containerd {HOST} {options}"));
    files[&format!("/etc/containerd/certs.d/{HOST}/hosts.toml")].clone()
}

/// What containerd reads there.
fn read(text: &str) -> toml::Table {
    text.parse().unwrap()
}

#[test]
fn the_proxy_is_asked_before_the_registry_itself() {
    let (text, mode) = hosts("");
    let expected = format!(
        "server = \"https://{HOST}\"\n\n[host.\"https://images.example.com\"]\ncapabilities = [\"pull\", \"resolve\"]\n"
    );
    assert_eq!((text.as_str(), mode), (expected.as_str(), 0o644));
}

#[test]
fn without_fallback_the_proxy_is_the_only_place() {
    let hosts = read(&hosts("--no-fallback --password-file -").0);
    assert_eq!(hosts["server"].as_str(), Some("https://images.example.com"));
    assert!(
        hosts["host"].as_table().unwrap().is_empty(),
        "it is there, and has nothing in it"
    );
    assert_eq!(
        hosts["header"]["Authorization"].as_str().unwrap(),
        format!("Basic {LOGIN}")
    );
}

#[test]
fn a_login_is_for_the_proxy_alone_and_for_the_owners_eyes() {
    let (text, mode) = hosts("--password-file -");
    let hosts = read(&text);
    let proxy = &hosts["host"]["https://images.example.com"];
    assert_eq!(
        proxy["header"]["Authorization"].as_str().unwrap(),
        format!("Basic {LOGIN}")
    );
    assert!(!hosts.contains_key("header"), "the registry itself is shown no login");
    assert_eq!(mode, 0o600);
}

#[test]
fn the_path_may_name_the_registry() {
    let url = format!("https://images.example.com/v2/{HOST}");
    let beside = read(&hosts("--override-path").0);
    assert_eq!(beside["host"][&url]["override_path"].as_bool(), Some(true));
    let alone = read(&hosts("--override-path --no-fallback").0);
    assert_eq!(alone["server"].as_str(), Some(url.as_str()));
    assert_eq!(alone["override_path"].as_bool(), Some(true));
}

#[test]
fn each_registry_has_the_certificates_beside_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(folder.path());
    let files = files(&format!(
        "containerd {HOST} public.ecr.aws --folder /c --ca {}",
        ca.display()
    ));
    let certificates = std::fs::read_to_string(&ca).unwrap();
    for host in [HOST, "public.ecr.aws"] {
        assert_eq!(files[&format!("/c/{host}/ca.crt")], (certificates.clone(), 0o644));
        let hosts = read(&files[&format!("/c/{host}/hosts.toml")].0);
        assert_eq!(
            hosts["host"]["https://images.example.com"]["ca"].as_str(),
            Some("ca.crt")
        );
    }
    assert_eq!(files.len(), 4);
}

#[test]
fn the_notes_say_what_config_toml_needs_in_either_version() {
    let notes = settings(&format!("containerd {HOST} --folder /c"))
        .unwrap()
        .notes
        .concat();
    for plugin in ["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"] {
        let (_, rest) = notes.split_once(&format!("[plugins.\"{plugin}\".registry]\n")).unwrap();
        assert!(rest.starts_with("config_path = \"/c\"\n"), "{rest}");
    }
}
