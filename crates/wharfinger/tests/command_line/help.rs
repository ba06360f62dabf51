//! What the program says about itself.

use crate::program::{Outcome, run};

fn told(args: &[&str]) -> Outcome {
    run(tempfile::tempdir().unwrap().path(), args)
}

#[test]
fn the_version_is_told() {
    for option in ["--version", "-V"] {
        let outcome = told(&[option]);
        assert_eq!(outcome.code, Some(0));
        assert_eq!(outcome.out, concat!("wharfinger ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    for command in ["serve", "pull", "robot", "demo"] {
        let outcome = told(&[command, "--version"]);
        assert_eq!(outcome.code, Some(0));
        assert!(
            outcome.out.trim().ends_with(env!("CARGO_PKG_VERSION")),
            "{}",
            outcome.out
        );
    }
}

#[test]
fn help_names_every_command() {
    let outcome = told(&["--help"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    for command in COMMANDS {
        assert!(
            outcome.out.contains(&format!("\n  {command} ")),
            "{command}: {}",
            outcome.out
        );
    }
}

#[test]
fn help_of_a_command_shows_how_it_is_used() {
    for (command, example) in [
        (&["serve"][..], "public_url = \"https://images.example.com\""),
        (&["pull"], "wharfinger pull --proxy https://images.example.com"),
        (&["credential", "get"], "ln -s"),
        (&["robot", "new"], "wharfinger robot new acme/ci --output"),
        (
            &["config", "containerd"],
            "[plugins.\"io.containerd.cri.v1.images\".registry]",
        ),
        (
            &["config", "containerd"],
            "[plugins.\"io.containerd.grpc.v1.cri\".registry]",
        ),
        (&["config", "podman"], "--password-file - --write < robot.token"),
        (&["config", "docker"], "docker pull images.example.com/prod/team/app:1"),
        (&["cache", "list"], "jq -s"),
        (&["cache", "prune"], "--older-than 30d"),
        (&["cache", "verify"], "--rate 50MiB"),
        (&["cache", "pin"], "# lists what is pinned"),
        (&["cache", "warm"], "wharfinger cache warm --platform linux/amd64"),
        (&["demo"], "--once"),
        (&["completions"], "<SHELL>"),
    ] {
        let outcome = told(&[command, &["--help"]].concat());
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{command:?}");
        assert!(
            outcome
                .out
                .contains(&format!("Usage: wharfinger {}", command.join(" "))),
            "{}",
            outcome.out
        );
        assert!(outcome.out.contains(example), "{command:?}: {}", outcome.out);
    }
}

#[test]
fn the_configuration_in_the_help_is_one_that_is_read() {
    let house = crate::house::House::new();
    let help = told(&["serve", "--help"]).out;
    let (_, text) = help.split_once("A configuration:\n").unwrap();
    let (text, _) = text.split_once("\n\n").unwrap();
    // It is read as a whole: what is missing on this machine is the certificate that it names.
    house.assert_text_refused(
        text,
        &["listen.certificate: ", "/etc/wharfinger/tls.crt", "No such file"],
    );
}

#[test]
fn a_word_that_is_no_command_is_refused() {
    for args in [
        &["sevre"][..],
        &["--nope"],
        &["robot", "old"],
        &["serve"],
        &["pull"],
        &[],
    ] {
        let outcome = told(args);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""), "{args:?}");
        outcome.assert_says(&["Usage: wharfinger"]);
    }
}

#[test]
fn completions_know_the_commands() {
    for (shell, sign) in [
        ("bash", "complete -F _wharfinger"),
        ("zsh", "#compdef wharfinger"),
        ("fish", "complete -c wharfinger"),
    ] {
        let outcome = told(&["completions", shell]);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{shell}");
        assert!(outcome.out.contains(sign), "{shell}: {sign} is missing");
        for word in COMMANDS.iter().chain(&["new", "containerd", "proxy"]) {
            assert!(outcome.out.contains(word), "{shell}: {word} is missing");
        }
    }
    let outcome = told(&["completions", "csh"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""));
    outcome.assert_says(&["'csh'", "bash", "zsh", "fish"]);
}

const COMMANDS: [&str; 8] = [
    "demo",
    "cache",
    "credential",
    "serve",
    "pull",
    "robot",
    "config",
    "completions",
];
