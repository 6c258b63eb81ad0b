//! Samples that came after a newer one of their series.

mod stored;

use nunatak_codec::OpenChunk;

use super::series::{Epoch, Part, part_bytes};
use super::snapshot::SeriesSnapshot;
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

    /// Adds a sample; `false` if the very sample is here already.
    pub(super) fn insert(&mut self, time: i64, value: f64, epoch: Epoch) -> bool {
        let sample = LateSample { time, value, epoch };
        let place = self.loose.partition_point(|s| (s.time, s.epoch) <= (time, epoch));
        match place.checked_sub(1).map(|before| &mut self.loose[before]) {
            Some(same) if same.time == time && same.value.to_bits() == value.to_bits() => {
                return false;
            }
            Some(same) if same.time == time && same.epoch == epoch => *same = sample,
            _ => self.loose.insert(place, sample),
        }
        if self.loose.len() >= LOOSE_SAMPLES {
            self.freeze();
        }
        true
    }

    /// Whether a sample of this time may be here.
    pub(super) fn has_time(&self, time: i64) -> bool {
        self.loose.iter().any(|sample| sample.time == time)
            || self.chunks.iter().any(|p| p.first_time() <= time && time <= p.chunk.last_time())
    }

    pub(super) fn overlaps(&self, range: TimeRange, epoch: Epoch) -> bool {
        self.loose.iter().any(|sample| sample.epoch <= epoch && range.contains(sample.time))
            || self.chunks.iter().any(|part| part.overlaps(range, epoch))
    }

    /// Makes one chunk of the loose samples of each epoch, the oldest epoch first.
    fn freeze(&mut self) {
        while let Some(epoch) = self.loose.iter().map(|sample| sample.epoch).min() {
            let mut open = OpenChunk::new();
            self.loose.retain(|sample| {
                // Times of one epoch are unique and ascending, so the chunk takes every one.
                sample.epoch != epoch || open.append(sample.time, sample.value).is_err()
            });
            let Some(chunk) = open.freeze() else { break };
            self.chunks.push(Part::new(chunk, epoch));
        }
    }

    pub(super) fn add_to(&self, snapshot: &mut SeriesSnapshot, epoch: Epoch) {
        for part in self.chunks.iter().filter(|part| part.epoch <= epoch) {
            snapshot.push_late(part);
        }
        for sample in self.loose.iter().filter(|sample| sample.epoch <= epoch) {
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
