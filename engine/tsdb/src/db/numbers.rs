//! Numbers about a database, added up over its shards.

use std::sync::atomic::Ordering;

use hashbrown::HashMap;
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
            ..Stats::default()
        };
        for tenant in self.tenants.read().values() {
            stats.known_bytes += tenant.known.heap_bytes() as u64;
        }
        for part in self.shards.iter().flat_map(Shard::tenants) {
            part.add_stats(&mut stats);
        }
        for (file, offset, bytes) in &self.replay_report().quarantined {
            stats.quarantined.push(format!("log: {bytes} bytes at {offset} of {file}"));
        }
        let orphans = self.replay_report().orphans;
        if orphans > 0 {
            let what = format!("log: {orphans} samples whose series is not defined any more");
            stats.quarantined.push(what);
        }
        stats
    }

    pub(super) fn cardinality(&self, tenant: &str, top: usize) -> Cardinality {
        let mut sums = Sums::default();
        for part in self.shards.iter().filter_map(|shard| shard.find_tenant(tenant)) {
            sums.add(&part.head().read().index().cardinality(usize::MAX));
        }
        sums.top(top)
    }
}

/// Cardinalities of several shards, added up.
#[derive(Default)]
struct Sums {
    series: u64,
    label_pairs: u64,
    by_metric: HashMap<String, u64>,
    values: HashMap<String, u64>,
    bytes: HashMap<String, u64>,
    by_pair: HashMap<String, u64>,
}

impl Sums {
    fn add(&mut self, part: &nunatak_index::Cardinality) {
        self.series += part.series;
        self.label_pairs += part.pairs;
        add_all(&mut self.by_metric, &part.series_by_metric);
        add_all(&mut self.values, &part.values_by_name);
        add_all(&mut self.bytes, &part.bytes_by_name);
        add_all(&mut self.by_pair, &part.series_by_pair);
    }

    fn top(self, top: usize) -> Cardinality {
        Cardinality {
            series: self.series,
            label_pairs: self.label_pairs,
            series_by_metric: largest(self.by_metric, top),
            values_by_label: largest(self.values, top),
            bytes_by_label: largest(self.bytes, top),
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
