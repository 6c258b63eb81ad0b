//! Upkeep of a tenant's blocks: compaction, retention, numbers.

use std::sync::atomic::{AtomicBool, Ordering};

use nunatak_index::Labels;

use super::TenantShard;
use super::deletes::held;
use super::tenant::BlockList;
use crate::block::{self, Block, BlockMeta, BlockSpec};
use crate::compact::{self, Allowance, DEFAULT_LEVELS, Judge, begun_spec, merged_spec};
use crate::delete::Tombstones;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::log::Position;
use crate::retention::{BlockSize, Expiry};
use crate::stats::Stats;
use crate::time::TimeRange;

/// What the upkeep of blocks has to know.
#[derive(Debug)]
pub(crate) struct Upkeep<'a> {
    pub(crate) expiry: Expiry,
    /// Bytes that blocks may have that are written again.
    pub(crate) room: u64,
    pub(crate) allowance: Allowance,
    /// Whether windows are merged that are not over.
    pub(crate) is_flush: bool,
    /// Whether the database is being closed: long work stops.
    pub(crate) stopping: &'a AtomicBool,
}

/// Leaves out what can't come back.
struct Ending<'a> {
    tombstones: Tombstones,
    upkeep: &'a Upkeep<'a>,
}

impl Judge for Ending<'_> {
    fn hidden(&self, block: &Block, labels: &Labels) -> Hidden {
        let deleted = self.tombstones.reaching(block.precedence().0, held(block));
        deleted.hidden_of(labels, self.upkeep.expiry.ended(labels))
    }

    fn go_on(&self) -> Result<()> {
        if self.upkeep.stopping.load(Ordering::Relaxed) { Err(Error::Closed) } else { Ok(()) }
    }
}

/// A delete that divides the blocks: a merged block ranks by one position, above or below it.
struct Divide {
    position: Position,
    /// The blocks with samples that the delete means. Those below it would come back if they ranked
    /// above; of a final delete they are not among them, since a merge leaves its samples out. Those
    /// above it, which are newer, would be hidden by it if they sank.
    members: Vec<usize>,
}

impl Divide {
    /// Whether a member changes sides when these blocks are merged.
    fn is_crossed_by(&self, group: &[usize], metas: &[BlockMeta]) -> bool {
        let parts: Vec<&BlockMeta> = group.iter().filter_map(|&i| metas.get(i)).collect();
        let will_be_below = BlockMeta::rank_of_merged(&parts) <= self.position;
        let crosses = |&i: &usize| {
            metas.get(i).is_some_and(|m| (m.precedence().0 <= self.position) != will_be_below)
        };
        group.iter().filter(|i| self.members.contains(i)).any(crosses)
    }
}

impl TenantShard {
    /// Merges one group of blocks if one is due, or writes one again that holds what has ended, if
    /// there is room; `false` if none is.
    pub(crate) fn compact_once(&self, upkeep: &Upkeep<'_>) -> Result<bool> {
        let _physical = self.physical.lock();
        let list = self.blocks();
        let ranges: Vec<_> = list.blocks.iter().map(|block| block.meta().range).collect();
        let mut holes = self.holes(&list);
        let over_hole = |range: TimeRange| holes.iter().any(|hole| hole.overlaps(&range));
        let apart = list.blocks.iter().filter(|block| !over_hole(block.meta().range));
        let apart: Vec<Block> = apart.cloned().collect();
        let clear = compact::clear_of(&mut holes, &ranges);
        let over_hole = |range: TimeRange| holes.iter().any(|hole| hole.overlaps(&range));
        let whole: Vec<Block> = clear.iter().filter_map(|&i| list.blocks.get(i).cloned()).collect();
        let tombstones = self.tombstones();
        let group = self.due_group(&whole, &tombstones, upkeep)?;
        let parts: Vec<Block> = group.iter().filter_map(|&i| whole.get(i).cloned()).collect();
        let metas: Vec<_> = parts.iter().map(Block::meta).collect();
        let mut spec = merged_spec(&metas, &DEFAULT_LEVELS, self.next_sequence(), false);
        if whole.iter().all(|block| block.meta().range.start <= spec.range.end) {
            spec = begun_spec(&metas, spec);
        }
        let bytes: u64 = metas.iter().map(|meta| meta.bytes).sum();
        if !parts.is_empty() && !over_hole(spec.range) && bytes <= upkeep.room {
            return self.replace(&parts, spec, &tombstones, upkeep).map(|()| true);
        }
        self.rewrite_ended(&apart, &tombstones, upkeep)
    }

    /// Writes the first of the blocks again that holds what has ended; `false` if none does.
    fn rewrite_ended(
        &self,
        blocks: &[Block],
        tombstones: &Tombstones,
        upkeep: &Upkeep<'_>,
    ) -> Result<bool> {
        for block in blocks.iter().filter(|block| block.meta().bytes <= upkeep.room) {
            if self.holds_ended(block, tombstones, upkeep)? {
                let meta = block.meta();
                let spec = merged_spec(&[meta], &DEFAULT_LEVELS, self.next_sequence(), false);
                let spec = BlockSpec { range: meta.range, ..spec };
                let parts = std::slice::from_ref(block);
                return self.replace(parts, spec, tombstones, upkeep).map(|()| true);
            }
        }
        Ok(false)
    }

    /// The blocks that should become one, empty if none should.
    fn due_group(
        &self,
        blocks: &[Block],
        tombstones: &Tombstones,
        upkeep: &Upkeep<'_>,
    ) -> Result<Vec<usize>> {
        let divides = self.divides(blocks, tombstones)?;
        let metas: Vec<_> = blocks.iter().map(|block| block.meta().clone()).collect();
        let picked = |group: &[usize]| compact::pick(&metas, group, upkeep.allowance);
        let allowed = |group: &[usize]| {
            picked(group).is_some_and(|group| {
                let parts: Vec<_> = group.iter().filter_map(|&i| metas.get(i)).collect();
                !divides.iter().any(|divide| divide.is_crossed_by(&group, &metas))
                    && !self.would_lift_above_head(&parts)
            })
        };
        let plan = if upkeep.is_flush { compact::plan_begun } else { compact::plan_if };
        let group = plan(&metas, &DEFAULT_LEVELS, &allowed);
        Ok(group.and_then(|group| picked(&group)).unwrap_or_default())
    }

    /// Whether a merge would rank times above what the log has of them from between, as long as the
    /// head has samples there. If the block could not be read at one start, and the log had lost its
    /// end, those would be cut by a position below its rank, and come under its older values.
    fn would_lift_above_head(&self, parts: &[&BlockMeta]) -> bool {
        let lifted = BlockMeta::lifted_by_merge(parts);
        !lifted.is_empty() && {
            let head = self.head().read();
            lifted.iter().any(|times| head.has_samples_near(times))
        }
    }

    /// The deletes that a merge might put samples on the other side of.
    fn divides(&self, blocks: &[Block], tombstones: &Tombstones) -> Result<Vec<Divide>> {
        let mut divides = Vec::new();
        for tombstone in tombstones.iter() {
            let position = tombstone.position;
            let may_cross = |block: &Block| {
                let is_below = block.precedence().0 <= position;
                if is_below { !tombstone.is_final } else { block.meta().may_sink() }
            };
            let mut members = Vec::new();
            for (number, block) in blocks.iter().enumerate() {
                if may_cross(block) && self.is_meant(block, tombstone)? {
                    members.push(number);
                }
            }
            divides.push(Divide { position, members });
        }
        Ok(divides)
    }

    /// Whether the block has samples that a final delete or a rule of the retention has ended.
    fn holds_ended(
        &self,
        block: &Block,
        tombstones: &Tombstones,
        upkeep: &Upkeep<'_>,
    ) -> Result<bool> {
        for tombstone in tombstones.only(true).iter() {
            if self.is_touched(block, tombstone)? {
                return Ok(true);
            }
        }
        for (number, matchers) in upkeep.expiry.over(held(block)) {
            // A block that a rule does not touch is not looked at again.
            let key = (block.meta().name.clone(), number);
            if self.unruled.lock().contains(&key) {
                continue;
            }
            match block.select(matchers, TimeRange::ALL) {
                Ok(series) if series.is_empty() => {}
                Ok(_) | Err(Error::Corrupt { .. }) => return Ok(true),
                Err(error) => return Err(error),
            }
            self.unruled.lock().insert(key);
        }
        Ok(false)
    }

    /// Writes one block in place of others, without what has ended.
    fn replace(
        &self,
        parts: &[Block],
        spec: BlockSpec,
        tombstones: &Tombstones,
        upkeep: &Upkeep<'_>,
    ) -> Result<()> {
        let judge = Ending { tombstones: tombstones.only(true), upkeep };
        let merged = compact::merge_as(&self.storage, &self.folder, parts, spec, &judge);
        if let Err(Error::Corrupt { .. }) = merged {
            self.unmergeable.lock().extend(parts.iter().map(|part| part.meta().range));
        }
        let merged = merged?;
        if merged.is_none() {
            self.remember_gone(parts)?;
        }
        let written = merged.as_ref().map_or(0, |block| block.meta().bytes);
        self.compacted_bytes.fetch_add(written, Ordering::Relaxed);
        let list = self.blocks();
        let is_part = |block: &Block| parts.iter().any(|p| p.meta().name == block.meta().name);
        let kept = list.blocks.iter().filter(|block| !is_part(block)).cloned();
        let blocks = kept.chain(merged).collect();
        self.set_blocks(BlockList { blocks, quarantined: list.quarantined.clone() });
        parts.iter().try_for_each(|part| self.remove_files(part))
    }

    /// Times that no merge may touch: what is quarantined may come back, and a merge across it
    /// would then rank above it; what is damaged would fail again and again.
    fn holes(&self, list: &BlockList) -> Vec<TimeRange> {
        let quarantined = list.quarantined.iter().map(|part| part.range);
        quarantined.chain(self.unmergeable.lock().iter().copied()).collect()
    }

    /// What each block takes, with its tier.
    pub(crate) fn block_sizes(&self) -> Vec<BlockSize> {
        let list = self.blocks();
        let sizes = list.blocks.iter().map(|block| {
            let bytes = block.meta().bytes + self.tier_bytes(block);
            BlockSize { last: block.meta().max_t, bytes }
        });
        sizes.collect()
    }

    /// Bytes of the blocks' indexes.
    pub(crate) fn index_bytes(&self) -> u64 {
        self.blocks().blocks.iter().map(Block::index_bytes).sum()
    }

    /// Gives back the memory of what was read of them.
    pub(crate) fn give_back(&self) {
        self.blocks().blocks.iter().for_each(Block::give_back);
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
        self.remember_gone(&ended)?;
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
        stats.flushed_bytes += self.flushed_bytes.load(Ordering::Relaxed);
        stats.compacted_bytes += self.compacted_bytes.load(Ordering::Relaxed);
        self.add_tier_stats(stats);
        let list = self.blocks();
        for meta in list.blocks.iter().map(Block::meta) {
            stats.blocks += 1;
            stats.block_bytes += meta.bytes;
            stats.block_samples += meta.samples;
            add_time(stats, Some(meta.min_t), Some(meta.max_t));
        }
        stats.quarantined.extend(self.damage.lock().iter().cloned());
        if let Some(damage) = &self.tombstone_damage {
            stats.quarantined.push(format!("shard {}: {damage}", self.shard));
        }
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
