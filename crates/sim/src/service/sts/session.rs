use std::{collections::BTreeMap, time::Duration};

use iam::{Kind, RoleArn};
use secrecy::ExposeSecret;

use crate::{
    clock::iso,
    credential::SessionCredentials,
    identity::{Identity, Origin, RoleSession},
    query::{Fault, Params, Pattern, Validation, malformed_policy},
    world::{Document, Role, World},
    xml::Element,
};

/// The longest session policy.
const MAX_POLICY: usize = 2048;

/// What the calls that begin a session have in common.
pub(super) struct SessionRequest<'p> {
    pub(super) role: RoleArn,
    pub(super) name: &'p str,
    /// Seconds.
    pub(super) duration: i64,
    pub(super) policy: Option<&'p str>,
}

impl<'p> SessionRequest<'p> {
    /// Reads the parameters; `more` checks those that only the one call has.
    pub(super) fn read(params: &'p Params, more: impl FnOnce(&mut Validation<'p>)) -> Result<Self, Fault> {
        let mut check = Validation::of(params);
        let role = check.required("RoleArn", 20..=2048, Pattern::ANY);
        let name = check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME);
        let duration = check.number("DurationSeconds", 900..=43_200).unwrap_or(3600);
        let policy = check.optional("Policy", 1..=MAX_POLICY, Pattern::DOCUMENT);
        more(&mut check);
        check.finish()?;
        if params.any_below("PolicyArns.") {
            return Err(Fault::not_simulated("managed policies", "PolicyArns"));
        }
        if let Some(policy) = policy {
            Document::read(policy, Kind::Session).map_err(|error| malformed_policy(policy, Kind::Session, &error))?;
        }
        Ok(Self {
            role: role.parse().map_err(|_| Fault::validation("Request ARN is invalid"))?,
            name,
            duration,
            policy,
        })
    }

    /// Whether the session may last as long as was asked for.
    pub(super) fn check_duration(&self, role: &Role) -> Result<(), Fault> {
        if self.duration > role.max_session {
            return Err(Fault::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(())
    }

    /// Begins the session.
    pub(super) fn issue(&self, world: &World, role: &Role, provider: Option<String>) -> Issued {
        let session = RoleSession {
            account: self.role.account(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            session_name: self.name.to_owned(),
            provider,
            policy: self.policy.map(str::to_owned),
            policy_arns: Vec::new(),
            tags: BTreeMap::new(),
            transitive: Vec::new(),
            source_identity: None,
            origin: Origin::Assumed,
        };
        let expires = world.clock.after(Duration::from_secs(self.duration.unsigned_abs()));
        Issued {
            arn: session.arn(),
            user_id: session.user_id(),
            credentials: SessionCredentials::issue(&world.seal, Identity::Session(session), expires),
        }
    }
}

/// A session that has begun.
pub(super) struct Issued {
    pub(super) arn: String,
    user_id: String,
    credentials: SessionCredentials,
}

impl Issued {
    pub(super) fn user(&self) -> Element {
        Element::new("AssumedRoleUser")
            .child(Element::text("AssumedRoleId", &self.user_id))
            .child(Element::text("Arn", &self.arn))
    }

    pub(super) fn credentials(&self) -> Element {
        let credentials = &self.credentials;
        let expiration = iso(credentials.expires);
        Element::new("Credentials")
            .child(Element::text("AccessKeyId", &credentials.key_id))
            .child(Element::text("SecretAccessKey", credentials.secret.expose_secret()))
            .child(Element::text("SessionToken", credentials.token.expose_secret()))
            .child(Element::text("Expiration", expiration))
    }
}
