//! `wharfinger config containerd|podman|docker`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};

use crate::{
    house::House,
    program::{Outcome, bounded, contents, finish, run},
};

const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
const CLIENTS: [&str; 3] = ["containerd", "podman", "docker"];
const TOKEN: &str = "whr_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq";

/// A folder with an authority's certificate, its key, and a robot's token.
fn place() -> House {
    let house = House::new();
    house.edge("edge");
    house.write("token", &format!("{TOKEN}\n"));
    house
}

fn config(house: &House, client: &str, words: &str) -> Outcome {
    let words = format!("config {client} {HOST} --proxy https://images.example.com {words}");
    run(house.folder(), &words.split_whitespace().collect::<Vec<_>>())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn without_being_told_to_nothing_is_written() {
    let house = place();
    let before = contents(house.folder());
    for client in CLIENTS {
        let outcome = config(&house, client, "--ca edge/ca/ca.crt --password-file token");
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
        outcome.assert_silent_about(TOKEN);
        for part in ["ca.crt (mode 0644)\n-----BEGIN CERTIFICATE-----\n", "(mode 0600"] {
            assert!(outcome.out.contains(part), "{part}: {}", outcome.out);
        }
    }
    assert!(contents(house.folder()) == before);
}

#[test]
fn a_users_files_are_written_where_the_client_looks() {
    let house = place();
    for (client, files) in [
        (
            "podman",
            &[
                (".config/containers/auth.json", 0o600),
                (".config/containers/certs.d/images.example.com/ca.crt", 0o644),
            ][..],
        ),
        (
            "docker",
            // The engine's certificates lie in /etc, so without them.
            &[(".docker/config.json", 0o600)],
        ),
    ] {
        let ca = if client == "podman" { "--ca edge/ca/ca.crt" } else { "" };
        let options = format!("{ca} --password-file token --write");
        let outcome = config(&house, client, &options);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
        for (file, expected) in files {
            assert_eq!(mode(&house.path(file)), *expected, "{file}");
            assert!(
                outcome
                    .out
                    .contains(&format!("written    {}", house.path(file).display()))
            );
        }
        let before = contents(house.folder());
        let again = config(&house, client, &options);
        assert_eq!(again.code, Some(0));
        assert!(!again.out.contains("written"), "{}", again.out);
        assert!(contents(house.folder()) == before);
    }
}

#[test]
fn the_files_for_programs_are_those_that_are_written() {
    let house = place();
    let options = "--folder out --ca edge/ca/ca.crt --password-file token";
    for client in CLIENTS {
        let shown = config(&house, client, &format!("{options} --format json"));
        let shown: Value = serde_json::from_str(&shown.out).unwrap();
        let written = config(&house, client, &format!("{options} --write --format json"));
        written.assert_silent_about(TOKEN);
        let written: Value = serde_json::from_str(&written.out).unwrap();
        assert_eq!(shown["client"], client);
        let files = shown["files"].as_array().unwrap();
        assert_eq!(written["files"].as_array().unwrap().len(), files.len());
        for (file, fate) in files.iter().zip(written["files"].as_array().unwrap()) {
            assert_eq!((&fate["path"], &fate["written"]), (&file["path"], &json!(true)));
            let path = house.path(file["path"].as_str().unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), file["content"].as_str().unwrap());
            assert_eq!(format!("{:04o}", mode(&path)), file["mode"].as_str().unwrap());
        }
        fs::remove_dir_all(house.path("out")).unwrap();
    }
}

#[test]
fn a_password_is_taken_from_standard_input() {
    let house = place();
    let mut command = bounded(house.folder());
    let words = format!("config docker {HOST} --proxy https://images.example.com --password-file - --write");
    command
        .args(words.split_whitespace())
        .stdin(fs::File::open(house.path("token")).unwrap());
    assert_eq!(finish(&mut command).code, Some(0));
    let from_input = fs::read_to_string(house.path(".docker/config.json")).unwrap();
    fs::remove_file(house.path(".docker/config.json")).unwrap();
    config(&house, "docker", "--password-file token --write");
    assert_eq!(
        fs::read_to_string(house.path(".docker/config.json")).unwrap(),
        from_input
    );
}

#[test]
fn what_docker_has_stays_beside_the_login() {
    let house = place();
    fs::create_dir(house.path(".docker")).unwrap();
    let before = json!({ "auths": { "other.example.com": { "auth": "eDp5" } }, "psFormat": "table" });
    house.write(".docker/config.json", &before.to_string());
    let outcome = config(&house, "docker", "--credential-helper --write");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(
        outcome
            .out
            .contains(&format!("docker pull images.example.com/{HOST}/REPOSITORY:TAG")),
        "{}",
        outcome.out
    );
    let mut expected = before;
    expected["credHelpers"] = json!({ "images.example.com": "wharfinger" });
    let text = fs::read_to_string(house.path(".docker/config.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn a_file_that_says_something_else_is_overwritten_by_force_alone() {
    let house = place();
    fs::create_dir_all(house.path(&format!("out/{HOST}"))).unwrap();
    let file = format!("out/{HOST}/hosts.toml");
    house.write(&file, "precious");
    let before = contents(house.folder());
    let options = "--folder out --ca edge/ca/ca.crt --write";
    config(&house, "containerd", options).assert_refused(&[&file, "says something else", "--force"]);
    assert!(contents(house.folder()) == before, "no file beside it either");
    assert_eq!(
        config(&house, "containerd", &format!("{options} --force")).code,
        Some(0)
    );
    let hosts = fs::read_to_string(house.path(&file)).unwrap();
    assert!(hosts.starts_with(&format!("server = \"https://{HOST}\"\n")), "{hosts}");
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let house = place();
    house.write("empty.pem", "");
    house.write("two", "one\ntwo\n");
    let before = contents(house.folder());
    for (words, parts) in [
        (
            "docker.io",
            &["HOST: `docker.io`", "expected ACCOUNT.dkr.ecr.REGION"][..],
        ),
        ("../../etc", &["HOST: `../../etc`", "expected ACCOUNT.dkr.ecr.REGION"]),
        (
            "--ca none.pem",
            &["--ca `none.pem`", "No such file", "certificates (PEM)"],
        ),
        (
            "--ca resources",
            &["--ca `resources`", "expected a file with certificates"],
        ),
        (
            "--ca empty.pem",
            &["--ca `empty.pem` holds no certificate", "expected one or more PEM"],
        ),
        ("--ca edge/proxy.key", &["--ca `edge/proxy.key` holds no certificate"]),
        (
            "--password-file none",
            &["--password-file `none`", "No such file", "expected one line"],
        ),
        ("--password-file two", &["--password-file `two`", "more than one line"]),
        (
            "--password-file -",
            &["--password-file `-` holds nothing", "a robot's token"],
        ),
    ] {
        for client in CLIENTS {
            config(&house, client, &format!("--folder out --write {words}")).assert_refused(parts);
        }
    }
    for url in [
        "http://images.example.com",
        "images.example.com",
        "https://a/b",
        "https://..",
        "https://",
    ] {
        let outcome = run(house.folder(), &["config", "podman", HOST, "--proxy", url]);
        outcome.assert_refused(&[&format!("--proxy: `{url}`"), "expected https://HOST[:PORT]"]);
    }
    config(&house, "podman", "public.ecr.aws --upstream prod").assert_refused(&["--upstream `prod`", "one HOST"]);
    assert!(contents(house.folder()) == before);
}

#[test]
fn a_place_that_cannot_be_written_is_no_fault_of_the_input() {
    let house = place();
    let outcome = config(&house, "podman", "--folder /proc/none --write");
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{outcome:#?}");
    outcome.assert_says(&["`/proc/none/registries.conf.d/", "cannot be written"]);
}
