use std::{io, sync::Arc};

use aws::{
    Allowance, AwsError, Broker, Caller, Chain, Hop, Login, RegistryHost, Session, SessionName, Settings, Source,
};
use iam::RoleArn;
use jiff::Timestamp;
use net::{Outgoing, Roots};

use super::machine::Machine;

/// As whom this machine calls AWS for a registry.
pub(crate) struct Identity {
    broker: Broker,
    caller: Caller,
    registry: RegistryHost,
}

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// An option or the configuration cannot be used, in one line.
    #[error("{0}")]
    Input(String),
    /// Nobody needs no login.
    #[error(
        "the source for {0} is `anonymous`: whoever pulls there without a login is let in, so there is none to print"
    )]
    Anonymous(RegistryHost),
    /// See [`AwsError`].
    #[error(transparent)]
    Aws(Box<AwsError>),
    /// Nobody reads any more.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl Identity {
    /// The identity that the machine's configuration has for the registry, in this role where one is named.
    ///
    /// # Errors
    /// [`Trouble::Input`], [`Trouble::Anonymous`].
    pub(crate) fn new(machine: Machine, registry: RegistryHost, role: Option<RoleArn>) -> Result<Self, Trouble> {
        let input = |error: &dyn std::fmt::Display| Trouble::Input(error.to_string());
        let (place, source, hops) = machine.identity(&registry).map_err(|error| input(&error))?;
        if matches!(source, Source::Anonymous {}) && role.is_none() {
            return Err(Trouble::Anonymous(registry));
        }
        let (chain, role) =
            chain(source, hops, role, &registry).map_err(|error| Trouble::Input(format!("{place}: {error}")))?;
        let mut roots = Roots::system();
        if let Some(bundle) = &machine.connect.ca_bundle {
            roots = roots
                .with_bundle(bundle)
                .map_err(|error| Trouble::Input(format!("connect.ca_bundle: {error}")))?;
        }
        let resolve = machine.connect.resolve;
        let client = Outgoing { resolve, roots }.client().map_err(|error| input(&error))?;
        let settings = Settings {
            endpoints: machine.aws,
            allowance: Allowance::everything(),
            ..Settings::default()
        };
        Ok(Self {
            broker: Broker::new(settings, client, Timestamp::now),
            caller: Caller {
                chain: Arc::new(chain),
                role,
                subject: String::new(),
                session_name: session_name(),
                tags: Vec::new(),
                source_identity: None,
                session_policy: None,
            },
            registry,
        })
    }

    /// The registry.
    pub(crate) fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    /// A login by user name and password.
    pub(crate) async fn login(&self) -> Result<Login, Trouble> {
        let login = self.broker.basic_login(&self.caller, &self.registry).await;
        login.map_err(|error| Trouble::Aws(error.into()))
    }

    /// The session behind such a login.
    pub(crate) async fn session(&self) -> Result<Session, Trouble> {
        let session = self.broker.session(&self.caller, &self.registry).await;
        session.map_err(|error| Trouble::Aws(error.into()))
    }
}

/// The chain, and the role of a web identity. A role that is named takes the place of the web identity's own, allowed or
/// not: the list is for those who pull through somebody else's server, and this machine's is its user's. From any other
/// source it is one hop more.
fn chain(
    source: Source,
    mut hops: Vec<Hop>,
    named: Option<RoleArn>,
    registry: &RegistryHost,
) -> Result<(Chain, Option<RoleArn>), aws::InvalidChain> {
    let role = match (&source, named) {
        (Source::WebIdentity(identity), named) => named.or_else(|| identity.role_arn.clone()),
        (_, None) => None,
        (_, Some(role_arn)) => {
            hops.push(Hop {
                role_arn,
                external_id: None,
                session_name: None,
                duration: None,
            });
            None
        }
    };
    Ok((Chain::new(source, hops, Some(registry))?, role))
}

/// The user's name is in it, so that CloudTrail tells who it was.
fn session_name() -> SessionName {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    SessionName::of(&["credential", user.as_deref().unwrap_or("nobody")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ROLE: &str = "arn:aws:iam::111122223333:role/pull";
    const OTHER: &str = "arn:aws:iam::444455556666:role/other";

    fn chained(source: Value, hops: Value, named: Option<&str>) -> Result<(Chain, Option<String>), String> {
        let registry = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        let (source, hops) = (
            serde_json::from_value(source).unwrap(),
            serde_json::from_value(hops).unwrap(),
        );
        let named = named.map(|role| role.parse().unwrap());
        let (chain, role) = chain(source, hops, named, &registry).map_err(|error| error.to_string())?;
        Ok((chain, role.map(|role| role.to_string())))
    }

    #[test]
    fn a_named_role_takes_the_place_of_a_web_identitys() {
        let source = json!({"webIdentity": {"roleArn": ROLE, "token": {"file": "/token"}}});
        let (chain, role) = chained(source.clone(), json!([]), Some(OTHER)).unwrap();
        assert_eq!((chain.hops.len(), role.as_deref()), (0, Some(OTHER)));
        let (_, role) = chained(source, json!([]), None).unwrap();
        assert_eq!(role.as_deref(), Some(ROLE));
    }

    #[test]
    fn from_any_other_source_a_named_role_is_the_last_hop() {
        let (chain, role) = chained(json!({"ambient": {}}), json!([{"roleArn": ROLE}]), Some(OTHER)).unwrap();
        let roles: Vec<_> = chain.hops.iter().map(|hop| hop.role_arn.as_str()).collect();
        assert_eq!((roles.as_slice(), role), (&[ROLE, OTHER][..], None));
    }

    #[test]
    fn nobody_assumes_no_role_that_is_named() {
        let error = chained(json!({"anonymous": {}}), json!([]), Some(OTHER)).unwrap_err();
        assert!(error.contains("nobody cannot assume a role"), "{error}");
    }
}
