//! The online scrub: reads all blocks and tiers slowly, over and over, and finds what a disk has changed.
//!
//! A slice of each round of background work goes on where the one before stopped, in the middle of a
//! file if need be: the digest of the bytes so far is all that is kept. What differs from the digest in
//! the manifest is put aside as at a start. Log files are not scrubbed: they live for hours, and a
//! start checks them.

use std::sync::Arc;
use std::time::Duration;

use crate::block::{Block, BlockScrub};
use crate::error::Error;
use crate::shard::{Shard, TenantShard};

/// Bytes a second that are read at least, however few there are.
const LEAST: u64 = 64 * 1024;
/// Time that one slice makes up for at most, in ms: a machine that slept does not wake up to a storm.
const LONGEST_MS: i64 = 10_000;

/// Which block comes first: by shard, tenant and name.
type Key = (u16, Arc<str>, String);

/// Where the scrub is.
#[derive(Debug, Default)]
pub(crate) struct Scrub {
    /// Bytes that were read since the database was opened.
    pub(crate) bytes: u64,
    /// How often all blocks were read since then.
    pub(crate) passes: u64,
    last_ms: Option<i64>,
    /// The block that was read last.
    last: Option<Key>,
    current: Option<(Arc<TenantShard>, BlockScrub)>,
}

impl Scrub {
    /// Reads as much as is due at `now`, in ms, so that all blocks are read once in `every`.
    /// Returns what was put aside.
    pub(crate) fn slice(&mut self, shards: &[Shard], every: Duration, now: i64) -> Vec<Error> {
        let elapsed = now.saturating_sub(self.last_ms.unwrap_or(now)).clamp(0, LONGEST_MS);
        self.last_ms = Some(now);
        let mut left = due(total(shards), every, elapsed as u64);
        let mut damaged = Vec::new();
        while left > 0 {
            if self.current.is_none() && !self.begin(shards) {
                break;
            }
            let Some((tenant, reading)) = &mut self.current else { break };
            match reading.step(left) {
                Ok(0) => self.current = None,
                Ok(read) => {
                    left = left.saturating_sub(read);
                    self.bytes += read;
                }
                Err(error) => {
                    let name = reading.block().meta().name.clone();
                    damaged.extend(tenant.quarantine(&name, error));
                    self.current = None;
                }
            }
        }
        damaged
    }

    /// Takes the next block; `false` after the last one of a pass.
    fn begin(&mut self, shards: &[Shard]) -> bool {
        let Some((key, tenant, block)) = next(shards, self.last.as_ref()) else {
            self.passes += u64::from(self.last.take().is_some());
            return false;
        };
        self.last = Some(key);
        match BlockScrub::new(block.clone()) {
            Ok(reading) => self.current = Some((tenant, reading)),
            // Its files are gone: it was merged or removed, or it is damaged and said to be.
            Err(error) => drop(tenant.quarantine(&block.meta().name, error)),
        }
        true
    }
}

/// Bytes to read in `elapsed` ms.
fn due(total: u64, every: Duration, elapsed: u64) -> u64 {
    let rate = u128::from(total) * 1000 / every.as_millis().max(1);
    let rate = rate.max(u128::from(LEAST));
    u64::try_from(rate * u128::from(elapsed) / 1000).unwrap_or(u64::MAX)
}

fn total(shards: &[Shard]) -> u64 {
    let tenants = shards.iter().flat_map(Shard::tenants);
    let bytes = |tenant: Arc<TenantShard>| -> u64 {
        tenant.blocks_and_tiers().iter().map(|block| block.meta().bytes).sum()
    };
    tenants.map(bytes).sum()
}

/// The first block behind `last`.
fn next(shards: &[Shard], last: Option<&Key>) -> Option<(Key, Arc<TenantShard>, Block)> {
    let mut first: Option<(Key, Arc<TenantShard>, Block)> = None;
    for tenant in shards.iter().flat_map(Shard::tenants) {
        for block in &tenant.blocks_and_tiers() {
            let key = (tenant.shard(), tenant.name(), block.meta().name.clone());
            let is_next = last.is_none_or(|last| key > *last)
                && first.as_ref().is_none_or(|(first, ..)| key < *first);
            if is_next {
                first = Some((key, Arc::clone(&tenant), block.clone()));
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_due_as_ends_a_pass_in_time() {
        let week = Duration::from_hours(7 * 24);
        assert_eq!(due(0, week, 1000), LEAST);
        assert_eq!(due(604_800 * 1_000_000, week, 2000), 2_000_000);
        assert_eq!(due(1 << 40, Duration::ZERO, 0), 0);
        assert_eq!(due(u64::MAX, Duration::ZERO, 10_000), u64::MAX);
    }
}
