//! Times of a series that are not shown: deleted, or past their retention.

use crate::error::Result;
use crate::source::{Cursor, SampleBatch};
use crate::time::TimeRange;

/// Ranges of time, sorted, apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hidden(Vec<TimeRange>);

impl Hidden {
    /// The union of `ranges`.
    pub(crate) fn new(ranges: impl Iterator<Item = TimeRange>) -> Self {
        let mut all: Vec<TimeRange> = ranges.filter(|range| range.start <= range.end).collect();
        all.sort_unstable_by_key(|range| (range.start, range.end));
        let mut union: Vec<TimeRange> = Vec::with_capacity(all.len());
        for range in all {
            match union.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(1) => {
                    last.end = last.end.max(range.end);
                }
                _ => union.push(range),
            }
        }
        Self(union)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing of `range` is shown.
    pub(crate) fn covers(&self, range: TimeRange) -> bool {
        self.0.iter().any(|hidden| hidden.start <= range.start && range.end <= hidden.end)
    }

    /// Whether something of `range` is hidden.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.0.iter().any(|hidden| hidden.overlaps(&range))
    }

    /// Takes the hidden samples out of a batch.
    pub(crate) fn strip(&self, batch: &mut SampleBatch) {
        // From the back, so that places in front stay what they are.
        for range in self.0.iter().rev() {
            let start = batch.times.partition_point(|&t| t < range.start);
            let end = batch.times.partition_point(|&t| t <= range.end).max(start);
            if start < end {
                batch.times.drain(start..end);
                batch.values.drain(start..end);
                batch.stream = None;
            }
        }
    }

    /// Takes all but the hidden samples out of a batch.
    pub(crate) fn keep(&self, batch: &mut SampleBatch) {
        let mut kept = SampleBatch::default();
        for range in &self.0 {
            let start = batch.times.partition_point(|&t| t < range.start);
            let end = batch.times.partition_point(|&t| t <= range.end).max(start);
            kept.times.extend(batch.times.drain(start..end));
            kept.values.extend(batch.values.drain(start..end));
        }
        *batch = kept;
    }

    /// The cursor without the hidden samples.
    pub(crate) fn over(self, cursor: Box<dyn Cursor>) -> Box<dyn Cursor> {
        if self.is_empty() { cursor } else { Box::new(HidingCursor { cursor, hidden: self }) }
    }
}

/// A cursor without the samples of some times.
struct HidingCursor {
    cursor: Box<dyn Cursor>,
    hidden: Hidden,
}

impl Cursor for HidingCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        while self.cursor.next_batch(batch)? {
            self.hidden.strip(batch);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        batch.clear();
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::StreamId;

    fn hidden(ranges: &[(i64, i64)]) -> Hidden {
        Hidden::new(ranges.iter().map(|&(start, end)| TimeRange::new(start, end)))
    }

    #[test]
    fn neighbours_become_one() {
        let ranges = hidden(&[(5, 9), (0, 2), (3, 3), (20, 10), (8, 12)]);
        assert_eq!(ranges.0, [TimeRange::new(0, 3), TimeRange::new(5, 12)]);
        assert!(ranges.covers(TimeRange::new(6, 12)) && !ranges.covers(TimeRange::new(3, 5)));
        assert_eq!(hidden(&[(i64::MIN, i64::MAX), (7, 8)]).0, [TimeRange::ALL]);
    }

    #[test]
    fn a_whole_batch_keeps_its_stream() {
        let stream = Some(StreamId(7));
        let mut batch = SampleBatch {
            times: vec![1, 5],
            values: vec![0.0, 1.0],
            stream,
            ..SampleBatch::default()
        };
        hidden(&[(2, 4), (6, 9)]).strip(&mut batch);
        assert_eq!((batch.len(), batch.stream), (2, stream));
        hidden(&[(5, 5)]).strip(&mut batch);
        assert_eq!((batch.times, batch.stream), (vec![1], None));
    }

    proptest! {
        #[test]
        fn what_is_left_lies_in_no_range(
            ranges in prop::collection::vec((-20i64..20, 0i64..8), 0..6),
            times in prop::collection::btree_set(-25i64..25, 0..40),
        ) {
            let ranges: Vec<_> = ranges.iter().map(|&(start, len)| (start, start + len)).collect();
            let times: Vec<i64> = times.into_iter().collect();
            let values = times.iter().map(|&t| t as f64).collect();
            let mut batch = SampleBatch { times: times.clone(), values, ..SampleBatch::default() };
            hidden(&ranges).strip(&mut batch);
            let shown = |t: &i64| !ranges.iter().any(|&(start, end)| start <= *t && *t <= end);
            let expected: Vec<i64> = times.iter().copied().filter(shown).collect();
            let mut hidden_times = SampleBatch { times: times.clone(), values: vec![0.0; times.len()], ..SampleBatch::default() };
            hidden(&ranges).keep(&mut hidden_times);
            prop_assert_eq!(hidden_times.len() + expected.len(), times.len());
            prop_assert!(hidden_times.times.iter().all(|t| !expected.contains(t)));
            prop_assert_eq!(&batch.times, &expected);
            prop_assert_eq!(batch.values, expected.iter().map(|&t| t as f64).collect::<Vec<_>>());
        }
    }
}
