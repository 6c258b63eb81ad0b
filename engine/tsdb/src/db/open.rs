//! Opening a database: its lock, its shards, its log.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::admission::Admission;
use super::damage::LogDamage;
use super::maintain::Progress;
use super::pressure::Pressure;
use super::replay::Replayed;
use super::save::Tail;
use super::tenant::TenantState;
use super::usage::LimitWatch;
use super::{budget, load, replay};
use crate::backup;
use crate::batch::Outcome;
use crate::description;
use crate::error::{Error, Result};
use crate::import;
use crate::limits::{LimitRules, Limits, Rate, RefusalReason};
use crate::log::{LocalWal, Position, ReplayReport, WalOptions, WriteLog};
use crate::options::Options;
use crate::retention::Expiry;
use crate::shard::{Shard, TimeBounds};
use crate::space::Space;
use crate::start_progress::Phase;
use crate::storage::{Lock, OsStorage, Storage};

/// Bytes of samples that may be under way at once: an eighth of the budget, within these bounds.
const QUEUE_BYTES: (u64, u64) = (4 << 20, 256 << 20);

/// More positions than a log can lose with its unsynced end: so far a block that can't be read
/// may reach beyond what is known.
const UNREAD_POSITIONS: u64 = 1 << 32;

/// What all handles of a database share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(super) options: Options,
    pub(super) shards: Vec<Shard>,
    pub(super) tenants: RwLock<HashMap<Arc<str>, Arc<TenantState>>>,
    pub(super) admission: Arc<Admission>,
    /// Held shared by appenders, alone while series are evicted.
    pub(super) references_in_use: RwLock<()>,
    pub(super) counters: Counters,
    pub(super) maintenance: Mutex<Progress>,
    pub(super) memory_budget: u64,
    pub(super) pressure: Pressure,
    /// Folders of the imports that are under way.
    pub(super) imports: Mutex<HashSet<String>>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) tail: Tail,
    pub(super) space: Space,
    /// Held by whoever orders a delete, takes one back or makes it final.
    pub(super) deleting: Mutex<()>,
    /// Set when the database is to be closed: long work stops.
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) limits: RwLock<LimitRules>,
    /// New series of all tenants.
    pub(super) new_series: Rate,
    pub(super) watch: LimitWatch,
    pub(super) growth_bytes: AtomicU64,
    log: Box<dyn WriteLog>,
    replay: ReplayReport,
    pub(super) log_damage: LogDamage,
    /// Whether the database is closed; held shared by whoever writes to its folder.
    closed: RwLock<bool>,
    /// Given back last.
    lock: Mutex<Option<Box<dyn Lock>>>,
}

/// Counts since the database was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) stored: AtomicU64,
    pub(super) refused: Mutex<Vec<(RefusalReason, u64)>>,
    pub(super) failures: AtomicU64,
    pub(super) last_failure: Mutex<Option<String>>,
    pub(super) scrubbed: AtomicU64,
    pub(super) scrub_passes: AtomicU64,
    pub(super) scrub_damaged: AtomicU64,
    pub(super) tier_scans: AtomicU64,
}

impl Inner {
    pub(super) fn open(options: Options) -> Result<Self> {
        options.validate()?;
        options.start_progress.begin(Phase::Files, 0);
        let storage = storage_of(&options)?;
        let lock = storage.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Error::InUse { path: options.path.clone() },
            _ => Error::io("lock", &options.path, error),
        })?;
        backup::restore(storage.as_ref())?;
        backup::clean_temporary(storage.as_ref())?;
        let count = description::shard_count(storage.as_ref(), options.shards)?;
        import::recover(storage.as_ref())?;
        let shards: Result<Vec<_>> =
            (0..count as u16).map(|id| Shard::open(id, &storage)).collect();
        let shards = shards?;
        let memory_budget = options.memory_budget.unwrap_or_else(budget::default_bytes);
        let (log, replay, replayed) =
            open_log(&options, memory_budget, Arc::clone(&storage), &shards)?;
        crate::block::remember_within(memory_budget);
        let low_space = options.low_space;
        let queue = (memory_budget / 8).clamp(QUEUE_BYTES.0, QUEUE_BYTES.1);
        let inner = Self {
            tail: Tail::new(options.replay_target, replayed, options.clock.now_ms()),
            admission: Arc::new(Admission::new(queue, options.append_deadline)),
            shards,
            tenants: RwLock::default(),
            references_in_use: RwLock::default(),
            counters: Counters::default(),
            maintenance: Mutex::new(Progress::from(&replay)),
            memory_budget,
            pressure: Pressure::new(memory_budget),
            imports: Mutex::default(),
            space: Space::new(Arc::clone(&storage), low_space),
            storage,
            deleting: Mutex::default(),
            stopping: Arc::default(),
            limits: RwLock::new(options.limits.clone()),
            new_series: Rate::default(),
            watch: LimitWatch::default(),
            growth_bytes: AtomicU64::new(0),
            log,
            log_damage: LogDamage::of(&replay, options.durability),
            options,
            replay,
            closed: RwLock::new(false),
            lock: Mutex::new(Some(lock)),
        };
        inner.measure_memory();
        inner.options.start_progress.begin(Phase::Done, 0);
        inner.look_at_space();
        Ok(inner)
    }

    pub(super) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    pub(super) fn log(&self) -> &dyn WriteLog {
        self.log.as_ref()
    }

    /// A shard by its number, which comes from [`shard_of`](crate::shard::shard_of).
    pub(super) fn shard(&self, id: usize) -> &Shard {
        &self.shards[id]
    }

    pub(super) fn shard_count(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn limits_of(&self, tenant: &str) -> Arc<Limits> {
        Arc::clone(self.limits.read().of(tenant))
    }

    pub(super) fn replay_report(&self) -> &ReplayReport {
        &self.replay
    }

    pub(super) fn now(&self) -> i64 {
        self.options.clock.now_ms()
    }

    pub(super) fn tenant_state(&self, name: &str) -> Arc<TenantState> {
        if let Some(state) = self.tenants.read().get(name) {
            return Arc::clone(state);
        }
        let mut tenants = self.tenants.write();
        let state = tenants.entry(name.into()).or_insert_with(|| {
            let state = TenantState::new(name);
            let parts = self.shards.iter().filter_map(|shard| shard.find_tenant(name));
            parts.for_each(|part| state.note_newest(part.newest()));
            Arc::new(state)
        });
        Arc::clone(state)
    }

    /// The oldest time that is kept: the retention before the newest sample, at most before the
    /// clock.
    pub(super) fn oldest_kept(&self, tenant: &TenantState) -> i64 {
        self.options.retention.map_or(i64::MIN, |retention| self.oldest_of(tenant, retention))
    }

    /// What the rules of the retention have ended.
    pub(super) fn expiry(&self, tenant: &TenantState) -> Expiry {
        Expiry::new(&self.options.retention_rules, |keep| self.oldest_of(tenant, keep))
    }

    /// Blocks that end before this time get tiers, if any do.
    pub(super) fn downsampled_before(&self, tenant: &TenantState) -> Option<i64> {
        self.options.downsample_after.map(|age| self.oldest_of(tenant, age))
    }

    fn oldest_of(&self, tenant: &TenantState, retention: Duration) -> i64 {
        let newest = tenant.newest().map_or(i64::MIN, |newest| newest.min(self.now()));
        newest.saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX))
    }

    pub(super) fn time_bounds(&self, tenant: &TenantState) -> TimeBounds {
        TimeBounds { now: self.now(), oldest: self.oldest_kept(tenant) }
    }

    pub(super) fn check_open(&self) -> Result<()> {
        self.enter().map(drop)
    }

    /// Keeps the database open while the guard is held.
    pub(super) fn enter(&self) -> Result<RwLockReadGuard<'_, bool>> {
        let closed = self.closed.read();
        if *closed { Err(Error::Closed) } else { Ok(closed) }
    }

    pub(super) fn count(&self, outcome: &Outcome) {
        self.counters.stored.fetch_add(outcome.stored, Ordering::Relaxed);
        if outcome.refused.is_empty() {
            return;
        }
        let mut counts = self.counters.refused.lock();
        for refusal in &outcome.refused {
            match counts.iter_mut().find(|(reason, _)| *reason == refusal.reason) {
                Some((_, count)) => *count += refusal.samples,
                None => counts.push((refusal.reason, refusal.samples)),
            }
        }
    }

    /// Waits for those who write, syncs and gives the folder free; the second time it does
    /// nothing.
    pub(super) fn close(&self) -> Result<()> {
        self.pressure.close();
        let mut closed = self.closed.write();
        if std::mem::replace(&mut *closed, true) {
            return Ok(());
        }
        let synced = self.log.sync();
        *self.lock.lock() = None;
        synced
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(id = error.id(), %error, "the last sync failed");
        }
    }
}

/// Loads the saved heads, opens the log and replays what they do not have.
fn open_log(
    options: &Options,
    memory_budget: u64,
    storage: Arc<dyn Storage>,
    shards: &[Shard],
) -> Result<(Box<dyn WriteLog>, ReplayReport, Replayed)> {
    let (parallel, progress) = (options.threads != Some(0), &options.start_progress);
    load::load_heads(shards, parallel, progress)?;
    // A saved head may be older than a block that is lacking, and frames between the two are not
    // visited any more.
    for shard in shards {
        shard.cut_replayed(Position(0), options.clock.now_ms());
    }
    let wal = WalOptions::new().durability(options.durability).segment_bytes(options.segment_bytes);
    let log = LocalWal::open(storage, wal)?;
    let (replay, replayed) = replay::replay(&log, shards, parallel, memory_budget, progress)?;
    // Blocks and saved heads may cover positions that the log lost with its unsynced end.
    let covered = shards.iter().filter_map(Shard::last_covered).max();
    if shards.iter().any(Shard::lacks_blocks) {
        for shard in shards {
            shard.cut_replayed(log.last(), options.clock.now_ms());
        }
        // Nor may those that a block covers which can't be read now, and may come back.
        let known = covered.max(Some(log.last())).unwrap_or_default();
        log.advance_to(Position(known.0 + UNREAD_POSITIONS))?;
    } else if let Some(covered) = covered {
        log.advance_to(covered)?;
    }
    shards.iter().for_each(Shard::end_replay);
    Ok((Box::new(log), replay, replayed))
}

fn storage_of(options: &Options) -> Result<Arc<dyn Storage>> {
    if let Some(storage) = &options.storage {
        return Ok(Arc::clone(storage));
    }
    let storage = OsStorage::new(&options.path);
    Ok(Arc::new(storage.map_err(|error| Error::io("open", &options.path, error))?))
}
