//! Series leave the head before their window is cut: a block of their own gets their samples.
//!
//! Such a block covers no times of the log: what it holds is also in the log, or in a saved head,
//! until the window is cut, and a replay that brings it back brings back equal samples. So nothing
//! here is ordered in the log; it moves data, and changes no answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::RwLockWriteGuard;

use super::cut::{CutSeries, Part, window};
use super::{LOCK_PIECE, Shard, TenantShard};
use crate::block::Coverage;
use crate::delete::Tombstones;
use crate::error::Result;
use crate::head::{Epoch, Idle, View};
use crate::log::{Position, WriteLog};
use crate::time::TimeRange;

/// How long readers may hold up those who write.
const MOMENT: Duration = Duration::from_millis(10);

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
        // A delete hides what was written before it, and the block holds what was written before and
        // after: then only a cut tells them apart.
        let is_divided =
            || tenant.head().read().pending_cut().is_some() || !tenant.tombstones().is_empty();
        if is_divided() {
            return Ok(Vec::new());
        }
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
        // After the marks: what comes later takes the mark off its series, and a later delete
        // ranks above all that leaves.
        let (position, is_divided) = self.while_still(|| (log.last(), is_divided()));
        if is_divided {
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
    /// [`Shard::retire`] gave them, and takes their slots off the list; returns how many. Ends
    /// early where a reader holds slots for longer than a moment: writers wait meanwhile, for
    /// nobody may hold references.
    pub(crate) fn remove_retired(&self, slots: &mut Vec<u32>) -> usize {
        let _physical = self.physical.lock();
        let (mut removed, mut done) = (0, 0);
        for piece in slots.chunks(LOCK_PIECE) {
            let Some(alone) = self.slots_in_use.try_write_for(MOMENT) else { break };
            removed += self.head().write().remove_idle(piece);
            done += piece.len();
            // A reader that waits is next: else this one mostly has the lock again before it wakes.
            RwLockWriteGuard::unlock_fair(alone);
        }
        slots.drain(..done);
        let mut head = self.head().write();
        head.forget_aliases();
        head.shrink();
        removed
    }

    /// Gives back what the series that stayed need no more, after others have left.
    pub(crate) fn compact_head(&self) {
        /// Each takes some microseconds.
        const AT_ONCE: usize = 16;
        let pairs = self.head().read().frequent_pairs();
        for pairs in pairs.chunks(AT_ONCE) {
            self.head().write().compact(pairs);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nunatak_index::labels;
    use parking_lot::Mutex;

    use super::*;
    use crate::head::Patience;
    use crate::log::{Definition, Frame, Record, ReplayReport, Samples};
    use crate::storage::{MemoryStorage, Storage};

    /// A log that does something when it is asked for its end.
    struct Asked<F>(Mutex<F>);

    impl<F> std::fmt::Debug for Asked<F> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Asked")
        }
    }

    impl<F: FnMut() + Send> WriteLog for Asked<F> {
        fn append(&self, _: &Frame) -> Result<Position> {
            Ok(Position(2))
        }
        fn commit(&self, _: Position) -> Result<()> {
            Ok(())
        }
        fn sync(&self) -> Result<()> {
            Ok(())
        }
        fn seal(&self) -> Result<Position> {
            Ok(Position(1))
        }
        fn replay(
            &self,
            _: Position,
            _: &mut dyn FnMut(Position, Frame) -> Result<()>,
        ) -> Result<ReplayReport> {
            Ok(ReplayReport::default())
        }
        fn checkpoint(
            &self,
            _: Position,
            _: Position,
            _: &mut dyn Iterator<Item = Frame>,
        ) -> Result<()> {
            Ok(())
        }
        fn first(&self) -> Result<Position> {
            Ok(Position(1))
        }
        fn last(&self) -> Position {
            self.0.lock()();
            Position(1)
        }
        fn pending_bytes(&self) -> u64 {
            0
        }
        fn written_bytes(&self) -> u64 {
            0
        }
    }

    /// Else a sample that comes between the two, and so behind a delete, would go into a block that
    /// the delete hides.
    #[test]
    fn the_block_ranks_by_where_the_log_ends_after_its_series_were_marked() {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let shard = Shard::open(0, &storage).unwrap();
        let definitions = vec![Definition { reference: 1, labels: labels! { "a" => "b" } }];
        let samples = Samples { references: vec![1], times: vec![5], values: vec![1.0] };
        let record = Record::Write { definitions, samples };
        shard.replay(Position(1), Frame { shard: 0, tenant: "".into(), stamp: 5, record }).unwrap();
        shard.insert_held();
        shard.end_replay();
        let tenant = shard.tenant("").unwrap();
        let mut marked = 0;
        let log = Asked(Mutex::new(|| marked += tenant.head().write().remove_idle(&[0])));
        let idle = Idle { patience: Patience::Urgent, now: 5 };
        shard.retire(&tenant, &log, idle, (1, 10)).unwrap();
        assert_eq!(marked, 1, "the series that leaves was marked when the log was asked");
    }
}
