//! Cuts: samples move from a head into blocks, by publish, then remove.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use nunatak_index::Labels;

use super::tenant::BlockList;
use super::{LOCK_PIECE, TenantShard};
use crate::block::{Block, BlockSpec, BlockWriter, Coverage};
use crate::error::Result;
use crate::head::{PendingCut, SeriesSnapshot, window_end};
use crate::source::SampleBatch;
use crate::time::TimeRange;

impl TenantShard {
    /// Writes the blocks of all cuts that the log has ordered.
    pub(crate) fn run_pending_cuts(&self) -> Result<()> {
        let _physical = self.physical.lock();
        self.run_cuts_held()
    }

    /// The same for a caller who holds the lock of physical changes.
    pub(super) fn run_cuts_held(&self) -> Result<()> {
        loop {
            let pending = self.head().read().pending_cut();
            let Some(cut) = pending else { return Ok(()) };
            self.run_cut(cut)?;
        }
    }

    fn run_cut(&self, cut: PendingCut) -> Result<()> {
        let reach = TimeRange::new(i64::MIN, cut.before.saturating_sub(1));
        let series = self.series_in(reach, cut);
        // Each block is published as it is written: if a later one fails, the repeat finds the
        // earlier ones in the list. Until the release the head ranks above them.
        for (window, members) in self.windows_in(&series, reach, cut)? {
            let members = members.iter().filter_map(|&i| series.get(i));
            self.publish(self.write_window(members, window, cut)?);
        }
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

    /// Starts of the block windows that have samples of the cut, each with the numbers of the
    /// series that have them.
    fn windows_in(
        &self,
        series: &[(Labels, u32)],
        reach: TimeRange,
        cut: PendingCut,
    ) -> Result<BTreeMap<i64, Vec<usize>>> {
        let mut windows: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (number, (_, slot)) in series.iter().enumerate() {
            let Some(snapshot) = self.snapshot(*slot, reach, cut) else { continue };
            let mut own = BTreeSet::new();
            snapshot.windows(&mut own)?;
            for window in own {
                windows.entry(window).or_default().push(number);
            }
        }
        Ok(windows)
    }

    fn snapshot(&self, slot: u32, range: TimeRange, cut: PendingCut) -> Option<SeriesSnapshot> {
        self.head().read().snapshot(slot, range, cut.epoch)
    }

    fn write_window<'a>(
        &self,
        series: impl Iterator<Item = &'a (Labels, u32)>,
        start: i64,
        cut: PendingCut,
    ) -> Result<Option<Block>> {
        let range = TimeRange::new(start, window_end(start));
        let reach = TimeRange::new(start, range.end.min(cut.before.saturating_sub(1)));
        let coverage = Coverage { from_ms: reach.start, to_ms: reach.end, position: cut.position };
        let sequence = self.next_sequence();
        let spec = BlockSpec { range, sequence, coverage: vec![coverage], zstd: false };
        let mut writer = BlockWriter::new(self.storage.clone(), &self.folder, spec)?;
        let mut all = SampleBatch::default();
        for (labels, slot) in series {
            let Some(mut snapshot) = self.snapshot(*slot, reach, cut) else { continue };
            snapshot.fetch()?.iter().for_each(|damage| self.note_damage(damage));
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

    fn publish(&self, new: Option<Block>) {
        let list = self.blocks();
        let blocks = list.blocks.iter().cloned().chain(new).collect();
        self.set_blocks(BlockList { blocks, quarantined: list.quarantined.clone() });
    }

    fn release(&self, cut: PendingCut) {
        for slots in self.slot_pieces() {
            self.head().write().release(cut, slots);
        }
        self.head().write().finish_cut(cut);
        self.eviction_due.store(true, Ordering::Relaxed);
    }

    /// Whether a cut has emptied series since [`evict`](Self::evict) last went through.
    pub(crate) fn is_eviction_due(&self) -> bool {
        self.eviction_due.load(Ordering::Relaxed)
    }

    /// Frees the slots of series without samples and with none since `idle_since`; returns how
    /// many. Readers that are at work put the rest off; the eviction is then still due.
    pub(crate) fn evict(&self, idle_since: i64) -> usize {
        let _physical = self.physical.lock();
        let mut evicted = 0;
        for slots in self.slot_pieces() {
            let Some(_alone) = self.slots_in_use.try_write() else { return evicted };
            evicted += self.head().write().evict(idle_since, slots);
        }
        self.eviction_due.store(false, Ordering::Relaxed);
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
