//! Does a statement match a request? The one core that decisions with and without reasons share.

use crate::pattern::Reading;
use crate::policy::{Effect, EntryKind, Grant, Kind, Names, PrincipalElement, PrincipalEntry, Statement};
use crate::reason::ElementReason;
use crate::truth::Truth;

use super::caller::Caller;
use super::facts::Facts;
use super::observer::Observer;

/// How far a statement that matches reaches: for each way of granting, whether it grants that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) account: Truth,
    pub(super) role: Truth,
    pub(super) direct: Truth,
}

impl Reach {
    pub(super) const NONE: Reach = Reach {
        account: Truth::NotMatched,
        role: Truth::NotMatched,
        direct: Truth::NotMatched,
    };

    fn by(grant: Grant, truth: Truth) -> Reach {
        match grant {
            Grant::Account => Reach {
                account: truth,
                ..Reach::NONE
            },
            Grant::Role => Reach {
                role: truth,
                ..Reach::NONE
            },
            Grant::Direct => Reach {
                direct: truth,
                ..Reach::NONE
            },
        }
    }

    pub(super) fn any(self) -> Truth {
        self.account.or(self.role).or(self.direct)
    }

    pub(super) fn or(self, other: Reach) -> Reach {
        Reach {
            account: self.account.or(other.account),
            role: self.role.or(other.role),
            direct: self.direct.or(other.direct),
        }
    }

    fn and(self, truth: Truth) -> Reach {
        Reach {
            account: self.account.and(truth),
            role: self.role.and(truth),
            direct: self.direct.and(truth),
        }
    }
}

/// Lays a statement against a request. `bounded`: the caller has a permissions boundary.
pub(super) fn statement<O: Observer>(
    statement: &Statement,
    kind: Kind,
    bounded: bool,
    facts: &Facts<'_>,
    observer: &mut O,
) -> Reach {
    let mut reach = Reach::by(Grant::Direct, Truth::Matched);
    let decided = |reach: Reach| !O::RECORDS && reach.any() == Truth::NotMatched;

    let actions = &statement.actions;
    let matched = actions
        .values
        .iter()
        .map(|action| action.pattern.matches(&facts.action, Reading::Plain, facts));
    let truth = Truth::any(matched).negated_if(actions.negated);
    observer.element(|| ElementReason::of_action(actions, truth, &facts.request.action));
    reach = reach.and(truth);
    if decided(reach) {
        return Reach::NONE;
    }

    if kind.names_principals() {
        let named = principals(statement, kind, bounded, facts);
        observer.element(|| ElementReason::of_principal(statement, named.any(), &facts.request.principal));
        let others = reach.any();
        reach = named.and(others);
        if decided(reach) {
            return Reach::NONE;
        }
    } else if let Some(element) = &statement.principals {
        // AWS stores no such policy; what it would mean is not defined, so it means nothing.
        observer.element(|| ElementReason::of_misplaced_principal(element));
        reach = Reach::NONE;
    }

    let truth = match &statement.resources {
        None => kind.implies_resource().into(),
        Some(element) => {
            let matched = element
                .values
                .iter()
                .map(|pattern| pattern.matches(facts.resource, Reading::Resource, facts));
            Truth::any(matched).negated_if(element.negated)
        }
    };
    observer.element(|| ElementReason::of_resource(statement, truth, facts.resource, facts));
    reach = reach.and(truth);

    for condition in &statement.conditions {
        if decided(reach) {
            return Reach::NONE;
        }
        let truth = condition.matches(facts);
        observer.condition(condition, truth, facts);
        reach = reach.and(truth);
    }
    reach
}

fn principals(statement: &Statement, kind: Kind, bounded: bool, facts: &Facts<'_>) -> Reach {
    let Some(element) = &statement.principals else {
        return Reach::NONE;
    };
    if element.negated {
        return Reach::by(Grant::Direct, not_principals(element, statement.effect, bounded, facts));
    }
    let wide = statement.effect == Effect::Deny || kind == Kind::ResourceControl;
    element
        .entries
        .iter()
        .fold(Reach::NONE, |reach, entry| reach.or(named(entry, wide, facts)))
}

/// Does a value of `Principal` name the caller? `wide`: "everyone" includes federated identities, which it does not
/// where a trust policy allows.
fn named(entry: &PrincipalEntry, wide: bool, facts: &Facts<'_>) -> Reach {
    let caller = &facts.caller;
    let by = |grant, matched: bool| Reach::by(grant, matched.into());
    match &entry.names {
        Names::Everyone => by(Grant::Direct, wide || !matches!(caller, Caller::Federated(_))),
        Names::Account(account) => by(Grant::Account, caller.account() == Some(*account)),
        Names::Role { .. } => by(Grant::Role, names_role(entry, caller)),
        Names::Exactly(_) | Names::Service | Names::Federated | Names::AnyOfKind => {
            by(Grant::Direct, names_exactly(entry, caller))
        }
        Names::CanonicalUser => Reach::by(
            Grant::Direct,
            if caller.is_of_aws() {
                Truth::NotKnown
            } else {
                Truth::NotMatched
            },
        ),
        Names::Nobody => Reach::NONE,
    }
}

/// A role's name is unique in its account, so its path decides only where the request tells it.
fn names_role(entry: &PrincipalEntry, caller: &Caller<'_>) -> bool {
    let (
        Names::Role { account, arn },
        Caller::Session {
            account: own,
            role,
            role_arn,
            ..
        },
    ) = (&entry.names, caller)
    else {
        return false;
    };
    let same_name = super::caller::last_part(arn.resource()) == *role;
    own == account && same_name && role_arn.is_none_or(|known| known == arn.as_str())
}

fn names_exactly(entry: &PrincipalEntry, caller: &Caller<'_>) -> bool {
    match (&entry.names, caller) {
        (Names::Exactly(named), Caller::User { arn, .. } | Caller::Session { arn, .. }) => named == *arn,
        (Names::Service, Caller::Service(name)) => *name == &*entry.text,
        (Names::Federated, Caller::Federated(provider)) => *provider == &*entry.text,
        (Names::AnyOfKind, Caller::Service(_)) => entry.kind == EntryKind::Service,
        (Names::AnyOfKind, Caller::Federated(_)) => entry.kind == EntryKind::Federated,
        _ => false,
    }
}

/// Does a statement with `NotPrincipal` apply to the caller?
///
/// "IAM JSON policy elements: NotPrincipal": the account, then the role, then the session is looked at, and a denying
/// statement spares only a caller all of whose steps are listed; it spares nobody who has a permissions boundary. An
/// allowing statement (which new policies cannot have) applies only where none of the steps is listed.
fn not_principals(element: &PrincipalElement, effect: Effect, bounded: bool, facts: &Facts<'_>) -> Truth {
    let caller = &facts.caller;
    let is_deny = effect == Effect::Deny;
    if is_deny && bounded && caller.is_of_aws() {
        return Truth::Matched;
    }
    let listed = |step: &dyn Fn(&PrincipalEntry) -> bool| {
        Truth::any(element.entries.iter().map(|entry| match entry.names {
            Names::CanonicalUser if caller.is_of_aws() => Truth::NotKnown,
            Names::Everyone => Truth::Matched,
            _ => step(entry).into(),
        }))
    };
    let account = |entry: &PrincipalEntry| matches!((&entry.names, caller.account()), (Names::Account(listed), Some(own)) if *listed == own);
    let role = |entry: &PrincipalEntry| names_role(entry, caller);
    let exactly = |entry: &PrincipalEntry| names_exactly(entry, caller);
    let is_role_itself = matches!(caller, Caller::Session { arn, role_arn: Some(known), .. } if arn.as_str() == *known);
    let steps: &[&dyn Fn(&PrincipalEntry) -> bool] = match caller {
        Caller::Root { .. } => &[&account],
        Caller::User { .. } => &[&account, &exactly],
        Caller::Session { .. } if is_role_itself => &[&account, &role],
        Caller::Session { .. } => &[&account, &role, &exactly],
        _ => &[&exactly],
    };
    let steps = steps.iter().map(|step| listed(*step));
    if is_deny {
        !Truth::all(steps)
    } else {
        !Truth::any(steps)
    }
}
