//! Numbers about a database, added up over its shards.

use std::sync::atomic::Ordering;

use hashbrown::{HashMap, HashSet};
use nunatak_index::Count;

use super::open::Inner;
use crate::shard::Shard;
use crate::stats::{Cardinality, Stats};

impl Inner {
    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats {
            stored_samples: self.counters.stored.load(Ordering::Relaxed),
            refused_samples: self.counters.refused.lock().clone(),
            log_bytes: self.log().written_bytes(),
            background_failures: self.counters.failures.load(Ordering::Relaxed),
            last_background_failure: self.counters.last_failure.lock().clone(),
            memory_budget: self.memory_budget,
            free_bytes: self.space.free(),
            read_only: self.space.is_read_only(),
            scrubbed_bytes: self.counters.scrubbed.load(Ordering::Relaxed),
            scrub_passes: self.counters.scrub_passes.load(Ordering::Relaxed),
            scrub_damaged: self.counters.scrub_damaged.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for tenant in self.tenants.read().values() {
            stats.known_bytes += tenant.known.heap_bytes() as u64;
        }
        for part in self.shards.iter().flat_map(Shard::tenants) {
            part.add_stats(&mut stats);
        }
        stats.quarantined.extend_from_slice(&self.log_damage.found);
        stats
    }

    /// The largest of a tenant's heads. Series are counted in the one shard that has them; a value
    /// may stand in several shards and counts once.
    pub(super) fn cardinality(&self, tenant: &str, top: usize) -> Cardinality {
        let parts: Vec<_> = self.shards.iter().filter_map(|s| s.find_tenant(tenant)).collect();
        let mut sums = Sums::default();
        for part in &parts {
            let head = part.head().read();
            sums.add_series(&head.index().cardinality(usize::MAX));
            for name in head.index().label_names(None) {
                let values = head.index().label_values(&name, None);
                sums.values.entry(name).or_default().extend(values);
            }
        }
        sums.top(top)
    }
}

/// Cardinalities of several shards, put together.
#[derive(Default)]
struct Sums {
    series: u64,
    by_metric: HashMap<String, u64>,
    by_pair: HashMap<String, u64>,
    values: HashMap<String, HashSet<String>>,
}

impl Sums {
    fn add_series(&mut self, part: &nunatak_index::Cardinality) {
        self.series += part.series;
        add_all(&mut self.by_metric, &part.series_by_metric);
        add_all(&mut self.by_pair, &part.series_by_pair);
    }

    fn top(self, top: usize) -> Cardinality {
        let count = |of: fn(&HashSet<String>) -> usize| -> HashMap<String, u64> {
            self.values.iter().map(|(name, values)| (name.clone(), of(values) as u64)).collect()
        };
        Cardinality {
            series: self.series,
            label_pairs: self.values.values().map(|values| values.len() as u64).sum(),
            values_by_label: largest(count(HashSet::len), top),
            bytes_by_label: largest(count(|set| set.iter().map(String::len).sum()), top),
            series_by_metric: largest(self.by_metric, top),
            series_by_pair: largest(self.by_pair, top),
        }
    }
}

fn add_all(sums: &mut HashMap<String, u64>, counts: &[Count]) {
    for count in counts {
        *sums.entry_ref(count.name.as_str()).or_default() += count.count;
    }
}

fn largest(counts: HashMap<String, u64>, top: usize) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(top);
    counts
}
