use std::fmt;

use crate::json::{Position, Printed};
use crate::{
    ConditionReason, Decision, Effect, ElementReason, Evaluation, LayerReason, NearMiss, PolicyReason, Request,
    StatementReason, Truth,
};

use super::policies::field;

/// An evaluation as JSON: `Display` prints it pretty by `{}`, and in one line by `{:#}`.
///
/// `decision`, `explanation` (a paragraph), `sentence` (AWS's own words), `lacking` (the kinds of policies that would
/// have to allow), `openKeys`, `nearMiss` and `reasons`: for each kind of policy its policies, their statements, and
/// the elements and conditions of each, with the place in the question that they came from and the outcome `matched`,
/// `not matched` or `not known`.
#[derive(Clone, Debug)]
pub struct Answer<'e> {
    evaluation: &'e Evaluation,
    explanation: String,
    sentence: String,
}

impl<'e> Answer<'e> {
    /// The answer to a request.
    pub fn new(request: &Request, evaluation: &'e Evaluation) -> Self {
        Answer {
            evaluation,
            explanation: evaluation.explanation(request),
            sentence: evaluation.sentence(request),
        }
    }

    fn printed(&self) -> Printed<'_> {
        let Answer {
            evaluation,
            explanation,
            sentence,
        } = self;
        let lacking = evaluation.lacking().iter().map(|kind| Printed::Text(field(*kind)));
        let open_keys = evaluation.open_keys().into_iter().map(Printed::Text);
        let near_miss = evaluation
            .near_miss()
            .map_or(Printed::Bare("null"), |miss| near_miss(evaluation, &miss));
        Printed::Object(vec![
            ("decision", Printed::Text(decision(evaluation.decision()))),
            ("explanation", Printed::Text(explanation)),
            ("sentence", Printed::Text(sentence)),
            ("lacking", Printed::List(lacking.collect())),
            ("openKeys", Printed::List(open_keys.collect())),
            ("nearMiss", near_miss),
            (
                "reasons",
                Printed::List(evaluation.layers().iter().map(layer).collect()),
            ),
        ])
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.printed().fmt(f)
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "Allowed",
        Decision::ExplicitlyDenied => "ExplicitlyDenied",
        Decision::ImplicitlyDenied => "ImplicitlyDenied",
    }
}

fn layer(layer: &LayerReason) -> Printed<'_> {
    let mut members = vec![("kind", Printed::Text(field(layer.kind)))];
    if let Some(level) = layer.level {
        members.push(("level", number(level)));
    }
    members.extend([
        ("allow", outcome(layer.allow)),
        ("deny", outcome(layer.deny)),
        ("policies", Printed::List(layer.policies.iter().map(policy).collect())),
    ]);
    Printed::Object(members)
}

fn policy(policy: &PolicyReason) -> Printed<'_> {
    let statements = policy.statements.iter().enumerate().map(|(index, reason)| {
        let mut members = statement(index, reason);
        members.push(("elements", Printed::List(reason.elements.iter().map(element).collect())));
        members.push((
            "conditions",
            Printed::List(reason.conditions.iter().map(condition).collect()),
        ));
        Printed::Object(members)
    });
    Printed::Object(vec![
        ("name", Printed::Text(&policy.name)),
        ("statements", Printed::List(statements.collect())),
    ])
}

/// What tells a statement from the others, and whether it matched.
fn statement(index: usize, reason: &StatementReason) -> Vec<(&str, Printed<'_>)> {
    let effect = match reason.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    let mut members = vec![
        (
            "sid",
            reason.sid.as_deref().map_or(Printed::Bare("null"), Printed::Text),
        ),
        ("index", number(index)),
    ];
    members.extend(place(reason.at));
    members.push(("effect", Printed::Text(effect)));
    members.push(("outcome", outcome(reason.truth)));
    members
}

fn element(reason: &ElementReason) -> Printed<'_> {
    let mut members = vec![("element", Printed::Text(reason.name))];
    members.extend(place(reason.at));
    members.extend([
        ("outcome", outcome(reason.truth)),
        ("wanted", texts(&reason.wanted)),
        ("found", Printed::Text(&reason.found)),
        ("unknown", texts(&reason.unknown)),
    ]);
    Printed::Object(members)
}

fn condition(reason: &ConditionReason) -> Printed<'_> {
    let mut members = vec![
        ("operator", Printed::Text(&reason.operator)),
        ("key", Printed::Text(&reason.key)),
    ];
    members.extend(place(reason.at));
    members.extend([
        ("outcome", outcome(reason.truth)),
        ("wanted", texts(&reason.wanted)),
        (
            "found",
            reason
                .found
                .as_deref()
                .map_or(Printed::Bare("null"), |found| texts(found)),
        ),
        ("unknown", texts(&reason.unknown)),
    ]);
    Printed::Object(members)
}

fn near_miss<'e>(evaluation: &Evaluation, miss: &NearMiss<'e>) -> Printed<'e> {
    let policies = evaluation.layers().iter().flat_map(|layer| &layer.policies);
    // The statement is one of the tree's own: its number is that of the very same place in memory.
    let index = policies
        .filter_map(|policy| {
            policy
                .statements
                .iter()
                .position(|reason| std::ptr::eq(reason, miss.statement))
        })
        .next();
    Printed::Object(vec![
        ("kind", Printed::Text(field(miss.kind))),
        ("name", Printed::Text(miss.policy)),
        (
            "statement",
            Printed::Object(statement(index.unwrap_or_default(), miss.statement)),
        ),
        (
            "elements",
            Printed::List(miss.elements.iter().map(|reason| element(reason)).collect()),
        ),
        (
            "conditions",
            Printed::List(miss.conditions.iter().map(|reason| condition(reason)).collect()),
        ),
    ])
}

fn place(at: Position) -> [(&'static str, Printed<'static>); 2] {
    [
        ("line", Printed::Number(at.line.into())),
        ("column", Printed::Number(at.column.into())),
    ]
}

fn outcome(truth: Truth) -> Printed<'static> {
    Printed::Text(match truth {
        Truth::Matched => "matched",
        Truth::NotMatched => "not matched",
        Truth::NotKnown => "not known",
    })
}

fn texts(texts: &[String]) -> Printed<'_> {
    Printed::List(texts.iter().map(|text| Printed::Text(text)).collect())
}

fn number(number: usize) -> Printed<'static> {
    // A count of statements or levels fits on every machine that Rust runs on.
    Printed::Number(number as u64)
}
