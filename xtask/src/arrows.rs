//! Which room of the workspace may use which.
//!
//! `docs/architecture.md` says why. The rules are the tables of this file and nothing else; the check runs as a part of
//! `cargo xtask test`, and as an ordinary test of this crate.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cargo;
use crate::finding::{Finding, settle};
use crate::graph::Graph;
use crate::parts::Workplace;

/// The rooms, from the highest layer to the lowest. A room may use rooms of lower layers: never a higher one, nor one
/// beside it.
const LAYERS: &[&[&str]] = &[
    &["wharfinger"],
    &["admin", "gateway", "sim"],
    &["access"],
    &["state"],
    &["aws", "content"],
    &["net", "oidc", "iam", "oci"],
];

/// Rooms that may use less than their layer allows. The simulated AWS shares as little as possible with the product: a
/// bug must not hide by being on both sides.
const ONLY: &[(&str, &[&str])] = &[("sim", &["oci", "iam"])];

/// Libraries that only some rooms may name in their manifests. `*` stands for any ending.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("aws-config", &["aws"]),
    ("aws-sdk-*", &["aws"]),
    // Signs requests: in `sim` to compare, in `wharfinger` for the demo's administrator.
    ("aws-sigv4", &["aws", "sim", "wharfinger"]),
];

/// Rooms that know no network, and what would tell that they do.
const PURE: &[&str] = &["oci", "iam"];
const IMPURE: &[&str] = &["tokio", "mio", "hyper", "rustls", "reqwest", "notify"];

/// What stands before a room's name in the name of its package. The command line is the room without it.
const PREFIX: &str = "wharfinger-";

/// Fails when a room uses what it may not use.
pub(crate) fn check(workplace: &Workplace) -> Result<()> {
    let members = members(&workplace.root)?;
    println!("{} packages in the workspace", members.len());
    settle(&findings(&workplace.root, &members)?)
}

fn members(root: &Path) -> Result<Vec<Member>> {
    let text = cargo::output(root, &["metadata", "--locked", "--no-deps", "--format-version", "1"])?;
    let metadata: Metadata = serde_json::from_str(&text).context("`cargo metadata` wrote something unexpected")?;
    Ok(metadata.packages)
}

fn findings(root: &Path, members: &[Member]) -> Result<Vec<Finding>> {
    let mut findings = wrong_arrows(members);
    for room in PURE {
        findings.extend(impurities(room, &Graph::of_package(root, &format!("{PREFIX}{room}"))?));
    }
    Ok(findings)
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Member>,
}

/// A package of the workspace, as `cargo metadata` has it.
#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
}

fn wrong_arrows(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| member.name != "xtask") {
        let user = room(&member.name);
        if layer(user).is_none() {
            findings.push(Finding::deny(format!(
                "{} is in no layer of xtask/src/arrows.rs",
                member.name
            )));
            continue;
        }
        let refusals = member
            .dependencies
            .iter()
            .filter_map(|dependency| refusal(user, &dependency.name));
        findings.extend(refusals.map(Finding::deny));
    }
    let xtask = members
        .iter()
        .filter(|member| member.name == "xtask")
        .flat_map(|member| &member.dependencies);
    let rooms = xtask.filter(|dependency| layer(room(&dependency.name)).is_some());
    findings.extend(rooms.map(|room| Finding::deny(format!("xtask uses {}, and may use no room", room.name))));
    findings
}

/// Why the room may not use the package, if it may not.
fn refusal(user: &str, package: &str) -> Option<String> {
    let used = room(package);
    if layer(used).is_some() {
        return (!may_use(user, used)).then(|| match allowed(user).as_slice() {
            [] => format!("{user} uses {used}, and may use no room"),
            allowed => format!("{user} uses {used}, and may use only {}", allowed.join(", ")),
        });
    }
    let (_, users) = LIBRARIES.iter().find(|(pattern, _)| matches(pattern, package))?;
    (!users.contains(&user)).then(|| format!("{user} uses {package}, which is for {} alone", users.join(", ")))
}

fn may_use(user: &str, used: &str) -> bool {
    let lower = matches!((layer(user), layer(used)), (Some(user), Some(used)) if user < used);
    lower && ONLY.iter().all(|(room, rooms)| *room != user || rooms.contains(&used))
}

fn allowed(user: &str) -> Vec<&'static str> {
    LAYERS
        .iter()
        .copied()
        .flatten()
        .copied()
        .filter(|used| may_use(user, used))
        .collect()
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The room of a package; the package's own name where it is none.
fn room(package: &str) -> &str {
    package.strip_prefix(PREFIX).unwrap_or(package)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

fn impurities(room: &str, graph: &Graph) -> Vec<Finding> {
    let impure = graph
        .packages()
        .filter(|package| IMPURE.contains(&package.name.as_str()));
    let text = |package| {
        format!(
            "{room} is a pure room, and uses a network\n    {}",
            graph.path_to(package)
        )
    };
    impure.map(|package| Finding::deny(text(package))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::graph::tests::graph;

    #[test]
    fn the_arrows_of_this_workspace_point_downwards() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(findings(root, &members(root).unwrap()).unwrap(), []);
    }

    fn arrows(package: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies = dependencies
            .iter()
            .map(|name| Dependency { name: name.to_string() })
            .collect();
        let members = [Member {
            name: package.to_owned(),
            dependencies,
        }];
        wrong_arrows(&members).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn downwards_is_allowed() {
        assert!(arrows("wharfinger", &["wharfinger-sim", "wharfinger-oci", "clap"]).is_empty());
        assert!(arrows("wharfinger-gateway", &["wharfinger-access", "wharfinger-oci", "hyper"]).is_empty());
        assert!(arrows("wharfinger-sim", &["wharfinger-oci", "wharfinger-iam", "aws-sigv4"]).is_empty());
        assert!(arrows("wharfinger-aws", &["wharfinger-net", "aws-sdk-sts", "aws-config"]).is_empty());
        assert!(arrows("xtask", &["spdx"]).is_empty());
    }

    #[test]
    fn upwards_and_sideways_is_not() {
        for (package, dependency, expected) in [
            ("wharfinger-oci", "wharfinger-iam", "oci uses iam, and may use no room"),
            (
                "wharfinger-aws",
                "wharfinger-content",
                "aws uses content, and may use only net, oidc, iam, oci",
            ),
            (
                "wharfinger-aws",
                "wharfinger-gateway",
                "aws uses gateway, and may use only net, oidc, iam, oci",
            ),
            (
                "wharfinger-sim",
                "wharfinger-net",
                "sim uses net, and may use only iam, oci",
            ),
            (
                "wharfinger-sim",
                "wharfinger-aws",
                "sim uses aws, and may use only iam, oci",
            ),
            (
                "wharfinger-content",
                "wharfinger",
                "content uses wharfinger, and may use only net, oidc, iam, oci",
            ),
            (
                "xtask",
                "wharfinger-oci",
                "xtask uses wharfinger-oci, and may use no room",
            ),
        ] {
            assert_eq!(arrows(package, &[dependency]), [expected]);
        }
    }

    #[test]
    fn the_sdk_is_seen_by_one_room() {
        for (package, dependency, expected) in [
            (
                "wharfinger-gateway",
                "aws-sdk-ecr",
                "gateway uses aws-sdk-ecr, which is for aws alone",
            ),
            (
                "wharfinger",
                "aws-config",
                "wharfinger uses aws-config, which is for aws alone",
            ),
            (
                "wharfinger-oidc",
                "aws-sigv4",
                "oidc uses aws-sigv4, which is for aws, sim, wharfinger alone",
            ),
        ] {
            assert_eq!(arrows(package, &[dependency]), [expected]);
        }
    }

    #[test]
    fn a_room_that_nobody_thought_of_is_refused() {
        assert_eq!(
            arrows("wharfinger-attic", &[]),
            ["wharfinger-attic is in no layer of xtask/src/arrows.rs"]
        );
    }

    #[test]
    fn every_exception_names_rooms_that_exist() {
        let named = ONLY.iter().chain(LIBRARIES).flat_map(|(_, rooms)| rooms.iter());
        for room in named.chain(PURE).chain(ONLY.iter().map(|(room, _)| room)) {
            assert!(layer(room).is_some(), "{room}");
        }
    }

    #[test]
    fn a_pure_room_stays_pure() {
        let tree = ["0\twharfinger-iam v0.1.0 (/w/iam)\tMIT", "1\tserde v1.0.0\tMIT"];
        assert_eq!(impurities("iam", &graph(&tree)), []);
        let tree = [&tree[..], &["1\thandy v1.0.0\tMIT", "2\ttokio v1.0.0\tMIT"]].concat();
        let expected = "iam is a pure room, and uses a network\n    \
                        wharfinger-iam 0.1.0 -> handy 1.0.0 -> tokio 1.0.0";
        assert_eq!(impurities("iam", &graph(&tree)), [Finding::deny(expected.to_owned())]);
    }
}
