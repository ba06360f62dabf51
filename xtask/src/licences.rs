//! Licences of the dependencies.

use std::collections::BTreeSet;

use spdx::{Expression, Licensee, ParseMode};

use crate::deny::{CrateName, Licences};
use crate::finding::Finding;
use crate::graph::{Graph, Package};

/// What `licenses` of `deny.toml` says about the graph.
pub(crate) fn findings(graph: &Graph, rules: &Licences) -> Vec<Finding> {
    let mut used = BTreeSet::new();
    let mut findings = Vec::new();
    for package in graph.packages() {
        let exceptions = rules
            .exceptions
            .iter()
            .filter(|exception| exception.name.as_str() == package.name);
        let allowed: Vec<_> = rules
            .allow
            .iter()
            .chain(exceptions.flat_map(|exception| &exception.allow))
            .collect();
        match judge(&package.licence, &allowed) {
            Ok(needed) => used.extend(needed),
            Err(reason) => findings.push(refusal(graph, package, &reason)),
        }
    }
    findings.extend(unused(graph, rules, &used));
    findings
}

/// Rules that are there for nothing: nobody has thought about what they would let in next.
fn unused(graph: &Graph, rules: &Licences, used: &BTreeSet<&Licensee>) -> Vec<Finding> {
    let licences = rules
        .allow
        .iter()
        .filter(|licence| !used.contains(licence))
        .map(|licence| Finding {
            level: rules.unused_allowed_license,
            text: format!("deny.toml allows the licence {licence}, which no crate has"),
        });
    let absent = |name: &CrateName| graph.packages().all(|package| package.name != name.as_str());
    let exceptions = rules
        .exceptions
        .iter()
        .filter(|exception| absent(&exception.name))
        .map(|exception| Finding {
            level: rules.unused_license_exception,
            text: format!(
                "deny.toml has a licence exception for {}, which nobody uses",
                exception.name
            ),
        });
    licences.chain(exceptions).collect()
}

/// The allowed licences that appear in the expression, if they are enough to fulfil it.
fn judge<'a>(expression: &str, allowed: &[&'a Licensee]) -> Result<Vec<&'a Licensee>, String> {
    if expression.is_empty() {
        return Err("names no licence".to_owned());
    }
    // Older crates write `MIT/Apache-2.0`, which this mode reads as OR.
    let parsed = Expression::parse_mode(expression, ParseMode::LAX).map_err(|error| {
        format!(
            "has the licence `{expression}`, which is no SPDX expression: {}",
            error.reason
        )
    })?;
    let mut met = Vec::new();
    let outcome = parsed.evaluate_with_failures(|term| {
        let fitting = allowed.iter().copied().find(|licence| licence.satisfies(term));
        met.extend(fitting);
        fitting.is_some()
    });
    outcome.map_err(|missing| {
        let missing: BTreeSet<_> = missing.iter().map(|term| term.req.to_string()).collect();
        let missing = Vec::from_iter(missing).join(", ");
        format!("has the licence `{expression}`; deny.toml does not allow {missing}")
    })?;
    Ok(met)
}

fn refusal(graph: &Graph, package: &Package, reason: &str) -> Finding {
    Finding::deny(format!("{package} {reason}\n    {}", graph.path_to(package)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::deny::tests::small;
    use crate::finding::Level;
    use crate::graph::tests::graph;

    fn allowed(expression: &str) -> Result<(), String> {
        let licensees =
            ["Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC", "MIT"].map(|name| Licensee::parse(name).unwrap());
        judge(expression, &licensees.iter().collect::<Vec<_>>()).map(drop)
    }

    #[test]
    fn either_side_of_or_is_enough() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "GPL-3.0-only OR MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
            "ISC AND (Apache-2.0 OR ISC)",
            "(GPL-3.0-only AND MIT) OR ISC",
        ] {
            assert_eq!(allowed(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn both_sides_of_and_are_needed() {
        for (expression, missing) in [
            ("GPL-3.0-only", "GPL-3.0-only"),
            ("MIT AND GPL-3.0-only AND GPL-3.0-only", "GPL-3.0-only"),
            ("(MIT OR Apache-2.0) AND BSD-3-Clause", "BSD-3-Clause"),
            ("MIT AND (BSD-3-Clause OR Zlib)", "BSD-3-Clause, Zlib"),
            ("MIT WITH LLVM-exception", "MIT WITH LLVM-exception"),
        ] {
            let expected = format!("has the licence `{expression}`; deny.toml does not allow {missing}");
            assert_eq!(allowed(expression), Err(expected));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(allowed(""), Err("names no licence".to_owned()));
        for expression in ["MIT OR", "MIT Apache-2.0", "(MIT", "Beerware-ish"] {
            let error = allowed(expression).unwrap_err();
            assert!(
                error.starts_with(&format!("has the licence `{expression}`, which is no SPDX")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_exception_is_for_its_crate_alone() {
        let graph = graph(&[
            "0\troom v0.1.0 (/w/room)\tApache-2.0",
            "1\tserde v1.0.0\tMIT",
            "1\tnotify v8.0.0\tCC0-1.0",
            "1\tother v1.0.0\tCC0-1.0",
        ]);
        let expected = "other 1.0.0 has the licence `CC0-1.0`; deny.toml does not allow CC0-1.0\n    \
                        room 0.1.0 -> other 1.0.0";
        assert_eq!(
            findings(&graph, &small().licenses),
            [Finding::deny(expected.to_owned())]
        );
    }

    #[test]
    fn rules_that_are_there_for_nothing_are_mentioned() {
        let graph = graph(&["0\troom v0.1.0 (/w/room)\tApache-2.0"]);
        let warning = |text: &str| Finding {
            level: Level::Warn,
            text: text.to_owned(),
        };
        assert_eq!(
            findings(&graph, &small().licenses),
            [
                warning("deny.toml allows the licence MIT, which no crate has"),
                warning("deny.toml has a licence exception for notify, which nobody uses")
            ]
        );
    }
}
