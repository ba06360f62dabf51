use std::time::Duration;

use iam::{Kind, RoleArn};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{attributes::Attributes, packed::PackedSize};
use crate::{
    clock::iso,
    credential::SessionCredentials,
    identity::{Identity, Origin, RoleSession},
    query::{Fault, Params, Pattern, Validation, malformed_policy},
    world::{Document, Role, State, World},
    xml::Element,
};

/// The longest that session policies may be together: the document and the ARNs of managed ones.
const MAX_POLICY: usize = 2048;

/// The most managed policies that limit a session.
const MAX_POLICY_ARNS: usize = 10;

/// What the calls that begin a session have in common.
pub(super) struct SessionRequest<'p> {
    pub(super) role: RoleArn,
    pub(super) name: &'p str,
    /// Seconds.
    pub(super) duration: i64,
    policy: Option<&'p str>,
    policy_arns: Vec<&'p str>,
}

impl<'p> SessionRequest<'p> {
    /// Reads the parameters; `more` checks those that only the one call has.
    pub(super) fn read(params: &'p Params, more: impl FnOnce(&mut Validation<'p>)) -> Result<Self, Fault> {
        let mut check = Validation::of(params);
        let role = check.required("RoleArn", 20..=2048, Pattern::ANY);
        let name = check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME);
        let duration = check.number("DurationSeconds", 900..=43_200).unwrap_or(3600);
        let policy = check.optional("Policy", 1..=MAX_POLICY, Pattern::DOCUMENT);
        let policy_arns = policy_arns(params, &mut check);
        more(&mut check);
        check.finish()?;
        if let Some(policy) = policy {
            Document::read(policy, Kind::Session).map_err(|error| malformed_policy(policy, Kind::Session, &error))?;
        }
        Ok(Self {
            role: parse_role(role)?,
            name,
            duration,
            policy,
            policy_arns,
        })
    }

    /// The role, if it is there: not only its name, but its path counts.
    pub(super) fn find_role<'s>(&self, state: &'s State) -> Option<&'s Role> {
        let account = self.role.account();
        let role = state.account(account)?.role(self.role.name())?;
        (role.arn(account) == self.role.as_str()).then_some(role)
    }

    /// The session that the role is to have, if it may last as long as was asked for and its policies are there.
    pub(super) fn session(
        &self,
        state: &State,
        role: &Role,
        provider: Option<String>,
        attributes: Attributes,
        now: Timestamp,
    ) -> Result<RoleSession, Fault> {
        if self.duration > role.max_session {
            return Err(Fault::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        let account = self.role.account();
        for arn in &self.policy_arns {
            let owned = [account.as_str(), "aws"].map(|owner| format!("arn:aws:iam::{owner}:policy/"));
            let known = owned.iter().any(|prefix| arn.starts_with(prefix)) && state.managed_policy(arn).is_some();
            if !known {
                return Err(Fault::validation(format!(
                    "The managed policy {arn} is not one of the role's account or of AWS."
                )));
            }
        }
        let (tags, transitive) = attributes.tags.into_parts();
        Ok(RoleSession {
            account,
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            session_name: self.name.to_owned(),
            issued: now,
            provider,
            policy: self.policy.map(str::to_owned),
            policy_arns: self.policy_arns.iter().map(|arn| (*arn).to_owned()).collect(),
            tags,
            transitive,
            source_identity: attributes.source_identity,
            origin: Origin::Assumed,
        })
    }

    /// How much of the space for policies and tags the session takes.
    pub(super) fn packed_size(&self, attributes: &Attributes) -> Result<Option<PackedSize>, Fault> {
        let policies = self.policy.iter().chain(&self.policy_arns);
        let plain = policies.map(|text| text.chars().count()).sum();
        PackedSize::of(plain, MAX_POLICY, attributes)
    }

    /// Begins the session.
    pub(super) fn issue(&self, world: &World, session: RoleSession, packed: Option<PackedSize>) -> Issued {
        let expires = world.clock.after(Duration::from_secs(self.duration.unsigned_abs()));
        Issued {
            arn: session.arn(),
            user_id: session.user_id(),
            source_identity: session.source_identity.clone(),
            packed,
            credentials: SessionCredentials::issue(&world.seal, Identity::Session(session), expires),
        }
    }
}

/// A session that has begun.
pub(super) struct Issued {
    arn: String,
    user_id: String,
    source_identity: Option<String>,
    packed: Option<PackedSize>,
    credentials: SessionCredentials,
}

impl Issued {
    /// Adds what all answers have in common.
    pub(super) fn describe(&self, result: Element) -> Element {
        let user = Element::new("AssumedRoleUser")
            .child(Element::text("AssumedRoleId", &self.user_id))
            .child(Element::text("Arn", &self.arn));
        let packed = self
            .packed
            .map(|packed| Element::text("PackedPolicySize", packed.percent()));
        let source = self.source_identity.as_deref();
        result
            .child(user)
            .child(credentials(&self.credentials))
            .maybe(packed)
            .maybe(source.map(|source| Element::text("SourceIdentity", source)))
    }
}

/// Temporary credentials, as every answer shows them.
pub(super) fn credentials(credentials: &SessionCredentials) -> Element {
    Element::new("Credentials")
        .child(Element::text("AccessKeyId", &credentials.key_id))
        .child(Element::text("SecretAccessKey", credentials.secret.expose_secret()))
        .child(Element::text("SessionToken", credentials.token.expose_secret()))
        .child(Element::text("Expiration", iso(credentials.expires)))
}

/// `PolicyArns.member.N.arn`; the member's name begins with a small letter, as in the service model.
fn policy_arns<'p>(params: &'p Params, check: &mut Validation<'p>) -> Vec<&'p str> {
    let mut arns = Vec::new();
    for number in 1.. {
        let Some(arn) = params.text(&format!("PolicyArns.member.{number}.arn")) else {
            break;
        };
        if number > MAX_POLICY_ARNS {
            check.too_many("policyArns", MAX_POLICY_ARNS);
            break;
        }
        let member = format!("policyArns.{number}.member.arn");
        check.check(&member, arn, 20..=2048, Pattern::ANY);
        arns.push(arn);
    }
    arns
}

/// What is no ARN is named; an ARN of something else than a role is not.
fn parse_role(role: &str) -> Result<RoleArn, Fault> {
    role.parse().map_err(|_| {
        let parts = role.splitn(6, ':').collect::<Vec<_>>();
        let is_arn = matches!(parts[..], ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty());
        if is_arn {
            Fault::validation("Request ARN is invalid")
        } else {
            Fault::validation(format!("{role} is invalid"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_arn_is_named() {
        let message = |role: &str| parse_role(role).unwrap_err().message;
        for role in [
            "nothing-valid-in-here",
            "arn::b:::something/test-role",
            "arn:a::::something/test-role",
            "arn:a:::something/test-role",
            "arn:a:a::aaaaaaaaaa:",
        ] {
            assert_eq!(message(role), format!("{role} is invalid"));
        }
        assert_eq!(message("arn:aws:iam::111122223333:user/u"), "Request ARN is invalid");
        assert!(parse_role("arn:aws:iam::111122223333:role/a/b").is_ok());
    }
}
