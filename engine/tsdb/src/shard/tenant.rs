//! One tenant in one shard: its head and its blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hashbrown::{HashMap, HashSet};
use parking_lot::{Mutex, RwLock};

use super::save::Saving;
use super::tiers::Tiers;
use super::{DEFAULT_TENANT, LOCK_PIECE};
use crate::block::{Block, Coverage, OpenedBlocks, Quarantined, clean_temporary, open_all};
use crate::delete::{self, Loaded, Tombstones};
use crate::error::Result;
use crate::head::Head;
use crate::log::{Frame, Position, Record, Samples};
use crate::storage::{Storage, steps};
use crate::time::TimeRange;

/// The blocks of a tenant in a shard, the highest precedence first.
#[derive(Debug, Default, Clone)]
pub(crate) struct BlockList {
    pub(crate) blocks: Vec<Block>,
    pub(crate) quarantined: Arc<Vec<Quarantined>>,
}

/// One tenant in one shard.
#[derive(Debug)]
pub(crate) struct TenantShard {
    pub(super) shard: u16,
    name: Arc<str>,
    pub(super) folder: String,
    pub(super) storage: Arc<dyn Storage>,
    head: RwLock<Head>,
    blocks: RwLock<Arc<BlockList>>,
    /// Held by whoever cuts, compacts or evicts.
    pub(super) physical: Mutex<()>,
    /// Blocks that could not be merged because they are damaged.
    pub(super) unmergeable: Mutex<Vec<TimeRange>>,
    /// Whether an eviction has something to look for.
    pub(super) eviction_due: AtomicBool,
    /// Held shared while slots are read by number, alone while slots are freed.
    pub(super) slots_in_use: RwLock<()>,
    pub(super) saving: Mutex<Saving>,
    /// One more than the position of the older of two saved heads; 0 without two.
    pub(super) saved_twice: AtomicU64,
    /// The last frame that had changed the head when series were retired.
    pub(super) retired_to: AtomicU64,
    /// Bytes of the head that the account of the memory has.
    accounted: AtomicU64,
    /// What was found damaged in the head's files.
    pub(super) damage: Mutex<Vec<String>>,
    is_settled: AtomicBool,
    /// Whether all saved heads are damaged, and the log may have been let go of for them.
    pub(super) lacks_head: AtomicBool,
    pub(super) tombstones: RwLock<Tombstones>,
    /// What blocks covered that are gone with all that was in them.
    pub(super) gone: Mutex<Vec<Coverage>>,
    /// Whether the file of these two is not what it should be.
    pub(super) tombstones_changed: AtomicBool,
    pub(super) storing_tombstones: Mutex<()>,
    /// Whether a delete hides something in a block, by name and id.
    pub(super) touched: Mutex<HashMap<(String, u64), bool>>,
    /// Blocks in which a rule of the retention has nothing to end, by name and number.
    pub(super) unruled: Mutex<HashSet<(String, usize)>>,
    /// Bytes of blocks that were written from the head and by compaction.
    pub(super) flushed_bytes: AtomicU64,
    pub(super) compacted_bytes: AtomicU64,
    /// Why what was deleted may be shown again.
    pub(super) tombstone_damage: Option<String>,
    pub(super) tiers: Tiers,
}

/// Names of the tenants' folders in a shard's folder.
pub(super) fn folders(storage: &dyn Storage, shard: u16) -> Result<Vec<String>> {
    let entries = steps::list(storage, &shard_folder(shard))?;
    Ok(entries.into_iter().filter(|e| e.is_folder).map(|e| e.name).collect())
}

fn shard_folder(shard: u16) -> String {
    format!("shard-{shard:02}")
}

impl TenantShard {
    pub(super) fn open(shard: u16, name: Arc<str>, storage: &Arc<dyn Storage>) -> Result<Self> {
        let own = if name.is_empty() { DEFAULT_TENANT } else { &name };
        let folder = format!("{}/{own}", shard_folder(shard));
        clean_temporary(storage.as_ref(), &folder)?;
        let OpenedBlocks { blocks, quarantined } = open_all(storage, &folder)?;
        let list = BlockList { blocks, quarantined: Arc::new(quarantined) };
        let Loaded { remembered, damage } = delete::load(storage.as_ref(), &folder)?;
        let tenant = Self {
            shard,
            name,
            storage: Arc::clone(storage),
            head: RwLock::new(Head::new()),
            blocks: RwLock::default(),
            physical: Mutex::default(),
            unmergeable: Mutex::default(),
            eviction_due: AtomicBool::new(true),
            slots_in_use: RwLock::default(),
            saving: Mutex::default(),
            saved_twice: AtomicU64::new(0),
            retired_to: AtomicU64::new(0),
            accounted: AtomicU64::new(0),
            damage: Mutex::default(),
            is_settled: AtomicBool::new(false),
            lacks_head: AtomicBool::new(false),
            tombstones: RwLock::new(remembered.tombstones),
            gone: Mutex::new(remembered.gone),
            tombstones_changed: AtomicBool::new(false),
            storing_tombstones: Mutex::default(),
            touched: Mutex::default(),
            unruled: Mutex::default(),
            flushed_bytes: AtomicU64::new(0),
            compacted_bytes: AtomicU64::new(0),
            tombstone_damage: damage,
            tiers: Tiers::open(storage, &folder)?,
            folder,
        };
        tenant.set_blocks(list);
        Ok(tenant)
    }

    /// The tenant's name, empty for the default one.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The number of the shard.
    pub(crate) fn shard(&self) -> u16 {
        self.shard
    }

    pub(crate) fn head(&self) -> &RwLock<Head> {
        &self.head
    }

    /// Syncs the names of blocks and saved heads, once in a life: the one before may have been killed
    /// between a rename and the sync of its folder. Before that is done nothing may rely on them,
    /// or a power loss takes back what was let go of for them.
    pub(crate) fn settle(&self) -> Result<()> {
        if self.is_settled.load(Ordering::Acquire) {
            return Ok(());
        }
        steps::sync_up(self.storage.as_ref(), &self.folder)?;
        self.is_settled.store(true, Ordering::Release);
        Ok(())
    }

    /// The blocks of this moment.
    pub(crate) fn blocks(&self) -> Arc<BlockList> {
        Arc::clone(&self.blocks.read())
    }

    /// Publishes another list of blocks.
    pub(super) fn set_blocks(&self, mut list: BlockList) {
        list.blocks.sort_by_key(|block| std::cmp::Reverse(block.precedence()));
        *self.blocks.write() = Arc::new(list);
    }

    /// Time of the newest sample in head and blocks.
    pub(crate) fn newest(&self) -> Option<i64> {
        let blocks = self.blocks();
        let in_blocks = blocks.blocks.iter().map(|block| block.meta().max_t).max();
        in_blocks.max(self.head.read().newest())
    }

    /// Renews the account of the head's bytes; returns what is to be added to the sum (wrapping).
    pub(crate) fn account(&self) -> u64 {
        let bytes = self.head.read().heap_bytes() as u64;
        bytes.wrapping_sub(self.accounted.swap(bytes, Ordering::Relaxed))
    }

    /// Applies a frame of samples in pieces, so that readers get their turn. Its definitions are of
    /// series that the head does not have, and these are their hashes.
    pub(super) fn apply_write(&self, position: Position, frame: &Frame, hashes: &[u64]) {
        let Record::Write { definitions, samples } = &frame.record else { return };
        for (piece, hashes) in definitions.chunks(LOCK_PIECE).zip(hashes.chunks(LOCK_PIECE)) {
            self.head.write().define_new(piece.iter().zip(hashes.iter().copied()));
        }
        for start in (0..samples.times.len()).step_by(LOCK_PIECE) {
            let end = (start + LOCK_PIECE).min(samples.times.len());
            self.head.write().insert_range(frame.stamp, samples, start..end);
        }
        self.head.write().note_written(position, samples);
    }

    /// Makes a change that the log holds, leaving out samples that blocks have already. Returns
    /// how many samples have no series.
    pub(super) fn replay(&self, position: Position, stamp: i64, record: Record) -> u64 {
        let (definitions, samples) = match record {
            // These may hide what blocks have, or be taken back later: a saved head has none.
            Record::Delete(deletion) => {
                self.apply_delete(position, stamp, deletion);
                return 0;
            }
            Record::Undelete { id } => {
                self.apply_undelete(id);
                return 0;
            }
            _ if self.is_saved(position) => return 0,
            Record::Write { definitions, samples } => (definitions, samples),
            other => {
                if matches!(other, Record::Cut { .. }) {
                    self.pass_tombstones(position);
                }
                self.head.write().apply(position, stamp, &other);
                return 0;
            }
        };
        if !samples.times.is_empty() {
            self.pass_tombstones(position);
        }
        self.head.write().define_all(&definitions);
        let samples = self.without_covered(position, self.without_saved(position, samples));
        let mut head = self.head.write();
        let unknown = head.hold(stamp, &samples);
        head.note_written(position, &samples);
        unknown
    }

    fn without_covered(&self, position: Position, mut samples: Samples) -> Samples {
        let blocks = self.blocks();
        let coverage = blocks.blocks.iter().flat_map(|block| &block.meta().coverage);
        let gone = self.gone.lock();
        let coverage = coverage.chain(gone.iter());
        let covering: Vec<&Coverage> = coverage.filter(|c| c.position >= position).collect();
        if covering.is_empty() {
            return samples;
        }
        let keep: Vec<bool> = samples
            .times
            .iter()
            .map(|&t| !covering.iter().any(|c| c.from_ms <= t && t <= c.to_ms))
            .collect();
        samples.retain(&keep);
        samples
    }
}
