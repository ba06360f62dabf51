//! The steps: provider, token, roles that assume roles, login, manifest, layers.

use crate::dossier::Dossier;
use crate::request::Request;
use crate::{Arn, Context, OidcProviderArn, Principal, RoleArn};

use super::change::Changes;
use super::ladder::{Ladder, Rung, Status};
use super::question::Question;
use super::step::Step;
use super::verdict::{self, Gaps};

pub(super) fn walk(question: &Question, dossier: &Dossier) -> Ladder {
    let mut chain = Chain {
        question,
        dossier,
        rungs: Vec::new(),
        changes: Changes::default(),
        provider: None,
    };
    let first = &question.chain[0];
    if let Ok(role) = RoleArn::try_from(first.clone()) {
        match &question.token {
            Some(token) => chain.enter(&role, token),
            None => chain.unsaid_entry(&role),
        }
    }
    for hop in question.chain.windows(2) {
        if let [from, to] = hop {
            chain.hop(from, to);
        }
    }
    chain.login();
    chain.fetch("ecr:BatchGetImage", "Manifest");
    chain.fetch("ecr:GetDownloadUrlForLayer", "Layers");
    Ladder {
        title: format!("Pull from {} as {}", question.repository, question.principal()),
        rungs: chain.rungs,
        changes: chain.changes.finish(),
    }
}

pub(super) struct Chain<'a> {
    pub(super) question: &'a Question,
    pub(super) dossier: &'a Dossier,
    pub(super) rungs: Vec<Rung>,
    pub(super) changes: Changes,
    /// Who vouched for the token.
    pub(super) provider: Option<OidcProviderArn>,
}

impl<'a> Chain<'a> {
    /// Does this one own the documents that do not say whose they are?
    pub(super) fn is_asked(&self, arn: &Arn) -> bool {
        arn == self.question.principal()
    }

    pub(super) fn say(&mut self, step: String, status: Status, because: String) -> &mut Rung {
        self.rungs.push(Rung {
            step,
            status,
            aws_says: None,
            because,
            fetch: Vec::new(),
            changes: Vec::new(),
        });
        self.rungs.last_mut().expect("a rung was just added")
    }

    fn hop(&mut self, from: &Arn, to: &Arn) {
        let identity = self.dossier.permissions(from, self.is_asked(from));
        let boundary = self.dossier.boundary(from, false);
        let trust = self.dossier.trust(to, self.is_asked(to));
        let mut policies = verdict::policies(&identity, &boundary);
        policies.trust = trust.policies().into_iter().next();
        let context = match &self.question.external_id {
            Some(id) => self.context_of(from).with("sts:ExternalId", id),
            None => self.context_of(from),
        };
        let all = policies
            .identity
            .iter()
            .chain(&policies.boundary)
            .chain(&policies.trust);
        let context = verdict::settle(context, all);
        let request = Request::new(acting_as(from), "sts:AssumeRole", to.as_str(), context);
        self.step(Step {
            title: format!("sts:AssumeRole on role {} as {}", last_part(to), described(from)),
            request,
            policies,
            gaps: Gaps {
                identity: identity.has_gaps(),
                boundary: !boundary.lacking.is_empty(),
                own: trust.has_gaps(),
            },
            identity: Some((from, &identity)),
            boundary: Some(&boundary),
            own: Some((to, &trust)),
        });
    }

    fn login(&mut self) {
        let question = self.question;
        let principal = question.principal();
        let identity = self.dossier.permissions(principal, true);
        let boundary = self.dossier.boundary(principal, true);
        let policies = verdict::policies(&identity, &boundary);
        let context = self
            .context_of(principal)
            .with("aws:RequestedRegion", question.repository.region());
        let context = verdict::settle(context, policies.identity.iter().chain(&policies.boundary));
        self.step(Step {
            title: "Login: ecr:GetAuthorizationToken on *".to_owned(),
            request: Request::new(acting_as(principal), "ecr:GetAuthorizationToken", "*", context),
            policies,
            gaps: Gaps {
                identity: identity.has_gaps(),
                boundary: !boundary.lacking.is_empty(),
                own: false,
            },
            identity: Some((principal, &identity)),
            boundary: Some(&boundary),
            own: None,
        });
    }

    fn fetch(&mut self, action: &str, what: &str) {
        let question = self.question;
        let (principal, repository) = (question.principal(), &question.repository);
        let identity = self.dossier.permissions(principal, true);
        let boundary = self.dossier.boundary(principal, true);
        let mut own = self.dossier.repository(repository);
        own.is_known |= question.no_repository_policy;
        let mut policies = verdict::policies(&identity, &boundary);
        policies.resource = own.policies().into_iter().next();
        let context = self
            .context_of(principal)
            .with("aws:RequestedRegion", repository.region());
        let all = policies
            .identity
            .iter()
            .chain(&policies.boundary)
            .chain(&policies.resource);
        let context = verdict::settle(context, all);
        self.step(Step {
            title: format!("{what}: {action} on {repository}"),
            request: Request::new(acting_as(principal), action, repository.as_str(), context),
            policies,
            gaps: Gaps {
                identity: identity.has_gaps(),
                boundary: !boundary.lacking.is_empty(),
                own: own.has_gaps(),
            },
            identity: Some((principal, &identity)),
            boundary: Some(&boundary),
            own: Some((repository, &own)),
        });
    }

    pub(super) fn context(&self) -> Context {
        let context = Context::partial()
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false");
        self.question
            .context
            .iter()
            .fold(context, |context, (key, value)| context.with(key, value))
    }

    pub(super) fn context_of(&self, caller: &Arn) -> Context {
        let context = match RoleArn::try_from(caller.clone()) {
            // The ARN of a session leaves out the path of its role.
            Ok(role) => self.context().with("aws:PrincipalArn", role.as_str()),
            Err(_) => self.context(),
        };
        match &self.provider {
            Some(provider) if self.question.chain.first() == Some(caller) => {
                context.with("aws:FederatedProvider", provider.as_str())
            }
            _ => context,
        }
    }
}

/// A role acts as a session.
fn acting_as(arn: &Arn) -> Principal {
    let role = RoleArn::try_from(arn.clone()).ok();
    let session = role.and_then(|role| role.session("SESSION").ok());
    Principal::Aws(session.unwrap_or_else(|| arn.clone()))
}

fn described(arn: &Arn) -> String {
    let kind = arn.resource().split('/').next().unwrap_or_default();
    format!("{kind} {}", last_part(arn))
}

pub(super) fn last_part(arn: &Arn) -> &str {
    arn.resource().rsplit('/').next().unwrap_or_default()
}
