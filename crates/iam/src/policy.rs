//! Policy documents: what a policy says, each element with its place in the text.

mod parse;
mod principals;
mod print;
mod statement;

use std::fmt;
use std::str::FromStr;

use crate::json::{self, ParseError};

pub(crate) use parse::{distance, unknown};
pub(crate) use principals::{EntryKind, Grant, Names, PrincipalElement, PrincipalEntry};
pub(crate) use statement::{ActionPattern, Element};
pub use statement::{Effect, Statement};

/// What a policy is attached to, and so what it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Attached to a user, a group or a role.
    Identity,
    /// Attached to a resource: a repository policy, a bucket policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// The permissions boundary of a user or a role.
    Boundary,
    /// Given when a session was made.
    Session,
    /// A service control policy of an organization.
    ServiceControl,
    /// A resource control policy of an organization.
    ResourceControl,
}

impl Kind {
    /// As AWS names it in its messages, without article.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Identity => "identity-based policy",
            Kind::Resource => "resource-based policy",
            Kind::Trust => "role trust policy",
            Kind::Boundary => "permissions boundary",
            Kind::Session => "session policy",
            Kind::ServiceControl => "service control policy",
            Kind::ResourceControl => "resource control policy",
        }
    }

    /// Do statements of this kind say whom they are for?
    pub(crate) fn names_principals(self) -> bool {
        matches!(self, Kind::Resource | Kind::Trust | Kind::ResourceControl)
    }

    /// May a statement leave out the resource, because there is only the one that the policy is attached to?
    pub(crate) fn implies_resource(self) -> bool {
        matches!(self, Kind::Resource | Kind::Trust)
    }
}

impl Kind {
    /// The kind in the middle of a sentence.
    pub(crate) fn with_article(self) -> String {
        let article = if self.name().starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {}", self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A policy document.
///
/// Equality is that of meaning: places in the text, and whether one value stands by itself or in a list, are no part
/// of it. `Display` prints the document as pretty JSON, which parses to an equal policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    version: Version,
    id: Option<String>,
    statements: Vec<Statement>,
}

/// The version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Version {
    /// Also where a document names none. Policy variables are plain text in it.
    #[default]
    V2008,
    V2012,
}

impl Policy {
    /// Reads a document of any kind.
    ///
    /// What the language does not have (an unknown element, operator or version, a missing `Effect`) is an error.
    /// What it has but what can never match (an account of 13 digits, a malformed ARN or date) is not: AWS stores such
    /// policies, and they are evaluated as AWS does.
    ///
    /// # Errors
    /// With line and column of the offending text.
    pub fn parse(text: &str) -> Result<Policy, ParseError> {
        parse::policy(&json::read(text)?)
    }

    /// Reads a document that stands within another; its places are those in the whole text.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub(crate) fn of_node(node: &json::Node) -> Result<Policy, ParseError> {
        parse::policy(node)
    }

    /// The statements in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Checks the rules that depend on what a policy is attached to: an identity policy has no `Principal` and always
    /// a `Resource`, a trust policy the opposite, and so on.
    ///
    /// # Errors
    /// At the first statement that breaks a rule.
    pub fn check(&self, kind: Kind) -> Result<(), ParseError> {
        self.statements.iter().try_for_each(|statement| statement.check(kind))
    }
}

impl FromStr for Policy {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Policy::parse(text)
    }
}

impl Version {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        }
    }
}

#[cfg(test)]
mod tests;
