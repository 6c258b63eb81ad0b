//! Writes one block of several.

use std::cmp::Ordering;
use std::sync::Arc;

use nunatak_index::Labels;

use crate::block::{
    self, Block, BlockName, BlockSeries, BlockSpec, BlockWriter, Labelling, Member, Selected,
};
use crate::error::Result;
use crate::hidden::Hidden;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch};
use crate::storage::Storage;
use crate::time::TimeRange;

/// After so many series the memory of the indexes' maps is given back: they are read from front to
/// back.
const GIVE_BACK: u64 = 16 * 1024;

/// What a merge leaves out, and whether it goes on.
pub(crate) trait Judge {
    /// The times of a series of `block` that are left out.
    fn hidden(&self, block: &Block, labels: &Labels) -> Hidden;

    /// Asked before every chunk; an error ends the merge, and nothing of it is left behind.
    fn go_on(&self) -> Result<()>;
}

/// Keeps everything.
struct Keeper;

impl Judge for Keeper {
    fn hidden(&self, _: &Block, _: &Labels) -> Hidden {
        Hidden::default()
    }

    fn go_on(&self) -> Result<()> {
        Ok(())
    }
}

/// Merges `blocks` into a new one in the folder `parent`; `None` if there is nothing to merge.
///
/// Of equal series and time the block with the highest precedence counts. Memory is bounded by the
/// blocks' pages, one chunk of each, a few bytes for each series, and the image of the new block's
/// index. The new block names the others as its parents; they stay until [`publish`].
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
    merge_as(storage, parent, blocks, spec, &Keeper)
}

/// As [`merge`], leaving out what `judge` hides; `None` if nothing is left.
pub(crate) fn merge_as(
    storage: &Arc<dyn Storage>,
    parent: &str,
    blocks: &[Block],
    spec: BlockSpec,
    judge: &dyn Judge,
) -> Result<Option<Block>> {
    let parents = blocks.iter().map(|block| block.meta().id()).collect();
    let writer = BlockWriter::new(Arc::clone(storage), parent, spec)?.parents(parents);
    let mut parts = blocks.iter().map(Part::new).collect::<Result<Vec<_>>>()?;
    parts.sort_by_key(|part| std::cmp::Reverse(part.block.precedence()));
    let mut writer = writer.merging(parts.iter().map(|part| part.block.clone()).collect())?;
    let mut batch = SampleBatch::default();
    let mut read = 0_u64;
    while let Some(mut series) = next_series(&mut parts, judge)? {
        writer.begin_merged(&series.labels, &series.members)?;
        judge.go_on()?;
        read += 1;
        if read.is_multiple_of(GIVE_BACK) {
            give_back(&parts);
        }
        while series.samples.next_batch(&mut batch)? {
            judge.go_on()?;
            writer.append(&batch.times, &batch.values)?;
        }
    }
    give_back(&parts);
    writer.finish()
}

/// Removes the blocks that `merged` stands for. Call it when queries see `merged`: for a moment
/// they see samples twice, never not at all. A crash in between is mended by
/// [`open_all`](crate::block::open_all).
///
/// # Errors
/// If the folder can't be listed or a block can't be removed; those before it are gone.
pub fn publish(storage: &dyn Storage, parent: &str, merged: &Block) -> Result<()> {
    let parents = &merged.meta().parents;
    for (name, _) in block::names(storage, parent)? {
        if BlockName::parse(&name).is_some_and(|block| parents.contains(&block.id())) {
            block::remove(storage, parent, &name)?;
        }
    }
    Ok(())
}

/// A series of the new block.
struct Merged {
    labels: Labels,
    members: Vec<Member>,
    samples: MergeCursor,
}

/// A block that is being merged, and its next series.
struct Part<'a> {
    block: &'a Block,
    labelling: Labelling<'a>,
    selected: Arc<Selected>,
    next_id: u32,
    next: Option<BlockSeries>,
}

impl<'a> Part<'a> {
    fn new(block: &'a Block) -> Result<Self> {
        let (labelling, selected) =
            (block.labelling()?, Selected::new(block.clone(), TimeRange::ALL));
        let mut part =
            Self { block, labelling, selected: Arc::new(selected), next_id: 0, next: None };
        part.advance()?;
        Ok(part)
    }

    /// Takes the next series and fetches the one behind it.
    fn advance(&mut self) -> Result<Option<BlockSeries>> {
        let id = self.next_id;
        if u64::from(id) >= self.block.meta().series {
            return Ok(self.next.take());
        }
        let labels = self.labelling.labels(id)?;
        self.next_id += 1;
        Ok(self.next.replace(Block::series(labels, id, &self.selected)))
    }
}

fn give_back(parts: &[Part<'_>]) {
    for part in parts {
        part.block.give_back();
    }
}

/// The first series of all parts, which come with the highest precedence first.
fn next_series(parts: &mut [Part<'_>], judge: &dyn Judge) -> Result<Option<Merged>> {
    let heads = parts.iter().filter_map(|part| part.next.as_ref());
    let first = heads.min_by(|a, b| a.labels.series_cmp(&b.labels)).map(|s| s.labels.clone());
    let Some(labels) = first else { return Ok(None) };
    let mut cursors: Vec<(i64, Box<dyn Cursor>)> = Vec::new();
    let mut members = Vec::new();
    for (number, part) in parts.iter_mut().enumerate() {
        let is_first = |s: &BlockSeries| s.labels.series_cmp(&labels) == Ordering::Equal;
        if part.next.as_ref().is_some_and(is_first)
            && let Some(series) = part.advance()?
        {
            members.push((number as u16, series.id()));
            let hidden = judge.hidden(part.block, &labels);
            cursors.push((series.starts_at(), hidden.over(Box::new(series))));
        }
    }
    Ok(Some(Merged { labels, members, samples: MergeCursor::with_starts(cursors) }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use nunatak_index::labels;

    use super::*;
    use crate::error::Error;
    use crate::storage::MemoryStorage;

    /// Hides what is before a time, and stops after some chunks.
    struct Strict {
        before: i64,
        left: AtomicU64,
    }

    impl Judge for Strict {
        fn hidden(&self, _: &Block, _: &Labels) -> Hidden {
            Hidden::new(std::iter::once(TimeRange::new(i64::MIN, self.before - 1)))
        }

        fn go_on(&self) -> Result<()> {
            let left = self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            left.map(|_| ()).map_err(|_| Error::Closed)
        }
    }

    fn spec(sequence: u64) -> BlockSpec {
        let range = TimeRange::new(0, 1_000_000);
        BlockSpec { range, sequence, coverage: Vec::new(), zstd: false }
    }

    fn written(storage: &Arc<dyn Storage>, sequence: u64) -> Block {
        let mut writer = BlockWriter::new(Arc::clone(storage), "s", spec(sequence)).unwrap();
        for host in 0..50 {
            let times: Vec<i64> = (0..2000).map(|t| t * 10 + sequence as i64).collect();
            let values = vec![sequence as f64; times.len()];
            let host = format!("{host:03}");
            writer.add_series(&labels! { "host" => &host }, &times, &values).unwrap();
        }
        writer.finish().unwrap().unwrap()
    }

    #[test]
    fn a_merge_stops_between_two_chunks_and_leaves_nothing_behind() {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let blocks = [written(&storage, 1), written(&storage, 2)];
        let merge = |before, left| {
            let judge = Strict { before, left: AtomicU64::new(left) };
            let merged = merge_as(&storage, "s", &blocks, spec(3), &judge);
            (merged, judge.left.into_inner())
        };
        for left in [0, 1, 20, 300] {
            let (merged, left) = merge(0, left);
            assert!(matches!(merged, Err(Error::Closed)) && left == 0, "{merged:?}");
            assert_eq!(storage.list("s").unwrap().len(), 2, "only the parts");
        }
        let (merged, left) = merge(10_000, u64::MAX);
        assert_eq!(merged.unwrap().unwrap().meta().samples, 50 * 2000);
        let asked = u64::MAX - left;
        assert!(asked >= 50 * 2000 / 480, "asked {asked} times, at least before each chunk");
        assert!(merge(i64::MAX, u64::MAX).0.unwrap().is_none(), "nothing is left");
    }
}
