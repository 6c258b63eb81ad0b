//! Makes the blocks of a part visible: all of them, or after a crash none.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::Importer;
use crate::error::{Error, Result};
use crate::import::{FOLDER, Move, State, finish_moves, remove_leftovers};
use crate::shard::{Prepared, Shard, TenantShard};

impl Importer {
    /// Reads how far an earlier importer came, and finishes what it had begun to publish.
    pub(super) fn resume(&mut self) -> Result<()> {
        let Some(state) = State::read(&*self.storage, &self.folder)? else {
            self.moving = false;
            return remove_leftovers(&*self.storage, &self.folder);
        };
        self.state = state;
        self.report.earlier_samples = self.state.samples;
        let inner = Arc::clone(self.tenant.inner());
        let _no_upkeep = inner.maintenance.lock();
        let name = self.tenant.name();
        let parts: Result<Vec<_>> = inner.shards.iter().map(|shard| shard.tenant(name)).collect();
        let parts = parts?;
        let _held: Vec<_> = parts.iter().map(|part| part.hold_blocks()).collect();
        self.show(parts.iter())?;
        remove_leftovers(&*self.storage, &self.folder)
    }

    /// Gives the prepared blocks their place, lets the state say that they count, moves them to where
    /// they belong and shows them to queries.
    ///
    /// No other change of the shards' lists of blocks runs meanwhile. A crash before the state's
    /// change leaves nothing of the part, a crash after it all: the next start moves the rest.
    pub(super) fn publish(&mut self, written: &[Prepared], mark: &[u8], done: bool) -> Result<()> {
        let inner = Arc::clone(self.tenant.inner());
        let _open = inner.enter()?;
        // Upkeep would wait for the lists with locks in hand that writers need.
        let _no_upkeep = inner.maintenance.lock();
        let used: Vec<_> =
            inner.shards.iter().zip(written).filter(|(_, w)| !w.blocks.is_empty()).collect();
        let mut parts = Vec::new();
        for (shard, _) in &used {
            parts.push((*shard, shard.tenant(self.tenant.name())?));
        }
        let _held: Vec<MutexGuard<'_, ()>> =
            parts.iter().map(|(_, part)| part.hold_blocks()).collect();
        let mut moves: Vec<Move> = Vec::new();
        for ((shard, part), (_, prepared)) in parts.iter().zip(&used) {
            let log = inner.log();
            moves.extend(shard.place_import(part, log, inner.now(), &self.folder, prepared)?);
            self.sync(&format!("{}/{}", self.folder, prepared.folder))?;
        }
        self.count(&used, mark, done, moves);
        self.moving = true;
        self.save()?;
        self.show(parts.iter().map(|(_, part)| part))
    }

    fn count(&mut self, used: &[(&Shard, &Prepared)], mark: &[u8], done: bool, moves: Vec<Move>) {
        let blocks = used.iter().flat_map(|(_, prepared)| &prepared.blocks);
        let (mut count, mut samples, mut bytes) = (0, 0, 0);
        for block in blocks {
            count += 1;
            samples += block.samples;
            bytes += block.bytes;
        }
        self.report.blocks += count;
        self.report.stored += samples;
        self.report.block_bytes += bytes;
        self.state = State {
            parts: self.state.parts + 1,
            done: self.state.done || done,
            samples: self.state.samples + samples,
            blocks: self.state.blocks + count,
            mark: mark.to_vec(),
            moves,
        };
    }

    /// Writes the state: the moment from which the part counts.
    fn save(&self) -> Result<()> {
        let made = self.storage.create_folder(&self.folder);
        made.map_err(|e| Error::io("create folder", &self.folder, e))?;
        for folder in [&self.folder, FOLDER, ""] {
            self.sync(folder)?;
        }
        self.state.write(&*self.storage, &self.folder)
    }

    fn sync(&self, folder: &str) -> Result<()> {
        self.storage.sync_folder(folder).map_err(|e| Error::io("sync", folder, e))
    }

    /// Moves the blocks of the last part that counts and shows them. The caller holds the parts'
    /// lists of blocks.
    fn show<'a>(&mut self, parts: impl Iterator<Item = &'a Arc<TenantShard>>) -> Result<()> {
        finish_moves(&*self.storage, &self.folder, &self.state.moves)?;
        for part in parts {
            part.take_in(&self.state.moves)?;
            self.tenant.state().note_newest(part.newest());
        }
        self.moving = false;
        Ok(())
    }
}
