use std::collections::BTreeMap;

use super::fault::{already_exists, quota};
use crate::{query::Fault, world::name_key};

/// How many entities of a kind an account may have (IAM user guide, "IAM and AWS STS quotas").
#[derive(Clone, Copy)]
pub(super) struct Quota {
    /// As messages name it.
    pub(super) name: &'static str,
    pub(super) most: usize,
}

/// Takes in a new entity, if its name is free (`taken` says that it is not) and there is room for one more.
pub(super) fn admit<T>(
    entities: &mut BTreeMap<String, T>,
    name: &str,
    entity: T,
    taken: String,
    room: Quota,
) -> Result<(), Fault> {
    if entities.contains_key(&name_key(name)) {
        return Err(already_exists(taken));
    }
    if entities.len() >= room.most {
        return Err(quota(room.name, room.most));
    }
    entities.insert(name_key(name), entity);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free_without_regard_to_case_and_room_ends() {
        let room = Quota {
            name: "ThingsPerAccount",
            most: 2,
        };
        let mut things = BTreeMap::new();
        let mut admit = |name: &str| admit(&mut things, name, (), format!("{name} is there."), room);
        assert_eq!(admit("One"), Ok(()));
        assert_eq!(admit("oNE"), Err(already_exists("oNE is there.")));
        assert_eq!(admit("two"), Ok(()));
        assert_eq!(admit("two").unwrap_err().code, "EntityAlreadyExists");
        let full = admit("three").unwrap_err();
        assert_eq!(full.message, "Cannot exceed quota for ThingsPerAccount: 2");
    }
}
