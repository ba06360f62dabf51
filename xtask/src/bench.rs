//! Benchmarks: what the tables of docs/performance.md are made from.

use std::path::Path;

use anyhow::{Result, bail};

use crate::cargo;
use crate::children::Children;

/// A benchmark, and how cargo runs it.
#[derive(Debug)]
struct Bench {
    name: &'static str,
    about: &'static str,
    arguments: &'static [&'static str],
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "policies",
        about: "how long decisions by policies take",
        arguments: &["bench", "--package", "wharfinger-iam", "--bench", "evaluation"],
    },
    Bench {
        name: "cache",
        about: "what a crawl does to the hot set, and what the cache's index costs",
        arguments: &["bench", "--package", "wharfinger-content", "--bench", "eviction"],
    },
    Bench {
        name: "sim",
        about: "how many calls the simulated AWS answers",
        arguments: &["bench", "--package", "wharfinger-sim", "--bench", "load"],
    },
];

/// Runs one benchmark, optimized, and prints what it measured.
pub(crate) fn run(name: &str, root: &Path, children: &Children) -> Result<()> {
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        bail!("`{name}` is no benchmark; there are:\n{}", list());
    };
    children.run(&mut cargo::command(root, bench.arguments))
}

/// The benchmarks, one a line.
fn list() -> String {
    let all = BENCHES.iter().map(|bench| (bench.name, bench.about));
    // It is carried out here, in `pull`, and not by cargo.
    let all = all.chain([(
        "pull",
        "how pulls compare with those through others; `--help` lists its measures",
    )]);
    let lines = all.map(|(name, about)| format!("{name:<15} {about}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_that_is_not_there_is_refused_with_those_that_are() {
        let error = run("pull-up", Path::new("."), &Children::new().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("`pull-up` is no benchmark; there are:\npolicies "),
            "{error}"
        );
    }

    #[test]
    fn every_benchmark_is_declared_by_its_package() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for bench in BENCHES {
            let [_, _, package, _, target] = bench.arguments else {
                panic!("{bench:?}")
            };
            let folder = package.strip_prefix("wharfinger-").unwrap();
            let manifest = std::fs::read_to_string(root.join("crates").join(folder).join("Cargo.toml")).unwrap();
            assert!(
                manifest.contains(&format!("[[bench]]\nname = \"{target}\"")),
                "{target}"
            );
        }
    }
}
