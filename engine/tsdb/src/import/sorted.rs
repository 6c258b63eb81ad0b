//! Sources of samples in the order of blocks: window, series, time.

use super::rows::{Segment, ShardRows};
use crate::error::Result;
use crate::source::SampleBatch;

/// The samples of one series in one window, from one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Start of the window.
    pub(super) window: i64,
    pub(super) series: u32,
    /// First and last time.
    pub(super) first: i64,
    pub(super) last: i64,
}

/// Groups by window and rank of the series.
pub(super) trait Sorted {
    /// The group whose samples come next; `None` at the end.
    fn group(&self) -> Option<Group>;

    /// Fetches the next samples of the group into `batch`; at its end `false`, and
    /// [`group`](Self::group) is the next one.
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool>;
}

/// The samples that are still in memory.
#[derive(Debug)]
pub(super) struct InMemory<'a> {
    rows: &'a ShardRows,
    segments: &'a [Segment],
    taken: bool,
}

impl<'a> InMemory<'a> {
    pub(super) fn new(rows: &'a ShardRows, segments: &'a [Segment]) -> Self {
        Self { rows, segments, taken: false }
    }
}

impl Sorted for InMemory<'_> {
    fn group(&self) -> Option<Group> {
        let segment = self.segments.first()?;
        let (times, _) = self.rows.samples(segment);
        let (first, last) = (*times.first()?, *times.last()?);
        Some(Group { window: segment.window, series: segment.series, first, last })
    }

    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        self.taken = !self.taken;
        if let (false, Some((_, rest))) = (self.taken, self.segments.split_first()) {
            self.segments = rest;
        } else if let Some(segment) = self.segments.first() {
            let (times, values) = self.rows.samples(segment);
            batch.times.extend_from_slice(times);
            batch.values.extend_from_slice(values);
        }
        Ok(self.taken && !batch.is_empty())
    }
}
