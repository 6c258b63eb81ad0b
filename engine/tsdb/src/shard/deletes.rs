//! Deletes in a shard: ordered, taken back, made final, and remembered beyond the log.

use std::sync::atomic::Ordering;

use hashbrown::HashSet;

use super::{LOCK_PIECE, Shard, TenantShard};
use crate::block::{self, Block, Coverage};
use crate::delete::{self, Remembered, Tombstone, Tombstones};
use crate::error::{Error, Result};
use crate::head::Epoch;
use crate::log::{Deletion, Frame, Position, Record, WriteLog};
use crate::source::{Cursor as _, SampleBatch};
use crate::time::TimeRange;

/// The most deletes of a tenant whose bytes are not given back: each costs every read a look.
const MAX_TOMBSTONES: usize = 1024;

impl Shard {
    /// Orders a delete, if it has anything to hide here. Returns its log position.
    pub(crate) fn order_delete(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        now: i64,
        deletion: &Deletion,
    ) -> Result<Option<Position>> {
        // What comes after this look comes after the delete: it is not in force yet.
        if !tenant.has_something(deletion)? {
            return Ok(None);
        }
        log.make_room()?;
        let mut writer = self.writer.lock();
        check_room(&tenant.tombstones(), deletion)?;
        let stamp = writer.advance(now);
        let record = Record::Delete(deletion.clone());
        let position =
            log.append(&Frame { shard: self.id, tenant: tenant.name(), stamp, record })?;
        tenant.apply_delete(position, stamp, deletion.clone());
        Ok(Some(position))
    }

    /// Orders that a delete is taken back. Returns the order's log position, `None` if the shard
    /// does not know the delete.
    pub(crate) fn order_undelete(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        now: i64,
        id: u64,
    ) -> Result<Option<Position>> {
        log.make_room()?;
        let mut writer = self.writer.lock();
        if tenant.tombstones().find(id).is_none() {
            return Ok(None);
        }
        let stamp = writer.advance(now);
        let record = Record::Undelete { id };
        let position =
            log.append(&Frame { shard: self.id, tenant: tenant.name(), stamp, record })?;
        tenant.apply_undelete(id);
        Ok(Some(position))
    }
}

/// Refuses one more delete than a tenant may have.
fn check_room(tombstones: &Tombstones, deletion: &Deletion) -> Result<()> {
    if tombstones.iter().filter(|t| !t.is_done).count() >= MAX_TOMBSTONES {
        let what = format!(
            "{MAX_TOMBSTONES} deletes wait for their bytes to be given back; clean them first"
        );
        return Err(Error::Invalid { what });
    }
    let bytes: usize = tombstones.iter().map(|t| t.deletion.file_bytes()).sum();
    if bytes + deletion.file_bytes() > delete::MAX_BYTES {
        let (limit, own) = (delete::MAX_BYTES >> 20, deletion.file_bytes());
        let what = format!(
            "the deletes that wait for their bytes to be given back have {bytes} bytes of matchers, \
             this one {own}, and {limit} MiB are the most; clean them first, or name fewer values"
        );
        return Err(Error::Invalid { what });
    }
    Ok(())
}

impl TenantShard {
    /// The tombstones of this moment. Take them before head and blocks: what a tombstone hid is
    /// gone from both when it is forgotten.
    pub(crate) fn tombstones(&self) -> Tombstones {
        self.tombstones.read().clone()
    }

    fn change_tombstones(&self, change: impl FnOnce(&Tombstones) -> Tombstones) {
        let mut tombstones = self.tombstones.write();
        *tombstones = change(&tombstones);
        self.tombstones_changed.store(true, Ordering::Release);
    }

    /// Whether head or blocks have a series that the delete means, near its times.
    fn has_something(&self, deletion: &Deletion) -> Result<bool> {
        let selected: Vec<u32> = self.head().read().select(&deletion.matchers).iter().collect();
        for slots in selected.chunks(LOCK_PIECE) {
            let head = self.head().read();
            if slots.iter().any(|&slot| head.has_samples(slot, deletion.range, Epoch::MAX)) {
                return Ok(true);
            }
        }
        let list = self.blocks();
        // What can't be read now may come back, and nobody knows what it holds.
        if list.quarantined.iter().any(|part| part.range.overlaps(&deletion.range)) {
            return Ok(true);
        }
        for block in &list.blocks {
            match block.select(&deletion.matchers, deletion.range) {
                Ok(series) if series.is_empty() => {}
                // Nobody knows what a damaged block holds.
                Ok(_) | Err(Error::Corrupt { .. }) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Makes a delete that the log holds at `position`.
    pub(super) fn apply_delete(&self, position: Position, stamp: i64, deletion: Deletion) {
        if self.tombstones().find(deletion.id).is_some() {
            return;
        }
        let saved = self.head().read().saved_epoch(position);
        let epoch = Some(saved.unwrap_or_else(|| self.divide_head(&deletion)));
        let new = Tombstone { position, stamp, deletion, epoch, is_final: false, is_done: false };
        self.change_tombstones(|tombstones| tombstones.with(new));
    }

    pub(super) fn apply_undelete(&self, id: u64) {
        self.change_tombstones(|tombstones| tombstones.without(|t| t.deletion.id == id));
    }

    /// Sees to it that what the head has of the delete's series is told apart from what comes
    /// next. Returns the epoch of the newest sample that is there. Nobody may write meanwhile.
    fn divide_head(&self, deletion: &Deletion) -> Epoch {
        let selected: Vec<u32> = self.head().read().select(&deletion.matchers).iter().collect();
        let epoch = self.head().write().end_epoch();
        for slots in selected.chunks(LOCK_PIECE) {
            self.head().write().end_chunks(slots);
        }
        epoch
    }

    /// Tells the tombstones what they hide in a head that was just read from a file.
    pub(super) fn place_tombstones(&self) {
        let head = self.head().read();
        let mut tombstones = self.tombstones.write();
        *tombstones = tombstones.changed(|t| t.epoch = head.saved_epoch(t.position));
    }

    /// What the tombstones hide in the head: log position and epoch of each.
    pub(super) fn tombstone_epochs(&self) -> Vec<(Position, Epoch)> {
        self.tombstones().iter().filter_map(|t| Some((t.position, t.epoch?))).collect()
    }

    /// Before a frame at `position` is applied by a replay: what is in the head by now is older
    /// than the tombstones up to there that were read from their file.
    pub(super) fn pass_tombstones(&self, position: Position) {
        let is_passed = |t: &Tombstone| t.epoch.is_none() && t.position < position;
        let tombstones = self.tombstones();
        for passed in tombstones.iter().filter(|t| is_passed(t)) {
            let epoch = self.divide_head(&passed.deletion);
            let id = passed.deletion.id;
            self.change_tombstones(|tombstones| {
                tombstones.changed(|t| {
                    if t.deletion.id == id {
                        t.epoch = Some(epoch);
                    }
                })
            });
        }
    }

    /// Writes into the file that the deletes with these ids are final. Nobody may change the
    /// tombstones before [`finalize`](Self::finalize).
    pub(crate) fn store_final(&self, due: &HashSet<u64>) -> Result<()> {
        let _alone = self.storing_tombstones.lock();
        self.store_as(self.finalized(due))
    }

    /// Makes the deletes final that [`store_final`](Self::store_final) has written down.
    pub(crate) fn finalize(&self, due: &HashSet<u64>) {
        *self.tombstones.write() = self.finalized(due);
        self.tombstones_changed.store(false, Ordering::Release);
    }

    fn finalized(&self, due: &HashSet<u64>) -> Tombstones {
        self.tombstones().changed(|t| t.is_final = t.is_final || due.contains(&t.deletion.id))
    }

    fn store_as(&self, tombstones: Tombstones) -> Result<()> {
        let remembered = Remembered { tombstones, gone: self.gone.lock().clone() };
        let storage = self.storage.as_ref();
        delete::store(storage, &self.folder, self.shard, &self.name(), &remembered)
    }

    /// The last log position that the file of tombstones knows.
    pub(super) fn last_remembered(&self) -> Option<Position> {
        let gone = self.gone.lock().iter().map(|coverage| coverage.position).max();
        gone.max(self.tombstones().iter().map(|tombstone| tombstone.position).max())
    }

    /// Remembers what blocks covered that will go with all that is in them.
    pub(super) fn remember_gone(&self, blocks: &[Block]) -> Result<()> {
        let coverage = blocks.iter().flat_map(|block| block.meta().coverage.iter().copied());
        self.remember_coverage(coverage.filter(|c| c.from_ms < i64::MAX))
    }

    /// Remembers windows that are done with, though no block covers them: a replay must not bring
    /// back what the log has of them.
    pub(super) fn remember_coverage(&self, coverage: impl Iterator<Item = Coverage>) -> Result<()> {
        let mut gone = self.gone.lock();
        gone.extend(coverage);
        gone.sort_unstable_by_key(|c| (c.from_ms, c.to_ms, std::cmp::Reverse(c.position)));
        gone.dedup_by_key(|c| (c.from_ms, c.to_ms));
        drop(gone);
        self.tombstones_changed.store(true, Ordering::Release);
        self.store_tombstones()
    }

    /// Forgets what has a position before `kept`: no replay reads it any more. What came after
    /// the oldest saved head stays as well, because that head may still have what is gone since. A
    /// delete of the ids `open` is not final in every shard.
    pub(crate) fn forget_before(&self, kept: Position, open: &HashSet<u64>) {
        let saved = self.saving.lock().oldest();
        let kept = saved.map_or(kept, |saved| kept.min(Position(saved.0 + 1)));
        self.gone.lock().retain(|coverage| {
            let stays = coverage.position >= kept;
            if !stays {
                self.tombstones_changed.store(true, Ordering::Release);
            }
            stays
        });
        let is_over =
            |t: &Tombstone| t.is_done && t.position < kept && !open.contains(&t.deletion.id);
        if self.tombstones().iter().any(|t| is_over(t)) {
            self.change_tombstones(|tombstones| tombstones.without(is_over));
        }
    }

    /// Whether the file of tombstones is not what it should be.
    pub(crate) fn are_tombstones_unstored(&self) -> bool {
        self.tombstones_changed.load(Ordering::Acquire)
    }

    /// Writes the file of tombstones if it is not what it should be. If the log is not synced, the
    /// file may know a delete whose record the log loses in other shards; no position is given
    /// again, for a start goes on behind the last one that the file knows.
    pub(crate) fn store_tombstones(&self) -> Result<()> {
        let _alone = self.storing_tombstones.lock();
        if !self.tombstones_changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let stored = self.store_as(self.tombstones());
        stored.inspect_err(|_| self.tombstones_changed.store(true, Ordering::Release))
    }

    /// Looks which final deletes have nothing left to hide.
    pub(crate) fn find_done(&self) -> Result<()> {
        let open = self.tombstones().without(|t| !t.is_final || t.is_done);
        if open.is_empty() {
            return Ok(());
        }
        let needed = self.head().read().first_needed();
        let mut done = Vec::new();
        for tombstone in open.iter() {
            let in_head = needed.is_some_and(|needed| needed < tombstone.position);
            if !in_head && !self.is_in_blocks(tombstone)? {
                done.push(tombstone.deletion.id);
            }
        }
        if done.is_empty() {
            return Ok(());
        }
        let is_done = |t: &Tombstone| t.is_done || done.contains(&t.deletion.id);
        let mut tombstones = self.tombstones.write();
        *tombstones = tombstones.changed(|t| t.is_done = is_done(t));
        let list = self.blocks();
        self.touched.lock().retain(|(name, id), _| {
            let is_there = list.blocks.iter().any(|block| block.meta().name == *name);
            is_there && tombstones.find(*id).is_some_and(|t| !t.is_done)
        });
        Ok(())
    }

    fn is_in_blocks(&self, tombstone: &Tombstone) -> Result<bool> {
        let list = self.blocks();
        // What is put aside may come back.
        let range = tombstone.deletion.range;
        if list.quarantined.iter().any(|part| part.range.overlaps(&range)) {
            return Ok(true);
        }
        // The next start takes in what is not in the list: a block that failed after its rename, or
        // one that could not be removed.
        let names = block::names(self.storage.as_ref(), &self.folder)?;
        let is_listed = |name: &str| list.blocks.iter().any(|block| block.meta().name == name);
        if names.iter().any(|(name, held)| held.overlaps(&range) && !is_listed(name)) {
            return Ok(true);
        }
        for block in &list.blocks {
            if self.is_touched(block, tombstone)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the tombstone hides a sample of the block.
    pub(super) fn is_touched(&self, block: &Block, tombstone: &Tombstone) -> Result<bool> {
        Ok(tombstone.reaches(block.precedence().0, held(block))
            && self.is_meant(block, tombstone)?)
    }

    /// Whether the block has a sample that the tombstone means, older or newer than it. Remembered,
    /// as neither of them changes.
    pub(super) fn is_meant(&self, block: &Block, tombstone: &Tombstone) -> Result<bool> {
        if !tombstone.deletion.range.overlaps(&held(block)) {
            return Ok(false);
        }
        let key = (block.meta().name.clone(), tombstone.deletion.id);
        if let Some(&touched) = self.touched.lock().get(&key) {
            return Ok(touched);
        }
        let touched = match has_sample(block, &tombstone.deletion) {
            // Nobody knows what a damaged block holds.
            Err(Error::Corrupt { .. }) => return Ok(true),
            known => known?,
        };
        self.touched.lock().insert(key, touched);
        Ok(touched)
    }
}

/// The times that a block has samples of.
pub(super) fn held(block: &Block) -> TimeRange {
    TimeRange::new(block.meta().min_t, block.meta().max_t)
}

/// Whether the block has a sample of a series that the delete means, in its times.
fn has_sample(block: &Block, deletion: &Deletion) -> Result<bool> {
    let mut batch = SampleBatch::default();
    for mut series in block.select(&deletion.matchers, deletion.range)? {
        if series.next_batch(&mut batch)? {
            return Ok(true);
        }
    }
    Ok(false)
}
