//! Saving a head to a file while writers go on, so that a start need not replay all of the log.
//!
//! Full chunks go to a spill file first, which a saved head then refers to. The two newest saved
//! heads are kept, and the log back to the older one: if the newest is damaged, the older one and
//! the log have everything.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{LOCK_PIECE, Shard, TenantShard};
use crate::error::{Error, Result};
use crate::head::{
    Begin, Epoch, PageFile, PairNumbers, SAVED_TEMP, SpillFile, Unspilled, parse_saved, saved_path,
    spill_path, window_of,
};
use crate::log::{Position, WriteLog};
use crate::storage::steps;

/// Bytes that gather before they are written to a spill file.
const SPILL_WRITE: usize = 1 << 20;
/// How many saved heads are kept.
pub(super) const KEPT: usize = 2;

/// A saved head on disk.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) position: Position,
    /// The spill files that it refers to: number, and bytes that they must have.
    pub(super) spills: Vec<(u64, u64)>,
}

/// The files of a tenant's head.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The newest first.
    pub(super) kept: Vec<Kept>,
    /// Damaged ones that were put aside, by name.
    pub(super) aside: Vec<String>,
    pub(super) spills: Vec<Arc<SpillFile>>,
    /// The spill file that takes more, and the window that it takes.
    current: Option<(Arc<SpillFile>, i64)>,
    pub(super) next_spill: u64,
}

impl Saving {
    /// The position up to which the older one of the saved heads has everything.
    fn older(&self) -> Option<Position> {
        self.kept.get(KEPT - 1).map(|kept| kept.position)
    }

    /// The position of the oldest saved head that a start may read.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.kept.last().map(|kept| kept.position)
    }

    /// Whether a saved head refers to the spill file of this number.
    pub(super) fn is_kept(&self, number: u64) -> bool {
        self.kept.iter().any(|kept| kept.spills.iter().any(|spill| spill.0 == number))
    }
}

/// Whether chunks in memory, readers, or chunks to come are in a spill file: each has a clone
/// besides the one in the list.
fn is_live(spill: &Arc<SpillFile>) -> bool {
    Arc::strong_count(spill) > 1
}

impl Shard {
    /// Saves a tenant's head, if it has changed since the older one of its saved heads; returns the
    /// bytes of its file, 0 if there was nothing to save.
    pub(crate) fn save(&self, tenant: &TenantShard, log: &dyn WriteLog) -> Result<u64> {
        // No series leaves the head while this is held, and no cut runs.
        let _physical = tenant.physical.lock();
        let mut saving = tenant.saving.lock();
        if tenant.head().read().pending_cut().is_some() || !self.is_due(tenant, &saving, log) {
            return Ok(0);
        }
        // A file of which everything was cut takes no more: it can go.
        saving.current.take_if(|(file, _)| Arc::strong_count(file) == 2);
        let saved = tenant.spill_chunks(&mut saving).and_then(|()| {
            let spills: Vec<_> = saving.spills.iter().filter(|s| is_live(s)).collect();
            self.write_head(tenant, log, &spills)
        });
        let saved = saved.inspect_err(|_| tenant.drop_temporary())?;
        let Some((kept, bytes)) = saved else { return Ok(0) };
        saving.kept.insert(0, kept);
        tenant.note_kept(&saving);
        tenant.remove_unused(&mut saving).map(|()| bytes)
    }

    fn is_due(&self, tenant: &TenantShard, saving: &Saving, log: &dyn WriteLog) -> bool {
        let _still = self.writer.lock();
        let head = tenant.head().read();
        let has_changed = saving.older().is_none_or(|older| head.changed() > older);
        let has_moved = saving.kept.first().is_none_or(|newest| newest.position < log.last());
        (head.series() > 0 || !saving.kept.is_empty()) && has_changed && has_moved
    }

    /// Writes the file, gives it its name, and says how long it is; `None` if a cut or a delete
    /// came in between.
    fn write_head(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        spills: &[&Arc<SpillFile>],
    ) -> Result<Option<(Kept, u64)>> {
        let (start, epoch) = self.while_still(|| (log.last(), tenant.head().read().epoch()));
        let spills: Vec<(u64, u64)> = spills.iter().map(|s| (s.number(), s.len())).collect();
        let kept = Kept { position: start, spills: spills.clone() };
        let begin = Begin { shard: self.id, tenant: tenant.name(), start, spills };
        tenant.drop_temporary();
        let mut file = PageFile::create(&*tenant.storage, tenant.temporary(), &begin)?;
        let Some(end) = self.write_pages(tenant, log, epoch, &mut file)? else {
            tenant.drop_temporary();
            return Ok(None);
        };
        let bytes = file.finish(&end)?;
        // Else a power loss could take frames from the log that the file has, and their positions
        // would be given again.
        log.sync()?;
        let (from, to) = (tenant.temporary(), saved_path(&tenant.folder, start));
        tenant.storage.rename(&from, &to).map_err(|e| Error::io("rename", to, e))?;
        tenant.sync_folder()?;
        Ok(Some((kept, bytes)))
    }

    /// Writes the pages of series and returns the last page; `None` if a cut or a
    /// delete was ordered since `epoch`: then the pages are of different epochs.
    fn write_pages(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        epoch: Epoch,
        file: &mut PageFile,
    ) -> Result<Option<Vec<u8>>> {
        let (mut pairs, mut page) = (PairNumbers::default(), Vec::new());
        let (mut slot, mut series) = (0, 0);
        loop {
            page.clear();
            let still = self.writer.lock();
            let head = tenant.head().read();
            let bound = head.slot_bound();
            if slot >= bound {
                let is_whole = head.pending_cut().is_none() && head.epoch() == epoch;
                head.encode_end(log.last(), series, &tenant.tombstone_epochs(), &mut page);
                return Ok(is_whole.then_some(page));
            }
            let slots = slot..bound.min(slot + LOCK_PIECE as u32);
            slot = slots.end;
            series += head.encode_series(slots, log.last(), &mut pairs, &mut page);
            drop((head, still));
            file.push_series(&page)?;
        }
    }

    /// Does `work` while every frame that the log has is in the heads.
    pub(super) fn while_still<T>(&self, work: impl FnOnce() -> T) -> T {
        let _still = self.writer.lock();
        work()
    }
}

impl TenantShard {
    fn temporary(&self) -> String {
        format!("{}/{SAVED_TEMP}", self.folder)
    }

    fn drop_temporary(&self) {
        // One that stays is removed by the next attempt, or the next start.
        let _ = self.storage.remove(&self.temporary());
    }

    fn sync_folder(&self) -> Result<()> {
        self.storage.sync_folder(&self.folder).map_err(|e| Error::io("sync", &self.folder, e))
    }

    /// Moves full chunks from memory to disk.
    fn spill_chunks(&self, saving: &mut Saving) -> Result<()> {
        self.make_folder()?;
        let spilled = self.write_chunks(saving);
        if spilled.is_err() {
            // What the file holds behind its last record is unknown.
            saving.current = None;
        }
        for chunks in spilled?.chunks(LOCK_PIECE) {
            self.head().write().spill(chunks);
        }
        Ok(())
    }

    fn make_folder(&self) -> Result<()> {
        let storage = self.storage.as_ref();
        if steps::has_folder(storage, &self.folder)? {
            return Ok(());
        }
        let made = storage.create_folder(&self.folder);
        made.map_err(|e| Error::io("create", &self.folder, e))?;
        steps::sync_up(storage, steps::parent(&self.folder))
    }

    /// Writes the full chunks that are in memory into the spill file, and syncs it.
    fn write_chunks(&self, saving: &mut Saving) -> Result<Vec<Unspilled>> {
        let (mut moved, mut out) = (Vec::new(), Vec::new());
        let mut target = None;
        for slots in self.slot_pieces() {
            let chunks = self.head().read().unspilled(slots);
            for chunk in chunks {
                let file = match &target {
                    Some(file) => file,
                    None => target.insert(self.spill_file(saving)?),
                };
                moved.push(Unspilled::put(chunk, file, file.len(), &mut out));
                if out.len() >= SPILL_WRITE {
                    file.append(&out)?;
                    out.clear();
                }
            }
        }
        if let Some(file) = target {
            file.append(&out)?;
            file.sync()?;
        }
        Ok(moved)
    }

    /// The file that takes chunks now: one for each window, so that all of its chunks are cut at
    /// about the same time.
    fn spill_file(&self, saving: &mut Saving) -> Result<Arc<SpillFile>> {
        let window = window_of(self.head().read().newest().unwrap_or_default());
        if let Some((file, _)) = saving.current.as_ref().filter(|(_, own)| *own == window) {
            return Ok(Arc::clone(file));
        }
        let number = saving.next_spill;
        saving.next_spill += 1;
        let file = Arc::new(SpillFile::create(&*self.storage, &self.folder, number)?);
        // Else a power loss could keep the name of a head and forget that of the file it refers to.
        self.sync_folder()?;
        saving.spills.push(Arc::clone(&file));
        saving.current = Some((Arc::clone(&file), window));
        Ok(file)
    }

    /// Ends the spill file that takes chunks: the next ones go into another.
    pub(crate) fn end_spill(&self) {
        self.saving.lock().current = None;
    }

    /// The paths of the saved heads that a start may read, and of the spill files that they refer
    /// to, with the bytes that a spill file must have.
    pub(crate) fn saved_files(&self) -> Vec<(String, u64)> {
        let mut files = Vec::new();
        for kept in &self.saving.lock().kept {
            files.push((saved_path(&self.folder, kept.position), 0));
            let spills = kept.spills.iter();
            files.extend(spills.map(|&(number, len)| (spill_path(&self.folder, number), len)));
        }
        files
    }

    /// Whether blocks have every sample that the saved heads have. Then checkpoints carry the
    /// definitions from here on, and after two of them the files can be removed.
    pub(crate) fn disown_saved(&self) -> bool {
        let saving = self.saving.lock();
        let Some(newest) = saving.kept.first() else { return false };
        let is_cut =
            self.head().read().first_needed().is_none_or(|needed| needed > newest.position);
        if is_cut {
            self.saved_twice.store(0, Ordering::Release);
        }
        is_cut
    }

    /// Removes the saved heads, and the spill files that nothing else refers to.
    pub(crate) fn remove_saved(&self) -> Result<()> {
        let mut saving = self.saving.lock();
        // One that stays counts: the next start reads it, so what is gone since must be remembered.
        while let Some(oldest) = saving.kept.last() {
            self.remove_file(&saved_path(&self.folder, oldest.position))?;
            saving.kept.pop();
        }
        saving.current.take_if(|(file, _)| Arc::strong_count(file) == 2);
        self.remove_unused(&mut saving)?;
        // A power loss must not bring back a head that is older than what the log still has.
        self.sync_folder()
    }

    /// Removes saved heads that are not kept, and spill files that nothing refers to.
    fn remove_unused(&self, saving: &mut Saving) -> Result<()> {
        saving.kept.truncate(KEPT);
        let entries = self.storage.list(&self.folder);
        // Also one whose saving failed after it had got its name.
        for entry in entries.map_err(|e| Error::io("list", &self.folder, e))? {
            let is_kept = |position| saving.kept.iter().any(|kept| kept.position == position);
            if parse_saved(&entry.name).is_some_and(|position| !is_kept(position)) {
                self.remove_file(&format!("{}/{}", self.folder, entry.name))?;
            }
        }
        if saving.kept.len() == KEPT {
            for name in std::mem::take(&mut saving.aside) {
                self.remove_file(&format!("{}/{name}", self.folder))?;
            }
        }
        let spills = std::mem::take(&mut saving.spills);
        let is_used = |spill: &Arc<SpillFile>| is_live(spill) || saving.is_kept(spill.number());
        let (used, unused): (Vec<_>, Vec<_>) = spills.into_iter().partition(is_used);
        saving.spills = used;
        let paths: Vec<_> = unused.iter().map(|spill| spill.path().to_owned()).collect();
        self.remove_spills(&paths)
    }

    /// Removes spill files, but not before it is sure that the heads that referred to them are
    /// gone: a power loss could bring those back.
    pub(super) fn remove_spills(&self, paths: &[String]) -> Result<()> {
        if !paths.is_empty() {
            self.sync_folder()?;
        }
        paths.iter().try_for_each(|path| self.remove_file(path))
    }

    pub(super) fn remove_file(&self, path: &str) -> Result<()> {
        steps::remove(self.storage.as_ref(), path)
    }

    /// The position up to which the older of two saved heads has everything.
    fn older(&self) -> Option<Position> {
        self.saved_twice.load(Ordering::Acquire).checked_sub(1).map(Position)
    }

    /// Notes which saved heads there are.
    pub(super) fn note_kept(&self, saving: &Saving) {
        let position = saving.older().map_or(0, |older| older.0 + 1);
        self.saved_twice.store(position, Ordering::Release);
    }

    /// The first log position that the head still needs: of a head that is saved twice, none that
    /// the older one has.
    pub(crate) fn first_needed(&self) -> Option<Position> {
        let head = self.head().read();
        match (self.older(), head.first_needed()) {
            (Some(older), _) if head.changed() <= older => None,
            (Some(older), Some(needed)) => Some(needed.max(Position(older.0 + 1))),
            (_, needed) => needed,
        }
    }

    /// Whether a checkpoint must carry the head's definitions when the log goes on from
    /// `keep_from`: otherwise the saved heads and the log have them.
    pub(crate) fn needs_definitions(&self, keep_from: Position) -> bool {
        let is_covered =
            |older: Position| keep_from.0 <= older.0 + 1 || self.head().read().changed() <= older;
        !self.older().is_some_and(is_covered)
    }
}
