use std::ops::Range;

use crate::json::Position;

use super::{Rule, Severity};

/// Something to say about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule speaks.
    pub rule: Rule,
    /// The place in the text.
    pub at: Position,
    /// What there is, in a phrase without a full stop.
    pub what: String,
    /// What to do about it.
    pub fix: String,
    /// Changes of the text that do it, where that is safe; all of them or none.
    pub edits: Vec<Edit>,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go; empty for an insertion.
    pub span: Range<usize>,
    /// What comes instead.
    pub text: String,
}

impl Finding {
    pub(super) fn new(rule: Rule, at: Position, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding {
            rule,
            at,
            what: what.into(),
            fix: fix.into(),
            edits: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn with_edit(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        let text = text.into();
        self.edits.push(Edit { span, text });
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Why it matters.
    pub fn why(&self) -> &'static str {
        self.rule.why()
    }
}

/// Makes the edits that do not overlap an earlier one; those of one place in the order given.
pub(super) fn apply<'a>(text: &str, edits: impl IntoIterator<Item = &'a Edit>) -> String {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        let Some(kept) = text.get(done..edit.span.start) else {
            continue;
        };
        result.push_str(kept);
        result.push_str(&edit.text);
        done = edit.span.end;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_keep_what_they_do_not_touch() {
        let edit = |span, text: &str| Edit {
            span,
            text: text.to_owned(),
        };
        let edits = [edit(4..5, "E"), edit(1..1, "-"), edit(3..5, "overlaps"), edit(0..1, "")];
        assert_eq!(apply("abcdef", &edits), "-bcoverlapsf");
    }
}
