use iam::{Context, Named, PolicySet, Principal, Request};
use serde_json::Value;

use super::{claims::Claims, session::SessionRequest};
use crate::{
    policy::decide,
    trail::Decisions,
    world::{Provider, Role},
};

/// A web identity that wants to be trusted by a role.
///
/// The principal is the provider; `iam` knows what follows from that: `aws:PrincipalType` is `User`, `aws:userid` is the
/// provider's ARN, `aws:PrincipalArn` is absent, and `"AWS": "*"` names nobody of this kind.
pub(super) struct Trusting<'a> {
    pub(super) claims: &'a Claims,
    pub(super) provider: &'a Provider,
    pub(super) provider_arn: &'a str,
    pub(super) request: &'a SessionRequest<'a>,
    /// Where it is put on record how this was decided, and why.
    pub(super) record: &'a Decisions,
}

/// The claims that become condition keys because AWS knows their issuer ("IAM and AWS STS condition context keys",
/// "Available keys for AWS OIDC federation"). A host that begins with a dot stands for all below it.
const OF_KNOWN_ISSUERS: [(&str, &[&str]); 3] = [
    ("oidc.circleci.com", &["oidc.circleci.com/project-id"]),
    (
        "token.actions.githubusercontent.com",
        &[
            "actor",
            "actor_id",
            "enterprise_id",
            "environment",
            "job_workflow_ref",
            "ref",
            "repository",
            "repository_id",
            "workflow",
        ],
    ),
    (".oraclecloud.com", &["rpst_id"]),
];

impl Trusting<'_> {
    /// Whether the role's trust policy lets the web identity do something.
    pub(super) fn allows(&self, role: &Role, action: &str, context: &Context) -> bool {
        let asked = Request {
            principal: Principal::Federated(self.provider_arn.to_owned()),
            action: action.to_owned(),
            resource: self.request.role.to_string(),
            resource_account: Some(self.request.role.account()),
            context: context.clone(),
        };
        let policies = PolicySet {
            trust: Some(Named::new("of the role", role.trust.policy.clone())),
            ..PolicySet::default()
        };
        decide(&asked, &policies, self.record).is_ok()
    }

    /// The condition keys: of a generic provider's claims only the standard ones are known.
    pub(super) fn context(&self, role: &Role, context: Context) -> Context {
        let url = &self.provider.url;
        let key = |claim: &str| format!("{url}:{claim}");
        let claims = self.claims;
        let mut context = context
            .with(&key("aud"), claims.audience())
            .with(&key("sub"), claims.subject())
            .with("sts:RoleSessionName", self.request.name);
        let amr = claims.texts("amr");
        if !amr.is_empty() {
            context = context.with_all(&key("amr"), amr);
        }
        // Where `azp` takes the audience's place, the audience proper goes by another name.
        if claims.text("azp").is_some() {
            context = context.with_all(&key("oaud"), claims.texts("aud"));
        }
        for (claim, text) in known_issuer(url).iter().filter_map(|claim| scalar(claims, claim)) {
            context = context.with(&key(claim), text);
        }
        let authorized = claims.roles().is_some();
        of_role(role, context).with("sts:RoleAuthorizedByIdp", authorized.to_string())
    }
}

/// Adds the condition keys of a role that is to be assumed: its tags, which go by two names.
pub(super) fn of_role(role: &Role, context: Context) -> Context {
    let keys = ["aws:ResourceTag", "iam:ResourceTag"];
    let tags = role.permissions.tags.iter();
    tags.flat_map(|(tag, value)| keys.map(|key| (format!("{key}/{tag}"), value)))
        .fold(context, |context, (key, value)| context.with(&key, value))
}

fn known_issuer(url: &str) -> &'static [&'static str] {
    let host = url.split('/').next().unwrap_or_default();
    let is_known = |known: &str| host == known || (known.starts_with('.') && host.ends_with(known));
    let found = OF_KNOWN_ISSUERS.iter().find(|(known, _)| is_known(known));
    found.map_or(&[], |(_, claims)| claims)
}

/// A claim that is one value, as text.
fn scalar<'c>(claims: &Claims, claim: &'c &'static str) -> Option<(&'c str, String)> {
    let text = match claims.all().get(*claim)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    Some((claim, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_issuers_are_known_by_their_whole_host() {
        assert_eq!(
            known_issuer("oidc.circleci.com/org/1"),
            ["oidc.circleci.com/project-id"]
        );
        assert_eq!(known_issuer("identity.oraclecloud.com"), ["rpst_id"]);
        for url in [
            "notoraclecloud.com",
            "oidc.circleci.com.example.org/org/1",
            "issuer.example/team",
        ] {
            assert!(known_issuer(url).is_empty(), "{url}");
        }
    }
}
