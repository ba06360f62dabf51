//! JSON with the place of every value: what is wrong with a document, and what a decision rests on, is told by line
//! and column. Limits keep a hostile document from costing more than its size.

mod reader;
mod writer;

use std::fmt;

use thiserror::Error;

pub(crate) use reader::read;
pub(crate) use writer::Printed;

/// The longest document that is read, in bytes. AWS's own limits are far lower (20,480 characters for a bucket's
/// policy); they are the business of lint.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The most keys that an object may have. Each is compared with those before it.
pub(crate) const MAX_MEMBERS: usize = 1000;

/// The deepest nesting that is read; a policy needs six levels.
pub(crate) const MAX_DEPTH: usize = 32;

/// A place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
}

impl Position {
    pub(crate) fn error(self, message: impl Into<String>) -> ParseError {
        ParseError {
            at: self,
            message: message.into(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {message}")]
pub struct ParseError {
    at: Position,
    message: String,
}

impl ParseError {
    /// The place of the offending text.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Counted from 1.
    pub fn line(&self) -> u32 {
        self.at.line
    }

    /// Counted from 1, in characters.
    pub fn column(&self) -> u32 {
        self.at.column
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// One `"key": value` of an object.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) at: Position,
    pub(crate) key: String,
    pub(crate) node: Node,
}

impl Node {
    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}
