//! Snapshots of an open database.

use super::open::Inner;
use crate::backup::{self, SavedFiles, Snapshot};
use crate::error::Result;
use crate::shard::Shard;

impl Inner {
    /// Links everything on disk into a folder. Background work waits meanwhile; writers wait only
    /// while the log's segment is ended.
    pub(super) fn snapshot(&self, name: &str) -> Result<Snapshot> {
        let _open = self.enter()?;
        // Nothing is cut, merged, removed or trimmed while this is held.
        let _still = self.maintenance.lock();
        backup::check_name(self.storage.as_ref(), name)?;
        backup::check_imports(self.storage.as_ref())?;
        // Spill files are written under the same lock; these ones take no more.
        let tenants: Vec<_> = self.shards.iter().flat_map(Shard::tenants).collect();
        for tenant in &tenants {
            tenant.end_spill();
        }
        let saved = SavedFiles::new(tenants.iter().flat_map(|tenant| tenant.saved_files()));
        // Blocks hold nothing behind this position: cuts are ordered under the same lock.
        let position = self.log().seal()?;
        backup::make(&self.storage, name, position, &saved, self.now())
    }
}
