//! One series in a head: the open chunk, what it left behind, and what came late.

pub(super) mod stored;

use nunatak_codec::{FrozenChunk, OpenChunk};

use super::chunk::Chunk;
use super::late::LateSamples;
use super::rhythm::Rhythm;
use super::snapshot::SeriesSnapshot;
use super::view::View;
use crate::time::TimeRange;

/// Samples after which an open chunk is frozen.
const OPEN_SAMPLES: usize = 120;

/// The number of cuts and deletes that a head has seen. What was written under an epoch goes into
/// blocks with the cut that ended it, and nothing that came later does; a delete hides what was
/// written up to its epoch, and nothing that came later.
pub(crate) type Epoch = u32;

/// The epoch before the first one: nothing is written under it.
pub(crate) const BEFORE_ALL: Epoch = 0;

/// The epoch of a head, and those in which what it has to keep apart began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epochs {
    /// What is written now belongs to this one.
    pub(super) now: Epoch,
    /// The first one after the last cut.
    pub(super) cut: Epoch,
    /// The first one after the last delete.
    pub(super) deleted: Epoch,
}

impl Default for Epochs {
    fn default() -> Self {
        Self { now: BEFORE_ALL + 1, cut: BEFORE_ALL, deleted: BEFORE_ALL }
    }
}

/// A full chunk of a series.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) chunk: Chunk,
    pub(super) epoch: Epoch,
    /// Samples before this time went into a block already.
    pub(super) from: i64,
}

impl Part {
    pub(super) fn new(chunk: FrozenChunk, epoch: Epoch) -> Self {
        Self { chunk: Chunk::new(chunk), epoch, from: i64::MIN }
    }

    pub(super) fn first_time(&self) -> i64 {
        self.chunk.first_time().max(self.from)
    }

    pub(super) fn overlaps(&self, range: TimeRange, epoch: Epoch) -> bool {
        let held = TimeRange::new(self.first_time(), self.chunk.last_time());
        self.epoch <= epoch && range.overlaps(&held)
    }

    /// Drops what a cut has put into blocks; `false` if nothing is left.
    pub(super) fn cut(&mut self, epoch: Epoch, before: i64) -> bool {
        if self.epoch <= epoch {
            self.from = self.from.max(before);
        }
        self.chunk.last_time() >= self.from
    }
}

/// What most series do not have most of the time.
#[derive(Debug, Default)]
struct History {
    /// Chunks that were full or cut off by an epoch, ascending in time, not overlapping.
    ordered: Vec<Part>,
    late: LateSamples,
}

/// The samples of one series.
///
/// Precedence of equal times: late samples above ordered ones. That is the log's order: a sample
/// is appended in order only if nothing at or after its time is here.
#[derive(Debug, Default)]
pub(super) struct SeriesSamples {
    open: OpenChunk,
    history: Option<Box<History>>,
    /// Epoch in which the open chunk began. A delete of other series begins an epoch, too, and
    /// does not end this chunk: it has nothing to hide in it.
    epoch: Epoch,
    rhythm: Rhythm,
    /// Time of the newest sample that the series ever had here.
    newest: Option<i64>,
}

impl SeriesSamples {
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// How often the series is written.
    pub(super) fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    /// Notes that the samples are being copied away; the next write takes the note back.
    pub(super) fn mark_leaving(&mut self) {
        self.rhythm.mark_leaving();
    }

    pub(super) fn is_empty(&self) -> bool {
        let without = |h: &History| h.ordered.is_empty() && h.late.is_empty();
        self.open.is_empty() && self.history.as_deref().is_none_or(without)
    }

    /// The byte that the next sample changes, or one before it; 0 without an open chunk.
    pub(super) fn last_byte(&self) -> u8 {
        self.open.bytes().last().copied().unwrap_or_default()
    }

    /// Adds a sample of the current epoch; returns by how many bytes the heap grew.
    pub(super) fn insert(&mut self, time: i64, value: f64, epochs: Epochs) -> isize {
        let in_order = self.newest.is_none_or(|newest| time > newest);
        self.rhythm.note(self.newest, time, value);
        if in_order && self.epoch >= epochs.cut && self.open.len() < OPEN_SAMPLES {
            if self.open.is_empty() {
                self.epoch = epochs.now;
            }
            let before = self.open.heap_bytes();
            self.append(time, value);
            return self.open.heap_bytes() as isize - before as isize;
        }
        if !in_order {
            return self.insert_late(time, value, epochs);
        }
        let before = self.heap_bytes();
        self.split(epochs.now);
        self.append(time, value);
        self.heap_bytes() as isize - before as isize
    }

    /// Adds a sample that is not the newest. Its price does not depend on how much is here, but
    /// for one in many: nothing is decoded or added up.
    fn insert_late(&mut self, time: i64, value: f64, epochs: Epochs) -> isize {
        let is_new = self.history.is_none();
        if is_new && self.open.last() == Some((time, value.to_bits())) {
            return 0;
        }
        let history = self.history.get_or_insert_default();
        let grown = history.late.insert(time, value, (epochs.now, epochs.deleted), &self.open);
        grown + if is_new { size_of::<History>() as isize } else { 0 }
    }

    fn append(&mut self, time: i64, value: f64) {
        // The chunk is not full and the time is after all others, so nothing is refused.
        let appended = self.open.append(time, value);
        debug_assert!(appended.is_ok(), "{appended:?}");
        self.newest = Some(time);
    }

    /// Ends the open chunk; the next one belongs to `epoch`. Returns by how many bytes the heap
    /// grew.
    pub(super) fn begin(&mut self, epoch: Epoch) -> isize {
        let before = self.heap_bytes();
        self.split(epoch);
        self.heap_bytes() as isize - before as isize
    }

    fn split(&mut self, epoch: Epoch) {
        self.freeze();
        self.epoch = epoch;
    }

    fn freeze(&mut self) {
        if let Some(chunk) = std::mem::take(&mut self.open).freeze() {
            let part = Part::new(chunk, self.epoch);
            self.history.get_or_insert_default().ordered.push(part);
        }
    }

    /// The samples of the view; `None` if there are none.
    pub(super) fn snapshot(&self, view: &View<'_>) -> Option<SeriesSnapshot> {
        let mut snapshot = SeriesSnapshot::new(view.range);
        if let Some(history) = &self.history {
            for part in &history.ordered {
                snapshot.push_ordered(part, view);
            }
            history.late.add_to(&mut snapshot, view);
        }
        if view.takes(self.epoch) && self.open_overlaps(view.range) {
            snapshot.push_open(self.open.snapshot(), self.epoch, view);
        }
        (!snapshot.is_empty()).then_some(snapshot)
    }

    /// Whether there may be samples in `range` that were written up to `epoch`.
    pub(super) fn overlaps(&self, range: TimeRange, epoch: Epoch) -> bool {
        if self.epoch <= epoch && self.open_overlaps(range) {
            return true;
        }
        self.history.as_ref().is_some_and(|history| {
            history.ordered.iter().any(|part| part.overlaps(range, epoch))
                || history.late.overlaps(range, epoch)
        })
    }

    fn open_overlaps(&self, range: TimeRange) -> bool {
        match (self.open.first_time(), self.open.last()) {
            (Some(first), Some((last, _))) => range.overlaps(&TimeRange::new(first, last)),
            _ => false,
        }
    }

    /// Drops samples before `before` that were written up to `epoch`: a block has them. Returns
    /// by how many bytes the heap grew (a chunk that is cut in two grows it for a while).
    pub(super) fn cut(&mut self, epoch: Epoch, before: i64) -> isize {
        let bytes = self.heap_bytes() as isize;
        if self.epoch <= epoch {
            match (self.open.first_time(), self.open.last()) {
                (_, Some((last, _))) if last < before => self.open = OpenChunk::new(),
                (Some(first), _) if first < before => self.freeze(),
                _ => {}
            }
        }
        if let Some(history) = &mut self.history {
            history.ordered.retain_mut(|part| part.cut(epoch, before));
            history.late.cut(epoch, before);
            if history.ordered.is_empty() && history.late.is_empty() {
                self.history = None;
            }
        }
        self.heap_bytes() as isize - bytes
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let history = self.history.as_ref().map_or(0, |history| {
            let chunks: usize = history.ordered.iter().map(part_bytes).sum();
            size_of::<History>() + chunks + history.late.heap_bytes()
        });
        self.open.heap_bytes() + history
    }
}

/// Bytes of a part with its chunk.
pub(super) fn part_bytes(part: &Part) -> usize {
    size_of::<Part>() + part.chunk.heap_bytes()
}
