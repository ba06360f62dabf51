use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    sync::Arc,
};

use aws::RegistryHost;

use crate::{Documents, DomainName, Located, Resource, ResourceName, Robot, Team, TokenHash, Upstream};

/// All resources at one time. Never changed, only replaced.
#[derive(Debug, Default)]
pub struct Snapshot {
    teams: BTreeMap<ResourceName, Arc<Team>>,
    upstreams: BTreeMap<ResourceName, BTreeMap<ResourceName, Arc<Upstream>>>,
    registries: HashMap<RegistryHost, BTreeMap<ResourceName, Arc<Upstream>>>,
    domains: HashMap<DomainName, Arc<Upstream>>,
    robots: HashMap<TokenHash, Arc<Robot>>,
}

/// Resources that do not hold together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {title}: {problem}")]
pub struct Inconsistent {
    origin: String,
    title: String,
    problem: String,
}

impl Snapshot {
    /// The snapshot that the documents make.
    ///
    /// # Errors
    /// [`Inconsistent`] for the first resource that is defined twice, names a team that is not there, shares a registry
    /// with another upstream of its team, a domain with any other upstream, or a token with another robot.
    pub fn build(files: impl IntoIterator<Item = Documents>) -> Result<Self, Inconsistent> {
        let mut located: BTreeMap<String, Located> = BTreeMap::new();
        for resource in files.into_iter().flat_map(|documents| documents.resources) {
            match located.entry(resource.resource.title()) {
                Entry::Vacant(place) => drop(place.insert(resource)),
                Entry::Occupied(first) => {
                    return Err(resource.inconsistent(format!("is defined in {} already", first.get().origin)));
                }
            }
        }
        let mut snapshot = Self::default();
        for located in located.values() {
            if let Resource::Team(team) = &located.resource {
                snapshot.teams.insert(team.name.clone(), Arc::new(team.clone()));
            }
        }
        for located in located.values() {
            match &located.resource {
                Resource::Team(_) => {}
                Resource::Upstream(upstream) => snapshot.add_upstream(upstream, located)?,
                Resource::Robot(robot) => snapshot.add_robot(robot, located)?,
            }
        }
        Ok(snapshot)
    }

    /// How many teams, upstreams and robots there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        (
            self.teams.len(),
            self.upstreams.values().map(BTreeMap::len).sum(),
            self.robots.len(),
        )
    }

    /// The upstream of a team with this name.
    pub fn upstream(&self, team: &str, name: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.get(team)?.get(name)
    }

    /// The upstream through which a team reaches this registry.
    pub fn upstream_of_registry(&self, team: &str, registry: &RegistryHost) -> Option<&Arc<Upstream>> {
        self.registries.get(registry)?.get(team)
    }

    /// The upstream for which this domain stands, whatever its team.
    pub fn upstream_of_domain(&self, domain: &DomainName) -> Option<&Arc<Upstream>> {
        self.domains.get(domain)
    }

    /// The robot whose token has this hash.
    pub fn robot(&self, token: &TokenHash) -> Option<&Arc<Robot>> {
        self.robots.get(token)
    }

    fn add_upstream(&mut self, upstream: &Upstream, located: &Located) -> Result<(), Inconsistent> {
        let shared = Arc::new(upstream.within(self.require_team(&upstream.team, located)?));
        for registry in upstream.all_registries() {
            let others = self.registries.entry(registry.clone()).or_default();
            if let Some(other) = others.insert(upstream.team.clone(), shared.clone()) {
                let problem = format!(
                    "spec.registry: `{registry}` is a registry of Upstream {}/{} already; a team reaches a registry by one upstream",
                    other.team, other.name
                );
                return Err(located.inconsistent(problem));
            }
        }
        for domain in &upstream.domains {
            // Over all teams: the host of a request is all that tells which upstream it means.
            if let Some(other) = self.domains.insert(domain.clone(), shared.clone()) {
                let problem = format!(
                    "spec.domains: `{domain}` stands for Upstream {}/{} already; a domain stands for one upstream",
                    other.team, other.name
                );
                return Err(located.inconsistent(problem));
            }
        }
        self.upstreams
            .entry(upstream.team.clone())
            .or_default()
            .insert(upstream.name.clone(), shared);
        Ok(())
    }

    fn add_robot(&mut self, robot: &Robot, located: &Located) -> Result<(), Inconsistent> {
        self.require_team(&robot.team, located)?;
        if let Some(other) = self.robots.insert(robot.token_hash, Arc::new(robot.clone())) {
            let problem = format!("spec.tokenHash: Robot {}/{} has the same token", other.team, other.name);
            return Err(located.inconsistent(problem));
        }
        Ok(())
    }

    fn require_team(&self, team: &ResourceName, located: &Located) -> Result<&Team, Inconsistent> {
        self.teams.get(team).map(|team| &**team).ok_or_else(|| {
            located.inconsistent(format!(
                "metadata.team: there is no Team `{team}`; define it by a document of its own"
            ))
        })
    }
}

impl Located {
    fn inconsistent(&self, problem: String) -> Inconsistent {
        Inconsistent {
            origin: self.origin.clone(),
            title: self.resource.title(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(name: &str) -> String {
        format!("---\napiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: {{ name: {name} }}\n")
    }

    fn upstream(team: &str, name: &str, account: &str) -> String {
        format!(
            "---\napiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: {team}, name: {name} }}\nspec:\n  registry: {account}.dkr.ecr.us-east-1.amazonaws.com\n  source: {{ webIdentity: {{ roleArn: 'arn:aws:iam::{account}:role/pull' }} }}\n"
        )
    }

    fn robot(team: &str, name: &str, token: &str) -> String {
        let hash = TokenHash::of(token);
        format!(
            "---\napiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: {team}, name: {name} }}\nspec: {{ tokenHash: '{hash}' }}\n"
        )
    }

    fn build(files: &[String]) -> Result<Snapshot, Inconsistent> {
        Snapshot::build(
            files
                .iter()
                .enumerate()
                .map(|(at, text)| Documents::parse(&format!("file{at}"), text).unwrap()),
        )
    }

    #[test]
    fn what_was_defined_is_found_within_its_team_only() {
        let (a, b) = ("111122223333", "444455556666");
        let snapshot = build(&[
            team("acme"),
            team("other"),
            upstream("acme", "prod", a),
            upstream("other", "prod", b),
            robot("acme", "ci", "t"),
        ])
        .unwrap();
        let registry: RegistryHost = format!("{a}.dkr.ecr.us-east-1.amazonaws.com").parse().unwrap();
        assert_eq!(snapshot.upstream("acme", "prod").unwrap().registry, registry);
        assert_eq!(
            snapshot.upstream_of_registry("acme", &registry).unwrap().name.as_str(),
            "prod"
        );
        assert!(snapshot.upstream_of_registry("other", &registry).is_none());
        assert!(snapshot.upstream("acme", "test").is_none());
        assert_eq!(snapshot.robot(&TokenHash::of("t")).unwrap().name.as_str(), "ci");
        assert!(snapshot.robot(&TokenHash::of("u")).is_none());
        assert_eq!(snapshot.counts(), (2, 2, 1));
    }

    #[test]
    fn two_teams_may_reach_one_registry_each_by_its_own_upstream() {
        let account = "111122223333";
        assert!(
            build(&[
                team("a"),
                team("b"),
                upstream("a", "x", account),
                upstream("b", "x", account)
            ])
            .is_ok()
        );
    }

    #[test]
    fn a_domain_stands_for_one_upstream_of_all_teams() {
        let with = |team: &str, account: &str, domain: &str| {
            let upstream = upstream(team, "x", account);
            upstream.replace("  source:", &format!("  domains: [{domain}]\n  source:"))
        };
        let (a, b) = ("111122223333", "444455556666");
        let ours = [team("a"), team("b"), with("a", a, "a.example.com")];
        let snapshot = build(&[&ours[..], &[with("b", b, "b.example.com")]].concat()).unwrap();
        let found = |name: &str| snapshot.upstream_of_domain(&name.parse().unwrap());
        assert_eq!(found("A.example.com").unwrap().team.as_str(), "a");
        assert_eq!(found("b.example.com").unwrap().team.as_str(), "b");
        assert!(found("c.example.com").is_none());
        let error = build(&[&ours[..], &[with("b", b, "A.Example.com")]].concat()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("Upstream b/x") && error.contains("stands for Upstream a/x already"),
            "{error}"
        );
    }

    #[test]
    fn what_does_not_hold_together_is_refused_with_both_places() {
        let account = "111122223333";
        for (files, parts) in [
            (
                vec![team("a"), team("a")],
                ["file1", "Team a: is defined in file0 already"],
            ),
            (
                vec![upstream("a", "x", account)],
                ["Upstream a/x", "there is no Team `a`"],
            ),
            (vec![robot("a", "x", "t")], ["Robot a/x", "there is no Team `a`"]),
            (
                vec![team("a"), upstream("a", "x", account), upstream("a", "y", account)],
                ["Upstream a/y", "Upstream a/x already"],
            ),
            (
                vec![team("a"), robot("a", "x", "t"), robot("a", "y", "t")],
                ["Robot a/y", "Robot a/x has the same token"],
            ),
        ] {
            let error = build(&files).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
