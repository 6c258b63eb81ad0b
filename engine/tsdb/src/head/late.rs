//! Samples that came after a newer one of their series.

mod stored;

use nunatak_codec::OpenChunk;

use super::series::{Epoch, Part, part_bytes};
use super::snapshot::SeriesSnapshot;
use super::view::View;
use crate::time::TimeRange;

/// So many loose samples are frozen into chunks.
const LOOSE_SAMPLES: usize = 128;

#[derive(Debug, Clone, Copy)]
struct LateSample {
    time: i64,
    value: f64,
    epoch: Epoch,
}

/// Late samples of one series: loose ones sorted by time, and chunks of older ones.
///
/// Precedence of equal times: loose ones, then chunks from the last to the first; of loose ones
/// the one with the higher epoch.
#[derive(Debug, Default)]
pub(super) struct LateSamples {
    loose: Vec<LateSample>,
    chunks: Vec<Part>,
}

impl LateSamples {
    pub(super) fn is_empty(&self) -> bool {
        self.loose.is_empty() && self.chunks.is_empty()
    }

    /// Adds a sample; returns by how many bytes the heap grew. `open` is the chunk that the series
    /// appends to. The very sample is not stored twice, unless what is here was written before the
    /// epoch `shown`: a delete may hide it.
    pub(super) fn insert(
        &mut self,
        time: i64,
        value: f64,
        (epoch, shown): (Epoch, Epoch),
        open: &OpenChunk,
    ) -> isize {
        let sample = LateSample { time, value, epoch };
        let room = self.loose.capacity();
        let place = self.loose.partition_point(|s| (s.time, s.epoch) <= (time, epoch));
        match place.checked_sub(1).map(|before| &mut self.loose[before]) {
            Some(same)
                if same.time == time
                    && same.value.to_bits() == value.to_bits()
                    && same.epoch >= shown =>
            {
                return 0;
            }
            Some(same) if same.time == time && same.epoch == epoch => *same = sample,
            _ => self.loose.insert(place, sample),
        }
        let more = (self.loose.capacity() - room) * size_of::<LateSample>();
        let frozen = if self.loose.len() >= LOOSE_SAMPLES { self.make_room(open) } else { 0 };
        (more + frozen) as isize
    }

    /// Empties the loose samples, at least by half; returns by how many bytes the heap grew.
    fn make_room(&mut self, open: &OpenChunk) -> usize {
        self.drop_repeated(open);
        if self.loose.len() > LOOSE_SAMPLES / 2 { self.freeze() } else { 0 }
    }

    /// Whether a chunk may have a sample of this time.
    fn chunks_have_time(&self, time: i64) -> bool {
        self.chunks.iter().any(|p| p.first_time() <= time && time <= p.chunk.last_time())
    }

    /// Drops samples that the open chunk has, as after a repeated request. Looking for each when
    /// it comes would decode half the chunk each time. They are kept if another sample of their
    /// time, late as well, would count in their place.
    fn drop_repeated(&mut self, open: &OpenChunk) {
        let epoch = self.loose.first().map(|sample| sample.epoch);
        if self.loose.iter().any(|sample| Some(sample.epoch) != epoch) {
            return;
        }
        let mut loose = std::mem::take(&mut self.loose);
        let mut ordered = open.iter().flatten().peekable();
        loose.retain(|sample| {
            while ordered.next_if(|(time, _)| *time < sample.time).is_some() {}
            let is_same = |(time, value): &(i64, f64)| {
                *time == sample.time && value.to_bits() == sample.value.to_bits()
            };
            !ordered.peek().is_some_and(is_same) || self.chunks_have_time(sample.time)
        });
        self.loose = loose;
    }

    pub(super) fn overlaps(&self, range: TimeRange, epoch: Epoch) -> bool {
        self.loose.iter().any(|sample| sample.epoch <= epoch && range.contains(sample.time))
            || self.chunks.iter().any(|part| part.overlaps(range, epoch))
    }

    /// Makes one chunk of the loose samples of each epoch, the oldest epoch first; returns the
    /// bytes of the chunks.
    fn freeze(&mut self) -> usize {
        let before = self.chunks.len();
        while let Some(epoch) = self.loose.iter().map(|sample| sample.epoch).min() {
            let mut open = OpenChunk::new();
            self.loose.retain(|sample| {
                // Times of one epoch are unique and ascending, so the chunk takes every one.
                sample.epoch != epoch || open.append(sample.time, sample.value).is_err()
            });
            let Some(chunk) = open.freeze() else { break };
            self.chunks.push(Part::new(chunk, epoch));
        }
        self.chunks.iter().skip(before).map(part_bytes).sum()
    }

    pub(super) fn add_to(&self, snapshot: &mut SeriesSnapshot, view: &View<'_>) {
        for part in &self.chunks {
            snapshot.push_late(part, view);
        }
        for sample in self.loose.iter().filter(|sample| view.shows(sample.time, sample.epoch)) {
            snapshot.push_loose(sample.time, sample.value);
        }
    }

    /// Drops samples before `before` that were written up to `epoch`: a block has them.
    pub(super) fn cut(&mut self, epoch: Epoch, before: i64) {
        self.loose.retain(|sample| sample.epoch > epoch || sample.time >= before);
        self.chunks.retain_mut(|part| part.cut(epoch, before));
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(part_bytes).sum();
        self.loose.capacity() * size_of::<LateSample>() + chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open chunk with the value `t` at each of the times.
    fn open(times: std::ops::Range<i64>) -> OpenChunk {
        let mut open = OpenChunk::new();
        times.for_each(|t| open.append(t, t as f64).unwrap());
        open
    }

    fn read(late: &LateSamples) -> Vec<(i64, f64)> {
        let mut snapshot = SeriesSnapshot::new(TimeRange::ALL);
        late.add_to(&mut snapshot, &View::up_to(TimeRange::ALL, Epoch::MAX));
        let (mut cursor, mut batch) = (snapshot.into_cursor(), crate::SampleBatch::default());
        let mut found = Vec::new();
        while cursor.next_batch(&mut batch).unwrap() {
            found.extend(batch.times.iter().copied().zip(batch.values.iter().copied()));
        }
        found
    }

    #[test]
    fn repeated_samples_do_not_gather() {
        let (mut late, open) = (LateSamples::default(), open(0..120));
        let mut grown = 0;
        for round in 0..50 {
            for t in 0..119 {
                grown += late.insert(t, t as f64, (0, 0), &open);
            }
            grown += late.insert(-1 - round, 7.0, (0, 0), &open);
        }
        assert_eq!(grown, late.heap_bytes() as isize);
        assert!(late.chunks.len() < 2, "{} chunks", late.chunks.len());
        late.drop_repeated(&open);
        assert_eq!(read(&late), (-50..0).map(|t| (t, 7.0)).collect::<Vec<_>>());
    }

    #[test]
    fn a_repeat_above_another_late_sample_counts() {
        let (mut late, open) = (LateSamples::default(), open(0..120));
        late.insert(5, 1.5, (0, 0), &open);
        late.freeze();
        late.insert(5, 5.0, (0, 0), &open);
        late.make_room(&open);
        assert_eq!(read(&late), [(5, 5.0)]);
        late.insert(6, 1.5, (1, 0), &open);
        late.insert(6, 6.0, (2, 0), &open);
        late.make_room(&open);
        assert_eq!(read(&late), [(5, 5.0), (6, 6.0)]);
    }

    #[test]
    fn a_repeat_of_what_a_delete_hides_is_new() {
        let (mut late, open) = (LateSamples::default(), open(0..0));
        late.insert(5, 1.5, (1, 0), &open);
        assert_eq!(late.insert(5, 1.5, (2, 0), &open), 0, "the very sample");
        late.insert(5, 1.5, (3, 3), &open);
        let epochs: Vec<_> = late.loose.iter().map(|sample| sample.epoch).collect();
        assert_eq!(epochs, [1, 3]);
        late.insert(5, 1.5, (4, 3), &open);
        assert_eq!(late.loose.len(), 2);
    }
}
