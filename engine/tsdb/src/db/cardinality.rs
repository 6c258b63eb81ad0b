//! Who has the most series, over all shards of a tenant.
//!
//! Each shard names its largest; how large those are in all shards is asked of all of them. Series
//! are spread evenly, so what is large is large in every shard.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use nunatak_index::{HeadIndex, METRIC_NAME, NameCount, PairCount};

use super::distinct;
use super::open::Inner;
use crate::cardinality::Cardinality;
use crate::shard::{Shard, TenantShard};

/// Each shard names so many more than are asked for.
const NAMED: usize = 128;
/// Values that are looked up of each shard for a label that is not among the largest.
const FEW: usize = 16;

/// The parts of a tenant in the shards.
pub(super) struct Parts(Vec<Arc<TenantShard>>);

impl Parts {
    pub(super) fn of(inner: &Inner, tenant: &str) -> Self {
        Self(inner.shards.iter().filter_map(|shard| shard.find_tenant(tenant)).collect())
    }

    pub(super) fn all(&self) -> &[Arc<TenantShard>] {
        &self.0
    }

    pub(super) fn series(&self) -> u64 {
        self.0.iter().map(|part| part.head().read().series() as u64).sum()
    }

    /// The values of a label; one that is in several shards counts in each.
    pub(super) fn values_at_most(&self, name: &str) -> u64 {
        self.0.iter().map(|part| part.head().read().index().value_count(name)).sum()
    }

    pub(super) fn has_pair(&self, name: &str, value: &str) -> bool {
        self.0.iter().any(|part| part.head().read().index().has_pair(name, value))
    }

    pub(super) fn series_with(&self, name: &str, value: &str) -> u64 {
        self.0.iter().map(|part| part.head().read().index().series_with(name, value)).sum()
    }

    /// The metrics with the most series.
    pub(super) fn metrics(&self, top: usize) -> Vec<(String, u64)> {
        self.values_of(METRIC_NAME, top)
    }

    /// The values of a label that the most series have.
    pub(super) fn values_of(&self, label: &str, top: usize) -> Vec<(String, u64)> {
        let largest = self.largest(top, |index, top| index.largest_values(label, top));
        largest.into_iter().map(|pair| (pair.value, pair.series)).collect()
    }

    /// The pairs with the most series.
    pub(super) fn pairs(&self, top: usize) -> Vec<(String, u64)> {
        let largest = self.largest(top, HeadIndex::largest_pairs);
        let text = |pair: PairCount| (format!("{}={}", pair.name, pair.value), pair.series);
        largest.into_iter().map(text).collect()
    }

    fn largest(
        &self,
        top: usize,
        of: impl Fn(&HeadIndex, usize) -> Vec<PairCount>,
    ) -> Vec<PairCount> {
        let each = top.saturating_add(NAMED);
        let named = self.0.iter().flat_map(|part| of(part.head().read().index(), each));
        let named: HashSet<(String, String)> = named.map(|pair| (pair.name, pair.value)).collect();
        let count = |(name, value): (String, String)| {
            let series = self.series_with(&name, &value);
            PairCount { name, value, series }
        };
        let mut all: Vec<_> = named.into_iter().map(count).filter(|pair| pair.series > 0).collect();
        all.sort_by(|a, b| (b.series, &a.name, &a.value).cmp(&(a.series, &b.name, &b.value)));
        all.truncate(top);
        all
    }

    /// All label names; a value that is in several shards counts once in each.
    fn names(&self) -> Vec<NameCount> {
        let mut sums: HashMap<String, NameCount> = HashMap::new();
        for part in &self.0 {
            for count in part.head().read().index().name_counts() {
                let sum = sums.entry_ref(count.name.as_str()).or_default();
                sum.values += count.values;
                sum.value_bytes += count.value_bytes;
                sum.series += count.series;
            }
        }
        let named = |(name, sum)| NameCount { name, ..sum };
        let mut all: Vec<_> = sums.into_iter().map(named).collect();
        all.sort_by(|a, b| (b.values, &a.name).cmp(&(a.values, &b.name)));
        all
    }

    /// The labels with the most values, as [`labels`](Self::labels) has them.
    pub(super) fn values(&self, top: usize) -> Vec<(String, u64)> {
        let values = self.labels(top).into_iter().map(|label| (label.name, label.values));
        largest(values.collect(), top)
    }

    /// All label names with their values and bytes in all shards together. Those that may be among
    /// the `top` largest are counted with more care.
    fn labels(&self, top: usize) -> Vec<NameCount> {
        let mut counted: Vec<u64> = Vec::new();
        let count = |label: NameCount| {
            // It is not among the largest if `top` others have more than it can have.
            let is_far = counted.iter().filter(|&&other| other >= label.values).count() >= top;
            let sampled = if is_far { FEW } else { distinct::SAMPLED };
            let values = distinct::values(&self.0, &label.name, sampled);
            counted.push(values);
            let value_bytes = label.value_bytes * values / label.values.max(1);
            NameCount { values, value_bytes, ..label }
        };
        self.names().into_iter().map(count).collect()
    }
}

impl Inner {
    pub(super) fn largest_values(
        &self,
        tenant: &str,
        label: &str,
        top: usize,
    ) -> Vec<(String, u64)> {
        Parts::of(self, tenant).values_of(label, top)
    }

    /// Series of all tenants in the heads.
    pub(super) fn active_series(&self) -> u64 {
        let parts = self.shards.iter().flat_map(Shard::tenants);
        parts.map(|part| part.head().read().series() as u64).sum()
    }

    /// The largest of a tenant's heads.
    pub(super) fn cardinality(&self, tenant: &str, top: usize) -> Cardinality {
        let parts = Parts::of(self, tenant);
        let labels = parts.labels(top);
        let by = |count: fn(&NameCount) -> u64| {
            largest(labels.iter().map(|label| (label.name.clone(), count(label))).collect(), top)
        };
        Cardinality {
            series: parts.series(),
            label_pairs: labels.iter().map(|label| label.values).sum(),
            series_by_metric: parts.metrics(top),
            series_by_label: by(|label| label.series),
            values_by_label: by(|label| label.values),
            bytes_by_label: by(|label| label.value_bytes),
            series_by_pair: parts.pairs(top),
        }
    }
}

/// The largest, the largest first; equal ones by name.
pub(super) fn largest(mut counts: Vec<(String, u64)>, top: usize) -> Vec<(String, u64)> {
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(top);
    counts
}
