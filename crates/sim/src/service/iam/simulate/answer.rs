use ::iam::{Decision, Effect, Evaluation, Kind, StatementReason, Truth};

use crate::xml::Element;

/// What a policy is called in an answer.
pub(super) struct Source {
    pub(super) id: String,
    /// The kind of what it is attached to, or `aws-managed`, `user-managed`, `resource`, `none`.
    pub(super) kind: &'static str,
}

/// What came of one action on one resource.
pub(super) struct Outcome<'s> {
    pub(super) evaluation: Evaluation,
    /// The same, where what the request does not say is not known.
    pub(super) missing: Evaluation,
    pub(super) sources: &'s [Source],
    pub(super) boundary: Option<&'s Source>,
}

impl Outcome<'_> {
    pub(super) fn element(&self, action: &str, resource: &str) -> Element {
        Element::new("member")
            .child(Element::text("EvalActionName", action))
            .child(Element::text("EvalResourceName", resource))
            .child(Element::text("EvalDecision", self.decision()))
            .child(Element::new("MatchedStatements").children(self.matched()))
            .child(Element::new("MissingContextValues").children(self.missing_keys()))
            .maybe(self.boundary_detail())
    }

    fn decision(&self) -> &'static str {
        match self.evaluation.decision() {
            Decision::Allowed => "allowed",
            Decision::ExplicitlyDenied => "explicitDeny",
            Decision::ImplicitlyDenied => "implicitDeny",
        }
    }

    /// The statements that the decision rests on: those that allow, or those that deny; none where nothing allows.
    fn matched(&self) -> Vec<Element> {
        let effect = match self.evaluation.decision() {
            Decision::Allowed => Effect::Allow,
            Decision::ExplicitlyDenied => Effect::Deny,
            Decision::ImplicitlyDenied => return Vec::new(),
        };
        let resource = Source {
            id: "ResourcePolicy".to_owned(),
            kind: "resource",
        };
        let mut matched = Vec::new();
        for layer in self.evaluation.layers() {
            for (at, policy) in layer.policies.iter().enumerate() {
                let source = match layer.kind {
                    Kind::Identity => self.sources.get(at),
                    Kind::Resource => Some(&resource),
                    // A boundary allows nothing by itself.
                    Kind::Boundary if effect == Effect::Deny => self.boundary,
                    _ => None,
                };
                let Some(source) = source else { continue };
                let statements = policy.statements.iter();
                let decisive =
                    statements.filter(|statement| statement.effect == effect && statement.truth == Truth::Matched);
                matched.extend(decisive.map(|statement| matched_element(source, statement)));
            }
        }
        matched
    }

    /// The condition keys that might have decided otherwise, as the policies write them.
    fn missing_keys(&self) -> Vec<Element> {
        let open = self.missing.open_keys();
        let layers = self.missing.layers().iter();
        let statements = layers
            .flat_map(|layer| &layer.policies)
            .flat_map(|policy| &policy.statements);
        let conditions = statements.flat_map(|statement| &statement.conditions);
        let written = conditions.map(|condition| condition.key.as_str()).collect::<Vec<_>>();
        let spelled = |key: &str| {
            let written = written.iter().find(|written| written.to_lowercase() == key);
            written.map_or_else(|| key.to_owned(), |written| (*written).to_owned())
        };
        open.into_iter()
            .map(|key| Element::text("member", spelled(key)))
            .collect()
    }

    fn boundary_detail(&self) -> Option<Element> {
        self.boundary?;
        let layer = self
            .evaluation
            .layers()
            .iter()
            .find(|layer| layer.kind == Kind::Boundary);
        let allows = layer.is_some_and(|layer| layer.allow == Truth::Matched && layer.deny != Truth::Matched);
        let detail = Element::text("AllowedByPermissionsBoundary", allows.to_string());
        Some(Element::new("PermissionsBoundaryDecisionDetail").child(detail))
    }
}

/// Where a statement ends `iam` does not tell, so only its beginning stands here.
fn matched_element(source: &Source, statement: &StatementReason) -> Element {
    let position = Element::new("StartPosition")
        .child(Element::text("Line", statement.at.line.to_string()))
        .child(Element::text("Column", statement.at.column.to_string()));
    Element::new("member")
        .child(Element::text("SourcePolicyId", &source.id))
        .child(Element::text("SourcePolicyType", source.kind))
        .child(position)
}
