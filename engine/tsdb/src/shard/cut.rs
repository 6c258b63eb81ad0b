//! Cuts: samples move from a head into blocks, by publish, then remove.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use nunatak_index::Labels;

use super::tenant::BlockList;
use super::{LOCK_PIECE, TenantShard};
use crate::block::{Block, BlockSpec, BlockWriter, Coverage};
use crate::delete::Tombstones;
use crate::error::Result;
use crate::head::{Epoch, Idle, PendingCut, SeriesSnapshot, View, window_end};
use crate::log::Position;
use crate::source::SampleBatch;
use crate::time::TimeRange;

/// A series of a cut: its labels, its slot, and the deletes that mean it.
pub(super) struct CutSeries {
    pub(super) labels: Labels,
    pub(super) slot: u32,
    pub(super) deletes: Tombstones,
}

/// A block of a cut: a window, and the log position of what is in it.
pub(super) struct Part {
    pub(super) window: TimeRange,
    pub(super) coverage: Coverage,
}

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
        for (window, members) in self.windows_in(&series, reach, cut.epoch)? {
            let members: Vec<&CutSeries> = members.iter().filter_map(|&i| series.get(i)).collect();
            self.write_asides(&members, window, cut)?;
            let shown = self.write_window(&members, window, cut)?;
            if shown.is_none() && members.iter().any(|series| !series.deletes.is_empty()) {
                self.remember_coverage(std::iter::once(covered(window, cut)))?;
            }
            self.publish(shown);
        }
        self.release(cut);
        Ok(())
    }

    /// The series with samples of the cut, in the order of a block.
    fn series_in(&self, reach: TimeRange, cut: PendingCut) -> Vec<CutSeries> {
        let tombstones = self.tombstones().in_cut(cut);
        let mut found = Vec::new();
        for slots in self.slot_pieces() {
            let head = self.head().read();
            for slot in slots.filter(|&slot| head.has_samples(slot, reach, cut.epoch)) {
                found.extend(head.labels(slot).map(|labels| {
                    let deletes = tombstones.meaning(&labels);
                    CutSeries { labels, slot, deletes }
                }));
            }
        }
        found.sort_by(|a, b| a.labels.series_cmp(&b.labels));
        found
    }

    /// Starts of the block windows that have samples of the cut, each with the numbers of the
    /// series that have them.
    pub(super) fn windows_in(
        &self,
        series: &[CutSeries],
        reach: TimeRange,
        epoch: Epoch,
    ) -> Result<BTreeMap<i64, Vec<usize>>> {
        let mut windows: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (number, series) in series.iter().enumerate() {
            let view = View::up_to(reach, epoch);
            let Some(snapshot) = self.snapshot(series.slot, &view) else { continue };
            let mut own = BTreeSet::new();
            snapshot.windows(&mut own)?;
            for window in own {
                windows.entry(window).or_default().push(number);
            }
        }
        Ok(windows)
    }

    fn snapshot(&self, slot: u32, view: &View<'_>) -> Option<SeriesSnapshot> {
        self.head().read().snapshot(slot, view)
    }

    /// Writes what the window shows.
    fn write_window(
        &self,
        series: &[&CutSeries],
        start: i64,
        cut: PendingCut,
    ) -> Result<Option<Block>> {
        let reach = reach(start, cut);
        let part = Part { window: window(start), coverage: covered(start, cut) };
        self.write_part(series, &part, |series, all| {
            let hidden = series.deletes.hidings();
            let view = View { hidden: &hidden, ..View::up_to(reach, cut.epoch) };
            self.read_view(series, &view, all)
        })
    }

    /// Writes what deletes hide that can be taken back, one block for each delete. It covers no
    /// times of the log (no sample has the last millisecond): a replay brings back what it holds.
    fn write_asides(&self, series: &[&CutSeries], start: i64, cut: PendingCut) -> Result<()> {
        let deletes = series.iter().flat_map(|series| series.deletes.iter());
        let undoable = deletes.filter(|delete| !delete.is_final);
        let positions: BTreeSet<Position> = undoable.map(|delete| delete.position).collect();
        for position in positions {
            let coverage = Coverage { from_ms: i64::MAX, to_ms: i64::MAX, position };
            let part = Part { window: window(start), coverage };
            let block = self.write_part(series, &part, |series, all| {
                self.read_aside(series, position, reach(start, cut), all)
            })?;
            self.publish(block);
        }
        Ok(())
    }

    /// Reads what was written before the delete at `position`, after the one before it, and is
    /// hidden by deletes that can all be taken back.
    fn read_aside(
        &self,
        series: &CutSeries,
        position: Position,
        range: TimeRange,
        all: &mut SampleBatch,
    ) -> Result<()> {
        let undoable = series.deletes.only(false);
        let Some(epochs) = undoable.epochs_of(position) else { return Ok(()) };
        let hidden = series.deletes.only(true).hidings();
        self.read_view(series, &View { range, epochs, hidden: &hidden }, all)?;
        undoable.without(|delete| delete.position < position).hidden().keep(all);
        Ok(())
    }

    /// Reads what a series has of a view. Damaged chunks are left out and listed.
    pub(super) fn read_view(
        &self,
        series: &CutSeries,
        view: &View<'_>,
        all: &mut SampleBatch,
    ) -> Result<()> {
        let Some(mut snapshot) = self.snapshot(series.slot, view) else { return Ok(()) };
        snapshot.fetch()?.iter().for_each(|damage| self.note_damage(damage));
        read_all(snapshot, all)
    }

    pub(super) fn write_part(
        &self,
        series: &[&CutSeries],
        part: &Part,
        read: impl Fn(&CutSeries, &mut SampleBatch) -> Result<()>,
    ) -> Result<Option<Block>> {
        let sequence = self.next_sequence();
        let coverage = vec![part.coverage];
        let spec = BlockSpec { range: part.window, sequence, coverage, zstd: false };
        let mut writer = BlockWriter::new(self.storage.clone(), &self.folder, spec)?;
        let mut all = SampleBatch::default();
        for series in series {
            all.clear();
            read(series, &mut all)?;
            if !all.is_empty() {
                writer.add_series(&series.labels, &all.times, &all.values)?;
            }
        }
        writer.finish()
    }

    /// The sequence of the next block.
    pub(super) fn next_sequence(&self) -> u64 {
        self.blocks().blocks.iter().map(|block| block.meta().sequence + 1).max().unwrap_or(1)
    }

    pub(super) fn publish(&self, new: Option<Block>) {
        let bytes = new.as_ref().map_or(0, |block| block.meta().bytes);
        self.flushed_bytes.fetch_add(bytes, Ordering::Relaxed);
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

    /// Frees the slots of series without samples that are `idle`; returns how many. Readers that
    /// are at work put the rest off; the eviction is then still due. Nobody may hold references.
    pub(crate) fn evict(&self, idle: Idle) -> usize {
        let _physical = self.physical.lock();
        let mut evicted = 0;
        let mut is_whole = true;
        for slots in self.slot_pieces() {
            let Some(_alone) = self.slots_in_use.try_write() else {
                is_whole = false;
                break;
            };
            evicted += self.head().write().evict(idle, slots);
        }
        if evicted > 0 {
            self.head().write().forget_aliases();
        }
        if is_whole {
            self.eviction_due.store(false, Ordering::Relaxed);
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

/// The window that begins at `start`.
pub(super) fn window(start: i64) -> TimeRange {
    TimeRange::new(start, window_end(start))
}

/// The part of a window that a cut takes.
fn reach(start: i64, cut: PendingCut) -> TimeRange {
    TimeRange::new(start, window_end(start).min(cut.before.saturating_sub(1)))
}

/// What a window's block covers of the log.
fn covered(start: i64, cut: PendingCut) -> Coverage {
    let reach = reach(start, cut);
    Coverage { from_ms: reach.start, to_ms: reach.end, position: cut.position }
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
