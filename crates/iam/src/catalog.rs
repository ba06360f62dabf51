//! What AWS knows: the actions of ECR and STS and the condition keys that a policy about them may ask for.
//!
//! The catalogue tells a misspelt name from a good one. It is as old as this program: what it does not have may be
//! new, so nothing is denied for its sake.

mod actions;
mod claims;
mod keys;
mod managed;

use crate::policy;

pub(crate) use claims::{is_built_in, is_passed_on};
pub(crate) use keys::key_notice;
pub use managed::AwsManagedPolicy;
pub(crate) use managed::managed_policy;

/// A service whose actions are known.
#[derive(Debug)]
pub(crate) struct Service {
    /// What its actions begin with, without the colon.
    pub(crate) prefix: &'static str,
    actions: &'static [Action],
}

/// An action and what it is done to.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
}

/// What an action is done to, and so what its `Resource` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Repository,
    /// A registry of ECR Public.
    Registry,
    Role,
    /// A user, a session.
    Other,
    /// Nothing that has an ARN: in an identity's policy only `*` matches.
    Nothing,
    /// Too new for the reference.
    Unknown,
}

impl Service {
    /// The service with this prefix, in any case of its letters.
    pub(crate) fn of(prefix: &str) -> Option<&'static Service> {
        SERVICES
            .iter()
            .find(|service| service.prefix.eq_ignore_ascii_case(prefix))
    }

    /// The action of this name, in any case of its letters.
    pub(crate) fn action(&self, name: &str) -> Option<&'static Action> {
        self.actions
            .iter()
            .find(|action| action.name.eq_ignore_ascii_case(name))
    }

    /// The actions that a pattern with wildcards matches.
    pub(crate) fn matching(&self, pattern: &str) -> impl Iterator<Item = &'static Action> {
        let pattern = pattern.to_ascii_lowercase();
        self.actions
            .iter()
            .filter(move |action| wildcard_matches(pattern.as_bytes(), action.name.to_ascii_lowercase().as_bytes()))
    }

    /// The known action that comes nearest to a name.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.actions.iter().map(|action| action.name))
    }
}

impl Action {
    const fn new(name: &'static str, target: Target) -> Self {
        Action { name, target }
    }
}

/// The services whose prefix may have been meant.
pub(crate) fn nearest_service(prefix: &str) -> Option<&'static str> {
    nearest(prefix, SERVICES.iter().map(|service| service.prefix))
}

/// The candidate that needs the fewest letters changed, if they are few.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (policy::distance(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 5)
        .map(|(_, candidate)| candidate)
}

/// `*` and `?` against bytes; greedy, with one place to come back to.
pub(crate) fn wildcard_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = back else { return false };
                back = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

const SERVICES: [Service; 3] = [
    Service {
        prefix: "ecr",
        actions: actions::ECR,
    },
    Service {
        prefix: "ecr-public",
        actions: actions::ECR_PUBLIC,
    },
    Service {
        prefix: "sts",
        actions: actions::STS,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_patterns_match_many() {
        let ecr = Service::of("ECR").unwrap();
        assert_eq!(ecr.action("batchgetimage").unwrap().target, Target::Repository);
        assert_eq!(ecr.action("GetAuthorizationToken").unwrap().target, Target::Nothing);
        assert!(
            ecr.matching("Get*Layer")
                .any(|action| action.name == "GetDownloadUrlForLayer")
        );
        assert_eq!(ecr.matching("Pull*").count(), 0);
        assert!(Service::of("s3").is_none());
    }

    #[test]
    fn what_was_meant() {
        let ecr = Service::of("ecr").unwrap();
        assert_eq!(ecr.nearest("GetAuthorisationToken"), Some("GetAuthorizationToken"));
        assert_eq!(ecr.nearest("BatchGetImages"), Some("BatchGetImage"));
        assert_eq!(ecr.nearest("Whatever"), None);
        assert_eq!(nearest_service("ecs"), Some("ecr"));
    }

    #[test]
    fn the_lists_are_sorted_and_name_nothing_twice() {
        for service in &SERVICES {
            assert!(
                service.actions.is_sorted_by(|a, b| a.name < b.name),
                "{}",
                service.prefix
            );
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*", "abc", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
        ] {
            assert_eq!(
                wildcard_matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
