//! What makes room in memory: series that are idle leave the heads.

use std::sync::Arc;
use std::time::Duration;

use super::maintain::Progress;
use super::open::Inner;
use crate::block::forget_in_time;
use crate::error::Result;
use crate::head::{Idle, Patience};
use crate::shard::{Shard, TenantShard};

/// How long an eviction waits for appenders to finish.
const PATIENCE: Duration = Duration::from_millis(10);
/// The same when memory is short.
const PRESSED_PATIENCE: Duration = Duration::from_millis(500);
/// How often it is tried to remove series whose block is written, while readers are at work.
const REMOVALS: usize = 16;
/// Idle series are looked for so often, in ms of the clock.
const LOOK_EVERY_MS: i64 = 5 * 60 * 1000;
/// The same for so long after memory was short: a flood leaves series behind that nobody writes.
const AFTER_PRESSURE_MS: i64 = 5 * 60 * 1000;
const LOOK_AFTER_PRESSURE_MS: i64 = 20 * 1000;
/// Of series in a head, one in so many must be idle to be worth a block.
const WORTH_A_BLOCK: usize = 32;
/// What a series takes while its block is written: its labels twice, its place in the index.
const WRITING_BYTES: u64 = 800;

impl Inner {
    /// Moves series to disk until the memory is below the soft mark.
    pub(super) fn relieve(&self, progress: &mut Progress) -> Result<()> {
        if !self.pressure.is_above_soft_mark() {
            return Ok(());
        }
        self.pressure.note_short(self.now());
        let mut outcome = self.retire_all(Patience::Pressed);
        if self.pressure.is_above_soft_mark() {
            outcome = outcome.and(self.cut_large());
        }
        if self.pressure.is_above_hard_mark() {
            outcome = outcome.and(self.retire_all(Patience::Urgent));
        }
        if !self.space.is_read_only() {
            outcome = outcome.and(self.save_heads(progress));
        }
        outcome
    }

    /// Retires idle series, of the largest heads first.
    fn retire_all(&self, patience: Patience) -> Result<()> {
        let mut outcome = Ok(());
        for (shard, tenant) in self.by_size() {
            while self.pressure.is_above_low_mark() {
                let retired = self.retire(shard, &tenant, patience);
                let is_done = !matches!(retired, Ok(count) if count > 0);
                outcome = outcome.and(retired.map(drop));
                if is_done {
                    break;
                }
            }
        }
        outcome
    }

    /// Cuts the heads that samples fill, not series.
    fn cut_large(&self) -> Result<()> {
        let mut outcome = Ok(());
        for (shard, tenant) in self.by_size() {
            if self.pressure.is_above_soft_mark() && tenant.head().read().is_worth_a_cut() {
                let order = || shard.order_cut(&tenant, self.log(), self.now(), i64::MAX);
                outcome = outcome.and(order().and_then(|_| tenant.run_pending_cuts()));
                self.evict(&tenant, Patience::Pressed);
                self.measure_memory();
            }
        }
        outcome
    }

    fn by_size(&self) -> Vec<(&Shard, Arc<TenantShard>)> {
        let tenants = |shard| Shard::tenants(shard).into_iter().map(move |tenant| (shard, tenant));
        let mut all: Vec<_> = self.shards.iter().flat_map(tenants).collect();
        all.sort_by_cached_key(|(_, tenant)| std::cmp::Reverse(tenant.head().read().heap_bytes()));
        all
    }

    /// Now and then, retires the series that nobody writes any more.
    pub(super) fn retire_idle(&self, progress: &mut Progress) -> Result<()> {
        let now = self.now();
        let since = |then: i64| now.saturating_sub(then);
        let (patience, every) = if self.pressure.was_short(now, AFTER_PRESSURE_MS) {
            (Patience::Pressed, LOOK_AFTER_PRESSURE_MS)
        } else {
            (Patience::Calm, LOOK_EVERY_MS)
        };
        if since(progress.looked_for_idle) < every || self.space.is_read_only() {
            return Ok(());
        }
        progress.looked_for_idle = now;
        let mut outcome = Ok(());
        for shard in &self.shards {
            for tenant in shard.tenants() {
                outcome = outcome.and(self.retire_while_any(shard, &tenant, patience));
            }
        }
        outcome
    }

    fn retire_while_any(
        &self,
        shard: &Shard,
        tenant: &TenantShard,
        patience: Patience,
    ) -> Result<()> {
        let before = tenant.head().read().series();
        while self.retire(shard, tenant, patience)? > 0 {}
        if tenant.head().read().series() < before {
            tenant.compact_head();
        }
        Ok(())
    }

    /// Writes a block of idle series of one head and removes them; returns how many.
    fn retire(&self, shard: &Shard, tenant: &TenantShard, patience: Patience) -> Result<usize> {
        tenant.run_pending_cuts()?;
        let limit = (self.memory_budget / 16 / WRITING_BYTES).clamp(1000, 100_000) as usize;
        let least = (tenant.head().read().series() / WORTH_A_BLOCK).min(limit);
        let idle = self.idle(tenant, patience);
        let mut slots = shard.retire(tenant, self.log(), idle, (least, limit))?;
        let mut removed = 0;
        for _ in 0..REMOVALS {
            if slots.is_empty() {
                break;
            }
            removed += self.remove_retired(tenant, &mut slots);
        }
        self.measure_memory();
        Ok(removed)
    }

    /// Those whose removal is put off stay in the head besides; a later block has them again.
    fn remove_retired(&self, tenant: &TenantShard, slots: &mut Vec<u32>) -> usize {
        let Some(_alone) = self.references_in_use.try_write_for(PRESSED_PATIENCE) else {
            return 0;
        };
        let removed = tenant.remove_retired(slots);
        self.forget_known(tenant);
        removed
    }

    /// Gives back the memory of what queries have read of the blocks' indexes, if it could be much.
    pub(super) fn give_back(&self) {
        let tenants: Vec<_> = self.shards.iter().flat_map(Shard::tenants).collect();
        let bytes: u64 = tenants.iter().map(|tenant| tenant.index_bytes()).sum();
        if bytes > self.memory_budget / 8 {
            for tenant in &tenants {
                tenant.give_back();
            }
        }
        forget_in_time();
    }

    /// Evicts idle series without samples, unless appenders are at work with references.
    pub(super) fn evict(&self, tenant: &TenantShard, patience: Patience) {
        let wait = if patience == Patience::Calm { PATIENCE } else { PRESSED_PATIENCE };
        let Some(_alone) = self.references_in_use.try_write_for(wait) else { return };
        if tenant.evict(self.idle(tenant, patience)) > 0 {
            self.forget_known(tenant);
        }
    }

    /// Measured behind the tenant's newest sample, at most the clock.
    fn idle(&self, tenant: &TenantShard, patience: Patience) -> Idle {
        let newest = self.tenant_state(&tenant.name()).newest();
        Idle { patience, now: newest.unwrap_or(i64::MIN).min(self.now()) }
    }

    /// Forgets where the series were that a head has no more. Nobody may hold references.
    fn forget_known(&self, tenant: &TenantShard) {
        let state = self.tenant_state(&tenant.name());
        let head = tenant.head().read();
        let here = tenant.shard();
        state.known.retain(|place| place.shard != here || head.has_reference(place.reference));
    }
}
