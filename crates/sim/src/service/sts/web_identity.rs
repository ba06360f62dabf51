use iam::Context;
use jiff::Timestamp;

use super::{
    attributes::Attributes,
    claims::Claims,
    packed::PackedSize,
    refusal::{invalid, no_provider, no_role, not_authorized, wrong_thumbprint},
    session::SessionRequest,
    session_tags::SessionTags,
    token::Token,
    trust::Trusting,
};
use crate::{
    exchange::Inbound,
    host::Region,
    identity::RoleSession,
    policy::request_context,
    query::{Fault, Params, Pattern},
    trail::Entry,
    world::{Provider, State, World},
    xml::Element,
};

pub(super) const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// `AssumeRoleWithWebIdentity`: a token of an identity provider for a session of a role.
///
/// The order of the checks: parameters, the provider, its certificate, the token's signature, its times, its audience,
/// the roles that it is for, what it attaches to the session, and last the trust policy.
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
    entry.call.account = Some(request.role.account().to_string());
    entry.call.resource = Some(request.role.to_string());

    let token = Token::read(token)?;
    let issuer = token.issuer()?;
    let asked = Asked {
        request: &request,
        issuer: &issuer,
    };
    // An issuer is asked for nothing unless it is somebody's provider.
    world.read(|state| asked.provider(state).map(|_| ()))?;
    // The client is told little of this, so the trail has to tell.
    let note = |reason: &str| {
        let reason = format!("The keys of {issuer} were not had: {reason}.");
        inbound.decisions.note(ACTION, request.role.as_str(), false, &reason);
    };
    let found = world.issuers.find(&issuer, token.key_id()).await.map_err(|failure| {
        note(&failure.why.in_full());
        failure.rules.iter().for_each(|id| entry.struck_by(id));
        Fault::from(&failure.why)
    })?;
    // The provider may have changed while its issuer was asked.
    let arn = world.read(|state| {
        let provider = asked.provider(state)?;
        if !found.vouched.satisfies(&provider.thumbprints) {
            return Err(wrong_thumbprint());
        }
        Ok(provider.arn(request.role.account()))
    })?;
    if let Some(lack) = token.lack(&found.keys) {
        note(&lack);
    }
    let claims = token.verify(&found.keys)?;
    entry.call.principal = Some(arn.clone());
    let now = world.clock.now();
    claims.check_times(now).or_else(|refused| {
        let machine = world.clock.machine().ok_or(refused)?;
        claims.check_times(machine)
    })?;
    let (session, packed) = world.read(|state| {
        let provider = asked.provider(state)?;
        check_audience(&claims, provider)?;
        check_roles(&claims, request.role.as_str())?;
        let context = request_context(inbound, region, now);
        let trusting = Trusting {
            claims: &claims,
            provider,
            provider_arn: &arn,
            request: &request,
            record: &inbound.decisions,
        };
        asked.session(state, &trusting, context, now)
    })?;
    let issued = request.issue(world, session, packed);
    let result = issued.describe(Element::new("AssumeRoleWithWebIdentityResult"));
    Ok(result
        .child(Element::text("SubjectFromWebIdentityToken", claims.subject()))
        .child(Element::text("Audience", claims.audience()))
        .child(Element::text("Provider", arn)))
}

/// What is asked for, and by whom.
struct Asked<'a> {
    request: &'a SessionRequest<'a>,
    issuer: &'a str,
}

impl Asked<'_> {
    /// The issuer's provider in the role's account.
    fn provider<'s>(&self, state: &'s State) -> Result<&'s Provider, Fault> {
        let found = self.issuer.strip_prefix("https://").and_then(|url| {
            let account = state.account(self.request.role.account())?;
            account.providers.get(url)
        });
        found.ok_or_else(|| no_provider(self.issuer))
    }

    /// The session that the role is to have, if it trusts the web identity.
    fn session(
        &self,
        state: &State,
        trusting: &Trusting<'_>,
        context: Context,
        now: Timestamp,
    ) -> Result<(RoleSession, Option<PackedSize>), Fault> {
        let attributes = Attributes {
            tags: SessionTags::of_claims(trusting.claims.all())?,
            source_identity: trusting.claims.source_identity()?,
        };
        let packed = self.request.packed_size(&attributes)?;
        let role = self.request.find_role(state).ok_or_else(|| {
            let role = self.request.role.as_str();
            trusting.record.note(ACTION, role, false, &no_role(role));
            not_authorized(ACTION)
        })?;
        let context = attributes.context(trusting.context(role, context));
        for action in std::iter::once(ACTION).chain(attributes.actions()) {
            if !trusting.allows(role, action, &context) {
                return Err(not_authorized(action));
            }
        }
        let provider = Some(trusting.provider_arn.to_owned());
        let session = self.request.session(state, role, provider, attributes, now)?;
        Ok((session, packed))
    }
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
            "The target role ARN is not present in the roles claim of the identity token",
        )),
        _ => Ok(()),
    }
}
