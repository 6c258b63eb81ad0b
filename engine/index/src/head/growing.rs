//! Sets of series that grow by consecutive ids.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::postings::Counted;

/// A set whose last ids may stand beside it for a while: new series mostly have consecutive ids, and
/// many at once cost a bitmap little more than one.
#[derive(Debug, Default)]
pub(super) struct Growing {
    settled: Counted,
    /// Consecutive ids that are not in `settled` yet.
    tail: Range<u32>,
}

impl Growing {
    /// Adds an id, which [`bitmap`](Self::bitmap) may lack until [`settle`](Self::settle); returns by
    /// how many bytes the heap grew.
    pub(super) fn add(&mut self, id: u32) -> isize {
        if self.tail.end == id && !self.tail.is_empty() {
            self.tail.end += 1;
            return 0;
        }
        let grown = self.settle();
        self.tail = id..id + 1;
        grown
    }

    /// Puts everything where it belongs; returns by how many bytes the heap grew.
    pub(super) fn settle(&mut self) -> isize {
        if self.tail.is_empty() {
            return 0;
        }
        let before = self.settled.heap_bytes();
        self.settled.insert_range(std::mem::take(&mut self.tail));
        self.settled.heap_bytes() as isize - before as isize
    }

    /// Takes an id away that is settled; returns by how many bytes the heap grew.
    pub(super) fn remove(&mut self, id: u32) -> isize {
        let before = self.settled.heap_bytes();
        self.settled.remove(id);
        self.settled.heap_bytes() as isize - before as isize
    }

    /// The settled ids.
    pub(super) fn bitmap(&self) -> &RoaringBitmap {
        debug_assert!(self.tail.is_empty(), "not settled");
        self.settled.bitmap()
    }

    /// How many ids there are, settled or not.
    pub(super) fn len(&self) -> u64 {
        self.settled.len() + self.tail.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_strays_are_all_there_and_every_byte_is_told() {
        let (mut set, mut bytes) = (Growing::default(), 0);
        let ids: Vec<u32> = (0..5000).chain([9000, 7, 9001]).chain(70_000..70_500).collect();
        for &id in &ids {
            bytes += set.add(id);
        }
        bytes += set.settle();
        let expected: RoaringBitmap = ids.iter().copied().collect();
        assert_eq!((set.bitmap(), set.len()), (&expected, 5502));
        assert_eq!(bytes, set.settled.heap_bytes() as isize);
        for id in 0..5000 {
            bytes += set.remove(id);
        }
        assert_eq!((set.len(), bytes), (502, set.settled.heap_bytes() as isize));
    }
}
