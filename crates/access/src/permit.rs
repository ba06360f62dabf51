use std::sync::Arc;

use aws::{Caller, RegistryHost};
use oci::RepositoryName;
use state::{Asker, DomainName, NoCaller, Snapshot, Upstream};

use crate::Identity;

/// What a client wants to pull from, as it named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A repository of a registry, by the registry's host.
    Registry(RegistryHost, RepositoryName),
    /// A repository of an upstream, by the upstream's name.
    Upstream(String, RepositoryName),
    /// A repository of an upstream, by a domain that stands for it.
    Domain(DomainName, RepositoryName),
}

/// The right to pull from one repository through one upstream.
///
/// Only [`permit`] makes one. Whoever could make one otherwise would read any team's images out of the cache.
#[derive(Clone, Debug)]
pub struct Permit {
    upstream: Arc<Upstream>,
    registry: RegistryHost,
    repository: RepositoryName,
    caller: Arc<Caller>,
}

/// The client may not, or there is nothing that it could mean. Which of the two is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No upstream of the client's team has this registry.
    #[error("the team `{team}` has no upstream for the registry {registry}")]
    Registry {
        /// The client's team.
        team: String,
        /// The registry.
        registry: RegistryHost,
    },
    /// No upstream of the client's team has this name.
    #[error("the team `{team}` has no upstream `{name}`")]
    Upstream {
        /// The client's team.
        team: String,
        /// The name.
        name: String,
    },
    /// No upstream of the client's team has this domain. Another team's may.
    #[error("the team `{team}` has no upstream for which the host name {domain} stands")]
    Domain {
        /// The client's team.
        team: String,
        /// The domain.
        domain: DomainName,
    },
    /// The upstream is for other repositories.
    #[error("the upstream `{upstream}` has no repository `{repository}`")]
    Repository {
        /// The upstream.
        upstream: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// Nobody can be named to AWS on the client's behalf.
    #[error("the upstream `{upstream}` cannot be pulled from: {reason}")]
    Caller {
        /// The upstream.
        upstream: String,
        /// Why.
        reason: NoCaller,
    },
}

impl Permit {
    /// The upstream through which to pull.
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The registry from which to pull, one of the upstream's.
    pub fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    /// The repository from which to pull.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// As whom AWS is called.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }
}

/// Decides whether the client may pull from the target.
///
/// # Errors
/// See [`Denied`].
pub fn permit(snapshot: &Snapshot, identity: &Identity, target: Target) -> Result<Permit, Denied> {
    let team = identity.team();
    let (upstream, registry, repository) = match target {
        Target::Registry(registry, repository) => match snapshot.upstream_of_registry(team, &registry) {
            Some(upstream) => (upstream, registry, repository),
            None => {
                return Err(Denied::Registry {
                    team: team.to_owned(),
                    registry,
                });
            }
        },
        Target::Upstream(name, repository) => match snapshot.upstream(team, &name) {
            Some(upstream) => (upstream, upstream.registry.clone(), repository),
            None => {
                return Err(Denied::Upstream {
                    team: team.to_owned(),
                    name,
                });
            }
        },
        Target::Domain(domain, repository) => {
            let found = snapshot.upstream_of_domain(&domain);
            // A domain tells which upstream is meant, and not who may pull through it.
            match found.filter(|upstream| upstream.team.as_str() == team) {
                Some(upstream) => (upstream, upstream.registry.clone(), repository),
                None => {
                    return Err(Denied::Domain {
                        team: team.to_owned(),
                        domain,
                    });
                }
            }
        }
    };
    if !upstream.has(&repository) {
        return Err(Denied::Repository {
            upstream: upstream.name.to_string(),
            repository,
        });
    }
    let Identity::Robot { robot, role } = identity;
    let caller = upstream.caller(Asker {
        client: robot.name.as_str(),
        attributes: &robot.attributes,
        role: role.as_ref(),
        repository: &repository,
    });
    let caller = caller.map_err(|reason| Denied::Caller {
        upstream: upstream.name.to_string(),
        reason,
    })?;
    Ok(Permit {
        upstream: upstream.clone(),
        registry,
        repository,
        caller,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use state::{Documents, TokenHash};

    fn snapshot() -> Snapshot {
        let mut text = String::new();
        for (team, account) in [("acme", "111122223333"), ("other", "444455556666")] {
            let hash = TokenHash::of(team);
            text += &format!(
                "---\napiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: {team} }}\n\
                 ---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: {team}, name: ci }}\nspec: {{ tokenHash: '{hash}' }}\n\
                 ---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: {team}, name: {team}-prod }}\nspec:\n  registry: {account}.dkr.ecr.us-east-1.amazonaws.com\n  domains: [{team}.example.com]\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::{account}:role/pull' }} }}\n"
            );
        }
        Snapshot::build([Documents::parse("it", &text).unwrap()]).unwrap()
    }

    fn attempt(account: &str, name: &str, domain: &str) -> [Result<Permit, Denied>; 3] {
        let snapshot = snapshot();
        let identity = Identity::Robot {
            robot: snapshot.robot(&TokenHash::of("acme")).unwrap().clone(),
            role: None,
        };
        let repository: RepositoryName = "team/app".parse().unwrap();
        let registry = format!("{account}.dkr.ecr.us-east-1.amazonaws.com").parse().unwrap();
        [
            permit(&snapshot, &identity, Target::Registry(registry, repository.clone())),
            permit(
                &snapshot,
                &identity,
                Target::Upstream(name.to_owned(), repository.clone()),
            ),
            permit(
                &snapshot,
                &identity,
                Target::Domain(domain.parse().unwrap(), repository),
            ),
        ]
    }

    #[test]
    fn a_robot_reaches_its_own_teams_upstreams_by_each_name() {
        for permit in attempt("111122223333", "acme-prod", "acme.example.com") {
            let permit = permit.unwrap();
            assert_eq!(permit.registry(), &permit.upstream().registry);
            assert_eq!(permit.upstream().name.as_str(), "acme-prod");
            assert_eq!(permit.repository().as_str(), "team/app");
        }
    }

    #[test]
    fn a_foreign_upstream_looks_like_one_that_does_not_exist() {
        let foreign = attempt("444455556666", "other-prod", "other.example.com");
        let foreign = foreign.map(|result| result.unwrap_err().to_string());
        let missing = attempt("999999999999", "no-prod", "no.example.com");
        let missing = missing.map(|result| result.unwrap_err().to_string());
        assert_eq!(foreign[0].replace("444455556666", "999999999999"), missing[0]);
        assert_eq!(foreign[1].replace("other-prod", "no-prod"), missing[1]);
        assert_eq!(foreign[2].replace("other.example.com", "no.example.com"), missing[2]);
    }
}
