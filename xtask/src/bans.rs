//! Crates that nobody may bring in, and crates of which one version is enough.

use std::collections::BTreeMap;

use crate::deny::{Ban, Bans, Sources};
use crate::finding::{Finding, Level};
use crate::graph::{Graph, Package, Source};

/// What `bans` of `deny.toml` says about the graph.
pub(crate) fn findings(graph: &Graph, rules: &Bans) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in graph.packages() {
        versions.entry(&package.name).or_default().push(package);
    }
    let rule = |name: &str| rules.deny.iter().find(|ban| ban.name.as_str() == name);
    let mut findings = Vec::new();
    for (name, packages) in versions {
        match rule(name) {
            Some(ban) if !ban.deny_multiple_versions => {
                findings.extend(
                    packages
                        .iter()
                        .map(|package| Finding::deny(banned(graph, ban, package))),
                );
            }
            ban if packages.len() > 1 => {
                let level = ban.map_or(rules.multiple_versions, |_| Level::Deny);
                findings.push(Finding {
                    level,
                    text: several(graph, name, ban, &packages),
                });
            }
            _ => {}
        }
    }
    findings
}

/// What `sources` of `deny.toml` says about the graph.
pub(crate) fn foreign(graph: &Graph, rules: &Sources) -> Vec<Finding> {
    let foreign = graph.packages().filter_map(|package| {
        let (level, from) = match &package.source {
            Source::Registry | Source::Folder => return None,
            Source::Git(from) => (rules.unknown_git, from),
            Source::OtherRegistry(from) => (rules.unknown_registry, from),
        };
        Some(Finding {
            level,
            text: format!("{package} comes from {from}{}", way(graph, package)),
        })
    });
    foreign.collect()
}

fn banned(graph: &Graph, ban: &Ban, package: &Package) -> String {
    let reason = ban
        .reason
        .as_deref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let instead = ban
        .use_instead
        .as_deref()
        .map(|instead| format!("; use {instead}"))
        .unwrap_or_default();
    format!("{package} is banned{reason}{instead}{}", way(graph, package))
}

fn several(graph: &Graph, name: &str, ban: Option<&Ban>, packages: &[&Package]) -> String {
    let reason = ban
        .and_then(|ban| ban.reason.as_deref())
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let ways: String = packages.iter().map(|package| way(graph, package)).collect();
    format!("{} versions of {name}{reason}{ways}", packages.len())
}

/// Who drags the package in, on a line of its own.
fn way(graph: &Graph, package: &Package) -> String {
    format!("\n    {}", graph.path_to(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::deny::tests::small;
    use crate::graph::tests::graph;

    fn texts(findings: Vec<Finding>) -> Vec<String> {
        assert!(findings.iter().all(|finding| finding.level == Level::Deny));
        findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_banned_crate_is_named_with_those_who_drag_it_in() {
        let graph = graph(&[
            "0\troom v0.1.0 (/w/room)\tMIT",
            "1\tclient v2.0.0\tMIT",
            "2\tring v0.17.0\tISC",
            "1\tringlet v1.0.0\tMIT",
        ]);
        assert_eq!(
            texts(findings(&graph, &small().bans)),
            ["ring 0.17.0 is banned: one is enough; use aws-lc-rs\n    \
              room 0.1.0 -> client 2.0.0 -> ring 0.17.0"]
        );
    }

    #[test]
    fn a_second_tls_stack_is_found_and_a_single_one_is_not() {
        let one = [
            "0\troom v0.1.0 (/w/room)\tMIT",
            "1\trustls v0.23.1\tMIT",
            "1\tserde v1.0.0\tMIT",
        ];
        assert_eq!(findings(&graph(&one), &small().bans), []);
        let two = [&one[..], &["1\told v1.0.0\tMIT", "2\trustls v0.21.0\tMIT"]].concat();
        assert_eq!(
            texts(findings(&graph(&two), &small().bans)),
            ["2 versions of rustls\n    room 0.1.0 -> rustls 0.23.1\n    \
              room 0.1.0 -> old 1.0.0 -> rustls 0.21.0"]
        );
    }

    #[test]
    fn several_versions_of_other_crates_weigh_what_the_file_says() {
        let graph = graph(&[
            "0\troom v0.1.0 (/w/room)\tMIT",
            "1\tsyn v2.0.0\tMIT",
            "1\tsyn v1.0.0\tMIT",
        ]);
        let mut rules = small().bans;
        for level in [Level::Allow, Level::Warn, Level::Deny] {
            rules.multiple_versions = level;
            assert_eq!(
                findings(&graph, &rules)
                    .iter()
                    .map(|finding| finding.level)
                    .collect::<Vec<_>>(),
                [level]
            );
        }
    }

    #[test]
    fn crates_from_elsewhere_are_found() {
        let graph = graph(&[
            "0\troom v0.1.0 (/w/room)\tMIT",
            "1\tserde v1.0.0\tMIT",
            "1\tforked v0.3.0 (https://git.example/forked#0a1b2c3d)\tMIT",
            "1\tinner v0.3.0 (registry `inner`)\tMIT",
        ]);
        assert_eq!(
            texts(foreign(&graph, &small().sources)),
            [
                "forked 0.3.0 comes from https://git.example/forked#0a1b2c3d\n    room 0.1.0 -> forked 0.3.0",
                "inner 0.3.0 comes from registry `inner`\n    room 0.1.0 -> inner 0.3.0"
            ]
        );
    }
}
