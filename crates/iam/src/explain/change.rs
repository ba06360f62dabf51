//! Which documents have to change, and what they are then.

use crate::dossier::{Document, Holder, Side};
use crate::generate;
use crate::json::{self, Node};
use crate::policy::{Effect, Kind};
use crate::reason::Evaluation;
use crate::request::Request;
use crate::truth::Truth;
use crate::{AccountId, Arn, OidcProviderArn};

use super::amend::{self, Grant};
use super::question::Token;

/// A document as it would have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Which document it is, `role trust policy of role puller`.
    pub title: String,
    /// The account that it belongs to.
    pub account: AccountId,
    /// The file that it came from; none if it has to be made.
    pub file: Option<String>,
    /// What is different, a sentence each.
    pub what: Vec<String>,
    /// The whole document, changed.
    pub document: String,
    /// The command that puts it in its place.
    pub command: String,
}

/// Where something has to be allowed.
pub(super) struct Place<'s, 'a> {
    pub(super) kind: Kind,
    /// The user, the role or the repository.
    pub(super) arn: &'s Arn,
    pub(super) side: &'s Side<'a>,
}

/// The changes of all steps: one of each document, however many steps need it.
#[derive(Default)]
pub(super) struct Changes {
    drafts: Vec<Draft>,
}

struct Draft {
    change: Change,
    node: Node,
    grants: Vec<Grant>,
    /// The name of the document in decisions.
    name: String,
}

impl Changes {
    pub(super) fn finish(self) -> Vec<Change> {
        self.drafts.into_iter().map(Draft::finish).collect()
    }

    /// Lets the action pass by a statement of its own, or by one more name in a statement that is for the same.
    pub(super) fn allow(
        &mut self,
        place: &Place<'_, '_>,
        request: &Request,
        evaluation: &Evaluation,
        caller: Option<&Arn>,
    ) -> usize {
        let near = evaluation.near_misses().find(|near| near.kind == place.kind);
        let near = near.and_then(|near| place.side.document(near.policy));
        let index = self.draft(place, near.or(place.side.documents.first()));
        let draft = &mut self.drafts[index];
        let of_resource = place.kind == Kind::Resource;
        draft.grant(Grant {
            principal: caller.filter(|_| of_resource).map(Arn::to_string),
            actions: vec![request.action.clone()],
            resource: (!of_resource).then(|| request.target().to_owned()),
        });
        index
    }

    /// Lets a token in: by the statement that nearly does, or by one of its own.
    pub(super) fn trust_token(
        &mut self,
        place: &Place<'_, '_>,
        request: &Request,
        evaluation: &Evaluation,
        token: Option<&Token>,
    ) -> Option<usize> {
        let provider: OidcProviderArn = request.principal.to_string().parse().ok()?;
        let token = token?;
        let index = self.draft(place, place.side.documents.first());
        let draft = &mut self.drafts[index];
        let near = evaluation.near_miss().filter(|near| near.elements.is_empty());
        let mended = near.and_then(|near| amend::mend(&mut draft.node, &near, &provider, token));
        let what = mended.unwrap_or_else(|| {
            let generated = match token.tags.is_empty() {
                true => generate::web_identity_trust(&provider, &token.audience, &token.subject),
                false => generate::web_identity_trust_with_tags(&provider, &token.audience, &token.subject),
            };
            amend::append_all(&mut draft.node, &generated);
            vec![format!(
                "a statement lets in tokens of {} for {} whose subject is {}",
                token.issuer, token.audience, token.subject
            )]
        });
        draft.say(what);
        Some(index)
    }

    /// Lets another identity assume the role.
    pub(super) fn trust_caller(&mut self, place: &Place<'_, '_>, caller: &Arn, external_id: Option<&str>) -> usize {
        let index = self.draft(place, place.side.documents.first());
        let draft = &mut self.drafts[index];
        let ids: Vec<&str> = external_id.into_iter().collect();
        amend::append_all(&mut draft.node, &generate::assume_role_trust(caller, &ids));
        let with = match external_id {
            Some(_) => " with the external id",
            None => "",
        };
        draft.say(vec![format!("a statement lets {caller} assume the role{with}")]);
        index
    }

    /// Takes out the statements that deny.
    pub(super) fn without_denial(
        &mut self,
        kind: Kind,
        arn: &Arn,
        side: &Side<'_>,
        evaluation: &Evaluation,
    ) -> Vec<usize> {
        let layers = evaluation.layers().iter().filter(|layer| layer.kind == kind);
        let mut changed = Vec::new();
        for policy in layers.flat_map(|layer| &layer.policies) {
            let denies = |s: &&crate::StatementReason| s.effect == Effect::Deny && s.truth == Truth::Matched;
            let places: Vec<_> = policy.statements.iter().filter(denies).map(|s| s.at).collect();
            let Some(document) = side.document(&policy.name).filter(|_| !places.is_empty()) else {
                continue;
            };
            let index = self.draft(&Place { kind, arn, side }, Some(document));
            let draft = &mut self.drafts[index];
            amend::remove(&mut draft.node, &places);
            let what = places.iter().map(|at| {
                format!("the denying statement at {at} is taken out; whoever wrote it should say whether it may go")
            });
            draft.say(what.collect());
            if amend::is_empty(&draft.node) {
                draft.say(vec!["nothing is left in it: the policy itself has to go".to_owned()]);
            }
            changed.push(index);
        }
        changed
    }

    pub(super) fn audience(
        &mut self,
        arn: &OidcProviderArn,
        file: Option<&str>,
        audiences: &[&str],
        wanted: &str,
    ) -> usize {
        let listed: Vec<&str> = audiences.iter().copied().chain([wanted]).collect();
        self.provider(
            arn,
            file,
            &listed,
            format!("it takes the audience {wanted} too"),
            format!(
                "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} --client-id {wanted}"
            ),
        )
    }

    pub(super) fn new_provider(&mut self, arn: &OidcProviderArn, audience: &str) -> usize {
        self.provider(
            arn,
            None,
            &[audience],
            "it is registered".to_owned(),
            format!(
                "aws iam create-open-id-connect-provider --url {} --client-id-list {audience}",
                arn.issuer()
            ),
        )
    }

    fn provider(
        &mut self,
        arn: &OidcProviderArn,
        file: Option<&str>,
        audiences: &[&str],
        what: String,
        command: String,
    ) -> usize {
        let node = amend::object(&[
            ("Url", amend::text(&arn.issuer())),
            ("ClientIDList", amend::list(audiences)),
        ]);
        self.drafts.push(Draft {
            change: Change {
                title: format!("OIDC provider {}", arn.host_and_path()),
                account: arn.account(),
                file: file.map(str::to_owned),
                what: vec![what],
                document: String::new(),
                command,
            },
            node,
            grants: Vec::new(),
            name: arn.to_string(),
        });
        self.drafts.len() - 1
    }

    /// The draft of a document, or of a new one where there is none.
    fn draft(&mut self, place: &Place<'_, '_>, document: Option<&Document<'_>>) -> usize {
        let title = title(place, document);
        // Of two sides that have a document of the same name, each has its own.
        let name = match document {
            Some(document) => format!("{} of {}", document.named.name(), place.arn),
            None => title.clone(),
        };
        if let Some(index) = self.drafts.iter().position(|draft| draft.name == name) {
            return index;
        }
        let empty = || json::read(EMPTY).expect("the empty document is JSON");
        let account = place
            .arn
            .account()
            .expect("users, roles and repositories are of an account");
        self.drafts.push(Draft {
            change: Change {
                title,
                account,
                file: document.map(|document| document.file.to_owned()),
                what: Vec::new(),
                document: String::new(),
                command: command(place, document),
            },
            node: document.map_or_else(empty, |document| document.paper.node.clone()),
            grants: Vec::new(),
            name,
        });
        self.drafts.len() - 1
    }
}

impl Draft {
    fn say(&mut self, what: Vec<String>) {
        for sentence in what {
            if !self.change.what.contains(&sentence) {
                self.change.what.push(sentence);
            }
        }
    }

    /// Actions of one principal on one resource make one statement.
    fn grant(&mut self, grant: Grant) {
        let same = self
            .grants
            .iter_mut()
            .find(|known| (&known.principal, &known.resource) == (&grant.principal, &grant.resource));
        match same {
            Some(known) => known.actions.extend(grant.actions),
            None => self.grants.push(grant),
        }
    }

    fn finish(mut self) -> Change {
        for grant in std::mem::take(&mut self.grants) {
            let what = amend::grant(&mut self.node, &grant);
            self.say(vec![what]);
        }
        Change {
            document: self.node.to_string(),
            ..self.change
        }
    }
}

/// `identity-based policy pull of role puller`
fn title(place: &Place<'_, '_>, document: Option<&Document<'_>>) -> String {
    let kind = place.kind.name();
    if let Some(Holder::Managed(_)) = document.map(|document| &document.paper.holder) {
        let policy = document.and_then(|document| document.paper.name.as_deref());
        return format!("managed policy {}", policy.unwrap_or("of several"));
    }
    let policy = document.and_then(|document| document.paper.name.as_deref());
    let name = policy.map(|name| format!(" {name}")).unwrap_or_default();
    let (of, resource) = place.arn.resource().split_once('/').unwrap_or_default();
    let resource = match of {
        "repository" => resource,
        _ => resource.rsplit('/').next().unwrap_or(resource),
    };
    format!("{kind}{name} of {of} {resource}")
}

fn command(place: &Place<'_, '_>, document: Option<&Document<'_>>) -> String {
    let name = place.arn.resource().rsplit('/').next().unwrap_or_default();
    let policy = document.and_then(|document| document.paper.name.as_deref());
    match place.kind {
        Kind::Trust => {
            format!("aws iam update-assume-role-policy --role-name {name} --policy-document file://DOCUMENT")
        }
        Kind::Resource => format!(
            "aws ecr set-repository-policy --region {} --repository-name {} --policy-text file://DOCUMENT",
            place.arn.region(),
            place.arn.resource_of("ecr", "repository").unwrap_or(name)
        ),
        _ => {
            if let Some(Holder::Managed(arn)) = document.map(|document| &document.paper.holder) {
                return format!(
                    "aws iam create-policy-version --policy-arn {arn} --set-as-default --policy-document file://DOCUMENT"
                );
            }
            let of = if place.arn.resource().starts_with("user/") {
                "user"
            } else {
                "role"
            };
            let policy = policy.unwrap_or("ecr-pull");
            format!(
                "aws iam put-{of}-policy --{of}-name {name} --policy-name {policy} --policy-document file://DOCUMENT"
            )
        }
    }
}

const EMPTY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
