use std::fmt::{self, Display as _, Write};

use thiserror::Error;

use crate::json::{Node, ParseError, Position, Printed, Value};

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {}{}", .error.position(), in_field(.field.as_deref()), .error.message())]
pub struct Problem {
    error: ParseError,
    field: Option<String>,
}

impl Problem {
    /// The text is no JSON.
    pub(super) fn of_text(error: ParseError) -> Self {
        Problem { error, field: None }
    }

    /// The JSON is no question.
    pub(super) fn of_value(error: ParseError, root: &Node) -> Self {
        let field = path(root, error.position());
        Problem { error, field }
    }

    /// For input that is not even text that could be parsed.
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Problem::of_text(at.error(message))
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        self.error.message()
    }

    /// The place in the question's text.
    pub fn position(&self) -> Position {
        self.error.position()
    }

    /// The way to the offending value: `policies.identity[0].document.Statement[1].Effect`. None where the text is no
    /// JSON, and for the question as a whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// As an answer: `{"error": {"message": …, "line": …, "column": …, "field": …}}`, pretty by `{}`, in one line by
    /// `{:#}`.
    pub fn answer(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let Position { line, column } = self.position();
            let error = Printed::Object(vec![
                ("message", Printed::Text(self.message())),
                ("line", Printed::Number(line.into())),
                ("column", Printed::Number(column.into())),
                ("field", self.field().map_or(Printed::Bare("null"), Printed::Text)),
            ]);
            Printed::Object(vec![("error", error)]).fmt(f)
        })
    }
}

fn in_field(field: Option<&str>) -> String {
    field.map(|field| format!("{field}: ")).unwrap_or_default()
}

/// The way to what begins at a place; every value and every key begins at a place of its own.
fn path(root: &Node, at: Position) -> Option<String> {
    let mut path = String::new();
    (reaches(root, at, &mut path) && !path.is_empty()).then_some(path)
}

fn reaches(node: &Node, at: Position, path: &mut String) -> bool {
    if node.at == at {
        return true;
    }
    let length = path.len();
    match &node.value {
        Value::Array(nodes) => nodes.iter().enumerate().any(|(index, node)| {
            path.truncate(length);
            // Writing to a String cannot fail.
            let _ = write!(path, "[{index}]");
            reaches(node, at, path)
        }),
        Value::Object(members) => members.iter().any(|member| {
            path.truncate(length);
            push_key(path, &member.key);
            member.at == at || reaches(&member.node, at, path)
        }),
        _ => false,
    }
}

fn push_key(path: &mut String, key: &str) {
    let shown: String = key.chars().take(128).collect();
    let _ = if !shown.is_empty() && shown.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let dot = if path.is_empty() { "" } else { "." };
        write!(path, "{dot}{shown}")
    } else {
        write!(path, "[{:#}]", Printed::Text(&shown))
    };
}
