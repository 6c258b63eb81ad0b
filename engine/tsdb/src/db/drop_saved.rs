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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nunatak_index::{Labels, labels};

    use crate::storage::MemoryStorage;
    use crate::time::{ManualClock, TimeRange};
    use crate::{Batch, Db, Hints, Options, Selector, Source};

    use super::*;

    fn set() -> Labels {
        labels! { "__name__" => "m" }
    }

    /// Appends one sample of one series.
    fn append(db: &Db, tenant: &str, time: i64) {
        let mut batch = Batch::new();
        let series = batch.series(&set()).unwrap();
        batch.push(series, time, 1.0);
        assert_eq!(db.tenant(tenant).unwrap().append(&batch).unwrap().stored, 1);
    }

    /// A head that asks for frames that the log has let go of makes a checkpoint that lets go of no
    /// more. It has to be written all the same: nothing else has the definitions of the heads that go.
    #[test]
    fn heads_are_dropped_after_checkpoints_also_when_these_let_go_of_nothing() {
        let (storage, clock) = (Arc::new(MemoryStorage::new()), Arc::new(ManualClock::new(100)));
        let open = || {
            let options = Options::new("test").storage(storage.clone()).clock(clock.clone());
            Db::open(options.threads(0).shards(1).replay_target(Duration::ZERO)).unwrap()
        };
        let db = open();
        append(&db, "seldom", 1);
        for time in 2..6 {
            append(&db, "often", time);
            db.maintain(Duration::from_secs(1)).unwrap();
        }
        let inner = db.main.inner();
        let shard = &inner.shards[0];
        let [often, seldom] = ["often", "seldom"].map(|name| shard.find_tenant(name).unwrap());
        inner.flush_tenant(shard, &often).unwrap();
        append(&db, "seldom", 6);
        let is_asked_for = seldom.first_needed();
        let mut progress = inner.maintenance.lock();
        assert!(is_asked_for < Some(progress.trimmed), "{is_asked_for:?}, {progress:?}");
        inner.drop_saved_heads(&mut progress).unwrap();
        drop(progress);
        assert_eq!([often.saved_files().len(), seldom.saved_files().len()], [0, 2]);
        // Its frame names the series, which no frame that is left defines.
        append(&db, "often", 7);
        drop((often, seldom, db));

        let db = open();
        assert_eq!(db.replay_report().orphans, 0);
        let selector = Selector::new(Vec::new(), TimeRange::new(7, 7));
        let tenant = db.tenant("often").unwrap();
        let selection = Source::select(&tenant, &selector, &Hints::default()).unwrap();
        assert_eq!(selection.series.len(), 1, "the sample lacks its series");
    }
}
