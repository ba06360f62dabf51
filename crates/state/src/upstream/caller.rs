use std::{collections::BTreeMap, sync::Arc};

use aws::{Caller, SessionName, Source, Template, TokenOrigin};
use iam::RoleArn;
use oci::RepositoryName;

use super::{Attribution, SessionTag, Upstream};
use crate::team::may_be;

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The client's name.
    pub client: &'a str,
    /// What is known of it besides.
    pub attributes: &'a BTreeMap<String, String>,
    /// The role that it names.
    pub role: Option<&'a RoleArn>,
    /// What it wants to pull.
    pub repository: &'a RepositoryName,
}

/// Why AWS cannot be called for somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCaller {
    /// The role that the client names is none of those that it may name.
    #[error("the role {role} may not be named here; {}", may_be_named(.allowed))]
    Role {
        /// The role.
        role: RoleArn,
        /// What may be named.
        allowed: Vec<RoleArn>,
    },
    /// The client names no role, and has to.
    #[error("no role is named, and this upstream has none of its own; {}", may_be_named(.allowed))]
    NoRole {
        /// What may be named.
        allowed: Vec<RoleArn>,
    },
    /// A template wants something of the client that is not known of it.
    #[error("the template `{template}` needs `{variable}`, which this client has not; give its robot the attribute")]
    Attribute {
        /// The template.
        template: String,
        /// The variable.
        variable: String,
    },
    /// The subject is another team's, as far as anybody knows.
    #[error(
        "tokens of the team `{team}` may not be of the subject `{subject}`; expected `{team}`, `{team}/…`, or one of the subjects that the Team's document allows in spec.subjects"
    )]
    Subject {
        /// The team.
        team: String,
        /// The subject.
        subject: String,
    },
}

fn may_be_named(allowed: &[RoleArn]) -> String {
    if allowed.is_empty() {
        return "the identity of this upstream is no role that is named".to_owned();
    }
    let names: Vec<_> = allowed.iter().map(RoleArn::as_str).collect();
    format!(
        "name one of these as the user name of the login, or by --role-arn: {}",
        names.join(", ")
    )
}

impl Upstream {
    /// As whom AWS is called when this client asks.
    ///
    /// # Errors
    /// See [`NoCaller`].
    pub fn caller(&self, asker: Asker<'_>) -> Result<Arc<Caller>, NoCaller> {
        match &self.shared {
            Some(shared) if asker.role.is_none() => Ok(shared.clone()),
            _ => self.make_caller(Some(asker)).map(Arc::new),
        }
    }

    /// The caller that everybody shares, where the client, its role and the repository make no difference.
    pub(super) fn shared_caller(&self) -> Option<Arc<Caller>> {
        if self.attribution == Attribution::Client {
            return None;
        }
        self.make_caller(None).ok().map(Arc::new)
    }

    fn make_caller(&self, asker: Option<Asker<'_>>) -> Result<Caller, NoCaller> {
        let value = |name: &str| self.value(asker, name);
        let fill = |template: &Template| {
            template.fill(value).map_err(|missing| NoCaller::Attribute {
                template: template.to_string(),
                variable: missing.0,
            })
        };
        let role = self.role(asker)?;
        let subject = match &self.chain.source {
            Source::WebIdentity(identity) if identity.token == TokenOrigin::Issuer => {
                let subject = fill(&identity.subject)?;
                if !may_be(&self.team, &self.subjects, &subject) {
                    return Err(NoCaller::Subject {
                        team: self.team.to_string(),
                        subject,
                    });
                }
                subject
            }
            _ => String::new(),
        };
        let tags = self.session_tags.iter().map(|tag| {
            let missing = || NoCaller::Attribute {
                template: format!("{{{}}}", tag.key()),
                variable: tag.key().to_owned(),
            };
            Ok((tag.key().to_owned(), value(tag.key()).ok_or_else(missing)?.to_owned()))
        });
        let tags = tags.collect::<Result<Vec<_>, _>>()?;
        let (team, name) = (self.team.as_str(), self.name.as_str());
        let session_name = match (self.attribution, asker) {
            (Attribution::Client, Some(asker)) => SessionName::of(&[team, name, asker.client]),
            _ => SessionName::of(&[team, name]),
        };
        Ok(Caller {
            chain: self.chain.clone(),
            role,
            subject,
            session_name,
            tags,
            source_identity: self.source_identity.as_ref().map(fill).transpose()?,
            session_policy: self.session_policy.clone(),
        })
    }

    fn role(&self, asker: Option<Asker<'_>>) -> Result<Option<RoleArn>, NoCaller> {
        let named = asker.and_then(|asker| asker.role);
        let allowed = || self.roles().cloned().collect();
        let found = match &self.chain.source {
            Source::WebIdentity(identity) => identity.role(named),
            _ if named.is_none() => return Ok(None),
            _ => None,
        };
        match (found, named) {
            (Some(role), _) => Ok(Some(role.clone())),
            (None, Some(role)) => Err(NoCaller::Role {
                role: role.clone(),
                allowed: allowed(),
            }),
            (None, None) => Err(NoCaller::NoRole { allowed: allowed() }),
        }
    }

    fn value<'a>(&'a self, asker: Option<Asker<'a>>, name: &str) -> Option<&'a str> {
        match name {
            _ if name == SessionTag::Team.key() => Some(self.team.as_str()),
            _ if name == SessionTag::Upstream.key() => Some(self.name.as_str()),
            _ if name == SessionTag::Client.key() => asker.map(|asker| asker.client),
            _ if name == SessionTag::Repository.key() => asker.map(|asker| asker.repository.as_str()),
            _ => asker.and_then(|asker| asker.attributes.get(name)).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Documents, Resource, Team};

    const OWN: &str = "arn:aws:iam::111122223333:role/own";
    const OTHER: &str = "arn:aws:iam::111122223333:role/other";

    fn upstream(spec: &str) -> Upstream {
        let team = Team {
            name: "acme".parse().unwrap(),
            subjects: vec!["org/o-1/*".to_owned()],
        };
        let text = format!(
            "apiVersion: wharfinger.dev/v1\nkind: Upstream\nmetadata: {{ team: acme, name: prod }}\nspec:\n  registry: 111122223333.dkr.ecr.us-east-1.amazonaws.com\n  {}\n",
            spec.replace('\n', "\n  ")
        );
        let documents = Documents::parse("it", &text).unwrap();
        let [located] = &documents.resources[..] else {
            panic!("one")
        };
        let Resource::Upstream(upstream) = &located.resource else {
            panic!("an upstream")
        };
        upstream.within(&team)
    }

    fn ask(upstream: &Upstream, client: &str, role: Option<&str>) -> Result<Arc<Caller>, NoCaller> {
        let attributes = BTreeMap::from([("organization".to_owned(), "o-1".to_owned())]);
        let role = role.map(|role| role.parse().unwrap());
        upstream.caller(Asker {
            client,
            attributes: &attributes,
            role: role.as_ref(),
            repository: &"team/app".parse().unwrap(),
        })
    }

    #[test]
    fn one_caller_serves_everybody_unless_clients_are_told_apart() {
        let source = format!("source: {{ webIdentity: {{ roleArn: '{OWN}' }} }}");
        let shared = upstream(&source);
        let (one, other) = (ask(&shared, "a", None).unwrap(), ask(&shared, "b", None).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(
            (one.subject.as_str(), one.session_name.as_str()),
            ("acme", "wharfinger-acme-prod")
        );
        assert_eq!(one.role.as_ref().unwrap().as_str(), OWN);

        let apart = upstream(&format!(
            "{source}\nattribution: client\nsessionTags: [team, upstream, repository, client]\nsourceIdentity: '{{team}}-{{client}}'"
        ));
        let (one, other) = (ask(&apart, "a", None).unwrap(), ask(&apart, "b", None).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.session_name.as_str(), "wharfinger-acme-prod-a");
        assert_eq!(one.source_identity.as_deref(), Some("acme-a"));
        let tags: Vec<_> = one.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(tags, ["team=acme", "upstream=prod", "repository=team/app", "client=a"]);
    }

    #[test]
    fn a_template_has_what_is_known_of_the_client() {
        let with = |subject: &str| {
            let spec = format!("source: {{ webIdentity: {{ roleArn: '{OWN}', subject: '{subject}' }} }}");
            ask(&upstream(&spec), "ci", None)
        };
        assert_eq!(
            with("org/{organization}/client/{client}").unwrap().subject,
            "org/o-1/client/ci"
        );
        let missing = with("org/{organization}/project/{project}").unwrap_err().to_string();
        assert!(missing.contains("`project`"), "{missing}");
    }

    #[test]
    fn a_team_has_no_tokens_of_another_teams_subject() {
        for subject in ["other", "acme2", "org/o-2/client/{client}"] {
            let spec = format!("source: {{ webIdentity: {{ roleArn: '{OWN}', subject: '{subject}' }} }}");
            let refused = ask(&upstream(&spec), "ci", None).unwrap_err();
            assert!(matches!(refused, NoCaller::Subject { .. }), "{refused}");
        }
    }

    #[test]
    fn a_client_names_only_what_it_may() {
        let choice = upstream(&format!("source: {{ webIdentity: {{ allowedRoles: ['{OTHER}'] }} }}"));
        assert_eq!(
            ask(&choice, "a", Some(OTHER)).unwrap().role.as_ref().unwrap().as_str(),
            OTHER
        );
        for refused in [ask(&choice, "a", Some(OWN)), ask(&choice, "a", None)] {
            assert!(refused.unwrap_err().to_string().contains(OTHER));
        }
        let key = upstream("source: { accessKey: { accessKeyId: AKIA, secretAccessKey: s } }");
        assert!(ask(&key, "a", None).is_ok());
        let refused = ask(&key, "a", Some(OWN)).unwrap_err().to_string();
        assert!(refused.contains("may not be named"), "{refused}");
    }
}
