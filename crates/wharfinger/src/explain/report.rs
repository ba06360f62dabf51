use std::io::{self, Write};

use iam::{
    Dossier,
    explain::{Change, Ladder, Rung},
};
use serde_json::{Value, json};

use crate::pull::printable;

/// The ladder, and the files that it rests on.
pub(super) fn text(out: &mut impl Write, ladder: &Ladder, dossier: &Dossier) -> io::Result<()> {
    // Line ends and indentation are the ladder's own; every other control character is somebody else's.
    for line in ladder.to_string().lines() {
        let said = line.trim_start_matches(' ');
        let indentation = line.len() - said.len();
        writeln!(out, "{:indentation$}{}", "", printable(said))?;
    }
    writeln!(out, "\nDocuments:")?;
    for line in dossier.contents() {
        writeln!(out, "    {}", printable(&line))?;
    }
    out.flush()
}

pub(super) fn json(out: &mut impl Write, ladder: &Ladder, dossier: &Dossier) -> io::Result<()> {
    let whole = json!({
        "title": ladder.title(),
        "status": ladder.status().name(),
        "rungs": ladder.rungs().iter().map(rung).collect::<Vec<_>>(),
        "changes": ladder.changes().iter().map(change).collect::<Vec<_>>(),
        "documents": dossier.contents().collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)?;
    out.flush()
}

fn rung(rung: &Rung) -> Value {
    json!({
        "step": rung.step,
        "status": rung.status.name(),
        "awsSays": rung.aws_says,
        "because": rung.because,
        "fetch": rung.fetch,
        "changes": rung.changes,
    })
}

fn change(change: &Change) -> Value {
    // What is printed as JSON is read back as JSON.
    let document: Value = serde_json::from_str(&change.document).unwrap_or(Value::Null);
    json!({
        "title": change.title,
        "account": change.account.to_string(),
        "file": change.file,
        "what": change.what,
        "command": change.command,
        "document": document,
    })
}
