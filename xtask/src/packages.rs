//! The programs that the end-to-end tests and the benchmarks drive, from the system's packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::children::Children;
use crate::parts::Workplace;

/// A program, and the Debian package that it comes from.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    name: &'static str,
    /// As in a package's field `Depends`: alternatives and versions are for the releases of Debian.
    package: &'static str,
    /// Arguments with which it must succeed, where its name alone does not tell that all of it is there.
    trial: &'static [&'static str],
}

const NEEDED: &[Program] = &[
    Program {
        name: "openssl",
        package: "openssl",
        trial: &[],
    },
    Program {
        name: "skopeo",
        package: "skopeo",
        trial: &[],
    },
    Program {
        name: "podman",
        package: "podman",
        trial: &[],
    },
    Program {
        name: "buildah",
        package: "buildah",
        trial: &[],
    },
    Program {
        name: "containerd",
        package: "containerd",
        trial: &[],
    },
    Program {
        name: "ctr",
        package: "containerd",
        trial: &[],
    },
    Program {
        name: "dockerd",
        package: "docker.io",
        trial: &[],
    },
    Program {
        name: "docker",
        // The command has left the engine's package in Debian 13.
        package: "docker-cli | docker.io (<< 26.1)",
        trial: &[],
    },
    Program {
        name: "python3",
        package: "python3-venv",
        // Debian has the interpreter without what makes environments, which then fails half-way.
        trial: &["-c", "import ensurepip, venv"],
    },
];

/// What pulls are measured with, and by.
const BENCH: &[Program] = &[
    Program {
        name: "curl",
        package: "curl",
        trial: &[],
    },
    Program {
        name: "openssl",
        package: "openssl",
        trial: &[],
    },
    Program {
        name: "skopeo",
        package: "skopeo",
        trial: &[],
    },
];

/// Beside whom we are measured.
const PEERS: &[Program] = &[
    Program {
        name: "nginx",
        package: "nginx-core",
        trial: &[],
    },
    Program {
        name: "docker-registry",
        package: "docker-registry",
        trial: &[],
    },
];

/// Folders that hold programs and that the search path of an ordinary user leaves out.
const MORE_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Provides what the tests drive: installs what is missing, as root; says what is missing, as anybody else.
pub(crate) fn provide(workplace: &Workplace) -> Result<()> {
    provide_programs(&workplace.children, NEEDED)
}

/// The same for measuring pulls, alone or beside others.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "pulls are measured on Linux alone")
)]
pub(crate) fn provide_for_bench(children: &Children, alone: bool) -> Result<()> {
    provide_programs(children, BENCH)?;
    if !alone {
        provide_programs(children, PEERS)?;
    }
    Ok(())
}

fn provide_programs(children: &Children, needed: &[Program]) -> Result<()> {
    let missing = missing(needed, &folders());
    let Some(packages) = packages(&missing) else {
        println!("{}: all there", names(needed));
        return Ok(());
    };
    let root = rustix::process::geteuid().is_root();
    if !root || !is_there("apt-get", &folders()) {
        bail!(
            "missing: {}. They come from these packages: `apt-get satisfy --no-install-recommends '{packages}'` as root, on Debian",
            names(missing),
        );
    }
    println!("missing: {}; installing {packages}", names(missing));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["--quiet", "--yes"])
            .args(arguments);
        children.run(&mut command)
    };
    apt(&["update"])?;
    apt(&["satisfy", "--no-install-recommends", &packages])?;
    match self::missing(needed, &folders()).as_slice() {
        [] => Ok(()),
        still => bail!(
            "the packages are installed, and still missing: {}",
            names(still.iter().copied())
        ),
    }
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_FOLDERS.map(PathBuf::from))
        .collect()
}

fn missing<'a>(needed: &'a [Program], folders: &[PathBuf]) -> Vec<&'a Program> {
    needed
        .iter()
        .filter(|program| !is_there(program.name, folders) || !succeeds(program))
        .collect()
}

fn is_there(program: &str, folders: &[PathBuf]) -> bool {
    folders
        .iter()
        .map(|folder| folder.join(program))
        .any(|file| is_program(&file))
}

fn succeeds(program: &Program) -> bool {
    let mut command = Command::new(program.name);
    let quiet = command.args(program.trial).stdin(Stdio::null()).stderr(Stdio::null());
    program.trial.is_empty() || quiet.status().is_ok_and(|status| status.success())
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The packages of the programs, each once, as apt takes them in one argument; `None` for no programs.
fn packages(programs: &[&Program]) -> Option<String> {
    let packages: BTreeSet<_> = programs.iter().map(|program| program.package).collect();
    let packages: Vec<_> = packages.into_iter().collect();
    (!packages.is_empty()).then(|| packages.join(", "))
}

fn names<'a>(programs: impl IntoIterator<Item = &'a Program>) -> String {
    programs
        .into_iter()
        .map(|program| program.name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_that_can_be_run_count() {
        let folders = [PathBuf::from("/nowhere"), PathBuf::from("/bin"), PathBuf::from("/etc")];
        assert!(is_there("sh", &folders));
        assert!(
            !is_there("passwd", &folders[2..]),
            "/etc/passwd is a file, not a program"
        );
        assert!(!is_there("sh", &folders[..1]));
    }

    #[test]
    fn a_program_that_fails_its_trial_is_missing() {
        let shell = |trial| Program {
            name: "sh",
            package: "dash",
            trial,
        };
        let programs = [shell(&[]), shell(&["-c", "true"]), shell(&["-c", "exit 1"])];
        assert_eq!(missing(&programs, &[PathBuf::from("/bin")]), [&programs[2]]);
    }

    #[test]
    fn a_package_is_installed_once_for_all_its_programs() {
        let none: [PathBuf; 0] = [];
        let missing = missing(NEEDED, &none);
        assert_eq!(missing.len(), NEEDED.len());
        assert_eq!(
            packages(&missing).unwrap(),
            "buildah, containerd, docker-cli | docker.io (<< 26.1), docker.io, openssl, podman, python3-venv, skopeo"
        );
        assert_eq!(packages(&[]), None);
    }
}
