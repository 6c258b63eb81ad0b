//! Merges the parts of one series: head, spill segments and blocks.
//!
//! A series is the union of its parts, and a sample that several parts have is taken from the one
//! with the highest precedence. Parts seldom overlap, so the merge moves in *runs*: everything
//! that the earliest part has before the next part begins goes out in one piece, and a batch that
//! goes out whole is handed over without a copy and keeps its [`StreamId`](crate::StreamId). With
//! k parts a run costs O(k + log batch); only where parts truly interleave is the cost O(k) per
//! sample. k is small (a head, a few blocks), which is why there is no heap.

use std::fmt;

use crate::error::Result;
use crate::source::{Cursor, SampleBatch};

/// Samples after which a batch of interleaved runs is handed out.
const TARGET_SAMPLES: usize = 480;

/// One cursor over several, in the order of time, each time once.
pub struct MergeCursor {
    parts: Vec<Part>,
    /// The last time that went out: nothing at or before it goes out again.
    last: Option<i64>,
}

impl MergeCursor {
    /// Merges `cursors`, the highest precedence first: of equal times the first one's sample
    /// counts.
    #[must_use]
    pub fn new(cursors: Vec<Box<dyn Cursor>>) -> Self {
        Self::with_starts(cursors.into_iter().map(|cursor| (i64::MIN, cursor)).collect())
    }

    /// As [`new`](Self::new), but each cursor comes with a time before which it has no sample: it
    /// is first pulled when the merge gets there, so that a series with a hundred blocks holds
    /// one decoded chunk, not a hundred.
    #[must_use]
    pub fn with_starts(cursors: Vec<(i64, Box<dyn Cursor>)>) -> Self {
        let parts = cursors.into_iter().map(|(start, cursor)| Part::new(start, cursor)).collect();
        Self { parts, last: None }
    }

    /// The part that goes next and the time at which another one begins; `None` at the end.
    fn next_part(&mut self) -> Result<Option<(usize, Option<i64>)>> {
        loop {
            let Some(first) = self.earliest() else { return Ok(None) };
            let Some(part) = self.parts.get_mut(first) else { return Ok(None) };
            if part.ready(self.last)? {
                return Ok(Some((first, self.earliest_but(first))));
            }
        }
    }

    /// The part whose next sample is, or may be, the earliest. Parts that must still be pulled go
    /// before others with the same time, so that ties are seen.
    fn earliest(&self) -> Option<usize> {
        let open = self.parts.iter().enumerate().filter(|(_, part)| !part.done);
        open.min_by_key(|(i, part)| (part.bound(), part.head().is_some(), *i)).map(|(i, _)| i)
    }

    fn earliest_but(&self, index: usize) -> Option<i64> {
        let others = self.parts.iter().enumerate().filter(|(i, part)| *i != index && !part.done);
        others.map(|(_, part)| part.bound()).min()
    }
}

impl Cursor for MergeCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        while batch.len() < TARGET_SAMPLES {
            let Some((index, limit)) = self.next_part()? else { break };
            let Some(part) = self.parts.get_mut(index) else { break };
            let end = part.run_end(limit);
            if !part.is_whole(end) {
                part.copy_run(end, batch);
            } else if batch.is_empty() {
                part.hand_over(batch);
                self.last = batch.times.last().copied();
                break;
            } else {
                break;
            }
            self.last = batch.times.last().copied();
        }
        Ok(!batch.is_empty())
    }
}

impl fmt::Debug for MergeCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeCursor")
            .field("parts", &self.parts.len())
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

/// A cursor with what was pulled from it and not yet handed out.
struct Part {
    cursor: Box<dyn Cursor>,
    batch: SampleBatch,
    /// Samples of `batch` that are gone.
    taken: usize,
    /// No sample of the cursor that is still to be pulled is before this time.
    start: i64,
    done: bool,
}

impl Part {
    fn new(start: i64, cursor: Box<dyn Cursor>) -> Self {
        Self { cursor, batch: SampleBatch::default(), taken: 0, start, done: false }
    }

    /// The time of the next sample, if one is pulled.
    fn head(&self) -> Option<i64> {
        self.batch.times.get(self.taken).copied()
    }

    /// The time before which nothing comes.
    fn bound(&self) -> i64 {
        self.head().unwrap_or(self.start)
    }

    /// Whether the next sample is at hand and after `last`. If not, the part moved on (or ended)
    /// and must be compared with the others again.
    fn ready(&mut self, last: Option<i64>) -> Result<bool> {
        let rest = self.batch.times.get(self.taken..).unwrap_or_default();
        let skip = last.map_or(0, |last| rest.partition_point(|&t| t <= last));
        let moved = skip > 0 || rest.is_empty();
        self.taken += skip;
        if self.head().is_none() {
            self.pull()?;
        }
        Ok(!moved)
    }

    fn pull(&mut self) -> Result<()> {
        self.start = self.batch.times.last().map_or(self.start, |&t| t.max(self.start));
        self.taken = 0;
        self.done = !self.cursor.next_batch(&mut self.batch)?;
        Ok(())
    }

    /// The end of what may go out before another part begins at `limit`: at least one sample.
    fn run_end(&self, limit: Option<i64>) -> usize {
        let Some(limit) = limit else { return self.batch.len() };
        self.batch.times.partition_point(|&t| t < limit).max(self.taken + 1)
    }

    fn is_whole(&self, end: usize) -> bool {
        self.taken == 0 && end == self.batch.len()
    }

    fn hand_over(&mut self, batch: &mut SampleBatch) {
        std::mem::swap(&mut self.batch, batch);
        self.start = batch.times.last().map_or(self.start, |&t| t.max(self.start));
        self.batch.clear();
    }

    fn copy_run(&mut self, end: usize, batch: &mut SampleBatch) {
        let (times, values) = (&self.batch.times, &self.batch.values);
        batch.times.extend_from_slice(times.get(self.taken..end).unwrap_or_default());
        batch.values.extend_from_slice(values.get(self.taken..end).unwrap_or_default());
        self.taken = end;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;
    use crate::source::StreamId;

    /// Hands out batches that were made before.
    struct Fixed(VecDeque<SampleBatch>);

    impl Cursor for Fixed {
        fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
            batch.clear();
            let Some(next) = self.0.pop_front() else { return Ok(false) };
            *batch = next;
            Ok(true)
        }
    }

    /// Times with the part's number as value, cut into batches of `size`.
    fn part(number: usize, times: &[i64], size: usize) -> Box<dyn Cursor> {
        let batches = times.chunks(size).enumerate().map(|(i, times)| SampleBatch {
            times: times.to_vec(),
            values: vec![number as f64; times.len()],
            stream: Some(StreamId((number * 1000 + i) as u64)),
            ..SampleBatch::default()
        });
        Box::new(Fixed(batches.collect()))
    }

    fn drain(mut cursor: MergeCursor) -> Vec<SampleBatch> {
        let mut all = Vec::new();
        let mut batch = SampleBatch::default();
        while cursor.next_batch(&mut batch).unwrap() {
            assert_eq!(batch.times.len(), batch.values.len());
            all.push(batch.clone());
        }
        assert!(batch.is_empty() && !cursor.next_batch(&mut batch).unwrap());
        all
    }

    #[test]
    fn parts_that_do_not_overlap_keep_their_streams() {
        let late: Vec<i64> = (1000..1010).collect();
        let early: Vec<i64> = (0..20).collect();
        let out = drain(MergeCursor::new(vec![part(0, &late, 10), part(1, &early, 10)]));
        let streams: Vec<_> = out.iter().map(|b| b.stream).collect();
        assert_eq!(streams, [Some(StreamId(1000)), Some(StreamId(1001)), Some(StreamId(0))]);
    }

    #[test]
    fn equal_times_come_from_the_first_part() {
        let out = drain(MergeCursor::new(vec![part(0, &[2, 4], 9), part(1, &[1, 2, 3, 4, 5], 9)]));
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].times, [1, 2, 3, 4, 5]);
        assert_eq!(out[0].values, [1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(out[0].stream, None);
    }

    #[test]
    fn a_part_is_not_pulled_before_its_start() {
        struct Never;
        impl Cursor for Never {
            fn next_batch(&mut self, _: &mut SampleBatch) -> Result<bool> {
                panic!("pulled too early");
            }
        }
        let mut merge =
            MergeCursor::with_starts(vec![(100, Box::new(Never)), (0, part(1, &[1, 2, 3], 2))]);
        let mut batch = SampleBatch::default();
        assert!(merge.next_batch(&mut batch).unwrap());
        assert_eq!((batch.times.as_slice(), batch.stream), (&[1, 2][..], Some(StreamId(1000))));
        assert!(merge.next_batch(&mut batch).unwrap());
        assert_eq!(batch.times, [3]);
    }

    #[test]
    fn the_ends_of_time_are_times_like_others() {
        let ends = [i64::MIN, i64::MAX];
        let out = drain(MergeCursor::new(vec![part(0, &ends, 1), part(1, &ends, 2)]));
        let times: Vec<i64> = out.iter().flat_map(|b| b.times.clone()).collect();
        assert_eq!(times, ends);
        assert!(out.iter().all(|b| b.values.iter().all(|&v| v == 0.0)));
    }

    proptest! {
        #[test]
        fn equals_a_map_filled_from_the_lowest_precedence_up(
            parts in prop::collection::vec(
                (prop::collection::btree_set(-60i64..60, 0..60), 1usize..20, any::<bool>()), 0..5),
        ) {
            let mut model = BTreeMap::new();
            for (number, (times, ..)) in parts.iter().enumerate().rev() {
                model.extend(times.iter().map(|&t| (t, number as f64)));
            }
            let cursors = parts.iter().enumerate().map(|(number, (times, size, bounded))| {
                let times: Vec<i64> = times.iter().copied().collect();
                let start = times.first().copied().filter(|_| *bounded).unwrap_or(i64::MIN);
                (start, part(number, &times, *size))
            });
            let out = drain(MergeCursor::with_starts(cursors.collect()));
            let got: Vec<(i64, f64)> = out
                .iter()
                .flat_map(|b| b.times.iter().copied().zip(b.values.iter().copied()))
                .collect();
            prop_assert_eq!(got, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_stream_id_goes_with_the_whole_stream_only(
            parts in prop::collection::vec(
                (prop::collection::btree_set(0i64..400, 0..60), 1usize..20), 0..4),
        ) {
            let mut streams = BTreeMap::new();
            let cursors = parts.iter().enumerate().map(|(number, (times, size))| {
                let times: Vec<i64> = times.iter().copied().collect();
                for (i, chunk) in times.chunks(*size).enumerate() {
                    streams.insert(StreamId((number * 1000 + i) as u64), chunk.to_vec());
                }
                part(number, &times, *size)
            });
            for batch in drain(MergeCursor::new(cursors.collect())) {
                if let Some(stream) = batch.stream {
                    prop_assert_eq!(&batch.times, &streams[&stream]);
                }
            }
        }
    }
}
