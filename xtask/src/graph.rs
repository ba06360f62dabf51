//! The crates that are really built, and who uses whom.
//!
//! Read from `cargo tree`, not from the `resolve` of `cargo metadata`: that one also lists crates that only a weak
//! feature names (`ring?/alloc`) and that nobody builds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo;

/// All crates below some roots.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    packages: Vec<Package>,
    /// By index: who uses this package directly.
    users: Vec<BTreeSet<usize>>,
    roots: BTreeSet<usize>,
}

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Source,
    /// The licence expression of its manifest; empty where there is none.
    pub(crate) licence: String,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The registry of the Rust project.
    Registry,
    /// A folder of this machine: the packages of the workspace.
    Folder,
    Git(String),
    OtherRegistry(String),
}

impl Graph {
    /// The whole workspace, with what its tests and builds use, on any of the target triples.
    pub(crate) fn of_workspace(root: &Path, targets: &[String]) -> Result<Self> {
        let mut arguments = vec!["--workspace", "--edges", "normal,build,dev"];
        for target in targets {
            arguments.extend(["--target", target]);
        }
        Self::read(root, &arguments)
    }

    /// One package, with what it takes into the product on this machine.
    pub(crate) fn of_package(root: &Path, package: &str) -> Result<Self> {
        Self::read(root, &["--package", package, "--edges", "normal"])
    }

    fn read(root: &Path, arguments: &[&str]) -> Result<Self> {
        let mut words = vec![
            "tree",
            "--locked",
            "--prefix",
            "depth",
            "--charset",
            "ascii",
            "--format",
            "\t{p}\t{l}",
        ];
        words.extend(arguments);
        Self::parse(&cargo::output(root, &words)?)
    }

    /// Reads lines of the form `depth TAB name vVERSION [(proc-macro)] [(source)] TAB licence [(*)]`, where `(*)` says
    /// that what lies below was listed before.
    fn parse(text: &str) -> Result<Self> {
        let mut graph = Self::default();
        let mut known = BTreeMap::new();
        let mut branch: Vec<usize> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let unreadable = || format!("`cargo tree` wrote a line that cannot be read: {line}");
            let (depth, package) = parse_line(line).with_context(unreadable)?;
            let key = (package.name.clone(), package.version.clone());
            let index = *known.entry(key).or_insert(graph.packages.len());
            if index == graph.packages.len() {
                graph.packages.push(package);
                graph.users.push(BTreeSet::new());
            }
            branch.truncate(depth);
            match branch.last() {
                Some(&user) if branch.len() == depth => {
                    graph.users[index].insert(user);
                }
                None if depth == 0 => {
                    graph.roots.insert(index);
                }
                _ => anyhow::bail!(unreadable()),
            }
            branch.push(index);
        }
        Ok(graph)
    }

    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    /// The shortest way from a root to the package, both included.
    pub(crate) fn path_to(&self, package: &Package) -> Chain<'_> {
        let Some(start) = self.packages.iter().position(|other| other == package) else {
            return Chain(Vec::new());
        };
        // From the package upwards, so that following `next` leads back down to it.
        let mut next = BTreeMap::from([(start, None)]);
        let mut waiting = VecDeque::from([start]);
        while let Some(index) = waiting.pop_front() {
            if self.roots.contains(&index) {
                let steps = std::iter::successors(Some(index), |step| next.get(step).copied().flatten());
                return Chain(steps.map(|step| &self.packages[step]).collect());
            }
            for &user in &self.users[index] {
                next.entry(user).or_insert_with(|| {
                    waiting.push_back(user);
                    Some(index)
                });
            }
        }
        Chain(Vec::new())
    }
}

fn parse_line(line: &str) -> Option<(usize, Package)> {
    let mut fields = line.split('\t');
    let (depth, described, licence) = (fields.next()?, fields.next()?, fields.next()?);
    let (name, rest) = described.split_once(" v")?;
    let (version, notes) = rest.split_once(' ').unwrap_or((rest, ""));
    let notes = notes.strip_prefix("(proc-macro)").unwrap_or(notes).trim_start();
    let source = match notes.strip_prefix('(').and_then(|note| note.strip_suffix(')')) {
        Some(folder) if folder.starts_with('/') => Source::Folder,
        Some(registry) if registry.starts_with("registry ") => Source::OtherRegistry(registry.to_owned()),
        Some(git) => Source::Git(git.to_owned()),
        None if notes.is_empty() => Source::Registry,
        None => return None,
    };
    let licence = licence.strip_suffix("(*)").unwrap_or(licence).trim().to_owned();
    let package = Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source,
        licence,
    };
    Some((depth.parse().ok()?, package))
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Packages of which each uses the next.
#[derive(Debug)]
pub(crate) struct Chain<'a>(Vec<&'a Package>);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, package) in self.0.iter().enumerate() {
            write!(f, "{}{package}", if index == 0 { "" } else { " -> " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A graph from lines of `cargo tree`.
    pub(crate) fn graph(lines: &[&str]) -> Graph {
        Graph::parse(&lines.join("\n")).unwrap()
    }

    const TREE: &[&str] = &[
        "0\tone v0.1.0 (/w/one)\tApache-2.0",
        "1\tserde v1.0.1\tMIT OR Apache-2.0",
        "2\tserde_derive v1.0.1 (proc-macro)\tMIT OR Apache-2.0",
        "1\tring v0.17.0\t",
        "",
        "0\ttwo v0.1.0 (/w/two)\tApache-2.0",
        "1\tone v0.1.0 (/w/one)\tApache-2.0 (*)",
        "1\tring v0.16.0\tISC",
        "1\tforked v0.3.0 (https://git.example/forked?branch=main#0a1b2c3d)\tMIT",
        "1\tinner v0.3.0 (registry `inner`)\tMIT",
        "1\tmacros v0.3.0 (proc-macro) (/w/macros)\tMIT (*)",
    ];

    fn package<'a>(graph: &'a Graph, name: &str, version: &str) -> &'a Package {
        graph
            .packages()
            .find(|package| package.name == name && package.version == version)
            .unwrap()
    }

    #[test]
    fn each_version_of_a_crate_is_one_package() {
        let graph = graph(TREE);
        assert_eq!(graph.packages().count(), 9);
        assert_eq!(package(&graph, "serde_derive", "1.0.1").source, Source::Registry);
        assert_eq!(package(&graph, "ring", "0.17.0").licence, "");
        assert_eq!(package(&graph, "one", "0.1.0").licence, "Apache-2.0");
        assert_eq!(package(&graph, "macros", "0.3.0").source, Source::Folder);
        assert_eq!(
            package(&graph, "inner", "0.3.0").source,
            Source::OtherRegistry("registry `inner`".to_owned())
        );
        let git = "https://git.example/forked?branch=main#0a1b2c3d";
        assert_eq!(package(&graph, "forked", "0.3.0").source, Source::Git(git.to_owned()));
    }

    #[test]
    fn the_way_to_a_package_is_the_shortest() {
        let graph = graph(&[
            "0\troot v0.1.0 (/w/root)\tMIT",
            "1\tfar v1.0.0\tMIT",
            "2\tmiddle v1.0.0\tMIT",
            "3\twanted v1.0.0\tMIT",
            "1\tnear v1.0.0\tMIT",
            "2\twanted v1.0.0\tMIT (*)",
        ]);
        let wanted = package(&graph, "wanted", "1.0.0");
        assert_eq!(
            graph.path_to(wanted).to_string(),
            "root 0.1.0 -> near 1.0.0 -> wanted 1.0.0"
        );
    }

    #[test]
    fn lines_of_another_form_are_refused() {
        for line in [
            "serde v1.0.1",
            "x\tserde v1.0.1\tMIT",
            "0\tserde\tMIT",
            "0\tserde v1.0.1 what\tMIT",
        ] {
            let error = Graph::parse(line).unwrap_err().to_string();
            assert_eq!(error, format!("`cargo tree` wrote a line that cannot be read: {line}"));
        }
        // Two levels down at once: the line between them is missing.
        assert!(Graph::parse("0\ta v1.0.0\tMIT\n2\tb v1.0.0\tMIT").is_err());
    }
}
