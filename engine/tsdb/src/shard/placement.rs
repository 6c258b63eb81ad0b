//! Which shard a series lives in.

use nunatak_index::{Labels, METRIC_NAME};
use xxhash_rust::xxh3::Xxh3;

/// Between the parts of the hashed text; no UTF-8 text has this byte.
const SEPARATOR: u8 = 0xFF;
/// The label that tells the buckets of a classic histogram apart.
const BUCKET: &str = "le";

/// The shard of a series among `shards` (a power of two).
///
/// The metric name and `le` do not count (unless there is nothing else), so that metrics with
/// otherwise equal labels, and the buckets of a histogram, share a shard: `a / b` and
/// `histogram_quantile` never leave it. This function never changes: folders depend on it.
pub(crate) fn shard_of(tenant: &str, labels: &Labels, shards: usize) -> u16 {
    let has_others = labels.iter().any(|(name, _)| is_hashed(name));
    let mut hasher = Xxh3::with_seed(0);
    hasher.update(tenant.as_bytes());
    hasher.update(&[SEPARATOR]);
    for (name, value) in labels.iter().filter(|(name, _)| is_hashed(name) || !has_others) {
        hasher.update(name.as_bytes());
        hasher.update(&[SEPARATOR]);
        hasher.update(value.as_bytes());
        hasher.update(&[SEPARATOR]);
    }
    (hasher.digest() as usize & (shards - 1)) as u16
}

fn is_hashed(name: &str) -> bool {
    name != METRIC_NAME && name != BUCKET
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;

    #[test]
    fn metric_and_bucket_do_not_count() {
        let bucket = labels! { "__name__" => "h_bucket", "job" => "a", "le" => "1" };
        let sum = labels! { "__name__" => "h_sum", "job" => "a" };
        assert_eq!(shard_of("", &bucket, 1024), shard_of("", &sum, 1024));
        assert_ne!(shard_of("", &sum, 1024), shard_of("other", &sum, 1024));
    }

    /// These never change: a folder written by an earlier build depends on them. Computed with the
    /// reference implementation of XXH3.
    #[test]
    fn vectors() {
        let node = labels! { "__name__" => "up", "instance" => "host-1:9100", "job" => "node" };
        let bare = labels! { "__name__" => "up" };
        let found =
            [("", &node), ("", &bare), ("team-a", &node)].map(|(t, l)| shard_of(t, l, 1024));
        assert_eq!(found, [284, 44, 575]);
    }

    #[test]
    fn a_fleet_spreads_evenly() {
        let mut count = [0u32; 8];
        for host in 0..1000 {
            for cpu in 0..16 {
                let (host, cpu) = (format!("host-{host}:9100"), cpu.to_string());
                let set = labels! { "__name__" => "cpu", "instance" => &host, "cpu" => &cpu };
                count[usize::from(shard_of("", &set, 8))] += 1;
            }
        }
        let max = f64::from(*count.iter().max().unwrap());
        assert!(max / 2000.0 <= 1.3, "skew {count:?}");
    }
}
