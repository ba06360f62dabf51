//! `serve` from its beginning to its end.

use std::{fs, net::TcpStream, os::unix::fs::PermissionsExt, process::Command};

use crate::{
    house::{House, seal_key},
    program::contents,
    served::Served,
};

#[test]
fn both_wishes_of_an_end_are_granted_and_nothing_is_left_over() {
    for wish in ["INT", "TERM"] {
        let house = House::new();
        let served = Served::start(house.serve());
        let address = served.address();
        served.signal(wish);
        let (status, log) = served.end();
        assert_eq!(status.code(), Some(0), "SIG{wish}: {log}");
        assert!(TcpStream::connect(address).is_err(), "somebody still listens");

        let top = fs::read_dir(house.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut top: Vec<_> = top.collect();
        top.sort();
        assert_eq!(
            top,
            ["data", "resources", "seal.key", "wharfinger.toml"],
            "a temporary file is left"
        );
        let staged = contents(&house.path("data/content/tmp"));
        assert!(staged.is_empty(), "{staged:?}");
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let house = House::new();
    let served = Served::start(house.serve());
    let _idle = TcpStream::connect(served.address()).unwrap();
    served.signal("TERM");
    assert_eq!(served.end().0.code(), Some(0));
}

#[test]
fn secrets_lie_sealed_on_disk_and_are_not_logged() {
    let mut house = House::new();
    let key = seal_key();
    house.unset("issuer.seal_key_file");
    house.set("issuer.seal_key_env", "A_SEAL_KEY");
    let mut command = house.serve();
    command.env("A_SEAL_KEY", &key).env("RUST_LOG", "trace");
    let served = Served::start(command);
    served.signal("TERM");
    let (status, log) = served.end();
    assert!(status.success(), "{log}");
    assert!(!log.contains(key.trim()), "{log}");
    let sealed = house.path("data/issuer.key");
    assert_eq!(fs::metadata(&sealed).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&sealed).unwrap().contains("PRIVATE KEY"));
}

#[test]
fn it_may_open_as_many_files_as_the_system_grants() {
    let house = House::new();
    let original = house.serve();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 300; exec \"$0\" \"$@\""]);
    command.arg(original.get_program()).args(original.get_args());
    if let Some(folder) = original.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in original.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let served = Served::start(command);
    let limits = fs::read_to_string(format!("/proc/{}/limits", served.id())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[0], words[1], "soft and hard: {line}");
    assert_ne!(words[0], "300");
}

#[test]
fn a_filter_of_the_log_that_is_none_is_named() {
    let house = House::new();
    let outcome = crate::program::finish(
        crate::program::bounded(house.folder())
            .args(["serve", "--config", "none.toml"])
            .env("RUST_LOG", "a=b=c"),
    );
    outcome.assert_refused(&["RUST_LOG", "`a=b=c`", "expected"]);
}
