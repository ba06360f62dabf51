use iam::{Context, Decision, Named, PolicySet, Principal, Request};

use super::{
    claims::Claims,
    refusal::{invalid, no_provider, not_authorized, wrong_thumbprint},
    session::SessionRequest,
    token::Token,
};
use crate::{
    exchange::Inbound,
    host::Region,
    policy::request_context,
    query::{Fault, Params, Pattern},
    trail::Entry,
    world::{Provider, Role, World},
    xml::Element,
};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// `AssumeRoleWithWebIdentity`: a token of an identity provider for a session of a role.
///
/// The order of the checks: parameters, the provider, the token's signature, its times, its audience, the roles that it
/// is for, and last the trust policy.
pub(super) async fn assume(
    world: &World,
    inbound: &Inbound,
    params: &Params,
    region: &Region,
    entry: &mut Entry,
) -> Result<Element, Fault> {
    let mut token = "";
    let request = SessionRequest::read(params, |check| {
        token = check.required("WebIdentityToken", 4..=20_000, Pattern::ANY);
        check.optional("ProviderId", 4..=2048, Pattern::ANY);
    })?;
    if params.text("ProviderId").is_some() {
        return Err(Fault::not_simulated(
            "providers of OAuth 2.0 access tokens",
            "ProviderId",
        ));
    }
    let account = request.role.account();
    entry.call.account = Some(account.to_string());
    entry.call.resource = Some(request.role.to_string());

    let token = Token::read(token)?;
    let issuer = token.issuer()?;
    let provider = world.read(|state| {
        let url = issuer.strip_prefix("https://")?;
        state.account(account)?.providers.get(url).cloned()
    });
    let provider = provider.ok_or_else(|| no_provider(&issuer))?;
    let found = world.issuers.find(&issuer, token.key_id()).await.map_err(|error| {
        tracing::debug!(%issuer, %error, "the identity provider's keys were not had");
        Fault::from(&*error)
    })?;
    if !found.vouched.satisfies(&provider.thumbprints) {
        return Err(wrong_thumbprint());
    }
    let claims = token.verify(&found.keys)?;
    let provider_arn = provider.arn(account);
    entry.call.principal = Some(provider_arn.clone());
    let now = world.clock.now();
    claims.check_times(now)?;
    check_audience(&claims, &provider)?;
    check_roles(&claims, request.role.as_str())?;
    refuse_session_claims(&claims)?;

    let role = world
        .read(|state| state.account(account)?.role(request.role.name()).cloned())
        .filter(|role| role.arn(account) == request.role.as_str())
        .ok_or_else(|| not_authorized(ACTION))?;
    let context = trust_context(&claims, &provider, &request, request_context(inbound, region, now));
    if !is_trusted(&role, &provider_arn, &request, context) {
        return Err(not_authorized(ACTION));
    }
    request.check_duration(&role)?;
    let issued = request.issue(world, &role, Some(provider_arn.clone()));
    Ok(Element::new("AssumeRoleWithWebIdentityResult")
        .child(Element::text("SubjectFromWebIdentityToken", claims.subject()))
        .child(Element::text("Audience", claims.audience()))
        .child(issued.user())
        .child(issued.credentials())
        .child(Element::text("Provider", provider_arn)))
}

fn is_trusted(role: &Role, provider: &str, request: &SessionRequest<'_>, context: Context) -> bool {
    let asked = Request {
        principal: Principal::Federated(provider.to_owned()),
        action: ACTION.to_owned(),
        resource: request.role.to_string(),
        resource_account: Some(request.role.account()),
        context,
    };
    let policies = PolicySet {
        trust: Some(Named::new("trust policy", role.trust.policy.clone())),
        ..PolicySet::default()
    };
    iam::decide(&asked, &policies) == Decision::Allowed
}

/// The condition keys of a web identity: of a generic provider's claims only the standard ones are known.
fn trust_context(claims: &Claims, provider: &Provider, request: &SessionRequest<'_>, context: Context) -> Context {
    let key = |claim: &str| format!("{}:{claim}", provider.url);
    let mut context = context
        .with(&key("aud"), claims.audience())
        .with(&key("sub"), claims.subject())
        .with("sts:RoleSessionName", request.name);
    let amr = claims.texts("amr");
    if !amr.is_empty() {
        context = context.with_all(&key("amr"), amr);
    }
    // Where `azp` takes the audience's place, the audience proper goes by another name.
    if claims.text("azp").is_some() {
        context = context.with_all(&key("oaud"), claims.texts("aud"));
    }
    let authorized = claims.roles().is_some();
    context.with("sts:RoleAuthorizedByIdp", authorized.to_string())
}

fn check_audience(claims: &Claims, provider: &Provider) -> Result<(), Fault> {
    if claims.texts("aud").len() > 1 && claims.text("azp").is_none() {
        return Err(invalid(
            "The token has more than one audience and does not say by azp which party it was issued to",
        ));
    }
    if provider.client_ids.iter().any(|id| id == claims.audience()) {
        Ok(())
    } else {
        Err(invalid("Incorrect token audience"))
    }
}

/// A token may be pinned to roles; this is looked at before the trust policy.
fn check_roles(claims: &Claims, role: &str) -> Result<(), Fault> {
    match claims.roles() {
        Some(roles) if !roles.iter().any(|named| named == role) => Err(invalid(
            "The requested role is not authorized by the identity provider's token",
        )),
        _ => Ok(()),
    }
}

/// Session tags and source identities change what is decided, so a token that asks for them is not taken halfway.
fn refuse_session_claims(claims: &Claims) -> Result<(), Fault> {
    for (claim, what) in [
        ("https://aws.amazon.com/tags", "session tags"),
        ("https://aws.amazon.com/source_identity", "source identities"),
    ] {
        if claims.all().contains_key(claim) {
            return Err(invalid(format!(
                "This simulated AWS has no {what} yet; leave the claim {claim} out of the token."
            )));
        }
    }
    Ok(())
}
