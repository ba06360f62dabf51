//! Somebody looks at the demo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::child::Running;
use crate::home::{Home, require, run};
use crate::podman;

#[test]
fn the_demo_tells_its_steps_in_order_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let (status, lines) = Running::start(&mut demo(place.path())).end();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let told = lines.join("\n");

    let headings: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    assert_eq!(headings, STEPS, "{told}");
    let steps: Vec<_> = lines.split(|line| STEPS.contains(&line.as_str())).skip(1).collect();
    for (step, expected) in steps.iter().zip(CONTENT) {
        for text in expected {
            assert!(
                step.iter().any(|line| line.contains(text)),
                "{text} is not in {step:#?}"
            );
        }
    }
    // The seventh step is the reader's, at a terminal. Elsewhere there is the end, and nothing of it stays.
    assert_eq!(left_behind(place.path()), NOTHING);
}

#[test]
fn the_demo_can_be_interrupted_at_any_step() {
    for step in &STEPS[..4] {
        // A demo that ended before the signal came was not interrupted; one that does not mind signals always ends so.
        let is_interrupted = (0..10).any(|_| interrupted_at(step));
        assert!(is_interrupted, "{step}: the demo goes on after Ctrl-C");
    }
}

/// Interrupts a demo when it has come to this step. False where it went through to its end all the same.
fn interrupted_at(step: &str) -> bool {
    let place = tempfile::tempdir().unwrap();
    let mut demo = Running::start(&mut demo(place.path()));
    demo.line(step);
    demo.signal(Signal::INT);
    let (status, lines) = demo.end();
    assert!(matches!(status.code(), Some(130 | 0)), "{step}: {status}, {lines:#?}");
    assert_eq!(left_behind(place.path()), NOTHING, "{step}");
    status.code() == Some(130)
}

#[test]
fn at_a_terminal_the_demo_stays_and_its_commands_can_be_pasted() {
    require("script");
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new("script");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("TMPDIR", place.path())
        .env("TERM", "dumb")
        .current_dir(place.path());
    command.args([
        "--quiet",
        "--return",
        "--command",
        concat!("exec ", env!("CARGO_BIN_EXE_wharfinger"), " demo"),
        "/dev/null",
    ]);
    let mut demo = Running::start(command.stdin(Stdio::piped()));

    demo.line("7. Your turn");
    let [skopeo, podman, wharfinger] =
        ["skopeo", "podman", "WHARFINGER_TOKEN="].map(|first| format!("{first}{}", demo.line(first)));
    let ca = skopeo.split_whitespace().nth(3).expect("--src-cert-dir has a folder");
    let ca = Path::new(ca).join("ca.crt");
    let home = Home::new(&ca);
    let program = Path::new(env!("CARGO_BIN_EXE_wharfinger")).parent().unwrap();
    let wharfinger = format!("PATH={}:$PATH; {wharfinger}", program.display());
    for line in [skopeo, wharfinger] {
        run(home.bounded("sh").args(["-c", &line])).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    podman::paste(&ca, &podman).unwrap_or_else(|error| panic!("{podman}: {error}"));

    demo.types(CTRL_C);
    let (status, lines) = demo.end();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    assert_eq!(left_behind(place.path()), NOTHING);
}

/// The demo in a place of its own, with everything there that a program may write to.
fn demo(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command
        .env_clear()
        .env("TMPDIR", place)
        .env("HOME", place)
        .current_dir(place);
    command.args(["demo", "--once"]).stdin(Stdio::null());
    command
}

/// All files and folders below this one.
fn left_behind(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let below = if path.is_dir() { left_behind(&path) } else { Vec::new() };
            std::iter::once(path).chain(below)
        })
        .collect()
}

const NOTHING: [PathBuf; 0] = [];

/// What the terminal makes an interruption of.
const CTRL_C: &str = "\x03";

const STEPS: [&str; 6] = [
    "1. A simulated AWS comes up",
    "2. Wharfinger comes up: registry and OpenID Connect issuer",
    "3. AWS learns to trust it, by documents that Wharfinger generated",
    "4. The first pull",
    "5. The second pull comes from the cache",
    "6. Somebody breaks the trust policy",
];

/// What is told in each step, beside much else.
const CONTENT: [&[&str]; 6] = [
    &[
        "111122223333.dkr.ecr.us-east-1.amazonaws.com",
        "team/app:1 is pushed: 5 layers",
    ],
    &["the issuer is https://images.wharfinger.example"],
    &[
        "identity provider arn:aws:iam::444455556666:oidc-provider/",
        "sts:AssumeRoleWithWebIdentity",
    ],
    &[
        "\"sub\": \"acme\"",
        "assumed-role/wharfinger-pull/",
        "200 s3:GetObject",
        "every digest verified",
    ],
    &["every digest verified", "AWS got 0 requests"],
    &[
        "tried   sts:AssumeRoleWithWebIdentity",
        "said    AccessDenied",
        "fix     in the account 444455556666",
        "the fix is applied",
    ],
];
