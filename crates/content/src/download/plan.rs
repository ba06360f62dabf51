use std::{collections::BTreeMap, ops::Range};

/// Which bytes of a blob nobody fetches yet, and which somebody does. What is neither is there.
///
/// Pieces are handed out from the front, so that what can be read grows steadily, and none begins more than a window
/// ahead of it: what lies behind a hole can be neither read nor hashed.
#[derive(Debug)]
pub(super) struct Plan {
    size: u64,
    /// Ends of what nobody has, by beginnings. No two of them touch.
    free: BTreeMap<u64, u64>,
    pieces: BTreeMap<u64, Piece>,
    next_id: u64,
}

/// What one connection fetches, in order.
#[derive(Debug)]
struct Piece {
    /// Everything before this is in the file.
    written: u64,
    /// Everything before this has come, and is not to be given to anybody else.
    received: u64,
    end: u64,
}

/// A piece as it was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) id: u64,
    pub(super) range: Range<u64>,
}

impl Plan {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            free: BTreeMap::from_iter((size > 0).then_some((0, size))),
            pieces: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// All bytes before this one are in the file.
    pub(super) fn frontier(&self) -> u64 {
        let free = self.free.keys().next().copied();
        let coming = self.pieces.values().filter(|piece| piece.written < piece.end);
        coming.map(|piece| piece.written).chain(free).min().unwrap_or(self.size)
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes nobody has.
    pub(super) fn unclaimed(&self) -> u64 {
        self.free.iter().map(|(start, end)| end - start).sum()
    }

    /// The first bytes that nobody has, at most `length` of them; nothing where they begin outside the window.
    pub(super) fn take(&mut self, length: u64) -> Option<Handed> {
        let start = *self.free.keys().next()?;
        let range = self.cut(start, length)?;
        Some(self.hand(range))
    }

    /// The second half of what is left of the largest piece, where that is worth a request of its own. So a connection
    /// that is slower than the others does not hold them up in the end.
    pub(super) fn share(&mut self) -> Option<Handed> {
        let left = |piece: &Piece| piece.end - piece.received;
        let largest = self.pieces.values_mut().max_by_key(|piece| left(piece))?;
        if left(largest) < WORTH_SHARING {
            return None;
        }
        let middle = largest.received + left(largest) / 2;
        let range = middle..largest.end;
        largest.end = middle;
        Some(self.hand(range))
    }

    /// The next `length` bytes of the piece have come. Answers with how many of them it still wants.
    ///
    /// With `more`, the piece goes on where it ends, as far as nobody has what follows, that many bytes at a time.
    pub(super) fn receive(&mut self, id: u64, length: u64, more: Option<u64>) -> u64 {
        while let (Some(more), Some(piece)) = (more, self.pieces.get(&id))
            && piece.end - piece.received < length
            && let Some(range) = self.cut(piece.end, more)
            && let Some(piece) = self.pieces.get_mut(&id)
        {
            piece.end = range.end;
        }
        let Some(piece) = self.pieces.get_mut(&id) else {
            return 0;
        };
        let wanted = length.min(piece.end - piece.received);
        piece.received += wanted;
        wanted
    }

    /// Whether everything that the piece wants has come. With `more` as in [`Plan::receive`].
    pub(super) fn has_come(&self, id: u64, more: bool) -> bool {
        self.pieces
            .get(&id)
            .is_none_or(|piece| piece.received == piece.end && !(more && self.is_free(piece.end)))
    }

    /// Everything of the piece before `position` is in the file.
    pub(super) fn wrote(&mut self, id: u64, position: u64) {
        if let Some(piece) = self.pieces.get_mut(&id) {
            piece.written = position;
        }
    }

    /// How far the piece is in the file.
    pub(super) fn written(&self, id: u64) -> u64 {
        self.pieces.get(&id).map_or(0, |piece| piece.written)
    }

    /// Nobody fetches the piece any more. What is missing of it is for somebody else.
    pub(super) fn release(&mut self, id: u64) {
        let Some(Piece { written, mut end, .. }) = self.pieces.remove(&id) else {
            return;
        };
        if written == end {
            return;
        }
        end = self.free.remove(&end).unwrap_or(end);
        match self.free.range_mut(..written).next_back() {
            Some((_, before)) if *before == written => *before = end,
            _ => {
                self.free.insert(written, end);
            }
        }
    }

    fn is_free(&self, start: u64) -> bool {
        self.free.contains_key(&start) && start < self.frontier().saturating_add(WINDOW)
    }

    /// Takes at most `length` bytes from the free ones that begin at `start`.
    fn cut(&mut self, start: u64, length: u64) -> Option<Range<u64>> {
        if !self.is_free(start) {
            return None;
        }
        let end = self.free.remove(&start)?;
        let middle = end.min(start.saturating_add(length.max(1)));
        if middle < end {
            self.free.insert(middle, end);
        }
        Some(start..middle)
    }

    fn hand(&mut self, range: Range<u64>) -> Handed {
        let id = self.next_id;
        self.next_id += 1;
        let piece = Piece {
            written: range.start,
            received: range.start,
            end: range.end,
        };
        self.pieces.insert(id, piece);
        Handed { id, range }
    }
}

/// How far ahead of the first missing byte a piece may begin. What lies there is on disk, and in the memory of nobody.
pub(super) const WINDOW: u64 = 128 * 1024 * 1024;
/// What a new request should bring at least, twice.
const WORTH_SHARING: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_piece_goes_on_until_it_meets_one_that_somebody_has() {
        let mut plan = Plan::new(100);
        let first = plan.take(10).unwrap();
        assert_eq!(plan.receive(first.id, 25, Some(10)), 25);
        let second = plan.take(10).unwrap();
        assert_eq!(second.range, 30..40);
        assert_eq!(plan.receive(first.id, 25, Some(10)), 5);
        assert!(plan.has_come(first.id, true));
        plan.wrote(first.id, 30);
        plan.wrote(second.id, 35);
        assert_eq!(plan.frontier(), 35);
    }

    #[test]
    fn what_is_given_back_is_handed_out_first() {
        let mut plan = Plan::new(100);
        let (first, second) = (plan.take(10).unwrap(), plan.take(10).unwrap());
        plan.receive(first.id, 7, None);
        plan.wrote(first.id, 4);
        plan.release(first.id);
        assert_eq!(
            plan.take(100).unwrap().range,
            4..10,
            "what was not written counts as not received"
        );
        plan.release(second.id);
        assert_eq!(plan.take(100).unwrap().range, 10..100);
    }

    #[test]
    fn nothing_begins_too_far_ahead_of_the_first_missing_byte() {
        let mut plan = Plan::new(3 * WINDOW);
        let first = plan.take(MIB).unwrap();
        let ahead = plan.take(WINDOW).unwrap();
        assert_eq!(plan.take(MIB), None);
        assert_eq!(plan.receive(ahead.id, 2 * WINDOW, Some(MIB)), WINDOW);
        plan.wrote(first.id, MIB);
        assert_eq!(plan.frontier(), MIB);
        plan.wrote(ahead.id, 2 * MIB);
        assert_eq!(plan.take(MIB).unwrap().range, WINDOW + MIB..WINDOW + 2 * MIB);
    }

    #[test]
    fn what_is_left_of_the_largest_piece_is_shared_if_that_is_worth_while() {
        let mut plan = Plan::new(10 * MIB);
        let (small, large) = (plan.take(4 * MIB - 1).unwrap(), plan.take(10 * MIB).unwrap());
        plan.receive(large.id, MIB + 1, None);
        let shared = plan.share().unwrap();
        assert_eq!(shared.range, 15 * MIB / 2..10 * MIB);
        assert_eq!(plan.share(), None);
        assert_eq!(plan.receive(large.id, 10 * MIB, None), 5 * MIB / 2);
        assert_eq!(plan.receive(small.id, 10 * MIB, None), 4 * MIB - 1);
    }

    proptest! {
        /// Connections come, bring something, write some of it, share, and fail, in any order.
        #[test]
        fn every_byte_is_fetched_and_none_by_two(
            size in 0..40 * MIB,
            steps in prop::collection::vec((0..6_u8, any::<usize>(), 1..9 * MIB), 0..200),
        ) {
            let mut plan = Plan::new(size);
            let mut held: Vec<(u64, u64)> = Vec::new();
            // What is in the file, as ranges that may touch.
            let mut written: BTreeMap<u64, u64> = BTreeMap::new();
            let finish = (0..).map(|_| (4, 0_usize, 9 * MIB));
            let endings = [(0, 0_usize, 9 * MIB)].into_iter().cycle().zip(finish);
            let endings = endings.flat_map(|(take, write)| [take, write]);
            for (act, which, length) in steps.into_iter().chain(endings.take(10_000)) {
                let chosen = (!held.is_empty()).then(|| which % held.len());
                match (act, chosen) {
                    (0, _) if held.len() < 8 => held.extend(plan.take(length).map(|h| (h.id, h.range.start))),
                    (1, _) if held.len() < 8 => held.extend(plan.share().map(|h| (h.id, h.range.start))),
                    (5, Some(chosen)) => plan.release(held.swap_remove(chosen).0),
                    (act, Some(chosen)) => {
                        let (id, position) = &mut held[chosen];
                        let came = plan.receive(*id, length, (act == 3).then_some(MIB));
                        if came > 0 {
                            let end = *position + came;
                            let before = written.range(..end).next_back().map_or(0, |(_, before)| *before);
                            prop_assert!(before <= *position, "{position} is written twice");
                            written.insert(*position, end);
                            *position = end;
                            plan.wrote(*id, end);
                        }
                        if plan.has_come(*id, false) {
                            plan.release(held.swap_remove(chosen).0);
                        }
                    }
                    _ => {}
                }
                let mut contiguous = 0;
                for (start, end) in &written {
                    if *start == contiguous {
                        contiguous = *end;
                    }
                }
                prop_assert_eq!(plan.frontier(), contiguous);
                if contiguous == size {
                    break;
                }
            }
            prop_assert_eq!(plan.frontier(), size);
        }
    }
}
