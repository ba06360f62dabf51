//! JSON with the place of every value: what is wrong with a document, and what a decision rests on, is told by line
//! and column. Limits keep a hostile document from costing more than its size.

mod reader;
mod writer;

use std::fmt;
use std::ops::Range;

use thiserror::Error;

pub(crate) use reader::{read, read_within};
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

/// What a text may have at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Limits {
    /// Of a policy document.
    pub(crate) const DOCUMENT: Limits = Limits {
        bytes: MAX_BYTES,
        depth: MAX_DEPTH,
    };
    /// Of a file that holds several: what AWS lists of a whole account, a plan of Terraform.
    pub(crate) const FILE: Limits = Limits {
        bytes: 32 * 1024 * 1024,
        depth: 128,
    };
}

/// A value, where it begins, and the bytes that it is written in.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) span: Range<usize>,
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
    /// The bytes of the key, quotes included.
    pub(crate) span: Range<usize>,
    pub(crate) key: String,
    pub(crate) node: Node,
}

impl Node {
    /// The members, if it is an object.
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The value of a key, if it is an object that has it.
    pub(crate) fn member(&self, key: &str) -> Option<&Node> {
        let member = self.members().iter().find(|member| member.key == key)?;
        Some(&member.node)
    }

    /// The text, if it is a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The items of a list, or the value itself: in a policy one value may stand without its list.
    pub(crate) fn one_or_many(&self) -> &[Node] {
        match &self.value {
            Value::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

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
