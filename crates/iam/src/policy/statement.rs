use crate::condition::Condition;
use crate::json::{ParseError, Position};
use crate::pattern::{Dialect, Pattern};

use super::{Kind, PrincipalElement};

/// What a statement does where it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It lets the request pass, if no other statement denies it.
    Allow,
    /// It stops the request, whatever allows it.
    Deny,
}

/// One statement of a policy.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) at: Position,
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<PrincipalElement>,
    pub(crate) actions: Element<ActionPattern>,
    pub(crate) resources: Option<Element<Pattern>>,
    pub(crate) conditions: Vec<Condition>,
}

/// An element of several values and its opposite: `Action` and `NotAction`.
#[derive(Clone, Debug)]
pub(crate) struct Element<T> {
    /// The place of the element's name.
    pub(crate) at: Position,
    pub(crate) negated: bool,
    pub(crate) values: Vec<T>,
}

/// An action with wildcards, letters of either case being the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionPattern {
    text: Box<str>,
    /// In lower case; to be matched with an action in lower case.
    pub(crate) pattern: Pattern,
}

impl Statement {
    /// The statement's name.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does where it matches.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The place of the statement in the document.
    pub fn position(&self) -> Position {
        self.at
    }

    /// The conditions, all of which must hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    pub(super) fn check(&self, kind: Kind) -> Result<(), ParseError> {
        let policy = kind.with_article();
        match (&self.principals, kind.names_principals()) {
            (Some(principals), false) => {
                return Err(principals
                    .at
                    .error(format!("a statement of {policy} has no `{}`", principals.name())));
            }
            (None, true) => return Err(self.at.error(format!("a statement of {policy} needs a `Principal`"))),
            (Some(principals), true) if principals.negated && kind != Kind::Resource => {
                return Err(principals
                    .at
                    .error(format!("a statement of {policy} may not have `NotPrincipal`")));
            }
            _ => {}
        }
        match (&self.resources, kind) {
            (Some(resources), Kind::Trust) => Err(resources
                .at
                .error("a statement of a role trust policy has no `Resource`: it is about the role")),
            (None, kind) if !kind.implies_resource() => {
                Err(self.at.error(format!("a statement of {policy} needs a `Resource`")))
            }
            _ => Ok(()),
        }
    }
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        (
            &self.sid,
            self.effect,
            &self.principals,
            &self.actions,
            &self.resources,
            &self.conditions,
        ) == (
            &other.sid,
            other.effect,
            &other.principals,
            &other.actions,
            &other.resources,
            &other.conditions,
        )
    }
}

impl Eq for Statement {}

impl<T: PartialEq> PartialEq for Element<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.negated, &self.values) == (other.negated, &other.values)
    }
}

impl<T: Eq> Eq for Element<T> {}

impl ActionPattern {
    pub(super) fn compile(text: &str) -> Self {
        let dialect = Dialect {
            wildcards: true,
            variables: false,
        };
        ActionPattern {
            text: text.into(),
            pattern: Pattern::compile(&text.to_ascii_lowercase(), dialect),
        }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
