//! Loading the saved heads of all shards, on all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::shard::{Shard, TenantShard};
use crate::start_progress::{Phase, StartProgress};

/// Loads every head that is saved. Each is read page by page, so there is never a second copy.
pub(super) fn load_heads(shards: &[Shard], parallel: bool, progress: &StartProgress) -> Result<()> {
    let tenants: Vec<Arc<TenantShard>> = shards.iter().flat_map(Shard::tenants).collect();
    progress.begin(Phase::Heads, tenants.len() as u64);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(tenant) = tenants.get(next.fetch_add(1, Ordering::Relaxed)) {
            load(tenant, progress)?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if parallel { cores.min(tenants.len()) } else { 1 };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let panicked = |_| Err(Error::corrupt("head", 0, "a thread that loads heads panicked"));
        let joined = others.into_iter().map(|t| t.join().unwrap_or_else(panicked));
        joined.fold(own, Result::and)
    })
}

fn load(tenant: &TenantShard, progress: &StartProgress) -> Result<()> {
    let began = Instant::now();
    tenant.load()?;
    progress.add(1);
    let series = tenant.head().read().series();
    if series > 0 {
        let (shard, tenant, ms) = (tenant.shard(), tenant.name(), began.elapsed().as_millis());
        let per_cent = progress.per_cent();
        tracing::info!(shard, %tenant, series, %ms, per_cent, "loaded a saved head");
    }
    Ok(())
}
