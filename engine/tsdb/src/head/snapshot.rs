//! A copy of what a head holds of one series, to be read without the head.

use std::collections::BTreeSet;

use nunatak_codec::FrozenChunk;

use super::chunk::Chunk;
use super::series::{Epoch, Part};
use super::view::View;
use super::windows::{WINDOW_MS, window_of};
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch};
use crate::time::TimeRange;

/// Samples of one series in a time range: shared chunks, and copies of what still changes.
#[derive(Debug)]
pub(crate) struct SeriesSnapshot {
    range: TimeRange,
    ordered: Vec<Piece>,
    late: Vec<Piece>,
    /// Ascending in time; of equal times the last counts.
    loose: SampleBatch,
}

/// A chunk and the part of it that counts.
#[derive(Debug, Clone)]
struct Piece {
    chunk: Chunk,
    range: TimeRange,
    hidden: Hidden,
}

impl SeriesSnapshot {
    pub(super) fn new(range: TimeRange) -> Self {
        Self { range, ordered: Vec::new(), late: Vec::new(), loose: SampleBatch::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ordered.is_empty() && self.late.is_empty() && self.loose.is_empty()
    }

    fn piece(&self, part: &Part, view: &View<'_>) -> Option<Piece> {
        if !view.takes(part.epoch) {
            return None;
        }
        let start = self.range.start.max(part.first_time());
        let range = TimeRange::new(start, self.range.end.min(part.chunk.last_time()));
        let hidden = Hidden::new(view.hidden_of(part.epoch));
        let shows = range.start <= range.end && !hidden.covers(range);
        shows.then(|| Piece { chunk: part.chunk.clone(), range, hidden })
    }

    /// Adds an ordered chunk after those that were added before.
    pub(super) fn push_ordered(&mut self, part: &Part, view: &View<'_>) {
        self.ordered.extend(self.piece(part, view));
    }

    /// Adds a late chunk that counts above those that were added before.
    pub(super) fn push_late(&mut self, part: &Part, view: &View<'_>) {
        self.late.extend(self.piece(part, view));
    }

    /// Adds a loose late sample; of equal times the last counts.
    pub(super) fn push_loose(&mut self, time: i64, value: f64) {
        if !self.range.contains(time) {
            return;
        }
        if self.loose.times.last() == Some(&time) {
            self.loose.times.pop();
            self.loose.values.pop();
        }
        self.loose.push(time, value);
    }

    /// Adds the copy of the open chunk, the last of the ordered ones.
    pub(super) fn push_open(&mut self, open: Option<FrozenChunk>, epoch: Epoch, view: &View<'_>) {
        let part = open.map(|chunk| Part::new(chunk, epoch));
        self.ordered.extend(part.and_then(|part| self.piece(&part, view)));
    }

    /// Reads the samples, each time once.
    pub(crate) fn into_cursor(self) -> Box<dyn Cursor> {
        let ordered: Box<dyn Cursor> = Box::new(ChunksCursor(self.ordered.into_iter()));
        if self.late.is_empty() && self.loose.is_empty() {
            return ordered;
        }
        let mut parts: Vec<Box<dyn Cursor>> = vec![Box::new(BatchCursor(Some(self.loose)))];
        for piece in self.late.into_iter().rev() {
            parts.push(Box::new(ChunksCursor(vec![piece].into_iter())));
        }
        parts.push(ordered);
        Box::new(MergeCursor::new(parts))
    }

    /// Brings spilled chunks to memory. Damaged ones are left out and named: whoever moves data on
    /// must not stop for ever because of one chunk.
    pub(crate) fn fetch(&mut self) -> Result<Vec<Error>> {
        let (mut damage, mut failure) = (Vec::new(), None);
        for pieces in [&mut self.ordered, &mut self.late] {
            pieces.retain_mut(|piece| match piece.chunk.fetch() {
                Ok(()) => true,
                Err(error) => {
                    match error {
                        Error::Corrupt { .. } => damage.push(error),
                        error => failure = Some(error),
                    }
                    false
                }
            });
        }
        failure.map_or(Ok(damage), Err)
    }

    /// Adds the starts of the block windows that have samples.
    pub(crate) fn windows(&self, windows: &mut BTreeSet<i64>) -> Result<()> {
        for piece in self.ordered.iter().chain(&self.late) {
            let first = window_of(piece.chunk.first_time().max(piece.range.start));
            let last = window_of(piece.chunk.last_time().min(piece.range.end));
            windows.extend([first, last]);
            if last.saturating_sub(first) > WINDOW_MS {
                let mut batch = SampleBatch::default();
                match piece.read(&mut batch) {
                    // It is left out of the blocks, too.
                    Err(Error::Corrupt { .. }) => batch.clear(),
                    read => read?,
                }
                windows.extend(batch.times.iter().map(|&t| window_of(t)));
            }
        }
        windows.extend(self.loose.times.iter().map(|&t| window_of(t)));
        Ok(())
    }
}

impl Piece {
    fn read(&self, batch: &mut SampleBatch) -> Result<()> {
        batch.clear();
        self.chunk.decode_into(batch)?;
        batch.trim(self.range);
        self.hidden.strip(batch);
        Ok(())
    }
}

/// Decodes chunks one after the other.
struct ChunksCursor(std::vec::IntoIter<Piece>);

impl Cursor for ChunksCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        for piece in self.0.by_ref() {
            piece.read(batch)?;
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        batch.clear();
        Ok(false)
    }
}

/// Hands out one batch.
struct BatchCursor(Option<SampleBatch>);

impl Cursor for BatchCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        *batch = self.0.take().unwrap_or_default();
        Ok(!batch.is_empty())
    }
}
