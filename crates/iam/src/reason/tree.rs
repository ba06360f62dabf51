use crate::condition::Condition;
use crate::context::{Found, Lookup};
use crate::json::Position;
use crate::policy::{ActionPattern, Effect, Element, Kind, PrincipalElement, Statement};
use crate::principal::Principal;
use crate::truth::Truth;

/// What the policies of one kind said; of an organization's policies, those of one level.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerReason {
    /// The kind of policy.
    pub kind: Kind,
    /// The level in the organization, from 0 for its root.
    pub level: Option<usize>,
    /// Does an allowing statement match?
    pub allow: Truth,
    /// Does a denying statement match?
    pub deny: Truth,
    /// The policies.
    pub policies: Vec<PolicyReason>,
}

/// What one policy said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolicyReason {
    /// The name it was given.
    pub name: String,
    /// Its statements, in their order.
    pub statements: Vec<StatementReason>,
}

/// Whether one statement matched, and by what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatementReason {
    /// The statement's name.
    pub sid: Option<String>,
    /// What it does where it matches.
    pub effect: Effect,
    /// Where it stands.
    pub at: Position,
    /// Whether it matched.
    pub truth: Truth,
    /// Its elements but for the conditions: action, principal, resource.
    pub elements: Vec<ElementReason>,
    /// Its conditions.
    pub conditions: Vec<ConditionReason>,
}

/// Whether one element matched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ElementReason {
    /// `Action`, `NotResource`, …
    pub name: &'static str,
    /// Where it stands; where it is missing, where its statement does.
    pub at: Position,
    /// Whether it matched.
    pub truth: Truth,
    /// Its values; empty where the element is missing.
    pub wanted: Vec<String>,
    /// What the request has.
    pub found: String,
    /// The keys (in lower case) of policy variables that would have to be known.
    pub unknown: Vec<String>,
}

/// Whether one condition held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConditionReason {
    /// The operator with prefix and suffix.
    pub operator: String,
    /// The condition key as the policy writes it.
    pub key: String,
    /// Where the key stands.
    pub at: Position,
    /// Whether it held.
    pub truth: Truth,
    /// The values of the policy.
    pub wanted: Vec<String>,
    /// The values of the request; none where the key is absent or not known.
    pub found: Option<Vec<String>>,
    /// The keys (in lower case) that would have to be known.
    pub unknown: Vec<String>,
}

impl StatementReason {
    /// The keys that leave this statement open; none where something else decides it.
    pub(crate) fn open_keys(&self) -> impl Iterator<Item = &str> {
        let conditions = self
            .conditions
            .iter()
            .map(|condition| (condition.truth, &condition.unknown));
        let elements = self.elements.iter().map(|element| (element.truth, &element.unknown));
        let open = elements
            .chain(conditions)
            .filter(|(truth, _)| *truth == Truth::NotKnown);
        open.filter(|_| self.truth == Truth::NotKnown)
            .flat_map(|(_, keys)| keys.iter().map(String::as_str))
    }
}

impl ElementReason {
    pub(crate) fn of_action(element: &Element<ActionPattern>, truth: Truth, action: &str) -> Self {
        ElementReason {
            name: if element.negated { "NotAction" } else { "Action" },
            at: element.at,
            truth,
            wanted: element.values.iter().map(|action| action.text().to_owned()).collect(),
            found: action.to_owned(),
            unknown: Vec::new(),
        }
    }

    pub(crate) fn of_resource(statement: &Statement, truth: Truth, resource: &str, context: &impl Lookup) -> Self {
        let element = statement.resources.as_ref();
        ElementReason {
            name: if element.is_some_and(|element| element.negated) {
                "NotResource"
            } else {
                "Resource"
            },
            at: element.map_or(statement.at, |element| element.at),
            truth,
            wanted: element
                .into_iter()
                .flat_map(|e| &e.values)
                .map(|pattern| pattern.text().to_owned())
                .collect(),
            found: resource.to_owned(),
            unknown: element
                .into_iter()
                .flat_map(|element| &element.values)
                .flat_map(|pattern| pattern.variables())
                .filter(|key| context.find(key) == Found::Unknown)
                .map(str::to_owned)
                .collect(),
        }
    }

    pub(crate) fn of_principal(statement: &Statement, truth: Truth, principal: &Principal) -> Self {
        let element = statement.principals.as_ref();
        ElementReason {
            name: element.map_or("Principal", PrincipalElement::name),
            at: element.map_or(statement.at, |element| element.at),
            truth,
            wanted: element.map(principal_texts).unwrap_or_default(),
            found: principal.to_string(),
            // Of principals only this is ever not known.
            unknown: if truth == Truth::NotKnown {
                vec!["CanonicalUser".to_owned()]
            } else {
                Vec::new()
            },
        }
    }

    pub(crate) fn of_misplaced_principal(element: &PrincipalElement) -> Self {
        ElementReason {
            name: element.name(),
            at: element.at,
            truth: Truth::NotMatched,
            wanted: principal_texts(element),
            found: "a kind of policy that has no such element".to_owned(),
            unknown: Vec::new(),
        }
    }
}

impl ConditionReason {
    pub(crate) fn new(condition: &Condition, truth: Truth, context: &impl Lookup) -> Self {
        let unknown = condition.keys().filter(|key| context.find(key) == Found::Unknown);
        ConditionReason {
            operator: condition.operator().to_string(),
            key: condition.key().to_owned(),
            at: condition.position(),
            truth,
            wanted: condition.values().map(str::to_owned).collect(),
            found: match condition.found(context) {
                Found::Values(values) => Some(values.to_vec()),
                Found::Absent | Found::Unknown => None,
            },
            unknown: unknown.map(str::to_owned).collect(),
        }
    }
}

fn principal_texts(element: &PrincipalElement) -> Vec<String> {
    let text = |entry: &crate::policy::PrincipalEntry| match entry.kind.key() {
        "" => entry.text.to_string(),
        kind => format!("{kind}: {}", entry.text),
    };
    element.entries.iter().map(text).collect()
}
