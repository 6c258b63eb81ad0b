//! Blocks that turn out to be damaged while the database is open.

use std::sync::Arc;

use super::TenantShard;
use super::tenant::BlockList;
use crate::block::{self, Quarantined};
use crate::error::Error;

impl TenantShard {
    /// Takes a damaged block out of the list and puts its folder aside; queries over its range then
    /// carry a warning. Returns the damage; `None` if the block is gone anyway, or only can't be
    /// read now.
    pub(crate) fn quarantine(&self, name: &str, error: Error) -> Option<Error> {
        let _physical = self.physical.lock();
        let list = self.blocks();
        let found = list.blocks.iter().find(|block| block.meta().name == name);
        let Some(found) = found else { return self.drop_damaged_tier(name, error) };
        if !matches!(error, Error::Corrupt { .. }) {
            tracing::warn!(block = name, %error, "a block can't be read");
            return None;
        }
        tracing::error!(shard = self.shard, block = name, %error, "a block is damaged and put aside");
        let bad = Quarantined { name: name.to_owned(), range: found.meta().range, error };
        block::put_aside(self.storage.as_ref(), &self.folder, &bad);
        let again = bad.copy().error;
        let quarantined = list.quarantined.iter().map(Quarantined::copy).chain([bad]).collect();
        let blocks = list.blocks.iter().filter(|b| b.meta().name != name).cloned().collect();
        self.set_blocks(BlockList { blocks, quarantined: Arc::new(quarantined) });
        Some(again)
    }
}
