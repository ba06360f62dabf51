//! One step: decided, told, and with what would have to be given or changed.

use crate::dossier::Side;
use crate::policy::Kind;
use crate::reason::Denial;
use crate::request::{PolicySet, Request};
use crate::truth::Truth;
use crate::{Arn, Principal, RoleArn};

use super::chain::{Chain, last_part};
use super::change::Place;
use super::ladder::{Rung, Status};
use super::verdict::{self, Gaps, Verdict};

/// A request with all that decides it.
pub(super) struct Step<'s, 'a> {
    pub(super) title: String,
    pub(super) request: Request,
    pub(super) policies: PolicySet,
    pub(super) gaps: Gaps,
    pub(super) identity: Option<(&'s Arn, &'s Side<'a>)>,
    pub(super) boundary: Option<&'s Side<'a>>,
    pub(super) own: Option<(&'s Arn, &'s Side<'a>)>,
}

impl<'a> Chain<'a> {
    pub(super) fn step(&mut self, step: Step<'_, 'a>) {
        let verdict = verdict::of(&step.request, &step.policies, step.gaps);
        let Verdict { status, evaluation } = &verdict;
        let mut fetch = Vec::new();
        let mut changes = Vec::new();
        if *status != Status::Allowed {
            for kind in asked_for(evaluation.denial(), evaluation.lacking(), &step) {
                let side = step.side(kind);
                if let Some((arn, side)) = side.filter(|(_, side)| side.has_gaps()) {
                    fetch.extend(commands(kind, arn, side));
                }
            }
        }
        if *status != Status::Allowed {
            changes = self.changes_of(&step, &verdict);
        }
        let says = (*status == Status::Denied).then(|| evaluation.sentence(&step.request));
        let mut because = evaluation.explanation(&step.request);
        if !fetch.is_empty() {
            because = because.replace(": there is none", ": none was given");
        }
        if !fetch.is_empty() {
            because.push_str(match status {
                Status::Unknown => " A document that may allow it, or deny it, was not given.",
                _ => " Besides, a document that has a say was not given.",
            });
        }
        self.rungs.push(Rung {
            step: step.title,
            status: *status,
            aws_says: says,
            because,
            fetch,
            changes,
        });
    }

    fn changes_of(&mut self, step: &Step<'_, 'a>, verdict: &Verdict) -> Vec<usize> {
        let evaluation = &verdict.evaluation;
        if let Some(Denial::Explicit(kind)) = evaluation.denial() {
            let side = step.side(kind);
            return side
                .map(|(arn, side)| self.changes.without_denial(kind, arn, side, evaluation))
                .unwrap_or_default();
        }
        let mut changes = Vec::new();
        for kind in evaluation.lacking() {
            let Some((arn, side)) = step.side(*kind) else { continue };
            // What is not known cannot be changed, and what a key decides need not be.
            let layers = evaluation.layers().iter().filter(|layer| layer.kind == *kind);
            if side.has_gaps() || layers.into_iter().any(|layer| layer.allow == Truth::NotKnown) {
                continue;
            }
            let place = Place { kind: *kind, arn, side };
            changes.extend(match (kind, &step.request.principal) {
                (Kind::Trust, Principal::Federated(_)) => {
                    self.changes
                        .trust_token(&place, &step.request, evaluation, self.question.token.as_ref())
                }
                (Kind::Trust, _) => {
                    let caller = step.identity.map(|(arn, _)| arn);
                    let id = self.question.external_id.as_deref();
                    caller.map(|caller| self.changes.trust_caller(&place, caller, id))
                }
                _ => Some(
                    self.changes
                        .allow(&place, &step.request, evaluation, step.identity.map(|(arn, _)| arn)),
                ),
            });
        }
        changes
    }
}

impl<'s, 'a> Step<'s, 'a> {
    fn side(&self, kind: Kind) -> Option<(&'s Arn, &'s Side<'a>)> {
        match kind {
            Kind::Identity => self.identity,
            Kind::Boundary => Some((self.identity?.0, self.boundary?)),
            Kind::Resource | Kind::Trust => self.own,
            _ => None,
        }
    }
}

/// The kinds of documents that would have to be looked at.
fn asked_for(denial: Option<Denial>, lacking: &[Kind], step: &Step<'_, '_>) -> Vec<Kind> {
    match denial {
        None => vec![Kind::Boundary],
        Some(Denial::NoAllow(_)) => {
            let mut kinds = lacking.to_vec();
            if step.own.is_some() && kinds == [Kind::Identity] {
                kinds.push(Kind::Resource);
            }
            kinds
        }
        Some(_) => Vec::new(),
    }
}

fn commands(kind: Kind, arn: &Arn, side: &Side<'_>) -> Vec<String> {
    let name = last_part(arn);
    let account = arn.account_text();
    let of = if RoleArn::try_from(arn.clone()).is_ok() {
        "role"
    } else {
        "user"
    };
    let lines = match kind {
        _ if !side.lacking.is_empty() => side
            .lacking
            .iter()
            .map(|policy| format!("the document of {policy}: aws iam get-policy-version"))
            .collect(),
        Kind::Trust => vec![format!("aws iam get-role --role-name {name}")],
        Kind::Resource => vec![format!(
            "aws ecr get-repository-policy --region {} --repository-name {}",
            arn.region(),
            arn.resource_of("ecr", "repository").unwrap_or_default()
        )],
        _ => vec![
            format!("aws iam list-attached-{of}-policies --{of}-name {name}"),
            format!("aws iam get-{of}-policy --{of}-name {name} --policy-name NAME"),
        ],
    };
    lines
        .into_iter()
        .map(|line| format!("{line}   # in account {account}"))
        .collect()
}
