//! The documentation says what is true.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let mut code = String::new();
    sources(&root().join("crates"), &mut code);
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut count = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in tests.split('`').skip(1).step_by(2) {
            assert!(
                code.contains(&format!("fn {name}(")),
                "{name} is named in docs/security.md and is not there"
            );
            count += 1;
        }
    }
    assert!(count > 30, "the page was read: {count} names");
}

#[test]
fn every_page_that_is_linked_to_exists() {
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/serving.md",
        "docs/clients.md",
        "docs/cache.md",
        "docs/credentials.md",
        "docs/security.md",
        "docs/policies.md",
        "docs/rehearsal.md",
        "docs/simulated-aws.md",
        "docs/performance.md",
    ] {
        let path = root().join(page);
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            if !link.is_empty() && !link.contains("://") {
                assert!(path.parent().unwrap().join(link).exists(), "{page} links to {link}");
            }
        }
    }
}

#[test]
fn the_crates_of_the_workspace_are_those_of_the_architecture_page() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let picture = page.split("```").nth(1).unwrap();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            picture.split_whitespace().any(|word| word == name),
            "{name} is not in the picture of the rooms"
        );
    }
}

/// The commands of the quick start up to `serve`, run as they stand; only the address is moved to the loopback network,
/// because a test may not take port 443.
#[test]
fn the_quick_start_makes_an_installation_that_starts() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("## Use it with AWS").nth(1).unwrap();
    let commands: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(commands.len() < 10, "under ten lines");
    let setup = commands
        .iter()
        .take_while(|command| !command.contains("wharfinger serve"))
        .copied();
    let script = setup
        .collect::<Vec<_>>()
        .join("\n")
        .replace("0.0.0.0:443", "127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let edge = wharfinger::demo::Edge::create(folder.path(), &["localhost"]).unwrap();
    fs::rename(edge.certificate, folder.path().join("tls.crt")).unwrap();
    fs::rename(edge.key, folder.path().join("tls.key")).unwrap();

    let program = Path::new(env!("CARGO_BIN_EXE_wharfinger"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let made = Command::new("sh")
        .args(["-eu", "-c", &script])
        .env("PATH", path)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(
        String::from_utf8(made.stdout).unwrap().starts_with("whr_"),
        "the client's password is printed"
    );

    let mut server = Command::new(program)
        .args(["serve", "--config", "wharfinger.toml"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    server.kill().unwrap();
    let log = std::io::read_to_string(server.stderr.take().unwrap()).unwrap();
    server.wait().unwrap();
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}{log}");
    assert!(log.contains("teams=1 upstreams=1 robots=1"), "{log}");
}
