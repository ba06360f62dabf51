use std::hash::{BuildHasher, Hash, RandomState};

/// Where things stand in a list, by their hash: a table of positions and nothing else, so that it takes some eight bytes
/// for each. The caller says what stands at a position.
#[derive(Debug)]
pub(super) struct Table {
    /// A power of two of them, at least a quarter of which is free.
    slots: Vec<u32>,
    used: usize,
    /// Nobody outside can choose content whose digests meet in one place.
    state: RandomState,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![FREE; 64],
            used: 0,
            state: RandomState::new(),
        }
    }

    pub(super) fn hash(&self, key: impl Hash) -> u64 {
        self.state.hash_one(key)
    }

    /// The position among those with this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.slot(hash, is_it).map(|slot| self.slots[slot])
    }

    /// Adds a position that is not there. `hash_of` gives the hashes of those that are.
    pub(super) fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(&Self, u32) -> u64) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let larger = vec![FREE; self.slots.len() * 2];
            for position in std::mem::replace(&mut self.slots, larger) {
                if position != FREE {
                    let hash = hash_of(self, position);
                    self.put(hash, position);
                }
            }
        }
        self.put(hash, position);
        self.used += 1;
    }

    /// Removes a position. `hash_of` gives the hashes of all that are there.
    pub(super) fn remove(&mut self, hash: u64, position: u32, hash_of: impl Fn(&Self, u32) -> u64) {
        let Some(mut hole) = self.slot(hash, |other| other == position) else {
            return;
        };
        // What follows moves up, so that no search ends at the hole.
        let mask = self.mask();
        let mut next = (hole + 1) & mask;
        while self.slots[next] != FREE {
            let home = self.home(hash_of(self, self.slots[next]));
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[hole] = FREE;
        self.used -= 1;
    }

    /// What stood at `from` stands at `to` now.
    pub(super) fn relocate(&mut self, hash: u64, from: u32, to: u32) {
        if let Some(slot) = self.slot(hash, |other| other == from) {
            self.slots[slot] = to;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    fn slot(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut slot = self.home(hash);
        while self.slots[slot] != FREE {
            if is_it(self.slots[slot]) {
                return Some(slot);
            }
            slot = (slot + 1) & self.mask();
        }
        None
    }

    fn put(&mut self, hash: u64, position: u32) {
        let mut slot = self.home(hash);
        while self.slots[slot] != FREE {
            slot = (slot + 1) & self.mask();
        }
        self.slots[slot] = position;
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask()
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }
}

/// No position: an index of four billion entries would not fit into memory.
const FREE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes for many keys, so that searches, moves and holes meet all the time.
        #[test]
        fn it_finds_what_a_map_finds(steps in prop::collection::vec((0_u32..60, any::<bool>()), 1..400)) {
            let hash_of = |_: &Table, position: u32| u64::from(position / 7 * 63);
            let mut table = Table::new();
            let mut model = HashMap::new();
            for (position, is_added) in steps {
                let hash = hash_of(&table, position);
                if is_added {
                    if model.insert(position, ()).is_none() {
                        table.insert(hash, position, hash_of);
                    }
                } else {
                    model.remove(&position);
                    table.remove(hash, position, hash_of);
                }
                for position in 0..60 {
                    let found = table.find(hash_of(&table, position), |other| other == position);
                    prop_assert_eq!(found.is_some(), model.contains_key(&position));
                }
            }
            prop_assert_eq!(table.used, model.len());
        }
    }
}
