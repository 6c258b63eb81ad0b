//! How many values a label has over several shards.
//!
//! Each shard knows how many it has, but a value may stand in several. If a value stands in k of
//! them, each of its k places counts as 1/k, and the sum over all places is the number of values.
//! A shard with many values is asked about some of them only, evenly spread, and the mean of 1/k is
//! multiplied: exact for a label whose values are all in one shard (an identifier) or all in every
//! shard (a job), within a few percent in between.

use std::sync::Arc;

use crate::shard::TenantShard;

/// Values that are looked up for each shard; with more, the number is an estimate.
pub(super) const SAMPLED: usize = 128;

/// The values of the label `name` in all shards together, for which up to `sampled` values of each
/// shard are looked up: at least what the largest shard has.
pub(super) fn values(parts: &[Arc<TenantShard>], name: &str, sampled: usize) -> u64 {
    let mut sum = 0.0;
    let mut largest = 0;
    for (number, part) in parts.iter().enumerate() {
        let (count, sample) = part.head().read().index().sample_values(name, sampled);
        largest = largest.max(count);
        if sample.is_empty() {
            continue;
        }
        let mut places = vec![1_u32; sample.len()];
        let others = parts.iter().enumerate().filter(|(other, _)| *other != number);
        for (_, other) in others {
            let head = other.head().read();
            for (places, value) in places.iter_mut().zip(&sample) {
                *places += u32::from(head.index().has_pair(name, value));
            }
        }
        let shares: f64 = places.iter().map(|&places| 1.0 / f64::from(places)).sum();
        sum += count as f64 * shares / sample.len() as f64;
    }
    largest.max(sum.round() as u64)
}
