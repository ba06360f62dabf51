//! How the kinds of policies make up one decision.
//!
//! "Policy evaluation logic" of the IAM user guide: the pages on requests within a single account, on cross-account
//! requests, and on how AWS enforcement code logic evaluates requests.

use crate::actions;
use crate::policy::{Effect, Kind};
use crate::reason::{Decision, Denial};
use crate::request::{Named, PolicySet};
use crate::truth::Truth;

use super::caller::Caller;
use super::facts::Facts;
use super::matching::{self, Reach};
use super::observer::Observer;

pub(super) struct Verdict {
    pub(super) decision: Decision,
    pub(super) denial: Option<Denial>,
    pub(super) lacking: Lacking,
}

/// The kinds of policies that would have to allow and do not (for certain), in the order of evaluation.
pub(super) type Lacking = [Option<Kind>; 6];

impl Verdict {
    const ALLOWED: Verdict = Verdict {
        decision: Decision::Allowed,
        denial: None,
        lacking: [None; 6],
    };

    fn denied(denial: Denial) -> Verdict {
        let decision = match denial {
            Denial::Explicit(_) => Decision::ExplicitlyDenied,
            Denial::NoAllow(_) | Denial::Possible(_) | Denial::RootUser => Decision::ImplicitlyDenied,
        };
        Verdict {
            decision,
            denial: Some(denial),
            lacking: [None; 6],
        }
    }
}

pub(super) fn compose<O: Observer>(facts: &Facts<'_>, set: &PolicySet, observer: &mut O) -> Verdict {
    if facts.action == actions::FREE {
        return Verdict::ALLOWED;
    }
    let layers = Layers::of(facts, set, observer);
    let denies = [
        (Kind::ResourceControl, layers.resource_control.deny),
        (Kind::ServiceControl, layers.service_control.deny),
        (layers.own_kind, layers.own.deny),
        (Kind::Identity, layers.identity.deny),
        (Kind::Boundary, layers.boundary.deny),
        (Kind::Session, layers.session.deny),
    ];
    if let Some((kind, _)) = denies.iter().find(|(_, deny)| *deny == Truth::Matched) {
        return Verdict::denied(Denial::Explicit(*kind));
    }
    if matches!(facts.caller, Caller::Root { .. }) && facts.action == "sts:assumerole" {
        return Verdict::denied(Denial::RootUser);
    }
    let lacking = layers.lacking(facts);
    if let Some(kind) = lacking.into_iter().flatten().next() {
        return Verdict {
            lacking,
            ..Verdict::denied(Denial::NoAllow(kind))
        };
    }
    match denies.iter().find(|(_, deny)| *deny == Truth::NotKnown) {
        Some((kind, _)) => Verdict::denied(Denial::Possible(*kind)),
        None => Verdict::ALLOWED,
    }
}

/// What the policies of one kind say.
#[derive(Clone, Copy)]
struct Layer {
    allow: Reach,
    deny: Truth,
}

impl Layer {
    /// The policies of a kind that does not restrict this request.
    const OPEN: Layer = Layer {
        allow: Reach {
            direct: Truth::Matched,
            ..Reach::NONE
        },
        deny: Truth::NotMatched,
    };
    /// The policies of a kind that says nothing about this request.
    const SILENT: Layer = Layer {
        allow: Reach::NONE,
        deny: Truth::NotMatched,
    };

    fn allows(&self) -> Truth {
        self.allow.any()
    }
}

struct Layers {
    resource_control: Layer,
    service_control: Layer,
    /// The policy of the resource itself.
    own: Layer,
    /// `Resource`, or `Trust` where a role is assumed.
    own_kind: Kind,
    identity: Layer,
    boundary: Layer,
    session: Layer,
}

impl Layers {
    fn of<O: Observer>(facts: &Facts<'_>, set: &PolicySet, observer: &mut O) -> Layers {
        let caller = &facts.caller;
        let mut reader = Reader {
            facts,
            bounded: !set.boundary.is_empty(),
            observer,
        };
        let organized = !caller.is_service_linked();
        let resource_control = reader.levels(Kind::ResourceControl, &set.resource_control, organized);
        let service_control = reader.levels(
            Kind::ServiceControl,
            &set.service_control,
            organized && caller.is_of_aws(),
        );
        let (own_kind, own) = if facts.is_about_trust() {
            (Kind::Trust, set.trust.as_slice())
        } else if actions::is_done_to_no_resource(&facts.action) {
            (Kind::Resource, [].as_slice())
        } else {
            (Kind::Resource, set.resource.as_slice())
        };
        let own = if own.is_empty() {
            Layer::SILENT
        } else {
            reader.layer(own_kind, None, own)
        };
        let (identity, boundary, session) = match caller {
            // The root user's permissions come from no policy, and nobody but the organization can restrict them.
            Caller::Root { .. } => (Layer::OPEN, Layer::OPEN, Layer::OPEN),
            caller if caller.is_of_aws() => (
                reader.layer(Kind::Identity, None, &set.identity),
                reader.limit(Kind::Boundary, &set.boundary),
                if caller.is_federated_user() && set.session.is_empty() {
                    Layer::SILENT
                } else {
                    reader.limit(Kind::Session, &set.session)
                },
            ),
            _ => (Layer::SILENT, Layer::OPEN, Layer::OPEN),
        };
        Layers {
            resource_control,
            service_control,
            own,
            own_kind,
            identity,
            boundary,
            session,
        }
    }

    fn lacking(&self, facts: &Facts<'_>) -> Lacking {
        let need = |kind, layer: &Layer| (layer.allows() != Truth::Matched).then_some(kind);
        let own = need(self.own_kind, &self.own);
        let identity = need(Kind::Identity, &self.identity);
        let limits = (need(Kind::Boundary, &self.boundary), need(Kind::Session, &self.session));
        let granted = self.own.allow;
        let nothing = (None, None);
        let (own, identity, (boundary, session)) = if !facts.caller.is_of_aws() {
            // There is no identity that could have policies; only the login of a registry is beyond every resource.
            let beyond = actions::is_done_to_no_resource(&facts.action);
            (own.map(|own| if beyond { Kind::Identity } else { own }), None, nothing)
        } else if !facts.is_same_account() {
            // Two accounts, two evaluations: neither side can speak for the other.
            (own, identity, limits)
        } else if granted.direct == Truth::Matched {
            (None, None, nothing)
        } else if granted.role == Truth::Matched {
            (None, None, limits)
        } else if self.is_up_to_the_resource(facts) && granted.account != Truth::Matched {
            (Some(self.own_kind), None, nothing)
        } else {
            (None, identity, limits)
        };
        let resource_control = need(Kind::ResourceControl, &self.resource_control);
        let service_control = need(Kind::ServiceControl, &self.service_control);
        [resource_control, service_control, own, identity, boundary, session]
    }

    /// Within the account the identity's policies suffice for most resources, but not for a role to be assumed and not
    /// for a KMS key: these have to let the account in first ("Key policies in AWS KMS").
    fn is_up_to_the_resource(&self, facts: &Facts<'_>) -> bool {
        self.own_kind == Kind::Trust || (facts.action.starts_with("kms:") && facts.resource.contains(":key/"))
    }
}

struct Reader<'a, 'r, O> {
    facts: &'a Facts<'r>,
    bounded: bool,
    observer: &'a mut O,
}

impl<O: Observer> Reader<'_, '_, O> {
    /// Policies each of which can allow and each of which can deny.
    fn layer(&mut self, kind: Kind, level: Option<usize>, policies: &[Named]) -> Layer {
        let mut layer = Layer::SILENT;
        for named in policies {
            for statement in named.policy().statements() {
                // Once granted in the strongest way, a further allowing statement changes nothing.
                let settled = statement.effect == Effect::Allow && layer.allow.direct == Truth::Matched;
                if settled && !O::RECORDS {
                    continue;
                }
                let reach = matching::statement(statement, kind, self.bounded, self.facts, self.observer);
                self.observer.statement(statement, reach.any());
                match statement.effect {
                    Effect::Allow => layer.allow = layer.allow.or(reach),
                    Effect::Deny => layer.deny = layer.deny.or(reach.any()),
                }
            }
            self.observer.policy(named.name());
        }
        self.observer.layer(kind, level, layer.allows(), layer.deny);
        layer
    }

    /// Policies that restrict what others allow, where there are any.
    fn limit(&mut self, kind: Kind, policies: &[Named]) -> Layer {
        if policies.is_empty() {
            Layer::OPEN
        } else {
            self.layer(kind, None, policies)
        }
    }

    /// The levels of an organization, each of which restricts.
    fn levels(&mut self, kind: Kind, levels: &[Vec<Named>], applies: bool) -> Layer {
        if !applies {
            return Layer::OPEN;
        }
        levels.iter().enumerate().fold(Layer::OPEN, |sum, (index, policies)| {
            let level = self.layer(kind, Some(index), policies);
            let allow = sum.allows().and(level.allows());
            Layer {
                allow: Reach {
                    direct: allow,
                    ..Reach::NONE
                },
                deny: sum.deny.or(level.deny),
            }
        })
    }
}
