use serde::{Deserialize, Deserializer};

use crate::{ResourceName, wildcard};

/// Those who share upstreams and robots. Nothing of one team is seen or reached by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name; also the subject of the tokens that are minted for it.
    pub name: ResourceName,
    /// Subjects that its tokens may have besides; `*` in them stands for any text.
    pub subjects: Vec<String>,
}

/// The `spec` of a team's document. It may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TeamSpec {
    #[serde(default, deserialize_with = "subjects")]
    subjects: Vec<String>,
}

impl Team {
    pub(crate) fn new(name: ResourceName, spec: TeamSpec) -> Self {
        Self {
            name,
            subjects: spec.subjects,
        }
    }
}

/// Whether tokens of the team may have this subject: its name, its name and more behind a `/` or a `:`, or what its
/// document allows.
///
/// Trust policies tell one team from another by the subject alone. A team that could choose it freely would come by the
/// roles of all others.
pub(crate) fn may_be(team: &ResourceName, allowed: &[String], subject: &str) -> bool {
    let is_own = subject
        .strip_prefix(team.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']));
    is_own || allowed.iter().any(|pattern| wildcard::matches(pattern, subject))
}

fn subjects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let subjects = Vec::<String>::deserialize(deserializer)?;
    let is_printable =
        |text: &String| (1..=512).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if subjects.len() <= MAX_SUBJECTS && subjects.iter().all(is_printable) {
        return Ok(subjects);
    }
    Err(serde::de::Error::custom(format!(
        "expected at most {MAX_SUBJECTS} subjects of 1 to 512 printable characters, such as org/0a1b/*"
    )))
}

const MAX_SUBJECTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_has_its_own_subjects_and_those_it_was_given() {
        let team = "acme".parse().unwrap();
        let allowed = ["org/0a1b/*".to_owned()];
        for (subject, may) in [
            ("acme", true),
            ("acme/prod", true),
            ("acme:ci", true),
            ("acme-2", false),
            ("other", false),
            ("", false),
            ("org/0a1b/project/1", true),
            ("org/2c3d/project/1", false),
        ] {
            assert_eq!(may_be(&team, &allowed, subject), may, "{subject}");
        }
    }
}
