//! Sets of series that grow by consecutive ids.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::Counted;

/// A set whose last ids may stand beside it for a while: new series mostly have consecutive ids, and
/// many at once cost a bitmap little more than one.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    settled: Counted,
    /// Consecutive ids that are not in `settled` yet.
    tail: Range<u32>,
}

impl Growing {
    /// The set of ascending ids.
    pub(super) fn from_sorted(ids: &[u32]) -> Self {
        Self { settled: Counted::from_sorted(ids), tail: 0..0 }
    }

    /// Whether all ids are where they belong.
    pub(crate) fn is_settled(&self) -> bool {
        self.tail.is_empty()
    }

    /// Adds an id, which [`bitmap`](Self::bitmap) may lack until [`settle`](Self::settle); returns by
    /// how many bytes the heap grew.
    pub(crate) fn add(&mut self, id: u32) -> isize {
        if self.tail.end == id && !self.tail.is_empty() {
            self.tail.end += 1;
            return 0;
        }
        let grown = self.settle();
        self.tail = id..id + 1;
        grown
    }

    /// Puts everything where it belongs; returns by how many bytes the heap grew.
    pub(crate) fn settle(&mut self) -> isize {
        if self.tail.is_empty() {
            return 0;
        }
        let before = self.settled.heap_bytes();
        let tail = std::mem::take(&mut self.tail);
        if tail.len() == 1 {
            self.settled.insert(tail.start);
        } else {
            self.settled.insert_range(tail);
        }
        self.settled.heap_bytes() as isize - before as isize
    }

    /// Takes as little memory as can be; returns by how many bytes the heap grew.
    pub(crate) fn compact(&mut self) -> isize {
        let before = self.settled.heap_bytes();
        self.settled.compact();
        self.settled.heap_bytes() as isize - before as isize
    }

    /// Takes an id away that is settled; returns by how many bytes the heap grew.
    pub(crate) fn remove(&mut self, id: u32) -> isize {
        let before = self.settled.heap_bytes();
        self.settled.remove(id);
        self.settled.heap_bytes() as isize - before as isize
    }

    /// The settled ids.
    pub(crate) fn bitmap(&self) -> &RoaringBitmap {
        debug_assert!(self.tail.is_empty(), "not settled");
        self.settled.bitmap()
    }

    /// Bytes on the heap, as of the last count.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.settled.heap_bytes()
    }

    /// How many ids there are, settled or not.
    pub(crate) fn len(&self) -> u64 {
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
