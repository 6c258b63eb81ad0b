//! One metric: which of its labels makes the series, since when, and from where.
//!
//! References of series only rise, so a note of the next one tells new series from older ones
//! without a time at each of them. Of many series some are looked at, evenly spread.

use nunatak_index::METRIC_NAME;

use super::cardinality::Parts;
use super::growth::View;
use super::open::Inner;
use super::sample::Sample;
use crate::cardinality::{MetricCardinality, MetricLabel};
use crate::growth::{Kind, Note, rising_since};
use crate::shard::{LOCK_PIECE, TenantShard};

/// Series that are looked at of each shard.
const SAMPLED: usize = 4096;
/// The place of an hour among the spans of growth.
const HOUR: usize = 1;

impl Inner {
    /// What is known about a tenant's series of a metric in the heads, with the `top` values of each
    /// label. New are those that came since it has been rising, else in the last hour.
    pub(super) fn metric_cardinality(
        &self,
        tenant: &str,
        metric: &str,
        top: usize,
    ) -> MetricCardinality {
        let parts = Parts::of(self, tenant);
        let count = parts.series_with(METRIC_NAME, metric);
        let state = self.tenant_state(tenant);
        let history = state.growth.lock();
        let counts = history.counts(Kind::Metric, metric, count);
        let rising = rising_since(&counts, count);
        let view = View::new(&history, self.now());
        let from = rising.and_then(|at| history.at(at)).or(view.notes[HOUR]);
        let (mut all, mut new) = (Sample::default(), Sample::default());
        for part in parts.all() {
            look(part, metric, from, &mut all, &mut new);
        }
        let shown = if new.series() > 0 { &new } else { &all };
        MetricCardinality {
            series: view.one(Kind::Metric, metric.to_owned(), count),
            rising_since_ms: rising,
            history: counts,
            new_since_ms: from.map(|note| note.at_ms),
            new_series: new.series(),
            labels: labels(&all, &new, top),
            sources: shown.sources(top),
        }
    }
}

/// The labels of a metric; the one with the most values among the new series first.
fn labels(all: &Sample, new: &Sample, top: usize) -> Vec<MetricLabel> {
    let label = |name: &str| MetricLabel {
        name: name.to_owned(),
        values: all.values(name),
        new_values: new.values(name),
        top: if new.series() > 0 { new.top(name, top) } else { all.top(name, top) },
    };
    let mut labels: Vec<_> = all.names().filter(|name| *name != METRIC_NAME).map(label).collect();
    labels
        .sort_by(|a, b| (b.new_values, b.values, &a.name).cmp(&(a.new_values, a.values, &b.name)));
    labels
}

/// Looks at the metric's series in one shard.
fn look(part: &TenantShard, metric: &str, from: Option<&Note>, all: &mut Sample, new: &mut Sample) {
    let slots: Vec<u32> = part.head().read().index().ids_with(METRIC_NAME, metric);
    let first_new = from.map_or(u64::MAX, |note| note.next_reference(part.shard()));
    let is_new = |head: &crate::head::Head, slot: u32| {
        head.reference_at(slot).is_some_and(|reference| reference >= first_new)
    };
    let mut new_slots = Vec::new();
    for piece in slots.chunks(LOCK_PIECE) {
        let head = part.head().read();
        new_slots.extend(piece.iter().copied().filter(|&slot| is_new(&head, slot)));
    }
    sample(part, &slots, all);
    sample(part, &new_slots, new);
}

/// Adds some of the series in `slots`, each for as many as there are for one that is looked at.
fn sample(part: &TenantShard, slots: &[u32], into: &mut Sample) {
    let step = slots.len().div_ceil(SAMPLED).max(1);
    let some: Vec<u32> = slots.iter().copied().step_by(step).collect();
    into.stand_for(slots.len() as u64, some.len() as u64);
    for piece in some.chunks(LOCK_PIECE) {
        let head = part.head().read();
        for &slot in piece {
            into.add(head.pairs_at(slot));
        }
    }
}
