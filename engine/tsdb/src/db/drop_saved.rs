//! After a flush saved heads hold nothing that blocks do not, but for the definitions of series.
//! Those go into the log's checkpoint, and the files give their room back.

use std::sync::Arc;

use super::maintain::Progress;
use super::open::Inner;
use crate::error::Result;
use crate::shard::{Shard, TenantShard};

impl Inner {
    /// Writes a checkpoint; removes the saved heads whose samples are all in blocks.
    pub(super) fn drop_saved_heads(&self, progress: &mut Progress) -> Result<()> {
        let dropped = self.drop_from_recovery();
        let Some((shard, tenant)) = dropped.first() else {
            return self.trim_log(progress, 1);
        };
        // Two checkpoints, since the older one has to serve if the newest is damaged. Their names
        // are positions, so the log has to grow in between: by a cut of what may have come since.
        self.trim_log(progress, 0)?;
        shard.order_cut(tenant, self.log(), self.now(), i64::MAX)?;
        tenant.run_pending_cuts()?;
        self.trim_log(progress, 0)?;
        dropped.iter().try_for_each(|(_, tenant)| tenant.remove_saved())
    }

    /// The tenants' shares whose saved heads no start needs any more once checkpoints have their
    /// definitions.
    fn drop_from_recovery(&self) -> Vec<(&Shard, Arc<TenantShard>)> {
        let all = self.shards.iter().flat_map(|shard| {
            let tenants = shard.tenants().into_iter();
            tenants.map(move |tenant| (shard, tenant))
        });
        all.filter(|(_, tenant)| tenant.disown_saved()).collect()
    }
}
