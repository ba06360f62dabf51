//! Why a request was decided as it was.

mod near_miss;
mod paragraph;
mod sentence;
mod tree;

use crate::policy::Kind;
use crate::request::Request;

pub use near_miss::NearMiss;
pub use tree::{ConditionReason, ElementReason, LayerReason, PolicyReason, StatementReason};

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Every kind of policy that has to allow it does, and none denies it.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// No statement denies it, but one that would have to allow it is missing.
    ImplicitlyDenied,
}

/// The kind of policy that a denial rests on: what AWS tells in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// A statement of this kind of policy denies.
    Explicit(Kind),
    /// No statement of this kind of policy allows.
    NoAllow(Kind),
    /// A statement of this kind of policy denies unless a condition key, which is not known, has the right value.
    Possible(Kind),
    /// The root user of an account may not assume roles, whatever policies say.
    RootUser,
}

/// A decision and its reasons.
#[derive(Clone, Debug)]
pub struct Evaluation {
    decision: Decision,
    denial: Option<Denial>,
    lacking: Vec<Kind>,
    layers: Vec<LayerReason>,
}

impl Evaluation {
    pub(crate) fn new(
        decision: Decision,
        denial: Option<Denial>,
        lacking: Vec<Kind>,
        layers: Vec<LayerReason>,
    ) -> Self {
        Evaluation {
            decision,
            denial,
            lacking,
            layers,
        }
    }

    /// The decision. Where too little is known it is a denial: see [`Evaluation::open_keys`].
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Is the request allowed?
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allowed
    }

    /// What a denial rests on; none for what is allowed.
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// The kinds of policies that would have to allow and do not, in the order in which AWS looks at them; empty unless
    /// the denial is [`Denial::NoAllow`]. Across accounts both sides may be among them.
    pub fn lacking(&self) -> &[Kind] {
        &self.lacking
    }

    /// The kinds of policies that had a say, in the order in which AWS looks at them, and below each its policies,
    /// their statements, and their elements.
    pub fn layers(&self) -> &[LayerReason] {
        &self.layers
    }

    /// The condition keys that are not known and that leave statements open: with one or the other value of these the
    /// decision might be another. Sorted, in lower case; empty if the decision is certain. (`CanonicalUser` among them
    /// stands for the canonical user id of the caller, which no request tells.)
    pub fn open_keys(&self) -> Vec<&str> {
        let statements = self
            .layers
            .iter()
            .flat_map(|layer| &layer.policies)
            .flat_map(|policy| &policy.statements);
        let mut keys: Vec<&str> = statements.flat_map(StatementReason::open_keys).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Of the policies that would have to allow and do not, the allowing statement that lacks least. None where nothing
    /// is lacking, or no such statement exists.
    pub fn near_miss(&self) -> Option<NearMiss<'_>> {
        self.near_misses().next()
    }

    /// The near miss of each kind of policy in [`Evaluation::lacking`].
    pub fn near_misses(&self) -> impl Iterator<Item = NearMiss<'_>> {
        self.lacking.iter().filter_map(|kind| near_miss::find(self, *kind))
    }

    /// What AWS itself says: `User: … is not authorized to perform: … on resource: … because …`; of what is allowed,
    /// that it is.
    pub fn sentence(&self, request: &Request) -> String {
        sentence::write(self.denial, request)
    }

    /// One paragraph in plain words: the decision, what it rests on and where that stands, and what is missing.
    pub fn explanation(&self, request: &Request) -> String {
        paragraph::write(self, request)
    }
}
