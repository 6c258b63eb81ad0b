//! Cuts: samples move from a head into blocks, by publish, then remove.

use std::collections::BTreeSet;

use nunatak_index::Labels;

use super::tenant::BlockList;
use super::{LOCK_PIECE, TenantShard};
use crate::block::{Block, BlockSpec, BlockWriter, Coverage};
use crate::error::Result;
use crate::head::{PendingCut, SeriesSnapshot, window_end};
use crate::source::SampleBatch;
use crate::time::TimeRange;

impl TenantShard {
    /// Writes the blocks of all cuts that the log has ordered; returns how many cuts.
    pub(crate) fn run_pending_cuts(&self) -> Result<usize> {
        let _physical = self.physical.lock();
        let mut done = 0;
        loop {
            let pending = self.head().read().pending_cut();
            let Some(cut) = pending else { return Ok(done) };
            self.run_cut(cut)?;
            done += 1;
        }
    }

    fn run_cut(&self, cut: PendingCut) -> Result<()> {
        let reach = TimeRange::new(i64::MIN, cut.before.saturating_sub(1));
        let series = self.series_in(reach, cut);
        let mut blocks = Vec::new();
        for window in self.windows_in(&series, reach, cut)? {
            blocks.extend(self.write_window(&series, window, cut, blocks.len() as u64)?);
        }
        self.publish(blocks);
        self.release(cut);
        Ok(())
    }

    /// The series with samples of the cut, in the order of a block.
    fn series_in(&self, reach: TimeRange, cut: PendingCut) -> Vec<(Labels, u32)> {
        let mut found = Vec::new();
        for slots in self.slot_pieces() {
            let head = self.head().read();
            for slot in slots.filter(|&slot| head.has_samples(slot, reach, cut.epoch)) {
                found.extend(head.labels(slot).map(|labels| (labels, slot)));
            }
        }
        found.sort_by(|a, b| a.0.series_cmp(&b.0));
        found
    }

    /// Starts of the block windows that have samples of the cut.
    fn windows_in(
        &self,
        series: &[(Labels, u32)],
        reach: TimeRange,
        cut: PendingCut,
    ) -> Result<BTreeSet<i64>> {
        let mut windows = BTreeSet::new();
        for (_, slot) in series {
            if let Some(snapshot) = self.snapshot(*slot, reach, cut) {
                snapshot.windows(&mut windows)?;
            }
        }
        Ok(windows)
    }

    fn snapshot(&self, slot: u32, range: TimeRange, cut: PendingCut) -> Option<SeriesSnapshot> {
        self.head().read().snapshot(slot, range, cut.epoch)
    }

    fn write_window(
        &self,
        series: &[(Labels, u32)],
        start: i64,
        cut: PendingCut,
        offset: u64,
    ) -> Result<Option<Block>> {
        let range = TimeRange::new(start, window_end(start));
        let reach = TimeRange::new(start, range.end.min(cut.before.saturating_sub(1)));
        let coverage = Coverage { from_ms: reach.start, to_ms: reach.end, position: cut.position };
        let sequence = self.next_sequence() + offset;
        let spec = BlockSpec { range, sequence, coverage: vec![coverage], zstd: false };
        let mut writer = BlockWriter::new(self.storage.clone(), &self.folder, spec)?;
        let mut all = SampleBatch::default();
        for (labels, slot) in series {
            let Some(snapshot) = self.snapshot(*slot, reach, cut) else { continue };
            read_all(snapshot, &mut all)?;
            if !all.is_empty() {
                writer.add_series(labels, &all.times, &all.values)?;
            }
        }
        writer.finish()
    }

    /// The sequence of the next block.
    pub(super) fn next_sequence(&self) -> u64 {
        self.blocks().blocks.iter().map(|block| block.meta().sequence + 1).max().unwrap_or(1)
    }

    fn publish(&self, new: Vec<Block>) {
        let list = self.blocks();
        let blocks = list.blocks.iter().cloned().chain(new).collect();
        self.set_blocks(BlockList { blocks, quarantined: list.quarantined.clone() });
    }

    fn release(&self, cut: PendingCut) {
        for slots in self.slot_pieces() {
            self.head().write().release(cut, slots);
        }
        self.head().write().finish_cut(cut);
    }

    /// Frees the slots of series without samples and with none since `idle_since`; returns how
    /// many. Readers that are at work put it off.
    pub(crate) fn evict(&self, idle_since: i64) -> usize {
        let _physical = self.physical.lock();
        let mut evicted = 0;
        for slots in self.slot_pieces() {
            let Some(_alone) = self.slots_in_use.try_write() else { break };
            evicted += self.head().write().evict(idle_since, slots);
        }
        evicted
    }

    /// The slots of the head in pieces that may be handled under one lock.
    pub(crate) fn slot_pieces(&self) -> impl Iterator<Item = std::ops::Range<u32>> + use<> {
        let bound = self.head().read().slot_bound();
        let piece = LOCK_PIECE as u32;
        (0..bound.div_ceil(piece)).map(move |i| i * piece..((i + 1) * piece).min(bound))
    }
}

/// Reads all samples of a snapshot into one batch.
fn read_all(snapshot: SeriesSnapshot, all: &mut SampleBatch) -> Result<()> {
    all.clear();
    let mut cursor = snapshot.into_cursor();
    let mut batch = SampleBatch::default();
    while cursor.next_batch(&mut batch)? {
        all.times.extend_from_slice(&batch.times);
        all.values.extend_from_slice(&batch.values);
    }
    Ok(())
}
