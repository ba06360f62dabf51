//! What the user asks for.

use std::ffi::OsString;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::fuzz::Fuzz;
use crate::parts::{PARTS, Part};
use crate::plan::Plan;
use crate::pull::Options;
use crate::soak;

/// A verb with its options.
#[derive(Debug, PartialEq)]
pub(crate) enum Verb {
    Help,
    TestHelp,
    Run(Plan),
    Fuzz(Fuzz),
    Bench(String),
    BenchPull(Options),
    BenchPullHelp,
    Soak(soak::Options),
    SoakHelp,
}

/// Reads the words after the program's name. No words at all ask for help.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Verb> {
    let mut words = lexopt::Parser::from_args(words);
    let verb = match words.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Verb::Help),
        Some(Value(verb)) => verb.string()?,
        Some(option) => return Err(option.unexpected().into()),
    };
    match verb.as_str() {
        "help" => Ok(Verb::Help),
        "test" => test(words),
        "check" => match words.next()? {
            None => Ok(Verb::Run(Plan {
                parts: names(|part| part.quick),
                keep_going: false,
            })),
            Some(word) => Err(word.unexpected().into()),
        },
        "fuzz" => fuzz(words),
        "bench" => bench(words),
        "soak" => soak_of(words),
        other => bail!("`{other}` is no verb; `cargo xtask` lists them"),
    }
}

/// The verbs, one line each.
pub(crate) fn verbs() -> String {
    "cargo xtask VERB\n\n\
     test     every test; `cargo xtask test --help` lists its parts\n\
     check    the quick parts of the tests, which compile nothing\n\
     fuzz     TARGET [--minutes N]: looks for input that nothing was prepared for, for 10 minutes; policy, question, request, call\n\
     bench    NAME: measures what docs/performance.md tells; policies, pull or sim\n\
     soak     [--minutes N] [--seed S]: pulls while everything goes wrong, for 10 minutes; its `--help` says what\n\
     help     this list\n"
        .to_owned()
}

/// The options of `test`, and its parts.
pub(crate) fn test_usage(parts: &[Part]) -> String {
    let mut text = "cargo xtask test [OPTIONS]\n\n\
                    --only PART     this part alone; can be repeated\n\
                    --skip PART     not this part; can be repeated\n\
                    --keep-going    run the slow parts although an earlier part has failed\n\n\
                    Parts, in their order:\n"
        .to_owned();
    for part in parts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<15} {}", part.name, part.about);
    }
    text
}

/// The options of `bench pull`, and its measures.
pub(crate) fn bench_pull_usage() -> String {
    let default = Options::default();
    format!(
        "cargo xtask bench pull [OPTIONS]\n\n\
         --only MEASURE  this measure alone; can be repeated\n\
         --rounds N      how often each server has its turn; {}\n\
         --seconds S     how long a turn is, where a measure is not about one download; {}\n\
         --skip-peers    measures nobody but ourselves, and writes nothing\n\
         --dry           leaves docs/performance.md as it is\n\n\
         Measures, in their order:\n{}",
        default.rounds,
        default.seconds,
        crate::pull::list()
    )
}

/// The options of `soak`.
pub(crate) fn soak_usage() -> String {
    "cargo xtask soak [OPTIONS]\n\n\
     Many clients of several teams pull through `wharfinger serve` from a simulated AWS, while faults come and go,\n\
     permissions are taken and given back, cached files are damaged, and the server is ended and killed. Whatever\n\
     arrives as complete has to be right, and when the faults have ended everything has to come again.\n\n\
     --minutes N     how long; 10\n\
     --seed S        what everything drawn depends on, to repeat it; by default another each time\n\
     --program PATH  this `wharfinger`, in place of one that is built optimized\n"
        .to_owned()
}

fn test(mut words: lexopt::Parser) -> Result<Verb> {
    let (mut only, mut skip, mut keep_going) = (Vec::new(), Vec::new(), false);
    while let Some(word) = words.next()? {
        match word {
            Short('h') | Long("help") => return Ok(Verb::TestHelp),
            Long("only") => only.push(part_name(&words.value()?.string()?).context("--only")?),
            Long("skip") => skip.push(part_name(&words.value()?.string()?).context("--skip")?),
            Long("keep-going") => keep_going = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let parts = names(|part| (only.is_empty() || only.contains(&part.name)) && !skip.contains(&part.name));
    if parts.is_empty() {
        bail!("--only and --skip together leave nothing to run");
    }
    Ok(Verb::Run(Plan { parts, keep_going }))
}

fn fuzz(mut words: lexopt::Parser) -> Result<Verb> {
    let (mut target, mut minutes) = (None, 10);
    while let Some(word) = words.next()? {
        match word {
            Long("minutes") => minutes = words.value()?.parse().context("--minutes")?,
            Value(name) if target.is_none() => target = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if minutes == 0 {
        bail!("--minutes: expected: at least 1");
    }
    let target = target.context("which target? `cargo xtask fuzz TARGET`; the targets lie in crates/*/fuzz")?;
    Ok(Verb::Fuzz(Fuzz { target, minutes }))
}

fn soak_of(mut words: lexopt::Parser) -> Result<Verb> {
    let mut options = soak::Options::default();
    while let Some(word) = words.next()? {
        match word {
            Short('h') | Long("help") => return Ok(Verb::SoakHelp),
            Long("minutes") => options.minutes = words.value()?.parse().context("--minutes")?,
            Long("seed") => options.seed = Some(words.value()?.parse().context("--seed")?),
            Long("program") => options.program = Some(words.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.minutes == 0 {
        bail!("--minutes: expected: at least 1");
    }
    Ok(Verb::Soak(options))
}

fn bench(mut words: lexopt::Parser) -> Result<Verb> {
    let name = match words.next()? {
        Some(Value(name)) => name.string()?,
        _ => bail!("which benchmark? `cargo xtask bench sim`, for one"),
    };
    if name == "pull" {
        return bench_pull(words);
    }
    match words.next()? {
        None => Ok(Verb::Bench(name)),
        Some(word) => Err(word.unexpected().into()),
    }
}

fn bench_pull(mut words: lexopt::Parser) -> Result<Verb> {
    let mut options = Options::default();
    while let Some(word) = words.next()? {
        match word {
            Short('h') | Long("help") => return Ok(Verb::BenchPullHelp),
            Long("only") => options.only.push(words.value()?.string()?),
            Long("rounds") => options.rounds = words.value()?.parse().context("--rounds")?,
            Long("seconds") => options.seconds = words.value()?.parse().context("--seconds")?,
            Long("skip-peers") => options.skip_peers = true,
            Long("dry") => options.dry = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.rounds == 0 || !(0.1..=3600.0).contains(&options.seconds) {
        bail!("--rounds and --seconds: expected: at least 1, and 0.1 to 3600");
    }
    Ok(Verb::BenchPull(options))
}

fn part_name(word: &str) -> Result<&'static str> {
    match PARTS.iter().find(|part| part.name == word) {
        Some(part) => Ok(part.name),
        None => bail!(
            "`{word}` is no part of the tests; the parts are {}",
            names(|_| true).join(", ")
        ),
    }
}

fn names(selected: impl Fn(&Part) -> bool) -> Vec<&'static str> {
    PARTS
        .iter()
        .filter(|part| selected(part))
        .map(|part| part.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(words: &[&str]) -> Result<Verb> {
        parse(words.iter().map(OsString::from))
    }

    fn error(words: &[&str]) -> String {
        format!("{:#}", verb(words).unwrap_err())
    }

    #[test]
    fn without_a_verb_the_verbs_are_listed() {
        assert_eq!(verb(&[]).unwrap(), Verb::Help);
        for line in ["test ", "check ", "fuzz ", "soak ", "help "] {
            assert!(verbs().lines().any(|listed| listed.starts_with(line)), "{line}");
        }
    }

    #[test]
    fn parts_are_selected_by_name() {
        let plan = |words: &[&str]| match verb(words).unwrap() {
            Verb::Run(plan) => plan,
            other => panic!("{other:?}"),
        };
        assert_eq!(plan(&["test"]).parts.len(), PARTS.len());
        assert_eq!(
            plan(&["test", "--only", "tests", "--only=format"]).parts,
            ["format", "tests"]
        );
        assert!(!plan(&["test", "--skip", "clippy"]).parts.contains(&"clippy"));
        assert!(plan(&["test", "--keep-going"]).keep_going);
        assert_eq!(plan(&["check"]).parts, ["format", "dependencies", "arrows"]);
    }

    #[test]
    fn a_target_is_fuzzed_for_some_minutes() {
        let target = "policy".to_owned();
        let fuzz = |minutes| {
            let target = target.clone();
            Verb::Fuzz(Fuzz { target, minutes })
        };
        assert_eq!(verb(&["fuzz", "policy"]).unwrap(), fuzz(10));
        assert_eq!(verb(&["fuzz", "policy", "--minutes", "3"]).unwrap(), fuzz(3));
        assert!(error(&["fuzz"]).starts_with("which target?"));
        assert!(error(&["fuzz", "policy", "--minutes", "x"]).starts_with("--minutes: "));
        assert_eq!(
            error(&["fuzz", "policy", "--minutes=0"]),
            "--minutes: expected: at least 1"
        );
        assert!(error(&["fuzz", "a", "b"]).contains("unexpected argument"));
    }

    #[test]
    fn pulls_are_measured_in_rounds() {
        let options = Options {
            only: vec!["manifests".to_owned()],
            rounds: 2,
            seconds: 0.5,
            ..Options::default()
        };
        let words = ["bench", "pull", "--only", "manifests", "--rounds=2", "--seconds", "0.5"];
        assert_eq!(verb(&words).unwrap(), Verb::BenchPull(options));
        assert!(error(&["bench", "pull", "--rounds", "0"]).starts_with("--rounds and --seconds: "));
        assert_eq!(verb(&["bench", "pull", "--help"]).unwrap(), Verb::BenchPullHelp);
        assert!(bench_pull_usage().contains("\n--rounds N "));
    }

    #[test]
    fn a_soak_is_repeated_by_its_seed() {
        let options = soak::Options {
            minutes: 3,
            seed: Some(7),
            program: Some("w".into()),
        };
        let words = ["soak", "--minutes", "3", "--seed=7", "--program", "w"];
        assert_eq!(verb(&words).unwrap(), Verb::Soak(options));
        assert_eq!(verb(&["soak"]).unwrap(), Verb::Soak(soak::Options::default()));
        assert_eq!(error(&["soak", "--minutes=0"]), "--minutes: expected: at least 1");
        assert!(error(&["soak", "--seed", "x"]).starts_with("--seed: "));
        assert_eq!(verb(&["soak", "-h"]).unwrap(), Verb::SoakHelp);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(error(&["tset"]), "`tset` is no verb; `cargo xtask` lists them");
        assert_eq!(
            error(&["test", "--only", "fmt"]),
            "--only: `fmt` is no part of the tests; the parts are \
             format, dependencies, arrows, clippy, packages, python, tests, documentation"
        );
        assert_eq!(
            error(&["test", "--only", "tests", "--skip", "tests"]),
            "--only and --skip together leave nothing to run"
        );
        assert_eq!(error(&["check", "--only", "format"]), "invalid option '--only'");
        assert_eq!(error(&["test", "--only"]), "missing argument for option '--only'");
    }

    #[test]
    fn help_lists_every_part() {
        let usage = test_usage(PARTS);
        for part in PARTS {
            assert!(
                usage.contains(&format!("\n{:<15} {}\n", part.name, part.about)),
                "{}",
                part.name
            );
        }
    }
}
