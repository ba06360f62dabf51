use std::io::{self, Write};

use iam::lint::{Finding, Rule};
use serde_json::{Value, json};

use crate::pull::printable;

/// The findings of all files.
#[derive(Default)]
pub(super) struct Report {
    findings: Vec<(String, Finding)>,
    /// The files that were changed.
    pub(super) fixed: Vec<String>,
}

impl Report {
    pub(super) fn add(&mut self, file: &str, findings: Vec<Finding>) {
        self.findings
            .extend(findings.into_iter().map(|finding| (file.to_owned(), finding)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn has(&self, rule: Rule) -> bool {
        self.findings.iter().any(|(_, finding)| finding.rule == rule)
    }

    pub(super) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for file in &self.fixed {
            writeln!(out, "{file}: fixed")?;
        }
        for (file, finding) in &self.findings {
            let (line, column) = (finding.at.line, finding.at.column);
            let head = format!("{}[{}]", finding.severity(), finding.rule);
            writeln!(out, "{file}:{line}:{column}: {head} {}", printable(&finding.what))?;
            writeln!(out, "    why: {}", finding.why())?;
            writeln!(out, "    fix: {}", printable(&finding.fix))?;
        }
        out.flush()
    }

    pub(super) fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|(file, finding)| value(file, finding))
            .collect();
        let whole = json!({ "findings": findings, "fixed": self.fixed });
        serde_json::to_writer_pretty(&mut *out, &whole)?;
        writeln!(out)?;
        out.flush()
    }
}

fn value(file: &str, finding: &Finding) -> Value {
    let edits: Vec<Value> = finding
        .edits
        .iter()
        .map(|edit| json!({ "start": edit.span.start, "end": edit.span.end, "text": edit.text }))
        .collect();
    json!({
        "id": finding.rule.id(),
        "severity": finding.severity().to_string(),
        "file": file,
        "line": finding.at.line,
        "column": finding.at.column,
        "what": finding.what,
        "why": finding.why(),
        "fix": finding.fix,
        "edits": edits,
    })
}
