//! The parts that `cargo xtask test` is made of.

use std::path::PathBuf;

use anyhow::Result;

use crate::children::Children;
use crate::{arrows, cargo, dependencies, packages, python};

/// One part of the test run.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it is called on the command line and in the table.
    pub(crate) name: &'static str,
    /// What it makes sure of, in a few words.
    pub(crate) about: &'static str,
    /// Takes seconds and compiles nothing.
    pub(crate) quick: bool,
    pub(crate) run: fn(&Workplace) -> Result<()>,
}

/// Where the parts work, and with what.
#[derive(Debug)]
pub(crate) struct Workplace {
    /// The root of the workspace.
    pub(crate) root: PathBuf,
    pub(crate) children: Children,
}

/// In the order in which they run.
pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "format",
        about: "cargo fmt --check",
        quick: true,
        run: format,
    },
    Part {
        name: "dependencies",
        about: "banned crates, licences and sources, by deny.toml",
        quick: true,
        run: dependencies::check,
    },
    Part {
        name: "arrows",
        about: "which room of the workspace may use which",
        quick: true,
        run: arrows::check,
    },
    Part {
        name: "clippy",
        about: "cargo clippy, warnings are errors",
        quick: false,
        run: clippy,
    },
    Part {
        name: "packages",
        about: "programs that the end-to-end tests drive",
        quick: false,
        run: packages::provide,
    },
    Part {
        name: "python",
        about: "the AWS command line and boto3, which the tests drive",
        quick: false,
        run: python::provide,
    },
    Part {
        name: "tests",
        about: "unit, integration, end-to-end and documentation tests",
        quick: false,
        run: tests,
    },
    Part {
        name: "documentation",
        about: "cargo doc, warnings are errors",
        quick: false,
        run: documentation,
    },
];

impl Workplace {
    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        self.children.run(&mut cargo::command(&self.root, arguments))
    }
}

fn format(workplace: &Workplace) -> Result<()> {
    workplace.cargo(&["fmt", "--all", "--check"])
}

fn clippy(workplace: &Workplace) -> Result<()> {
    workplace.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ])
}

fn tests(workplace: &Workplace) -> Result<()> {
    workplace.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
}

fn documentation(workplace: &Workplace) -> Result<()> {
    let mut command = cargo::command(&workplace.root, &["doc", "--workspace", "--no-deps", "--locked"]);
    workplace.children.run(command.env("RUSTDOCFLAGS", "-D warnings"))
}
