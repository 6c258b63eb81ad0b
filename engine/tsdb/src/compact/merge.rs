//! Writes one block of several.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::block::{self, Block, BlockSeries, BlockSpec, BlockWriter, Selected};
use crate::error::Result;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch};
use crate::storage::Storage;
use crate::time::TimeRange;

/// Merges `blocks` into a new one in the folder `parent`; `None` if there is nothing to merge.
///
/// Of equal series and time the block with the highest precedence counts. Memory is bounded by the
/// blocks' pages, one chunk of each, and the new block's index. The new block names the others as
/// its parents; they stay until [`publish`].
///
/// # Errors
/// If a block is damaged or outside the range of `spec`, or the new one can't be written; nothing
/// of it is then left behind.
pub fn merge(
    storage: &Arc<dyn Storage>,
    parent: &str,
    blocks: &[Block],
    spec: BlockSpec,
) -> Result<Option<Block>> {
    let names = blocks.iter().map(|block| block.meta().name.clone()).collect();
    let mut writer = BlockWriter::new(Arc::clone(storage), parent, spec)?.parents(names);
    let mut parts = blocks.iter().map(Part::new).collect::<Result<Vec<_>>>()?;
    parts.sort_by_key(|part| std::cmp::Reverse(part.block.precedence()));
    let mut batch = SampleBatch::default();
    while let Some(mut series) = next_series(&mut parts)? {
        writer.begin_series(&series.labels)?;
        while series.samples.next_batch(&mut batch)? {
            writer.append(&batch.times, &batch.values)?;
        }
    }
    writer.finish()
}

/// Removes the blocks that `merged` stands for. Call it when queries see `merged`: for a moment
/// they see samples twice, never not at all. A crash in between is mended by
/// [`open_all`](crate::block::open_all).
///
/// # Errors
/// If a block can't be removed; those before it are gone.
pub fn publish(storage: &dyn Storage, parent: &str, merged: &Block) -> Result<()> {
    for name in &merged.meta().parents {
        block::remove(storage, parent, name)?;
    }
    Ok(())
}

/// A series of the new block.
struct Merged {
    labels: nunatak_index::Labels,
    samples: MergeCursor,
}

/// A block that is being merged, and its next series.
struct Part {
    block: Block,
    selected: Arc<Selected>,
    next_id: u32,
    next: Option<BlockSeries>,
}

impl Part {
    fn new(block: &Block) -> Result<Self> {
        let selected = Arc::new(Selected::new(block.clone(), TimeRange::ALL));
        let mut part = Self { block: block.clone(), selected, next_id: 0, next: None };
        part.advance()?;
        Ok(part)
    }

    /// Takes the next series and fetches the one behind it.
    fn advance(&mut self) -> Result<Option<BlockSeries>> {
        let more = u64::from(self.next_id) < self.block.meta().series;
        let next = if more { Some(self.block.series(self.next_id, &self.selected)?) } else { None };
        self.next_id += u32::from(more);
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// The first series of all parts, which come with the highest precedence first.
fn next_series(parts: &mut [Part]) -> Result<Option<Merged>> {
    let heads = parts.iter().filter_map(|part| part.next.as_ref());
    let first = heads.min_by(|a, b| a.labels.series_cmp(&b.labels)).map(|s| s.labels.clone());
    let Some(labels) = first else { return Ok(None) };
    let mut cursors: Vec<(i64, Box<dyn Cursor>)> = Vec::new();
    for part in parts {
        let is_first = |s: &BlockSeries| s.labels.series_cmp(&labels) == Ordering::Equal;
        if part.next.as_ref().is_some_and(is_first)
            && let Some(series) = part.advance()?
        {
            cursors.push((series.starts_at(), Box::new(series)));
        }
    }
    Ok(Some(Merged { labels, samples: MergeCursor::with_starts(cursors) }))
}
