//! A shard: a whole little TSDB. It binds the log to the heads and the blocks of its tenants.
//!
//! One writer at a time orders changes: it resolves series, refuses what must be refused, puts a
//! frame into the log and applies it. Readers never wait for it longer than it takes to apply 256
//! samples.

mod cut;
mod deletes;
mod import;
mod load;
mod newcomers;
mod placement;
mod quarantine;
mod read;
mod retire;
mod save;
mod tenant;
mod tiers;
mod upkeep;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::error::Result;
use crate::log::{Frame, Position, Record, WriteLog};
use crate::storage::Storage;
pub(crate) use import::Prepared;
pub(crate) use newcomers::Gate;
pub(crate) use placement::shard_of;
pub(crate) use read::Found;
pub(crate) use tenant::TenantShard;
pub(crate) use tiers::{Downsampling, TIERS};
pub(crate) use upkeep::Upkeep;
pub(crate) use write::{Row, SeriesRef, TimeBounds, WriteRequest, Written};

/// Folder of the default tenant, and another way to name it.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// Most slots or samples that are handled under one lock.
pub(crate) const LOCK_PIECE: usize = 256;

/// One shard with the tenants that have written to it.
#[derive(Debug)]
pub(crate) struct Shard {
    id: u16,
    storage: Arc<dyn Storage>,
    /// Sorted: the order of background work is repeatable.
    tenants: RwLock<BTreeMap<Arc<str>, Arc<TenantShard>>>,
    writer: Mutex<Writer>,
}

/// What only the one who orders changes touches.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Log time, never going back.
    stamp: i64,
}

impl Writer {
    fn advance(&mut self, now: i64) -> i64 {
        self.stamp = self.stamp.max(now);
        self.stamp
    }
}

impl Shard {
    /// The shard with what its folder holds.
    pub(crate) fn open(id: u16, storage: &Arc<dyn Storage>) -> Result<Self> {
        let shard = Self {
            id,
            storage: Arc::clone(storage),
            tenants: RwLock::default(),
            writer: Mutex::default(),
        };
        for name in tenant::folders(storage.as_ref(), id)? {
            shard.tenant(tenant_of_folder(&name))?;
        }
        Ok(shard)
    }

    /// The tenant's part of the shard, made if it is missing.
    pub(crate) fn tenant(&self, name: &str) -> Result<Arc<TenantShard>> {
        if let Some(found) = self.find_tenant(name) {
            return Ok(found);
        }
        let mut tenants = self.tenants.write();
        if let Some(found) = tenants.get(name) {
            return Ok(Arc::clone(found));
        }
        let name: Arc<str> = name.into();
        let tenant = Arc::new(TenantShard::open(self.id, Arc::clone(&name), &self.storage)?);
        tenants.insert(name, Arc::clone(&tenant));
        Ok(tenant)
    }

    /// The tenant's part of the shard, if it has one.
    pub(crate) fn find_tenant(&self, name: &str) -> Option<Arc<TenantShard>> {
        self.tenants.read().get(name).map(Arc::clone)
    }

    /// All tenants of the shard.
    pub(crate) fn tenants(&self) -> Vec<Arc<TenantShard>> {
        self.tenants.read().values().map(Arc::clone).collect()
    }

    /// The first log position that a head of the shard still needs. Every frame that was appended
    /// before this call has been applied.
    pub(crate) fn first_needed(&self) -> Option<Position> {
        let _no_frame_between_log_and_head = self.writer.lock();
        let tenants = self.tenants();
        tenants.iter().filter_map(|tenant| tenant.first_needed()).min()
    }

    /// Whether there are blocks that could not be read.
    pub(crate) fn lacks_blocks(&self) -> bool {
        self.tenants().iter().any(|tenant| !tenant.blocks().quarantined.is_empty())
    }

    /// The last log position that a file of the shard knows: the log must not give it again.
    pub(crate) fn last_covered(&self) -> Option<Position> {
        let covered = |tenant: &Arc<TenantShard>| {
            let list = tenant.blocks();
            let in_blocks =
                list.blocks.iter().filter_map(|block| block.meta().last_position()).max();
            let in_head = tenant.head().read().saved_end();
            in_blocks.max(in_head).max(tenant.last_remembered())
        };
        self.tenants().iter().filter_map(covered).max()
    }

    /// Makes a change that the log holds already.
    pub(crate) fn replay(&self, position: Position, frame: Frame) -> Result<u64> {
        self.writer.lock().advance(frame.stamp);
        let tenant = self.tenant(&frame.tenant)?;
        Ok(tenant.replay(position, frame.stamp, frame.record))
    }

    /// Bytes of samples that a replay holds back.
    pub(crate) fn held_bytes(&self) -> usize {
        self.tenants.read().values().map(|tenant| tenant.head().read().held_bytes()).sum()
    }

    /// Gives the series the samples that a replay holds back.
    pub(crate) fn insert_held(&self) {
        self.tenants.read().values().for_each(|tenant| tenant.head().write().insert_held());
    }

    /// Cuts what was loaded and replayed so far where a block could not be read. The log may have
    /// lost its end, and with it a value that only that block has: what goes into blocks as of `last`, where the log
    /// ends, or where the saved head does, ranks below the block when it comes back. The log need
    /// not know: the next start finds the new blocks, or the same reason to cut.
    pub(crate) fn cut_replayed(&self, last: Position, now: i64) {
        let mut writer = self.writer.lock();
        let lacking = |tenant: &&Arc<TenantShard>| !tenant.blocks().quarantined.is_empty();
        for tenant in self.tenants().iter().filter(lacking) {
            let mut head = tenant.head().write();
            if head.first_needed().is_some() {
                let at = last.max(head.saved_end().unwrap_or_default());
                head.apply(at, writer.advance(now), &Record::Cut { before: i64::MAX });
            }
        }
    }

    /// Orders a cut of the tenant's samples before `before`; returns its place in the log.
    pub(crate) fn order_cut(
        &self,
        tenant: &TenantShard,
        log: &dyn WriteLog,
        now: i64,
        before: i64,
    ) -> Result<Position> {
        log.make_room()?;
        let mut writer = self.writer.lock();
        let stamp = writer.advance(now);
        let record = Record::Cut { before };
        let frame = Frame { shard: self.id, tenant: tenant.name(), stamp, record };
        let position = log.append(&frame)?;
        tenant.head().write().apply(position, stamp, &frame.record);
        Ok(position)
    }
}

/// The tenant whose folder has this name.
fn tenant_of_folder(folder: &str) -> &str {
    if folder == DEFAULT_TENANT { "" } else { folder }
}
