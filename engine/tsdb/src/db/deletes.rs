//! Deletes over all shards of a tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;

use super::open::Inner;
use super::tenant::Tenant;
use crate::delete::{Delete, DeleteId, Tombstone};
use crate::error::{Error, Result};
use crate::log::{Deletion, Position};
use crate::shard::{Shard, TenantShard};
use crate::source::Selector;

impl Tenant {
    /// Hides the selected samples; as [`Db::delete`](crate::Db::delete).
    ///
    /// # Errors
    /// As [`Db::delete`](crate::Db::delete).
    pub fn delete(&self, selector: &Selector) -> Result<DeleteId> {
        let inner = self.inner();
        let _open = inner.enter()?;
        let _alone = inner.deleting.lock();
        // The records come behind this position, so no delete has got its number before.
        let id = inner.log().last().0 + 1;
        let matchers = selector.matchers.clone();
        let deletion = Deletion { id, matchers, range: selector.range };
        deletion.check().map_err(|what| Error::Invalid { what: what.to_owned() })?;
        let ordered = inner.order_everywhere(self.name(), |shard, part| {
            shard.order_delete(part, inner.log(), inner.now(), &deletion)
        })?;
        // Without a record the next delete gets the same number.
        Ok(ordered.map_or(DeleteId::NOTHING, |_| DeleteId(id)))
    }

    /// Takes a delete back; as [`Db::undelete`](crate::Db::undelete).
    ///
    /// # Errors
    /// As [`Db::undelete`](crate::Db::undelete).
    pub fn undelete(&self, id: DeleteId) -> Result<()> {
        let inner = self.inner();
        let _open = inner.enter()?;
        let _alone = inner.deleting.lock();
        match self.list_deletes().iter().find(|delete| delete.id == id) {
            Some(delete) if delete.is_undoable => {}
            Some(_) => {
                let what = format!("delete {id} is final: it can't be taken back any more");
                return Err(Error::Invalid { what });
            }
            None => return Err(Error::Invalid { what: format!("there is no delete {id}") }),
        }
        inner.order_everywhere(self.name(), |shard, part| {
            shard.order_undelete(part, inner.log(), inner.now(), id.0)
        })?;
        Ok(())
    }

    /// The deletes whose bytes are not all given back, the oldest first; as
    /// [`Db::deletes`](crate::Db::deletes).
    ///
    /// # Errors
    /// If the database is closed.
    pub fn deletes(&self) -> Result<Vec<Delete>> {
        self.inner().check_open()?;
        Ok(self.list_deletes())
    }

    fn list_deletes(&self) -> Vec<Delete> {
        let inner = self.inner();
        let (mut all, mut left) = (BTreeMap::<DeleteId, Delete>::new(), HashSet::new());
        for part in inner.shards.iter().filter_map(|shard| shard.find_tenant(self.name())) {
            for tombstone in part.tombstones().iter() {
                let is_undoable = !tombstone.is_final && !inner.is_past_grace(tombstone);
                let delete = Delete {
                    id: DeleteId(tombstone.deletion.id),
                    matchers: tombstone.deletion.matchers.clone(),
                    range: tombstone.deletion.range,
                    at_ms: tombstone.stamp,
                    is_undoable,
                };
                if !tombstone.is_done {
                    left.insert(delete.id);
                }
                all.entry(delete.id).or_insert(delete).is_undoable &= is_undoable;
            }
        }
        all.into_values().filter(|delete| left.contains(&delete.id)).collect()
    }
}

impl Inner {
    /// Orders something in every shard that has the tenant, and waits until it is durable. Returns
    /// the position of the last record.
    fn order_everywhere(
        &self,
        tenant: &str,
        order: impl Fn(&Shard, &TenantShard) -> Result<Option<Position>>,
    ) -> Result<Option<Position>> {
        let (mut last, mut outcome) = (None, Ok(()));
        for shard in &self.shards {
            let Some(part) = shard.find_tenant(tenant) else { continue };
            match order(shard, &part) {
                Ok(position) => last = last.max(position),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if let Some(position) = last {
            self.log().commit(position)?;
        }
        outcome.map(|()| last)
    }

    /// Whether the time to take a delete back is over.
    fn is_past_grace(&self, tombstone: &Tombstone) -> bool {
        let grace = i64::try_from(self.options.delete_grace.as_millis()).unwrap_or(i64::MAX);
        tombstone.stamp.saturating_add(grace) <= self.now()
    }

    /// Makes deletes final, those whose time is over or all, in all shards at once: from then on
    /// their bytes go, and they can't be taken back. It is on the disk before the first byte goes;
    /// if that fails half-way, the next call makes those final everywhere that are so somewhere.
    pub(super) fn finalize_deletes(&self, all: bool) -> Result<()> {
        let parts: Vec<Arc<TenantShard>> = self.shards.iter().flat_map(Shard::tenants).collect();
        let tombstones = parts.iter().flat_map(|part| part.tombstones().only(true).ids());
        let begun: HashSet<u64> = tombstones.collect();
        let is_due = |t: &Tombstone| all || self.is_past_grace(t) || begun.contains(&t.deletion.id);
        let is_open = |t: &Tombstone| !t.is_final && is_due(t);
        // Once for all: the time of another one may be over before this has ended.
        let due = parts.iter().flat_map(|part| part.tombstones().without(|t| !is_open(t)).ids());
        let due: HashSet<u64> = due.collect();
        if due.is_empty() {
            return Ok(());
        }
        let _alone = self.deleting.lock();
        let has_tombstones = |part: &&Arc<TenantShard>| !part.tombstones().is_empty();
        let parts: Vec<_> = parts.iter().filter(has_tombstones).collect();
        self.log().sync()?;
        parts.iter().try_for_each(|part| part.store_final(&due))?;
        for part in parts {
            part.finalize(&due);
        }
        Ok(())
    }

    /// Writes the files of tombstones that are not what they should be.
    pub(super) fn store_tombstones(&self) -> Result<()> {
        let parts = self.shards.iter().flat_map(Shard::tenants);
        let parts: Vec<_> = parts.filter(|part| part.are_tombstones_unstored()).collect();
        if parts.is_empty() {
            return Ok(());
        }
        self.log().sync()?;
        parts.iter().try_for_each(|part| part.store_tombstones())
    }

    /// Gives back the bytes of all deletes now. They can't be taken back any more.
    pub(super) fn clean_deletes(&self) -> Result<()> {
        let _open = self.enter()?;
        let mut progress = self.maintenance.lock();
        self.finalize_deletes(true)?;
        let mut outcome = Ok(());
        for shard in &self.shards {
            for tenant in shard.tenants().iter().filter(|part| !part.tombstones().is_empty()) {
                outcome = outcome.and(self.flush_tenant(shard, tenant));
            }
        }
        outcome = outcome.and(self.store_tombstones());
        outcome = outcome.and(self.trim_log(&mut progress, 1));
        self.measure_memory();
        outcome
    }
}
