use crate::condition::Condition;
use crate::policy::{Kind, Statement};
use crate::reason::{ConditionReason, ElementReason, LayerReason, PolicyReason, StatementReason};
use crate::truth::Truth;

use super::facts::Facts;

/// Watches the one course of a decision. Calls come from the leaves up: elements and conditions, then their statement,
/// then its policy, then the layer.
pub(super) trait Observer {
    /// Is every element wanted, also of a statement that is decided already?
    const RECORDS: bool;

    fn element(&mut self, reason: impl FnOnce() -> ElementReason);
    fn condition(&mut self, condition: &Condition, truth: Truth, facts: &Facts<'_>);
    fn statement(&mut self, statement: &Statement, truth: Truth);
    fn policy(&mut self, name: &str);
    fn layer(&mut self, kind: Kind, level: Option<usize>, allow: Truth, deny: Truth);
}

/// Wants the decision only.
pub(super) struct Silent;

impl Observer for Silent {
    const RECORDS: bool = false;

    fn element(&mut self, _: impl FnOnce() -> ElementReason) {}
    fn condition(&mut self, _: &Condition, _: Truth, _: &Facts<'_>) {}
    fn statement(&mut self, _: &Statement, _: Truth) {}
    fn policy(&mut self, _: &str) {}
    fn layer(&mut self, _: Kind, _: Option<usize>, _: Truth, _: Truth) {}
}

/// Grows the tree of reasons.
#[derive(Default)]
pub(super) struct Recorder {
    elements: Vec<ElementReason>,
    conditions: Vec<ConditionReason>,
    statements: Vec<StatementReason>,
    policies: Vec<PolicyReason>,
    layers: Vec<LayerReason>,
}

impl Recorder {
    pub(super) fn into_layers(self) -> Vec<LayerReason> {
        self.layers
    }
}

impl Observer for Recorder {
    const RECORDS: bool = true;

    fn element(&mut self, reason: impl FnOnce() -> ElementReason) {
        self.elements.push(reason());
    }

    fn condition(&mut self, condition: &Condition, truth: Truth, facts: &Facts<'_>) {
        self.conditions.push(ConditionReason::new(condition, truth, facts));
    }

    fn statement(&mut self, statement: &Statement, truth: Truth) {
        self.statements.push(StatementReason {
            sid: statement.sid().map(str::to_owned),
            effect: statement.effect(),
            at: statement.position(),
            truth,
            elements: std::mem::take(&mut self.elements),
            conditions: std::mem::take(&mut self.conditions),
        });
    }

    fn policy(&mut self, name: &str) {
        self.policies.push(PolicyReason {
            name: name.to_owned(),
            statements: std::mem::take(&mut self.statements),
        });
    }

    fn layer(&mut self, kind: Kind, level: Option<usize>, allow: Truth, deny: Truth) {
        self.layers.push(LayerReason {
            kind,
            level,
            allow,
            deny,
            policies: std::mem::take(&mut self.policies),
        });
    }
}
