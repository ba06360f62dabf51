use crate::{Arn, OidcProviderArn};

use super::document::{Document, Statement, literal};

/// The trust policy of a role for one subject of an OIDC provider: the audience and the subject must both be exact.
///
/// Without a condition on `sub` every token of the issuer would open the role.
pub fn web_identity_trust(provider: &OidcProviderArn, audience: &str, subject: &str) -> Document {
    Document::of(vec![web_identity(
        provider,
        audience,
        subject,
        vec!["sts:AssumeRoleWithWebIdentity"],
    )])
}

/// As [`web_identity_trust`], for tokens that carry session tags: these need `sts:TagSession` besides.
pub fn web_identity_trust_with_tags(provider: &OidcProviderArn, audience: &str, subject: &str) -> Document {
    let actions = vec!["sts:AssumeRoleWithWebIdentity", "sts:TagSession"];
    Document::of(vec![web_identity(provider, audience, subject, actions)])
}

/// The trust policy of a role for one principal (a role, a user, or an account by its `root`), which must give one of
/// the external ids; without any, it need not give one.
///
/// External ids keep a service that acts for many from being made to act for the wrong one ("The confused deputy
/// problem" in the IAM user guide).
pub fn assume_role_trust(trusted: &Arn, external_ids: &[&str]) -> Document {
    let ids: Vec<String> = external_ids.iter().map(|id| literal(id)).collect();
    Document::of(vec![Statement {
        sid: "AssumeRole",
        principals: Some(("AWS", vec![trusted.to_string()])),
        actions: vec!["sts:AssumeRole"],
        resources: Vec::new(),
        string_equals: if ids.is_empty() {
            Vec::new()
        } else {
            vec![("sts:ExternalId".to_owned(), ids)]
        },
    }])
}

fn web_identity(provider: &OidcProviderArn, audience: &str, subject: &str, actions: Vec<&'static str>) -> Statement {
    Statement {
        sid: "AssumeRoleWithWebIdentity",
        principals: Some(("Federated", vec![provider.to_string()])),
        actions,
        resources: Vec::new(),
        string_equals: vec![
            (provider.condition_key("aud"), vec![literal(audience)]),
            (provider.condition_key("sub"), vec![literal(subject)]),
        ],
    }
}
