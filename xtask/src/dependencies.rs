//! The part of the tests that holds the dependencies against `deny.toml`.

use anyhow::Result;

use crate::deny::Deny;
use crate::finding::settle;
use crate::graph::Graph;
use crate::parts::Workplace;
use crate::{bans, licences};

/// Fails when the workspace depends on something that `deny.toml` does not want.
pub(crate) fn check(workplace: &Workplace) -> Result<()> {
    let rules = Deny::read(&workplace.root)?;
    let graph = Graph::of_workspace(&workplace.root, &rules.graph.targets)?;
    let mut findings = bans::findings(&graph, &rules.bans);
    findings.extend(bans::foreign(&graph, &rules.sources));
    findings.extend(licences::findings(&graph, &rules.licenses));
    println!(
        "{} packages on {} targets",
        graph.packages().count(),
        rules.graph.targets.len()
    );
    settle(&findings)
}
