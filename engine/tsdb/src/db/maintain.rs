//! Background work: cuts, compaction, retention, eviction, trimming of the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::open::Inner;
use crate::compact::Allowance;
use crate::error::{Error, Result};
use crate::head::Patience;
use crate::log::{Frame, Position, Record, ReplayReport, Samples};
use crate::options::Durability;
use crate::retention::oldest_within;
use crate::scrub::Scrub;
use crate::shard::{Downsampling, Shard, TenantShard, Upkeep};

/// The log is trimmed when so many frames can go.
const TRIM_FRAMES: u64 = 4096;
/// A lull in a flood is as long: what merges in it would be merged again with what comes next.
const LULL_MS: i64 = 30_000;
/// A larger budget is this one.
const LONGEST_ROUND: Duration = Duration::from_hours(24);

/// What the maintenance remembers from round to round.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Frames before this one were let go of.
    pub(super) trimmed: Position,
    /// Where the next round begins.
    next_shard: usize,
    scrub: Scrub,
    /// When idle series were looked for last, in ms.
    pub(super) looked_for_idle: i64,
}

impl Progress {
    /// Goes on where the log was let go of: a head that has not changed for long asks for older frames
    /// when it does, and no checkpoint may promise these.
    pub(super) fn from(replay: &ReplayReport) -> Self {
        Self { trimmed: replay.kept_from, ..Self::default() }
    }
}

impl Inner {
    /// One round over all shards; stops early when `budget` is used up. `true` if it did.
    pub(super) fn maintain(&self, budget: Duration) -> Result<bool> {
        let _open = self.enter()?;
        let mut progress = self.maintenance.lock();
        let until = Instant::now() + budget.min(LONGEST_ROUND);
        let mut outcome = Ok(());
        if matches!(self.options.durability, Durability::Interval(_)) && !self.has_background() {
            outcome = self.noted(self.log().sync());
        }
        self.measure_memory();
        self.look_at_space();
        outcome = outcome.and(self.noted(self.finalize_deletes(false)));
        outcome = outcome.and(self.noted(self.relieve(&mut progress)));
        let mut left = self.shards.len();
        while left > 0
            && !self.is_stopping()
            && (left == self.shards.len() || Instant::now() < until)
        {
            let shard = &self.shards[progress.next_shard % self.shards.len()];
            for tenant in shard.tenants() {
                outcome = outcome.and(self.noted(self.maintain_tenant(shard, &tenant)));
            }
            progress.next_shard = (progress.next_shard + 1) % self.shards.len();
            left -= 1;
        }
        outcome = outcome.and(self.noted(self.expire_bytes()));
        // When the disk is nearly full every segment counts, and no saved head is written.
        if !self.space.is_read_only() {
            outcome = outcome.and(self.noted(self.save_heads(&mut progress)));
        }
        let least = if self.space.is_read_only() { 1 } else { TRIM_FRAMES };
        outcome = outcome.and(self.noted(self.trim_log(&mut progress, least)));
        outcome = outcome.and(self.noted(self.retire_idle(&mut progress)));
        self.scrub(&mut progress.scrub);
        self.give_back();
        self.measure_memory();
        self.note_growth();
        outcome.map(|()| left > 0)
    }

    /// Cuts everything, compacts, trims the log. Returns the first failure; the rest is done all
    /// the same.
    pub(super) fn flush(&self) -> Result<()> {
        let _open = self.enter()?;
        let mut progress = self.maintenance.lock();
        let mut outcome = self.finalize_deletes(false);
        for shard in &self.shards {
            for tenant in shard.tenants() {
                outcome = outcome.and(self.flush_tenant(shard, &tenant));
            }
        }
        outcome = outcome.and(self.log().sync());
        outcome = match outcome {
            Ok(()) => self.drop_saved_heads(&mut progress),
            failed => failed.and(self.trim_log(&mut progress, 1)),
        };
        if outcome.is_ok() {
            self.tail.restart(self.log().written_bytes(), 0, self.now());
        }
        self.measure_memory();
        outcome
    }

    pub(super) fn flush_tenant(&self, shard: &Shard, tenant: &TenantShard) -> Result<()> {
        if tenant.head().read().first_needed().is_some() {
            shard.order_cut(tenant, self.log(), self.now(), i64::MAX)?;
        }
        tenant.run_pending_cuts()?;
        for is_flush in [true, false] {
            while self.compact(tenant, is_flush)? {}
        }
        tenant.find_done()?;
        while self.downsample(tenant)? {}
        Ok(())
    }

    fn maintain_tenant(&self, shard: &Shard, tenant: &TenantShard) -> Result<()> {
        let cut = self.cut(shard, tenant);
        if tenant.is_eviction_due() {
            self.evict(tenant, Patience::Calm);
        }
        let compacted = self.compact(tenant, false).and_then(|_| tenant.find_done());
        // A failure of one kind of work keeps none of the others from being done.
        let expired = self.expire(tenant);
        let downsampled = self.downsample(tenant).map(drop);
        cut.and(compacted).and(expired).and(downsampled)
    }

    /// Merges one group of blocks, or writes one again without what has ended, if there is room
    /// for what they become.
    fn compact(&self, tenant: &TenantShard, is_flush: bool) -> Result<bool> {
        self.look_at_space();
        let expiry = self.expiry(&self.tenant_state(&tenant.name()));
        let (room, mut allowance) = (self.space.room(), self.allowance());
        allowance.is_pressed |= !is_flush && self.pressure.was_short(self.now(), LULL_MS);
        let stopping = &self.stopping;
        tenant.compact_once(&Upkeep { expiry, room, allowance, is_flush, stopping })
    }

    /// Makes one tier that is due, if there is room, and removes those that are worth nothing.
    fn downsample(&self, tenant: &TenantShard) -> Result<bool> {
        let before = self.downsampled_before(&self.tenant_state(&tenant.name()));
        let (room, allowance) = (self.space.room(), self.allowance());
        tenant.downsample_once(&Downsampling { before, room, allowance, stopping: &self.stopping })
    }

    fn allowance(&self) -> Allowance {
        let (memory, is_pressed) =
            (self.pressure.spare_bytes(), self.pressure.is_above_soft_mark());
        Allowance { memory, is_pressed }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn cut(&self, shard: &Shard, tenant: &TenantShard) -> Result<()> {
        if let Some(before) = self.cut_due(tenant) {
            shard.order_cut(tenant, self.log(), self.now(), before)?;
        }
        tenant.run_pending_cuts()
    }

    /// Until when the tenant's head is to be cut now.
    fn cut_due(&self, tenant: &TenantShard) -> Option<i64> {
        let head = tenant.head().read();
        if head.pending_cut().is_some() {
            return None;
        }
        head.cut_due(self.now())
    }

    /// Removes blocks that the retention has ended.
    fn expire(&self, tenant: &TenantShard) -> Result<()> {
        tenant.remove_blocks_before(self.oldest_kept(&self.tenant_state(&tenant.name())))
    }

    /// Removes the oldest blocks if all of them take more bytes than they may.
    fn expire_bytes(&self) -> Result<()> {
        let Some(limit) = self.options.retention_bytes else { return Ok(()) };
        let tenants: Vec<_> = self.shards.iter().flat_map(Shard::tenants).collect();
        let mut sizes: Vec<_> = tenants.iter().flat_map(|tenant| tenant.block_sizes()).collect();
        let Some(oldest) = oldest_within(&mut sizes, limit) else { return Ok(()) };
        tenants.iter().try_for_each(|tenant| tenant.remove_blocks_before(oldest))
    }

    /// Writes a checkpoint and lets go of the log before what the heads still need, if at least
    /// `least` frames can go.
    pub(super) fn trim_log(&self, progress: &mut Progress, least: u64) -> Result<()> {
        // What is written from here on lies behind `at` and is kept in any case.
        let at = self.log().last();
        let needed = self.shards.iter().filter_map(Shard::first_needed).min();
        let keep_from = needed.unwrap_or(Position(at.0 + 1)).min(Position(at.0 + 1));
        // What is gone can't be kept. Not to write a checkpoint then would be wrong: those who give saved
        // heads up rely on it.
        let keep_from = keep_from.max(progress.trimmed);
        if keep_from.0 < progress.trimmed.0.max(1) + least {
            return Ok(());
        }
        self.store_tombstones()?;
        let stamp = self.now();
        let mut tenants: Vec<_> = self.shards.iter().flat_map(Shard::tenants).collect();
        if tenants.iter().any(|tenant| tenant.must_be_saved(keep_from)) {
            return Ok(());
        }
        tenants.iter().try_for_each(|tenant| tenant.settle())?;
        tenants.retain(|tenant| tenant.needs_definitions(keep_from));
        let mut frames = tenants.iter().flat_map(|tenant| checkpoint_frames(tenant, stamp));
        let before = self.log().written_bytes();
        let first = self.log().first()?;
        self.log().checkpoint(at, keep_from, &mut frames)?;
        self.tail.leave_out(self.log().written_bytes().saturating_sub(before));
        self.forget_deletes(first);
        progress.trimmed = keep_from;
        Ok(())
    }

    /// Forgets what deletes need no more: the log has nothing before `kept`, and a power loss does
    /// not bring it back.
    fn forget_deletes(&self, kept: Position) {
        let tenants: Vec<_> = self.shards.iter().flat_map(Shard::tenants).collect();
        let open = tenants.iter().flat_map(|tenant| tenant.tombstones().only(false).ids());
        let open = open.collect();
        for tenant in &tenants {
            tenant.forget_before(kept, &open);
        }
    }

    pub(super) fn look_at_space(&self) {
        self.space.look_with(self.pressure.head_bytes());
    }

    /// Reads on in the blocks, as much as is due.
    fn scrub(&self, scrub: &mut Scrub) {
        let Some(every) = self.options.scrub_every else { return };
        let damaged = scrub.slice(&self.shards, every, self.now());
        self.counters.scrubbed.store(scrub.bytes, Ordering::Relaxed);
        self.counters.scrub_passes.store(scrub.passes, Ordering::Relaxed);
        self.counters.scrub_damaged.fetch_add(damaged.len() as u64, Ordering::Relaxed);
    }

    /// Syncs the log, as often as the durability promises; a failure is told and counted.
    pub(super) fn sync_in_time(&self) {
        if let Err(error) = self.enter().and_then(|_open| self.noted(self.log().sync()))
            && !matches!(error, Error::Closed)
        {
            tracing::error!(id = error.id(), %error, "a sync of the log failed");
        }
    }

    /// Tells and counts that background work has panicked.
    pub(super) fn note_panic(&self, what: &str) {
        tracing::error!(%what, "background work panicked; the rest of it goes on");
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        *self.counters.last_failure.lock() = Some(format!("panic: {what}"));
    }

    /// Counts a failure of background work.
    fn noted(&self, result: Result<()>) -> Result<()> {
        result.inspect_err(|error: &Error| {
            if matches!(error, Error::Closed) {
                return;
            }
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            *self.counters.last_failure.lock() = Some(error.to_string());
        })
    }
}

/// The frames that bring a head back to its definitions.
fn checkpoint_frames(tenant: &Arc<TenantShard>, stamp: i64) -> impl Iterator<Item = Frame> + use<> {
    let next_reference = tenant.head().read().next_reference();
    let state = std::iter::once(Record::State { next_reference });
    let tenant = Arc::clone(tenant);
    let (shard, name) = (tenant.shard(), tenant.name());
    let aliases = tenant.head().read().alias_definitions();
    let aliases = (!aliases.is_empty())
        .then(|| Record::Write { definitions: aliases, samples: Samples::default() });
    let writes = tenant.slot_pieces().filter_map(move |slots| {
        let definitions = tenant.head().read().definitions(slots);
        let samples = Samples::default();
        (!definitions.is_empty()).then_some(Record::Write { definitions, samples })
    });
    state.chain(writes).chain(aliases).map(move |record| Frame {
        shard,
        tenant: Arc::clone(&name),
        stamp,
        record,
    })
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;
    use crate::storage::MemoryStorage;
    use crate::time::ManualClock;
    use crate::{Batch, Db, Options};

    #[test]
    fn a_close_stops_compaction() {
        let (storage, clock) = (Arc::new(MemoryStorage::new()), Arc::new(ManualClock::new(5)));
        let options = Options::new("test").storage(storage).clock(clock).threads(0).shards(1);
        let db = Db::open(options).unwrap();
        let flush = |value| {
            let mut batch = Batch::new();
            let series = batch.series(&labels! { "a" => "b" }).unwrap();
            batch.push(series, 5, value);
            db.append(&batch).unwrap();
            db.flush()
        };
        flush(1.0).unwrap();
        let stopping = &db.main.inner().stopping;
        stopping.store(true, Ordering::Relaxed);
        assert!(matches!(flush(2.0), Err(Error::Closed)));
        assert_eq!(db.stats().blocks, 2, "cut, not merged");
        stopping.store(false, Ordering::Relaxed);
        db.flush().unwrap();
        assert_eq!(db.stats().blocks, 1);
        let stopping = Arc::clone(stopping);
        db.close().unwrap();
        assert!(stopping.load(Ordering::Relaxed), "a close says so");
    }
}
