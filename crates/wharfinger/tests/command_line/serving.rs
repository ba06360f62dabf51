//! `serve` from its beginning to its end.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

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
    let command = behind(&["sh"], "ulimit -Sn 300", &house.serve());
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

/// The command, for which the shell script has prepared the way.
fn behind(shell: &[&str], script: &str, original: &Command) -> Command {
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .args(["-ec", &format!("{script}; exec \"$0\" \"$@\"")]);
    command.arg(original.get_program()).args(original.get_args());
    if let Some(folder) = original.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in original.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

/// The command in a mount namespace of its own, in which the folder is for reading only.
fn read_only(folder: &Path, original: &Command) -> Command {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let shell: &[&str] = match is_root {
        true => &["unshare", "--mount", "sh"],
        false => &["unshare", "--user", "--map-root-user", "--mount", "sh"],
    };
    let path = folder.display();
    let script = format!("mount --bind {path} {path}; mount -o remount,bind,ro {path}");
    behind(shell, &script, original)
}

#[test]
fn a_data_directory_that_cannot_be_written_is_served_and_the_log_says_why() {
    let house = House::new();
    let served = Served::start(house.serve());
    served.signal("TERM");
    assert!(served.end().0.success());
    let served = Served::start(read_only(&house.path("data"), &house.serve()));
    served.signal("TERM");
    let (status, log) = served.end();
    assert!(status.success(), "{log}");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("Read-only file system") && warning.contains("mount the file system")),
        "{log}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_made_is_refused_in_one_line() {
    let house = House::new();
    let command = &mut read_only(house.folder(), &house.serve());
    let outcome = crate::program::finish(command);
    outcome.assert_refused(&["data_dir", "Read-only file system", "expected a directory"]);
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
