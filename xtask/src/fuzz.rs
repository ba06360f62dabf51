//! Fuzzing: of the language of AWS policies, of requests at the registry, and of the simulated AWS as a whole.
//!
//! libFuzzer through cargo-fuzz, without a sanitizer: that is what the stable toolchain can do. The code under test has
//! no `unsafe`, so what a sanitizer would find beyond panics are faults of the compiler.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::children::Children;

/// Where targets lie, below the workspace's root.
const FOLDERS: [&str; 3] = ["crates/iam/fuzz", "crates/gateway/fuzz", "crates/sim/fuzz"];

/// The version of cargo-fuzz that is installed.
const CARGO_FUZZ: &str = "0.13.2";

/// A run of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fuzz {
    /// The name of the target.
    pub(crate) target: String,
    /// How long to look for findings.
    pub(crate) minutes: u32,
}

impl Fuzz {
    /// Runs to the end of its time, or to the first finding, which is an error.
    ///
    /// What was learned stays in `corpus/TARGET`, beside the seeds that are a part of the repository; a finding is kept
    /// in `artifacts/TARGET`.
    pub(crate) fn run(&self, root: &Path, children: &Children) -> Result<()> {
        let Some(folder) = self.folder(root)? else {
            bail!(
                "`{}` is no fuzz target; there are {}",
                self.target,
                all_targets(root)?.join(", ")
            );
        };
        let tools = root.join("target/tools");
        install(root, &tools, children)?;
        std::fs::create_dir_all(folder.join("corpus").join(&self.target)).context("the corpus cannot be made")?;
        let mut command = std::process::Command::new(tools.join("bin/cargo-fuzz"));
        command.current_dir(&folder).args(self.arguments());
        children.run(&mut command)
    }

    /// Where the target lies.
    fn folder(&self, root: &Path) -> Result<Option<PathBuf>> {
        for folder in FOLDERS.map(|folder| root.join(folder)) {
            if targets(&folder)?.contains(&self.target) {
                return Ok(Some(folder));
            }
        }
        Ok(None)
    }

    fn arguments(&self) -> Vec<String> {
        let target = &self.target;
        let ours = ["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", "none", target].map(str::to_owned);
        let folders = [format!("corpus/{target}"), format!("seeds/{target}")];
        let libfuzzer = [
            "--".to_owned(),
            "-dict=tokens.dict".to_owned(),
            format!("-max_total_time={}", u64::from(self.minutes) * 60),
            "-timeout=10".to_owned(),
            "-max_len=16384".to_owned(),
            "-print_final_stats=1".to_owned(),
        ];
        ours.into_iter().chain(folders).chain(libfuzzer).collect()
    }
}

fn all_targets(root: &Path) -> Result<Vec<String>> {
    let targets = FOLDERS.map(|folder| targets(&root.join(folder)));
    let targets = targets.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(targets.concat())
}

/// The targets by their files, sorted.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path: PathBuf = entry
            .with_context(|| format!("{} cannot be read", folder.display()))?
            .path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Installs cargo-fuzz beside what is built, once.
fn install(root: &Path, tools: &Path, children: &Children) -> Result<()> {
    if tools.join("bin/cargo-fuzz").exists() {
        return Ok(());
    }
    println!("installing cargo-fuzz {CARGO_FUZZ}");
    let arguments = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root"];
    children.run(cargo::command(root, &arguments).arg(tools))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn every_target_has_seeds_and_is_declared() {
        assert_eq!(all_targets(root()).unwrap(), ["policy", "question", "request", "call"]);
        for folder in FOLDERS.map(|folder| root().join(folder)) {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            for target in targets(&folder).unwrap() {
                let seeds = std::fs::read_dir(folder.join("seeds").join(&target)).unwrap();
                assert!(seeds.count() > 3, "{target}");
                assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")));
            }
            assert!(folder.join("tokens.dict").exists());
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_refused_before_anything_is_installed() {
        let fuzz = Fuzz {
            target: "policies".to_owned(),
            minutes: 1,
        };
        let error = fuzz.run(root(), &Children::new().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`policies` is no fuzz target; there are policy, question, request, call"
        );
    }

    #[test]
    fn minutes_become_seconds() {
        let fuzz = Fuzz {
            target: "policy".to_owned(),
            minutes: 10,
        };
        let arguments = fuzz.arguments();
        assert!(arguments.contains(&"-max_total_time=600".to_owned()));
        assert!(arguments.contains(&"seeds/policy".to_owned()));
    }
}
