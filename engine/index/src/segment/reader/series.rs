//! Walking through series whose numbers grow.

use super::{BLOCK_SERIES, Segment};
use crate::segment::Result;

/// Reads the pairs of series, one after the other: of a series in the same block as the one
/// before, and behind it, nothing is read twice.
#[derive(Debug)]
pub(in crate::segment) struct Walk<'a, B> {
    segment: &'a Segment<B>,
    /// What is left of the block of the last series.
    rest: &'a [u8],
    /// The series that `rest` begins with.
    next: u32,
    pairs: Vec<u32>,
}

impl<'a, B: AsRef<[u8]>> Walk<'a, B> {
    pub(in crate::segment) fn new(segment: &'a Segment<B>) -> Self {
        Self { segment, rest: &[], next: 0, pairs: Vec::new() }
    }

    /// The pairs of a series, ascending.
    pub(in crate::segment) fn pairs(&mut self, id: u32) -> Result<&[u32]> {
        let same_block = !self.next.is_multiple_of(BLOCK_SERIES)
            && self.next / BLOCK_SERIES == id / BLOCK_SERIES;
        if !same_block || id < self.next {
            self.rest = self.segment.series_block(id)?;
            self.next = id - id % BLOCK_SERIES;
        }
        // Also if it fails: the rest is then that of no series.
        let skip = id - std::mem::replace(&mut self.next, 0);
        self.segment.next_pairs(&mut self.rest, skip, &mut self.pairs)?;
        self.next = id + 1;
        Ok(&self.pairs)
    }
}
