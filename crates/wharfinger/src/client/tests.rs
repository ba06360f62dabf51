//! What the clients' own tests begin with: a command line, understood.

use std::{collections::BTreeMap, path::Path};

use clap::Parser;

use super::*;
use crate::cli;

pub(super) const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
/// `robot:hunter2` in base64.
pub(super) const LOGIN: &str = "cm9ib3Q6aHVudGVyMg==";

/// What the client is told by this command line, with the password on standard input and the home `/home/ann`.
pub(super) fn settings(words: &str) -> Result<Settings, String> {
    let words = format!("wharfinger config {words} --proxy https://images.example.com");
    let cli = cli::Cli::try_parse_from(words.split_whitespace()).map_err(|error| error.to_string())?;
    let cli::Command::Config(command) = cli.command else {
        panic!("{words} is not this command")
    };
    let input = |common| Input::read(common, "hunter2\n".as_bytes());
    let variable = |name: &str| (name == "HOME").then(|| "/home/ann".into());
    match *command {
        Command::Containerd(args) => args.settings(&input(&args.common)?),
        Command::Podman(args) => args.settings(&input(&args.common)?, &variable),
        Command::Docker(args) => args.settings(&input(&args.common)?, &variable),
    }
}

/// The text of each file by its path, and whether it is for its owner alone.
pub(super) fn files(words: &str) -> BTreeMap<String, (String, u32)> {
    let settings = settings(words).unwrap();
    let files = settings.files.iter().map(|file| {
        let path = file.path.to_str().unwrap().to_owned();
        (path, (file.text().as_str().to_owned(), file.mode()))
    });
    files.collect()
}

/// A file with the certificate of an authority.
pub(super) fn authority(folder: &Path) -> PathBuf {
    crate::demo::Edge::create(folder, &["images.example.com"]).unwrap().ca
}

#[test]
fn a_password_is_in_no_debug_output_and_not_shown_to_people() {
    for client in ["containerd", "podman", "docker"] {
        let settings = settings(&format!("{client} {HOST} --password-file -")).unwrap();
        for text in [format!("{settings:?}"), report::text(&settings, None).to_string()] {
            assert!(!text.contains("hunter2") && !text.contains(LOGIN), "{text}");
        }
        assert!(report::text(&settings, None).contains("The password is left out here"));
        assert!(report::json(&settings, None).contains(LOGIN));
        let written = vec![place::Fate::Written; settings.files.len()];
        assert!(!report::json(&settings, Some(&written)).contains(LOGIN));
    }
}

#[test]
fn a_registry_that_is_named_twice_is_told_once() {
    let twice = format!("podman {HOST} {}", HOST.to_uppercase());
    assert_eq!(files(&twice).len(), 1);
    assert_eq!(files(&format!("podman {HOST} public.ecr.aws")).len(), 2);
}

#[test]
fn a_file_with_a_private_key_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(folder.path());
    let key = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .find(|text| text.contains("PRIVATE KEY"))
        .unwrap();
    let both = std::fs::read_to_string(&ca).unwrap() + &key;
    std::fs::write(&ca, both).unwrap();
    let error = settings(&format!("docker {HOST} --ca {}", ca.display())).unwrap_err();
    assert!(
        error.contains("holds a private key; expected certificates alone"),
        "{error}"
    );
}
