//! Imported blocks get their place among the others and are published.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::tenant::BlockList;
use super::{Shard, TenantShard};
use crate::block::{Block, BlockMeta, Coverage, restamp};
use crate::error::Result;
use crate::import::Move;
use crate::log::WriteLog;
use crate::storage::steps;

/// The blocks of one shard that an import has prepared.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Their folder inside the import's folder.
    pub(crate) folder: String,
    pub(crate) blocks: Vec<BlockMeta>,
}

impl Shard {
    /// Orders a cut of everything in the tenant's head, runs it, and gives the prepared blocks the
    /// position of that cut and the next sequences: they rank above everything that was written
    /// before, because that now lies in blocks, and below everything that is written later.
    ///
    /// The caller holds the tenant's [`physical`](TenantShard::hold_blocks) lock until the blocks
    /// are published, so that no merge mixes older samples with newer ones in between.
    pub(crate) fn place_import(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        now: i64,
        import_folder: &str,
        prepared: &Prepared,
    ) -> Result<Vec<Move>> {
        let position = self.order_cut(tenant, log, now, i64::MAX)?;
        tenant.run_cuts_held()?;
        let parent = format!("{import_folder}/{}", prepared.folder);
        let place = |(meta, sequence): (&BlockMeta, u64)| {
            // True of the whole window: what the log has for it up to here is in blocks.
            let (from_ms, to_ms) = (meta.range.start, meta.range.end);
            let coverage = vec![Coverage { from_ms, to_ms, position }];
            let name = restamp(&*self.storage, &parent, &meta.name, sequence, coverage)?;
            let from = format!("{}/{}", prepared.folder, meta.name);
            Ok(Move { from, to: format!("{}/{name}", tenant.folder) })
        };
        prepared.blocks.iter().zip(tenant.next_sequence()..).map(place).collect()
    }
}

impl TenantShard {
    /// Keeps the list of blocks as it is: no cut, no merge, no eviction runs meanwhile.
    pub(crate) fn hold_blocks(&self) -> MutexGuard<'_, ()> {
        self.physical.lock()
    }

    /// Opens the blocks of `moves` that lie in this folder and shows them to queries; those that are
    /// shown already, and those that upkeep has replaced since, are left out. Called with
    /// [`hold_blocks`](Self::hold_blocks).
    pub(crate) fn take_in(&self, moves: &[Move]) -> Result<()> {
        let list = self.blocks();
        let mut blocks = list.blocks.clone();
        let name_of = |step: &'_ Move| {
            Some(step.to.strip_prefix(&self.folder)?.strip_prefix('/')?.to_owned())
        };
        for name in moves.iter().filter_map(name_of) {
            let is_listed = list.blocks.iter().any(|block| block.meta().name == name);
            if !is_listed && self.has_block(&name)? {
                blocks.push(Block::open(Arc::clone(&self.storage), &self.folder, &name)?);
            }
        }
        self.set_blocks(BlockList { blocks, quarantined: Arc::clone(&list.quarantined) });
        Ok(())
    }

    /// Whether the block is on the disk. A look that fails says nothing.
    fn has_block(&self, name: &str) -> Result<bool> {
        steps::has_folder(self.storage.as_ref(), &format!("{}/{name}", self.folder))
    }
}
