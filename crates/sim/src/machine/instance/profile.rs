use std::sync::OnceLock;

use jiff::Timestamp;

use super::page::{ADVICE, document};
use crate::{
    clock::iso,
    credential::entity_id,
    machine::Frame,
    world::{InstanceProfile, State, World, name_key},
};

/// What an instance was given.
#[derive(Clone, Debug)]
pub(super) enum Profile {
    /// An instance profile of the account.
    Named(String),
    /// A profile that is nowhere but here, with a role.
    OfRole(String),
}

/// The tie between an instance and its profile. It is with the very profile, not with its name: one that is created anew
/// under the same name is another ("Troubleshooting IAM and Amazon EC2").
pub(super) struct Association {
    profile: Profile,
    id: OnceLock<String>,
    since: Timestamp,
}

/// What has become of the profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProfileState {
    /// The document `iam/info`.
    pub(super) info: String,
    /// The role that is in it.
    pub(super) role: Option<String>,
}

impl Association {
    pub(super) fn new(profile: Profile, since: Timestamp) -> Self {
        let id = match &profile {
            Profile::Named(_) => OnceLock::new(),
            Profile::OfRole(_) => OnceLock::from(entity_id("AIPA")),
        };
        Self { profile, id, since }
    }

    pub(super) fn state(&self, world: &World, frame: &Frame) -> Option<ProfileState> {
        world.read(|state| self.state_in(state, frame))
    }

    /// None where there was no such profile yet.
    fn state_in(&self, state: &State, frame: &Frame) -> Option<ProfileState> {
        let name = match &self.profile {
            Profile::OfRole(role) => {
                let id = self.id.get()?;
                let arn = profile_arn(frame, "/", role);
                return Some(self.success(&arn, id, Some(role.clone())));
            }
            Profile::Named(name) => name,
        };
        let account = state.account(frame.account);
        let profile = account.and_then(|account| account.instance_profiles.get(&name_key(name)));
        let id = match (self.id.get(), profile) {
            (Some(id), _) => id,
            (None, Some(profile)) => self.id.get_or_init(|| profile.id.clone()),
            (None, None) => return None,
        };
        Some(match profile.filter(|profile| profile.id == *id) {
            Some(InstanceProfile { name, path, role, .. }) => {
                self.success(&profile_arn(frame, path, name), id, role.clone())
            }
            None => ProfileState {
                info: document(&[
                    ("Code", "InstanceProfileNotFound"),
                    (
                        "Message",
                        &format!("Instance Profile with Id {id} cannot be found.  {ADVICE}"),
                    ),
                    ("LastUpdated", &iso(self.since)),
                ]),
                role: None,
            },
        })
    }

    fn success(&self, arn: &str, id: &str, role: Option<String>) -> ProfileState {
        let since = iso(self.since);
        let message = format!("Instance Profile does not contain a role.  {ADVICE}");
        let mut members = vec![("Code", "Success")];
        if role.is_none() {
            members.push(("Message", &message));
        }
        members.extend([
            ("LastUpdated", since.as_str()),
            ("InstanceProfileArn", arn),
            ("InstanceProfileId", id),
        ]);
        ProfileState {
            info: document(&members),
            role,
        }
    }
}

fn profile_arn(frame: &Frame, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:instance-profile{path}{name}", frame.account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Region;
    use std::collections::BTreeMap;

    fn frame() -> Frame {
        Frame {
            name: "web".into(),
            account: "111122223333".parse().unwrap(),
            region: Region::us_east_1(),
            address: ([127, 0, 0, 1], 80).into(),
        }
    }

    fn create(state: &mut State, id: &str, role: Option<&str>) {
        let profile = InstanceProfile {
            name: "Web".into(),
            path: "/team/".into(),
            id: id.into(),
            created: Timestamp::UNIX_EPOCH,
            role: role.map(str::to_owned),
            tags: BTreeMap::new(),
        };
        let account = state.account_mut(frame().account);
        account.instance_profiles.insert(name_key("Web"), profile);
    }

    #[test]
    fn a_profile_is_followed_through_its_life() {
        let mut state = State::default();
        let association = Association::new(Profile::Named("web".into()), Timestamp::UNIX_EPOCH);
        assert_eq!(association.state_in(&state, &frame()), None);

        create(&mut state, "AIPAFIRST", None);
        let empty = association.state_in(&state, &frame()).unwrap();
        assert_eq!(empty.role, None);
        assert!(empty.info.contains(r#""Code" : "Success""#));
        assert!(empty.info.contains("Instance Profile does not contain a role."));

        create(&mut state, "AIPAFIRST", Some("puller"));
        let full = association.state_in(&state, &frame()).unwrap();
        assert_eq!(full.role.as_deref(), Some("puller"));
        assert!(
            full.info
                .contains(r#""InstanceProfileArn" : "arn:aws:iam::111122223333:instance-profile/team/Web""#)
        );
        assert!(!full.info.contains("Message"));

        // Another of the same name is not the one that the instance has.
        create(&mut state, "AIPASECOND", Some("puller"));
        let gone = association.state_in(&state, &frame()).unwrap();
        assert_eq!(gone.role, None);
        assert!(gone.info.contains(r#""Code" : "InstanceProfileNotFound""#));
        assert!(
            gone.info
                .contains("Instance Profile with Id AIPAFIRST cannot be found.")
        );
    }
}
