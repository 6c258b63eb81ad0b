//! Upkeep of a tenant's blocks: compaction, retention, numbers.

use super::TenantShard;
use super::tenant::BlockList;
use crate::block::{self, Block};
use crate::compact::{self, DEFAULT_LEVELS, merged_spec};
use crate::error::{Error, Result};
use crate::stats::Stats;
use crate::time::TimeRange;

impl TenantShard {
    /// Merges one group of blocks if one is due and has at most `room` bytes; `false` if none is.
    pub(crate) fn compact_once(&self, room: u64) -> Result<bool> {
        let _physical = self.physical.lock();
        let list = self.blocks();
        let holes = self.holes(&list);
        let over_hole = |range: TimeRange| holes.iter().any(|hole| hole.overlaps(&range));
        let whole = list.blocks.iter().filter(|block| !over_hole(block.meta().range));
        let whole: Vec<Block> = whole.cloned().collect();
        let metas: Vec<_> = whole.iter().map(|block| block.meta().clone()).collect();
        let Some(group) = compact::plan(&metas, &DEFAULT_LEVELS) else { return Ok(false) };
        let parts: Vec<Block> = group.iter().filter_map(|&i| whole.get(i).cloned()).collect();
        let metas: Vec<_> = parts.iter().map(Block::meta).collect();
        let spec = merged_spec(&metas, &DEFAULT_LEVELS, self.next_sequence(), false);
        let bytes: u64 = metas.iter().map(|meta| meta.bytes).sum();
        if over_hole(spec.range) || bytes > room {
            return Ok(false);
        }
        let merged = compact::merge(&self.storage, &self.folder, &parts, spec);
        if let Err(Error::Corrupt { .. }) = merged {
            self.unmergeable.lock().extend(metas.iter().map(|meta| meta.range));
        }
        let merged = merged?;
        let is_part = |block: &Block| parts.iter().any(|p| p.meta().name == block.meta().name);
        let kept = list.blocks.iter().filter(|block| !is_part(block)).cloned();
        let blocks = kept.chain(merged).collect();
        self.set_blocks(BlockList { blocks, quarantined: list.quarantined.clone() });
        parts.iter().try_for_each(|part| self.remove_files(part))?;
        Ok(true)
    }

    /// Times that no merge may touch: what is quarantined may come back, and a merge across it
    /// would then rank above it; what is damaged would fail again and again.
    fn holes(&self, list: &BlockList) -> Vec<TimeRange> {
        let quarantined = list.quarantined.iter().map(|part| part.range);
        quarantined.chain(self.unmergeable.lock().iter().copied()).collect()
    }

    /// Removes blocks whose samples all lie before `oldest`.
    pub(crate) fn remove_blocks_before(&self, oldest: i64) -> Result<()> {
        if self.blocks().blocks.iter().all(|block| block.meta().max_t >= oldest) {
            return Ok(());
        }
        let _physical = self.physical.lock();
        let list = self.blocks();
        let (kept, ended): (Vec<_>, Vec<_>) =
            list.blocks.iter().cloned().partition(|block| block.meta().max_t >= oldest);
        self.set_blocks(BlockList { blocks: kept, quarantined: list.quarantined.clone() });
        ended.iter().try_for_each(|block| self.remove_files(block))
    }

    /// Removes a block's folder. Readers that hold the block keep reading: its files are open.
    fn remove_files(&self, block: &Block) -> Result<()> {
        block::remove(self.storage.as_ref(), &self.folder, &block.meta().name)
    }

    /// Adds this part's numbers.
    pub(crate) fn add_stats(&self, stats: &mut Stats) {
        {
            let head = self.head().read();
            stats.active_series += head.series() as u64;
            stats.created_series += head.created();
            stats.head_bytes += head.heap_bytes() as u64;
            add_time(stats, head.newest(), head.newest());
        }
        let list = self.blocks();
        for meta in list.blocks.iter().map(Block::meta) {
            stats.blocks += 1;
            stats.block_bytes += meta.bytes;
            stats.block_samples += meta.samples;
            add_time(stats, Some(meta.min_t), Some(meta.max_t));
        }
        stats.quarantined.extend(self.damage.lock().iter().cloned());
        for damage in list.blocks.iter().filter_map(Block::damage) {
            stats.quarantined.push(format!("shard {}: partly readable: {damage}", self.shard));
        }
        for part in list.quarantined.iter() {
            stats.quarantined.push(format!("shard {}: {}: {}", self.shard, part.name, part.error));
        }
    }
}

fn add_time(stats: &mut Stats, oldest: Option<i64>, newest: Option<i64>) {
    if let (Some(oldest), Some(newest)) = (oldest, newest) {
        let (from, to) = stats.time_range.unwrap_or((oldest, newest));
        stats.time_range = Some((from.min(oldest), to.max(newest)));
    }
}
