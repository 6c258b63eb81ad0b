//! Series leave the head before their window is cut: a block of their own gets their samples.
//!
//! Such a block covers no times of the log: what it holds is also in the log, or in a saved head,
//! until the window is cut, and a replay that brings it back brings back equal samples. So nothing
//! here is ordered in the log; it moves data, and changes no answer.

use std::sync::atomic::Ordering;

use super::cut::{CutSeries, Part, window};
use super::{LOCK_PIECE, Shard, TenantShard};
use crate::block::Coverage;
use crate::delete::Tombstones;
use crate::error::Result;
use crate::head::{Epoch, Idle, View};
use crate::log::{Position, WriteLog};
use crate::time::TimeRange;

impl Shard {
    /// Writes the samples of at most about `limit` series that are `idle` into blocks; returns the
    /// slots of the series, for [`TenantShard::remove_retired`]. None if fewer than `least` are.
    pub(crate) fn retire(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        idle: Idle,
        (least, limit): (usize, usize),
    ) -> Result<Vec<u32>> {
        let _physical = tenant.physical.lock();
        // A delete hides what was written before it, and a block holds what was written before and
        // after: then only a cut tells them apart.
        if tenant.head().read().pending_cut().is_some() || !tenant.tombstones().is_empty() {
            return Ok(Vec::new());
        }
        let position = self.while_still(|| log.last());
        let mut slots = Vec::new();
        for piece in tenant.slot_pieces() {
            tenant.head().write().mark_idle(idle, piece, &mut slots);
            if slots.len() >= limit {
                break;
            }
        }
        if slots.len() < least.max(1) {
            return Ok(Vec::new());
        }
        // A block may hold nothing that the log could not write.
        log.commit(position)?;
        tenant.write_retired(&slots, position)?;
        let changed = tenant.head().read().changed();
        tenant.retired_to.fetch_max(changed.0, Ordering::Relaxed);
        Ok(slots)
    }
}

impl TenantShard {
    fn write_retired(&self, slots: &[u32], position: Position) -> Result<()> {
        let series = |slot: u32| {
            let labels = self.head().read().labels(slot)?;
            Some(CutSeries { labels, slot, deletes: Tombstones::default() })
        };
        let mut series: Vec<_> = slots.iter().filter_map(|&slot| series(slot)).collect();
        series.sort_unstable_by(|a, b| a.labels.series_cmp(&b.labels));
        for (start, members) in self.windows_in(&series, TimeRange::ALL, Epoch::MAX)? {
            let members: Vec<&CutSeries> = members.iter().filter_map(|&i| series.get(i)).collect();
            // No sample has the last millisecond.
            let coverage = Coverage { from_ms: i64::MAX, to_ms: i64::MAX, position };
            let part = Part { window: window(start), coverage };
            let view = View::up_to(part.window, Epoch::MAX);
            let read = |series: &CutSeries, all: &mut _| self.read_view(series, &view, all);
            self.publish(self.write_part(&members, &part, read)?);
        }
        Ok(())
    }

    /// Removes the series in `slots` from the head, but for those that were written to since
    /// [`Shard::retire`] gave them; returns how many. Nobody may hold references.
    pub(crate) fn remove_retired(&self, slots: &[u32]) -> usize {
        let _physical = self.physical.lock();
        let mut removed = 0;
        for piece in slots.chunks(LOCK_PIECE) {
            let _alone = self.slots_in_use.write();
            removed += self.head().write().remove_idle(piece);
        }
        self.head().write().shrink();
        removed
    }

    /// Gives back what lies between the series that stayed, after others have left.
    pub(crate) fn repack(&self) {
        for piece in self.slot_pieces() {
            self.head().write().repack(piece);
        }
    }

    /// Whether a saved head has to forget series before the log may go on from `keep_from`: until
    /// then a replay would meet their samples without knowing whose they are.
    pub(crate) fn must_be_saved(&self, keep_from: Position) -> bool {
        let retired = self.retired_to.load(Ordering::Relaxed);
        let saved = self.saving.lock().kept.first().map_or(0, |kept| kept.position.0);
        retired > saved && retired >= keep_from.0
    }
}
