//! Loading a saved head when a database is opened.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;

use super::save::{KEPT, Kept, Saving};
use super::{Shard, TenantShard};
use crate::block::Coverage;
use crate::error::{Error, Result};
use crate::head::{
    Begin, Loaded, SAVED_ASIDE, SAVED_TEMP, SpillFile, begin_of, load, parse_saved, parse_spill,
    saved_path,
};
use crate::log::{Position, Samples};
use crate::storage::steps;

impl TenantShard {
    /// Loads the newest saved head that is not damaged, if there is one. What is damaged is put
    /// aside and named: as long as one is good, it and the log have everything.
    pub(crate) fn load(&self) -> Result<()> {
        let names = steps::list(self.storage.as_ref(), &self.folder)?;
        let names: Vec<String> =
            names.into_iter().filter(|entry| !entry.is_folder).map(|entry| entry.name).collect();
        let mut saving = self.saving.lock();
        saving.next_spill = names.iter().filter_map(|n| parse_spill(n)).max().map_or(1, |n| n + 1);
        let is_aside = |name: &&String| name.starts_with(SAVED_ASIDE);
        saving.aside = names.iter().filter(is_aside).cloned().collect();
        let saved: Vec<Position> = names.iter().rev().filter_map(|n| parse_saved(n)).collect();
        for position in saved {
            if saving.kept.len() < KEPT {
                self.take(position, &mut saving)?;
            } else {
                // Its removal was forgotten in a crash, or its saving failed at the very end.
                self.remove_file(&saved_path(&self.folder, position))?;
            }
        }
        self.note_kept(&saving);
        // The log is let go of for two saved heads, never for one.
        let is_lost = saving.kept.is_empty() && saving.aside.len() >= KEPT;
        self.lacks_head.store(is_lost, Ordering::Release);
        if names.iter().any(|name| name == SAVED_TEMP) {
            self.remove_file(&format!("{}/{SAVED_TEMP}", self.folder))?;
        }
        let spills = names.iter().filter(|n| parse_spill(n).is_some_and(|n| !saving.is_kept(n)));
        let paths: Vec<_> = spills.map(|name| format!("{}/{name}", self.folder)).collect();
        self.remove_spills(&paths)
    }

    /// Loads the head that is saved at `position`, or only remembers it if a newer one is loaded.
    fn take(&self, position: Position, saving: &mut Saving) -> Result<()> {
        let begin = if saving.kept.is_empty() {
            self.load_at(position).map(|loaded| {
                saving.spills = loaded.spills;
                *self.head().write() = loaded.head;
                self.place_tombstones();
                loaded.begin
            })
        } else {
            begin_of(&*self.storage, saved_path(&self.folder, position))
        };
        let begin = begin.and_then(|begin| self.open_spills(begin, saving));
        match begin {
            Ok(begin) => {
                saving.kept.push(Kept { position, spills: begin.spills });
                Ok(())
            }
            Err(error) if is_damage(&error) => {
                self.put_aside(position, &error, saving);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the spill files that only an older head refers to.
    fn open_spills(&self, begin: Begin, saving: &mut Saving) -> Result<Begin> {
        for &(number, len) in &begin.spills {
            if saving.spills.iter().all(|spill| spill.number() != number) {
                let spill = SpillFile::open(&*self.storage, &self.folder, number, len)?;
                saving.spills.push(Arc::new(spill));
            }
        }
        Ok(begin)
    }

    fn load_at(&self, position: Position) -> Result<Loaded> {
        let coverage = self.coverage();
        let cut_after = |written: Position| {
            let later = coverage.iter().filter(|c| c.position > written);
            later.map(|c| c.to_ms.saturating_add(1)).max()
        };
        let mut loaded = load(&*self.storage, &self.folder, position, &cut_after)?;
        let begin = &loaded.begin;
        if (begin.shard, &begin.tenant, begin.start) != (self.shard, &self.name(), position) {
            let path = saved_path(&self.folder, position);
            let what = format!("is of {:?} in shard {}", begin.tenant, begin.shard);
            return Err(Error::corrupt(path, 0, what));
        }
        for covered in coverage.iter().filter(|c| c.position > position) {
            loaded.head.forget_cut(covered.position, covered.to_ms.saturating_add(1));
        }
        Ok(loaded)
    }

    /// What blocks cover, and what some covered that are gone. What was set aside by a cut, because
    /// a delete hides it, covers nothing.
    fn coverage(&self) -> Vec<Coverage> {
        let list = self.blocks();
        let in_blocks = list.blocks.iter().flat_map(|block| &block.meta().coverage);
        let gone = self.gone.lock();
        in_blocks.chain(gone.iter()).filter(|c| c.from_ms < i64::MAX).copied().collect()
    }

    fn put_aside(&self, position: Position, error: &Error, saving: &mut Saving) {
        tracing::error!(shard = self.shard, %error, "a saved head is damaged; it is put aside");
        let path = saved_path(&self.folder, position);
        let name = path.rsplit('/').next().unwrap_or_default();
        let aside = format!("{SAVED_ASIDE}{name}");
        if self.storage.rename(&path, &format!("{}/{aside}", self.folder)).is_ok() {
            saving.aside.push(aside);
        }
        self.note_damage(error);
    }

    /// Lists damage in the statistics.
    pub(super) fn note_damage(&self, error: &Error) {
        self.damage.lock().push(format!("shard {}: {error}", self.shard));
    }

    /// Takes from a frame's samples what a loaded head has.
    pub(super) fn without_saved(&self, position: Position, mut samples: Samples) -> Samples {
        let head = self.head().read();
        if !head.may_be_saved(position) {
            return samples;
        }
        samples.retain(&head.lacks_saved(&samples.references, position));
        samples
    }

    /// Whether a loaded head has all of what the log has at `position`.
    pub(super) fn is_saved(&self, position: Position) -> bool {
        self.head().read().is_saved(position)
    }
}

impl Shard {
    /// Up to where the log is in the loaded heads, by tenant.
    pub(crate) fn saved_starts(&self) -> HashMap<Arc<str>, Position> {
        let start = |tenant: &Arc<TenantShard>| {
            let start = tenant.head().read().saved_start()?;
            Some((tenant.name(), start))
        };
        self.tenants().iter().filter_map(start).collect()
    }

    /// Whether a saved head is damaged.
    pub(crate) fn lacks_saved_heads(&self) -> bool {
        self.tenants().iter().any(|tenant| !tenant.saving.lock().aside.is_empty())
    }

    /// Ends the replay of the log, and forgets what only a replay needs.
    pub(crate) fn end_replay(&self) {
        for tenant in self.tenants() {
            tenant.pass_tombstones(Position(u64::MAX));
            tenant.head().write().end_replay();
        }
    }
}

/// Whether an error says that a file is not what was written; a missing spill file is damage, too.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Corrupt { .. } => true,
        Error::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}
