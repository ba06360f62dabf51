use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use jiff::Timestamp;
use oci::{Algorithm, Digest};

use super::{recount::Shard, table::Table, usage::Usage};

/// What lies in the cache, in memory: sizes, usage, and what is worth least. It takes some 60 bytes for each piece of
/// content.
///
/// It is made of what was seen, and may know what is gone, or not yet know what is there: nothing is ever answered by it.
#[derive(Debug)]
pub struct Index {
    /// Without gaps, so that a random one is easily found.
    entries: Vec<Entry>,
    table: Table,
    /// The second halves of long digests, which hardly anybody uses.
    tails: HashMap<[u8; HEAD], [u8; HEAD]>,
    blocks: u64,
    dice: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    head: [u8; HEAD],
    /// On disk, of 4 KiB each.
    blocks: u32,
    /// See [`Index::mark`].
    mark: u32,
    usage: Usage,
    algorithm: Algorithm,
}

impl Index {
    /// An index that knows nothing.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            table: Table::new(),
            tails: HashMap::new(),
            blocks: 0,
            dice: RandomState::new().hash_one(0) | 1,
        }
    }

    /// How many pieces of content there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes they take on disk, in whole blocks of 4 KiB.
    pub fn bytes(&self) -> u64 {
        self.blocks * BLOCK
    }

    /// How many bytes of memory the index takes.
    pub fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.table.bytes()
    }

    /// How the content was used, if it is known.
    pub fn usage(&self, digest: &Digest) -> Option<Usage> {
        self.position(digest).map(|position| self.entry(position).usage)
    }

    /// Notes content with its size in bytes and its usage, in place of what was known of it.
    pub fn insert(&mut self, digest: &Digest, size: u64, usage: Usage) {
        let blocks = u32::try_from(size.div_ceil(BLOCK)).unwrap_or(u32::MAX);
        if let Some(position) = self.position(digest) {
            let entry = &mut self.entries[position as usize];
            self.blocks = self.blocks - u64::from(entry.blocks) + u64::from(blocks);
            (entry.blocks, entry.usage, entry.mark) = (blocks, usage, 0);
            return;
        }
        let Some((head, tail)) = halves(digest) else {
            return;
        };
        if let Some(tail) = tail {
            self.tails.insert(head, tail);
        }
        let position = self.entries.len() as u32;
        let algorithm = digest.algorithm();
        self.entries.push(Entry {
            head,
            blocks,
            mark: 0,
            usage,
            algorithm,
        });
        self.blocks += u64::from(blocks);
        let Self { entries, table, .. } = self;
        let hash = table.hash(head);
        table.insert(hash, position, |table, position| {
            table.hash(entries[position as usize].head)
        });
    }

    /// Forgets content, if it is known.
    pub fn remove(&mut self, digest: &Digest) {
        if let Some(position) = self.position(digest) {
            self.remove_at(position);
        }
    }

    /// The content that is worth least among a few that are drawn at random, as far as it `may_go`. Nothing where none
    /// may. Asking often enough finds what is worth little, at a cost that does not grow with the cache.
    pub fn candidate(&mut self, now: Timestamp, may_go: impl Fn(&Digest) -> bool) -> Option<Digest> {
        for _ in 0..ROUNDS.min(self.entries.len()) {
            let drawn: [u32; DRAWN] = std::array::from_fn(|_| self.draw());
            if let Some(least) = self.least(now, drawn, &may_go) {
                return Some(least);
            }
        }
        // Nearly everything has to stay.
        self.least(now, 0..self.entries.len() as u32, &may_go)
    }

    /// Some entries from before position `end`, as far as `is_in` holds for the directory that they lie in, and the
    /// position of the last that was looked at. Only a few are looked at, because whoever reads waits meanwhile.
    pub(super) fn before(&self, end: usize, is_in: impl Fn(Shard) -> bool) -> (Vec<Digest>, usize) {
        let end = end.min(self.entries.len());
        let begin = end.saturating_sub(LOOKED_AT);
        let digests = (begin..end).filter_map(|position| {
            let entry = &self.entries[position];
            is_in((entry.algorithm, entry.head[0])).then(|| self.digest(position as u32))
        });
        (digests.collect(), begin)
    }

    /// A number that was noted for the content, 0 until one is.
    pub(crate) fn mark(&self, digest: &Digest) -> u32 {
        self.position(digest).map_or(0, |position| self.entry(position).mark)
    }

    pub(crate) fn set_mark(&mut self, digest: &Digest, mark: u32) {
        if let Some(position) = self.position(digest) {
            self.entries[position as usize].mark = mark;
        }
    }

    pub(crate) fn set_usage(&mut self, digest: &Digest, usage: Usage) {
        if let Some(position) = self.position(digest) {
            self.entries[position as usize].usage = usage;
        }
    }

    fn least(
        &self,
        now: Timestamp,
        positions: impl IntoIterator<Item = u32>,
        may_go: impl Fn(&Digest) -> bool,
    ) -> Option<Digest> {
        let mut least: Option<(f64, Digest)> = None;
        for position in positions {
            let worth = self.entry(position).usage.worth(now);
            if least.as_ref().is_some_and(|(least, _)| *least <= worth) {
                continue;
            }
            let digest = self.digest(position);
            if may_go(&digest) {
                least = Some((worth, digest));
            }
        }
        least.map(|(_, digest)| digest)
    }

    fn remove_at(&mut self, position: u32) {
        let last = self.entries.len() as u32 - 1;
        let removed = *self.entry(position);
        let (hash, hash_of_last) = (self.table.hash(removed.head), self.table.hash(self.entry(last).head));
        let Self { entries, table, .. } = self;
        table.remove(hash, position, |table, position| {
            table.hash(entries[position as usize].head)
        });
        // The last one fills the gap.
        self.entries.swap_remove(position as usize);
        if position != last {
            self.table.relocate(hash_of_last, last, position);
        }
        self.tails.remove(&removed.head);
        self.blocks -= u64::from(removed.blocks);
    }

    /// A random position of an index that is not empty (xorshift, G. Marsaglia 2003).
    fn draw(&mut self) -> u32 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (((self.dice >> 32) * self.entries.len() as u64) >> 32) as u32
    }

    fn position(&self, digest: &Digest) -> Option<u32> {
        let (head, tail) = halves(digest)?;
        self.table.find(self.table.hash(head), |position| {
            let entry = self.entry(position);
            entry.head == head
                && entry.algorithm == digest.algorithm()
                && tail.is_none_or(|tail| self.tails.get(&head) == Some(&tail))
        })
    }

    fn digest(&self, position: u32) -> Digest {
        let entry = self.entry(position);
        let mut hex = hex::encode(entry.head);
        if entry.algorithm == Algorithm::Sha512
            && let Some(tail) = self.tails.get(&entry.head)
        {
            hex += &hex::encode(tail);
        }
        let text = format!("{}:{hex}", entry.algorithm.as_str());
        text.parse().expect("an entry holds the bytes of a digest")
    }

    fn entry(&self, position: u32) -> &Entry {
        &self.entries[position as usize]
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes of the digest: the first 32, and the rest of a long one.
fn halves(digest: &Digest) -> Option<([u8; HEAD], Option<[u8; HEAD]>)> {
    let (head, tail) = digest.hex().split_at_checked(2 * HEAD)?;
    let bytes = |hex: &str| {
        let mut bytes = [0; HEAD];
        hex::decode_to_slice(hex, &mut bytes).ok().map(|()| bytes)
    };
    let tail = if tail.is_empty() { None } else { Some(bytes(tail)?) };
    Some((bytes(head)?, tail))
}

const HEAD: usize = 32;

/// Entries that [`Index::before`] looks at: some tens of microseconds.
const LOOKED_AT: usize = 256;

/// What nearly every file system gives a small file.
const BLOCK: u64 = 4096;

/// How many are compared for each that goes. Of a cache in which a tenth is worth nothing, one of these is nearly always
/// drawn (97 of 100).
const DRAWN: usize = 32;

/// How often to draw again where nothing that was drawn may go.
const ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use oci::Hasher;
    use proptest::prelude::*;

    use super::*;

    fn digest(number: u32, algorithm: Algorithm) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&number.to_be_bytes());
        hasher.finish()
    }

    fn usage(second: u32) -> Usage {
        Usage::first(Timestamp::from_second(second.into()).unwrap())
    }

    proptest! {
        #[test]
        fn it_knows_what_a_map_knows(steps in prop::collection::vec((0_u32..40, 0_u64..20_000, any::<bool>()), 1..200)) {
            let mut index = Index::new();
            let mut model = HashMap::new();
            for (number, size, is_inserted) in steps {
                let digest = digest(number, if number % 5 == 0 { Algorithm::Sha512 } else { Algorithm::Sha256 });
                if is_inserted {
                    index.insert(&digest, size, usage(number));
                    model.insert(digest, size);
                } else {
                    index.remove(&digest);
                    model.remove(&digest);
                }
                prop_assert_eq!(index.len(), model.len());
                prop_assert_eq!(index.bytes(), model.values().map(|size| size.div_ceil(4096) * 4096).sum::<u64>());
                for digest in model.keys() {
                    prop_assert!(index.usage(digest).is_some());
                }
            }
            let mut left = model.len();
            while let Some(candidate) = index.candidate(Timestamp::MAX, |_| true) {
                prop_assert!(model.contains_key(&candidate));
                index.remove(&candidate);
                left -= 1;
            }
            prop_assert_eq!((left, index.bytes()), (0, 0));
        }
    }

    #[test]
    fn what_may_not_go_is_no_candidate_even_if_little_else_is_there() {
        let mut index = Index::new();
        assert_eq!(index.candidate(Timestamp::MAX, |_| true), None);
        for number in 0..2_000 {
            index.insert(&digest(number, Algorithm::Sha256), 1, usage(number));
        }
        let only = digest(1_999, Algorithm::Sha256);
        assert_eq!(index.candidate(Timestamp::MAX, |digest| *digest == only), Some(only));
        assert_eq!(index.candidate(Timestamp::MAX, |_| false), None);
    }

    #[test]
    fn a_million_entries_fit_into_64_mib() {
        let mut index = Index::new();
        for number in 0..1_000_000_u32 {
            let text = format!("sha256:{:064x}", u128::from(number) << 64);
            index.insert(&text.parse().unwrap(), 1, usage(number));
        }
        assert_eq!(index.len(), 1_000_000);
        assert!(index.memory() <= 64 << 20, "{} bytes", index.memory());
    }
}
