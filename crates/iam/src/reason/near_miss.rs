use crate::policy::{Effect, Kind};
use crate::reason::{ConditionReason, ElementReason, Evaluation, StatementReason};
use crate::truth::Truth;

/// The allowing statement that lacks least.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NearMiss<'e> {
    /// The kind of its policy.
    pub kind: Kind,
    /// The name of its policy.
    pub policy: &'e str,
    /// The statement.
    pub statement: &'e StatementReason,
    /// The elements that did not match, or of which it is not known.
    pub elements: Vec<&'e ElementReason>,
    /// The conditions that did not hold, or of which it is not known.
    pub conditions: Vec<&'e ConditionReason>,
}

impl NearMiss<'_> {
    /// The less, the nearer. A statement about another action or for somebody else is farther off than one with a
    /// condition that does not hold; what is not known may hold.
    fn distance(&self) -> usize {
        let of = |truth| if truth == Truth::NotMatched { 2 } else { 1 };
        let elements = self.elements.iter().map(|element| match element.name {
            "Action" | "NotAction" => 3 * of(element.truth),
            "Principal" | "NotPrincipal" => 2 * of(element.truth),
            _ => of(element.truth),
        });
        elements.sum::<usize>()
            + self
                .conditions
                .iter()
                .map(|condition| of(condition.truth))
                .sum::<usize>()
    }
}

/// The near miss among the policies of a kind that lacks an allow. Within an account the resource's policy could allow
/// in place of the identity's, so its statements are looked at as well.
pub(super) fn find(evaluation: &Evaluation, kind: Kind) -> Option<NearMiss<'_>> {
    let instead = |layer: Kind| {
        kind == Kind::Identity && layer == Kind::Resource && !evaluation.lacking().contains(&Kind::Resource)
    };
    let layers = evaluation
        .layers()
        .iter()
        .filter(|layer| layer.kind == kind || instead(layer.kind));
    let lacking = layers.filter(|layer| layer.allow != Truth::Matched);
    let policies = lacking.flat_map(|layer| layer.policies.iter().map(move |policy| (layer.kind, policy)));
    let statements = policies.flat_map(|(kind, policy)| policy.statements.iter().map(move |s| (kind, policy, s)));
    let allowing = statements.filter(|(_, _, statement)| statement.effect == Effect::Allow);
    let candidates = allowing.map(|(kind, policy, statement)| NearMiss {
        kind,
        policy: &policy.name,
        statement,
        elements: statement
            .elements
            .iter()
            .filter(|element| element.truth != Truth::Matched)
            .collect(),
        conditions: statement
            .conditions
            .iter()
            .filter(|condition| condition.truth != Truth::Matched)
            .collect(),
    });
    candidates.min_by_key(NearMiss::distance)
}
