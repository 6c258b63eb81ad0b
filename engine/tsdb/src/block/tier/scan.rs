//! Walks the series of blocks with and without tiers, and hands on their buckets.

use std::collections::HashSet;
use std::sync::Arc;

use nunatak_index::Labels;

use crate::aggregate::{Rollup, RollupCursor, VisitRollups, next_floats, push_samples};
use crate::block::Block;
use crate::block::scan::join_blocks;
use crate::block::selection::Selected;
use crate::error::Result;
use crate::hidden::Hidden;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch, Selector};
use crate::time::TimeRange;

use super::read::{Asked, Tiered, samples_of};

/// A block, and its tier if that may be used: nothing else has samples in the block's times.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) block: Block,
    pub(crate) tier: Option<Block>,
}

/// What there is beside blocks.
pub(crate) trait Beside {
    /// The times of a series of a block that are not shown.
    fn hidden(&self, block: &Block, labels: &Labels) -> Hidden;

    /// Whether any times of a series of the block may be hidden.
    fn may_hide(&self, block: &Block) -> bool;

    /// What the head has of a series, as [`MergeCursor::with_starts`] takes it.
    fn head(&mut self, labels: &Labels) -> Option<(i64, Box<dyn Cursor>)>;
}

/// Hands the series of the layers, which come with the highest precedence first, to `visit`, in the
/// order of series. Whether it wants more. Blocks that can't be read are left out.
///
/// # Errors
/// If the storage fails.
pub(crate) fn scan_buckets(
    layers: &[Layer],
    selector: &Selector,
    asked: &Asked<'_>,
    beside: &mut dyn Beside,
    visit: VisitRollups<'_>,
) -> Result<bool> {
    let blocks: Vec<Block> = layers.iter().map(|layer| layer.block.clone()).collect();
    let mut parts: Vec<Part> = layers.iter().map(|layer| Part::new(layer, asked.range)).collect();
    let hiding = blocks.iter().enumerate().filter(|(_, block)| beside.may_hide(block));
    let hiding: HashSet<usize> = hiding.map(|(number, _)| number).collect();
    join_blocks(&blocks, selector, &mut |labels, members| {
        let hidden = |&(number, _): &(usize, u32)| {
            let block = blocks.get(number).filter(|_| hiding.contains(&number));
            block.map(|block| beside.hidden(block, labels)).unwrap_or_default()
        };
        let hidden: Vec<Hidden> =
            if hiding.is_empty() { Vec::new() } else { members.iter().map(hidden).collect() };
        let head = beside.head(labels);
        let mut series =
            Series { asked, members, hidden, parts: &mut parts, head, next: 0, rest: None };
        Ok(visit(labels, &mut series))
    })
}

/// What is read of a block.
enum Part {
    Tiered(Box<Tiered>),
    Samples(Arc<Selected>),
}

impl Part {
    fn new(layer: &Layer, range: TimeRange) -> Self {
        match &layer.tier {
            Some(tier) => Self::Tiered(Box::new(Tiered::new(&layer.block, tier, range))),
            None => Self::Samples(Arc::new(Selected::new(layer.block.clone(), range).for_query())),
        }
    }
}

/// The series that the scan is at.
struct Series<'a> {
    asked: &'a Asked<'a>,
    /// The layers that have it, and its number there.
    members: &'a [(usize, u32)],
    /// For each of them what is hidden, or nothing for all.
    hidden: Vec<Hidden>,
    parts: &'a mut [Part],
    head: Option<(i64, Box<dyn Cursor>)>,
    next: usize,
    /// What comes from no tier, once all tiers were read.
    rest: Option<Rest>,
}

impl Series<'_> {
    fn hidden(&self, number: usize) -> Hidden {
        self.hidden.get(number).cloned().unwrap_or_default()
    }

    /// Adds the buckets of the next tier; `false` after the last one.
    fn next_tier(&mut self, buckets: &mut Vec<Rollup>) -> Result<bool> {
        while let Some(&(part, id)) = self.members.get(self.next) {
            let hidden = self.hidden(self.next);
            self.next += 1;
            if let Some(Part::Tiered(tiered)) = self.parts.get_mut(part) {
                tiered.add(id, self.asked, &hidden, buckets)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn rest(&mut self) -> Rest {
        let mut cursors: Vec<(i64, Box<dyn Cursor>)> = self.head.take().into_iter().collect();
        for (number, &(part, id)) in self.members.iter().enumerate() {
            if let Some(Part::Samples(selected)) = self.parts.get(part) {
                let (start, cursor) = samples_of(selected, id);
                cursors.push((start, self.hidden(number).over(cursor)));
            }
        }
        Rest::new(cursors, self.asked.range)
    }
}

impl RollupCursor for Series<'_> {
    fn next_buckets(&mut self, buckets: &mut Vec<Rollup>) -> Result<bool> {
        if self.next_tier(buckets)? {
            return Ok(true);
        }
        let mut rest = self.rest.take().unwrap_or_else(|| self.rest());
        let more = rest.next_buckets(buckets);
        self.rest = Some(rest);
        more
    }
}

/// Samples of several sources, each as a bucket.
pub(crate) struct Rest {
    samples: MergeCursor,
    range: TimeRange,
    batch: SampleBatch,
}

impl Rest {
    /// Of the sources with the highest precedence first.
    pub(crate) fn new(cursors: Vec<(i64, Box<dyn Cursor>)>, range: TimeRange) -> Self {
        Self { samples: MergeCursor::with_starts(cursors), range, batch: SampleBatch::default() }
    }
}

impl RollupCursor for Rest {
    fn next_buckets(&mut self, buckets: &mut Vec<Rollup>) -> Result<bool> {
        let more = next_floats(&mut self.samples, &mut self.batch)?;
        if more {
            push_samples(&self.batch, self.range, buckets);
        }
        Ok(more)
    }
}
