//! The tiers of a tenant's blocks: made, found, and let go of.
//!
//! A tier is a cache on the disk. It names the block that it was made of, whose name has the hash of
//! its content; so whatever gives that block another name (late samples that are merged into it, a
//! delete that becomes final, retention) makes the tier worthless, and it is removed. Queries use
//! one only where nothing else has samples in the block's times.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nunatak_index::Labels;
use parking_lot::{Mutex, RwLock};

use super::TenantShard;
use super::deletes::held;
use super::read::{Found, Part};
use super::tenant::BlockList;
use crate::aggregate::VisitRollups;
use crate::block::tier::{self, Asked, Beside, Layer, Rest, scan_buckets};
use crate::block::{self, Block, BlockId, OpenedBlocks, QUARANTINE, clean_temporary, open_all};
use crate::compact::Allowance;
use crate::delete::Tombstones;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::retention::Expiry;
use crate::source::{Cursor, Selector};
use crate::stats::Stats;
use crate::storage::{Storage, join};
use crate::time::TimeRange;

/// Folder of the tiers in that of a tenant.
pub(crate) const TIERS: &str = "tiers";

/// The tiers by the names of their blocks.
type ByBlock = HashMap<BlockId, Block>;

/// The tiers of a tenant in a shard.
#[derive(Debug, Default)]
pub(super) struct Tiers {
    all: RwLock<Arc<ByBlock>>,
    /// Blocks that could not be read when a tier was to be made of them.
    unreadable: Mutex<HashSet<String>>,
    written_bytes: AtomicU64,
}

/// What the making of tiers has to know.
#[derive(Debug)]
pub(crate) struct Downsampling<'a> {
    /// Blocks that end before this time get tiers; `None`: no tiers are wanted.
    pub(crate) before: Option<i64>,
    /// Bytes that a block may have of which a tier is made.
    pub(crate) room: u64,
    pub(crate) allowance: Allowance,
    /// Whether the database is being closed: long work stops.
    pub(crate) stopping: &'a AtomicBool,
}

impl Tiers {
    /// Opens the tiers of a tenant's folder. What is damaged or not whole is removed: it can be made
    /// again.
    pub(super) fn open(storage: &Arc<dyn Storage>, tenant: &str) -> Result<Self> {
        let folder = join(tenant, TIERS);
        clean_temporary(storage.as_ref(), &folder)?;
        let OpenedBlocks { blocks, quarantined } = open_all(storage, &folder)?;
        for bad in quarantined.iter().filter(|bad| matches!(bad.error, Error::Corrupt { .. })) {
            tracing::warn!(tier = bad.name, error = %bad.error, "a damaged tier is removed");
            remove(storage.as_ref(), &folder, &format!("{QUARANTINE}{}", bad.name));
        }
        let mut all = ByBlock::new();
        for tier in blocks {
            let meta = tier.meta();
            match meta.parents.as_slice() {
                [of] if meta.resolutions == tier::RESOLUTIONS => {
                    all.insert(*of, tier.clone());
                }
                _ => remove(storage.as_ref(), &folder, &meta.name),
            }
        }
        Ok(Self { all: RwLock::new(Arc::new(all)), ..Self::default() })
    }

    fn all(&self) -> Arc<ByBlock> {
        Arc::clone(&self.all.read())
    }

    /// The tier of a block, if it can be read.
    fn of(all: &ByBlock, block: &Block) -> Option<Block> {
        let tier = all.get(&block.meta().id()).filter(|tier| tier.damage().is_none());
        tier.filter(|tier| tier.meta().series == block.meta().series).cloned()
    }
}

/// Removes a tier; one that stays is met again at the next start.
fn remove(storage: &dyn Storage, folder: &str, name: &str) {
    if let Err(error) = block::remove(storage, folder, name) {
        tracing::warn!(tier = name, %error, "a tier can't be removed");
    }
}

impl TenantShard {
    /// Lets go of tiers that are worth nothing any more, and makes one that is due; `false` if none
    /// is.
    pub(crate) fn downsample_once(&self, work: &Downsampling<'_>) -> Result<bool> {
        let _physical = self.physical.lock();
        self.remove_stale_tiers(work.before.is_some());
        let Some(before) = work.before.filter(|_| !work.allowance.is_pressed) else {
            return Ok(false);
        };
        let Some(block) = self.without_tier(before, work) else { return Ok(false) };
        let go_on = || {
            let stops = work.stopping.load(Ordering::Relaxed);
            if stops { Err(Error::Closed) } else { Ok(()) }
        };
        let folder = join(&self.folder, TIERS);
        let built = block.noted(tier::build(&self.storage, &folder, &block, &go_on));
        if let Err(Error::Corrupt { .. } | Error::Invalid { .. }) = built {
            self.tiers.unreadable.lock().insert(block.meta().name.clone());
        }
        let tier = built?;
        self.tiers.written_bytes.fetch_add(tier.meta().bytes, Ordering::Relaxed);
        let mut all = ByBlock::clone(&self.tiers.all());
        all.insert(block.meta().id(), tier);
        *self.tiers.all.write() = Arc::new(all);
        Ok(true)
    }

    /// The oldest block that should have a tier and has none.
    fn without_tier(&self, before: i64, work: &Downsampling<'_>) -> Option<Block> {
        let ((list, lone), tiers) = (self.lone_blocks(), self.tiers.all());
        let unreadable = self.tiers.unreadable.lock();
        let due = list.blocks.iter().zip(lone).filter(|(block, is_lone)| {
            let meta = block.meta();
            *is_lone
                && meta.max_t < before
                && !tiers.contains_key(&meta.id())
                && !unreadable.contains(&meta.name)
                && block.damage().is_none()
                && meta.bytes <= work.room
                && work.allowance.has_room_for(meta.series)
        });
        due.map(|(block, _)| block.clone()).min_by_key(|block| block.meta().min_t)
    }

    fn remove_stale_tiers(&self, are_wanted: bool) {
        let tiers = self.tiers.all();
        if tiers.is_empty() {
            return;
        }
        let list = self.blocks();
        let ids: HashSet<BlockId> = list.blocks.iter().map(|b| b.meta().id()).collect();
        let stays =
            |of: &BlockId, tier: &Block| are_wanted && tier.damage().is_none() && ids.contains(of);
        if tiers.iter().all(|(of, tier)| stays(of, tier)) {
            return;
        }
        let (kept, gone): (ByBlock, ByBlock) = tiers
            .iter()
            .map(|(of, tier)| (*of, tier.clone()))
            .partition(|(of, tier)| stays(of, tier));
        *self.tiers.all.write() = Arc::new(kept);
        let folder = join(&self.folder, TIERS);
        for tier in gone.values() {
            remove(self.storage.as_ref(), &folder, &tier.meta().name);
        }
    }

    /// Removes a tier that was found to be damaged; another one will be made. Returns the damage, as
    /// [`quarantine`](Self::quarantine) does.
    pub(super) fn drop_damaged_tier(&self, name: &str, error: Error) -> Option<Error> {
        let tiers = self.tiers.all();
        let (of, _) = tiers.iter().find(|(_, tier)| tier.meta().name == name)?;
        if !matches!(error, Error::Corrupt { .. }) {
            return None;
        }
        tracing::error!(shard = self.shard, tier = name, %error, "a tier is damaged and removed");
        let mut all = ByBlock::clone(&tiers);
        all.remove(of);
        *self.tiers.all.write() = Arc::new(all);
        remove(self.storage.as_ref(), &join(&self.folder, TIERS), name);
        Some(error)
    }

    /// All blocks and tiers, for whoever reads every file.
    pub(crate) fn blocks_and_tiers(&self) -> Vec<Block> {
        let (list, tiers) = (self.blocks(), self.tiers.all());
        list.blocks.iter().chain(tiers.values()).cloned().collect()
    }

    /// How many ms of `range` blocks hold, and how many of them by blocks with tiers that may be
    /// used.
    pub(crate) fn tier_cover(&self, range: TimeRange) -> (i128, i128) {
        let mut cover = (0, 0);
        for layer in self.layers(range) {
            let held = held(&layer.block);
            let (start, end) = (held.start.max(range.start), held.end.min(range.end));
            let ms = i128::from(end) - i128::from(start) + 1;
            cover.0 += ms;
            cover.1 += if layer.tier.is_some() { ms } else { 0 };
        }
        cover
    }

    /// The blocks with samples in `range`, the highest precedence first, each with its tier if
    /// nothing else has samples in its times. What was read of the head must have been read before.
    fn layers(&self, range: TimeRange) -> Vec<Layer> {
        let (list, lone) = self.lone_blocks();
        let tiers = self.tiers.all();
        let reached = list.blocks.iter().zip(lone).filter(|(b, _)| held(b).overlaps(&range));
        let layer = |(block, is_lone): (&Block, bool)| {
            let tier = Some(block).filter(|_| is_lone).and_then(|b| Tiers::of(&tiers, b));
            Layer { block: block.clone(), tier }
        };
        reached.map(layer).collect()
    }

    /// The blocks, and for each whether neither the head nor another block has samples in its times.
    fn lone_blocks(&self) -> (Arc<BlockList>, Vec<bool>) {
        loop {
            let list = self.blocks();
            let mut lone = alone(&list.blocks);
            {
                let head = self.head().read();
                for (block, is_lone) in list.blocks.iter().zip(&mut lone) {
                    *is_lone &= !head.has_samples_near(&held(block));
                }
            }
            // A sample that left the head before it was looked at is in a block of the list after.
            if Arc::ptr_eq(&list, &self.blocks()) {
                return (list, lone);
            }
        }
    }

    /// Hands the series that `selector` selects to `visit`, as buckets where tiers have them;
    /// whether that wants more.
    pub(crate) fn scan_buckets(
        &self,
        selector: &Selector,
        asked: &Asked<'_>,
        expiry: &Expiry,
        visit: VisitRollups<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<bool> {
        let tombstones = self.tombstones();
        let mut found = Found::default();
        self.select_head(selector, false, (&tombstones, expiry), &mut found);
        let layers = self.layers(selector.range);
        let mut beside = Others { tombstones: &tombstones, expiry, head: found.into_parts() };
        let mut goes_on = scan_buckets(&layers, selector, asked, &mut beside, visit)?;
        for (labels, part) in beside.head {
            let mut rest = Rest::new(vec![part], asked.range);
            goes_on = goes_on && visit(&labels, &mut rest);
        }
        self.warn(selector.range, warnings);
        Ok(goes_on)
    }

    /// Bytes of the tier of a block.
    pub(super) fn tier_bytes(&self, block: &Block) -> u64 {
        self.tiers.all.read().get(&block.meta().id()).map_or(0, |tier| tier.meta().bytes)
    }

    /// Adds the numbers of the tiers.
    pub(super) fn add_tier_stats(&self, stats: &mut Stats) {
        let tiers = self.tiers.all();
        stats.tiers += tiers.len() as u64;
        stats.tier_bytes += tiers.values().map(|tier| tier.meta().bytes).sum::<u64>();
        stats.tier_written_bytes += self.tiers.written_bytes.load(Ordering::Relaxed);
    }
}

/// For each block whether no other one has samples in its times.
fn alone(blocks: &[Block]) -> Vec<bool> {
    let mut order: Vec<(TimeRange, usize)> =
        blocks.iter().enumerate().map(|(place, block)| (held(block), place)).collect();
    order.sort_unstable_by_key(|(range, place)| (range.start, *place));
    let mut alone = vec![true; blocks.len()];
    let mut widest: Option<(i64, usize)> = None;
    for (range, place) in order {
        if let Some((_, other)) = widest.filter(|(end, _)| *end >= range.start) {
            for place in [other, place] {
                alone.get_mut(place).into_iter().for_each(|is_alone| *is_alone = false);
            }
        }
        if widest.is_none_or(|(end, _)| range.end > end) {
            widest = Some((range.end, place));
        }
    }
    alone
}

/// Deletes, retention and the head.
struct Others<'a> {
    tombstones: &'a Tombstones,
    expiry: &'a Expiry,
    head: BTreeMap<Labels, Part>,
}

impl Beside for Others<'_> {
    fn hidden(&self, block: &Block, labels: &Labels) -> Hidden {
        let deleted = self.tombstones.reaching(block.precedence().0, held(block));
        deleted.hidden_of(labels, self.expiry.ended(labels))
    }

    fn may_hide(&self, block: &Block) -> bool {
        let deleted = self.tombstones.reaching(block.precedence().0, held(block));
        !deleted.is_empty() || self.expiry.reaches(held(block))
    }

    fn head(&mut self, labels: &Labels) -> Option<(i64, Box<dyn Cursor>)> {
        self.head.remove(labels)
    }
}
