//! Blocks of a scan as one.

use std::sync::Arc;

use nunatak_index::Labels;

use crate::block::selection::BlockSeries;
use crate::error::Result;
use crate::gathered::Gathered;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch};

use super::part::Part;
use super::reader::Reader;

/// Several blocks as one: the series that they are at, and its samples.
pub(super) struct Join<'a> {
    /// The highest precedence first.
    parts: Vec<Part<'a>>,
    /// The parts in the order of time, if none begins before the one before it ends.
    in_time: Option<Vec<usize>>,
    /// For each part the number of the current series, if it has it.
    current: Vec<Option<u32>>,
    /// Parts of `in_time` that have been read.
    done: usize,
    begun: bool,
    merged: Option<MergeCursor>,
}

impl<'a> Join<'a> {
    pub(super) fn new(parts: Vec<Part<'a>>) -> Self {
        let mut order: Vec<usize> = (0..parts.len()).collect();
        let meta = |index: usize| parts.get(index).map(|part| part.block.meta());
        order.sort_by_key(|&index| meta(index).map(|meta| meta.min_t));
        let apart = order.windows(2).all(|pair| match pair {
            &[a, b] => meta(a).map(|meta| meta.max_t) < meta(b).map(|meta| meta.min_t),
            _ => true,
        });
        let current = Vec::with_capacity(parts.len());
        let in_time = apart.then_some(order);
        Self { parts, in_time, current, done: 0, begun: false, merged: None }
    }

    /// Goes to the next series; `false` at the end.
    pub(super) fn next_series(&mut self) -> Result<bool> {
        self.done = 0;
        self.begun = false;
        self.merged = None;
        self.current.clear();
        if let [only] = self.parts.as_mut_slice() {
            self.current.push(only.id);
            only.advance();
        } else {
            self.join()?;
        }
        Ok(self.current.iter().any(Option::is_some))
    }

    /// For each part the number of the current series, if it has it.
    pub(super) fn current(&self) -> &[Option<u32>] {
        &self.current
    }

    /// Finds the smallest of the series that the parts are at, and all parts that have it.
    fn join(&mut self) -> Result<()> {
        let mut identities = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            let identity = part.id.map(|id| part.identity(id)).transpose();
            identities.push(part.tolerate(identity)?.flatten());
        }
        let first = identities.iter().flatten().next().copied();
        let smallest = if identities.iter().flatten().all(|&other| Some(other) == first) {
            first
        } else {
            self.smallest(&identities)?
        };
        for (part, identity) in self.parts.iter_mut().zip(identities) {
            let has = identity.is_some() && identity == smallest;
            self.current.push(part.id.filter(|_| has));
            if has {
                part.advance();
            }
        }
        Ok(())
    }

    /// The identity of the series that comes first.
    fn smallest(&mut self, identities: &[Option<u128>]) -> Result<Option<u128>> {
        let mut best: Option<(Labels, u128)> = None;
        for (part, identity) in self.parts.iter_mut().zip(identities) {
            let (Some(id), &Some(identity)) = (part.id, identity) else { continue };
            let labels = part.labelling.whole(id);
            let Some(labels) = part.tolerate(labels)? else { continue };
            if best.as_ref().is_none_or(|(least, _)| labels.series_cmp(least).is_lt()) {
                best = Some((labels, identity));
            }
        }
        Ok(best.map(|(_, identity)| identity))
    }

    /// The labels of the current series; `None` if they can't be read.
    pub(super) fn labels(&mut self) -> Result<Option<Labels>> {
        for (part, current) in self.parts.iter_mut().zip(&self.current) {
            if let Some(id) = *current {
                let labels = part.labels(id);
                if let Some(labels) = part.tolerate(labels)? {
                    return Ok(Some(labels));
                }
            }
        }
        Ok(None)
    }

    /// Reads on in the part that is due, and in the ones after it; `false` at the end.
    fn read(&mut self, mut read: impl FnMut(&mut Reader) -> Result<bool>) -> Result<bool> {
        let Some(order) = &self.in_time else { return Ok(false) };
        while let Some(&index) = order.get(self.done) {
            let id = self.current.get(index).copied().flatten();
            if let (Some(id), Some(part)) = (id, self.parts.get_mut(index)) {
                if !std::mem::replace(&mut self.begun, true) {
                    part.reader.start(id)?;
                }
                if read(&mut part.reader)? {
                    return Ok(true);
                }
            }
            self.done += 1;
            self.begun = false;
        }
        Ok(false)
    }

    /// The samples of parts that overlap.
    fn merged(&mut self) -> &mut MergeCursor {
        let (parts, current) = (&self.parts, &self.current);
        self.merged.get_or_insert_with(|| {
            let cursors = parts.iter().zip(current).filter_map(|(part, id)| {
                let selected = Arc::clone(&part.reader.selected);
                let series = BlockSeries::new(Labels::empty(), (*id)?, selected);
                let cursor: Box<dyn Cursor> = Box::new(series);
                Some((part.block.meta().min_t, cursor))
            });
            MergeCursor::with_starts(cursors.collect())
        })
    }
}

impl Cursor for Join<'_> {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        if self.in_time.is_none() {
            return self.merged().next_batch(batch);
        }
        batch.clear();
        self.read(|reader| reader.next_batch(batch))
    }

    fn gather(&mut self, all: &mut Gathered) -> Result<bool> {
        if self.in_time.is_none() {
            return self.merged().gather(all);
        }
        self.read(|reader| reader.gather(all))
    }
}
