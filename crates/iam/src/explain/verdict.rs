//! Three answers to a request, from documents of which some may be missing.

use crate::catalog::is_passed_on;
use crate::context::Context;
use crate::dossier::Side;
use crate::policy::Kind;
use crate::reason::{Denial, Evaluation};
use crate::request::{Named, PolicySet, Request};
use crate::truth::Truth;

use super::Status;

pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) evaluation: Evaluation,
}

/// Which kinds of documents are not all given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gaps {
    pub(super) identity: bool,
    pub(super) boundary: bool,
    /// The resource's own policy, a role's trust policy included.
    pub(super) own: bool,
}

impl Gaps {
    fn of(self, kind: Kind) -> bool {
        match kind {
            Kind::Identity => self.identity,
            Kind::Boundary => self.boundary,
            Kind::Resource | Kind::Trust => self.own,
            _ => false,
        }
    }
}

pub(super) fn of(request: &Request, policies: &PolicySet, gaps: Gaps) -> Verdict {
    let evaluation = crate::evaluate(request, policies);
    let status = match evaluation.denial() {
        None if gaps.boundary => Status::Unknown,
        None => Status::Allowed,
        Some(Denial::Explicit(_) | Denial::RootUser) => Status::Denied,
        Some(Denial::Possible(_)) => Status::Unknown,
        Some(Denial::NoAllow(_)) => {
            let open = |kind: &Kind| is_open(*kind, request, &evaluation, gaps);
            match evaluation.lacking().iter().all(open) {
                true => Status::Unknown,
                false => Status::Denied,
            }
        }
    };
    Verdict { status, evaluation }
}

/// Might a policy of this kind allow the request, for all that is known?
fn is_open(kind: Kind, request: &Request, evaluation: &Evaluation, gaps: Gaps) -> bool {
    let open = |kind: Kind| {
        let layers = evaluation.layers().iter().filter(|layer| layer.kind == kind);
        gaps.of(kind) || layers.into_iter().any(|layer| layer.allow == Truth::NotKnown)
    };
    let same_account = request.principal.account().is_some() && request.principal.account() == request.owner();
    // Within an account the policy of the resource may allow by itself.
    let elsewhere = kind == Kind::Identity && same_account && request.target() != "*";
    open(kind) || (elsewhere && open(Kind::Resource))
}

/// What is known of a side, as the engine takes it.
pub(super) fn policies(identity: &Side<'_>, boundary: &Side<'_>) -> PolicySet {
    PolicySet {
        identity: identity.policies(),
        boundary: boundary.policies(),
        ..PolicySet::default()
    }
}

/// Keys that only the request itself could tell stay unknown; others that are not told are not there. So a condition
/// on a misspelt key fails, as it does at AWS, and one on the caller's network is left open.
pub(super) fn settle<'a>(context: Context, policies: impl IntoIterator<Item = &'a Named>) -> Context {
    let mut context = context;
    for named in policies {
        let statements = named.policy().statements().iter();
        let keys = statements
            .flat_map(|statement| statement.conditions())
            .flat_map(|condition| condition.keys());
        for key in keys.map(str::to_owned).collect::<Vec<_>>() {
            if !is_up_to_the_request(&key) && context.values(&key).is_empty() {
                context = context.without(&key);
            }
        }
    }
    context
}

/// In lower case, as keys come.
fn is_up_to_the_request(key: &str) -> bool {
    key.starts_with("aws:")
        || key.contains(":resourcetag/")
        || matches!(
            key,
            "sts:rolesessionname" | "sts:durationseconds" | "sts:sourceidentity"
        )
        || key.rsplit_once(':').is_some_and(|(issuer, claim)| {
            // Claims that were not told, of issuers of whose tokens AWS passes them on.
            issuer.contains('.') && !matches!(claim, "aud" | "sub" | "amr") && is_passed_on(issuer, claim)
        })
}
