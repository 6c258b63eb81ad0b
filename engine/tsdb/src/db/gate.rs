//! Which new series the limits let in.
//!
//! Everything is counted in the heads when it is asked for, so there is nothing to keep in step
//! with replay, eviction or a change of the limits. Shards that are written to at the same moment
//! do not see each other's newcomers: a limit may be passed by what one request brings.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use nunatak_index::Labels;

use super::distinct;
use super::open::Inner;
use super::tenant::Tenant;
use crate::limits::{GlobalLimits, Limits, RefusalReason, RefusedSeries};
use crate::shard::{Gate, Shard, TenantShard};

/// The limits that count series, for one request.
pub(super) struct SeriesGate<'a> {
    tenant: &'a Tenant,
    limits: &'a Limits,
    global: GlobalLimits,
    now_ms: i64,
}

impl<'a> SeriesGate<'a> {
    /// `None` if no limit counts series.
    pub(super) fn new(tenant: &'a Tenant, limits: &'a Limits, now_ms: i64) -> Option<Self> {
        let global = tenant.inner().limits.read().of_all().clone();
        let counts = limits.counts_series() || global != GlobalLimits::default();
        counts.then_some(Self { tenant, limits, global, now_ms })
    }
}

impl Gate for SeriesGate<'_> {
    fn refuse(&self, newcomers: &[&Labels]) -> HashMap<Labels, RefusedSeries> {
        let mut round = Round::new(self, newcomers.len() as u64);
        let refused = newcomers.iter().copied().filter_map(|labels| {
            let refused = round.check(labels)?;
            Some((labels.clone(), refused))
        });
        refused.collect()
    }
}

/// Series of all tenants in the heads.
fn active_globally(inner: &Inner) -> u64 {
    let tenants = inner.shards.iter().flat_map(Shard::tenants);
    tenants.map(|part| part.head().read().series() as u64).sum()
}

/// One request's newcomers in one shard: what the heads have, and what was let in already.
struct Round<'a> {
    gate: &'a SeriesGate<'a>,
    parts: Vec<Arc<TenantShard>>,
    newcomers: u64,
    active: Option<u64>,
    active_globally: Option<u64>,
    /// By metric.
    series: HashMap<&'a str, u64>,
    /// By label name.
    values: HashMap<&'a str, Values<'a>>,
}

/// The values of a label.
struct Values<'a> {
    /// In the heads; `None` if they are so few that nobody has to count.
    there: Option<u64>,
    /// Those that came in now, if somebody counts.
    new: HashSet<&'a str>,
}

impl<'a> Round<'a> {
    fn new(gate: &'a SeriesGate<'a>, newcomers: u64) -> Self {
        let inner = gate.tenant.inner();
        let name = gate.tenant.name();
        let parts = inner.shards.iter().filter_map(|shard| shard.find_tenant(name));
        let parts: Vec<_> = parts.collect();
        let count = || parts.iter().map(|part| part.head().read().series() as u64).sum();
        Self {
            active: gate.limits.active_series.map(|_| count()),
            active_globally: gate.global.active_series.map(|_| active_globally(inner)),
            gate,
            parts,
            newcomers,
            series: HashMap::new(),
            values: HashMap::new(),
        }
    }

    /// Lets a series in, or says why not.
    fn check(&mut self, labels: &'a Labels) -> Option<RefusedSeries> {
        let refused = self
            .check_active()
            .or_else(|| self.check_metric(labels.metric_name()))
            .or_else(|| labels.iter().find_map(|(name, value)| self.check_value(name, value)))
            // The last, for it takes a token.
            .or_else(|| self.check_rate());
        if refused.is_none() {
            self.let_in(labels);
        }
        refused
    }

    fn check_active(&self) -> Option<RefusedSeries> {
        let over = |there: Option<u64>, limit: Option<u64>, reason| {
            let limit = limit.filter(|&limit| there.is_some_and(|there| there >= limit))?;
            Some(RefusedSeries::new(reason, limit))
        };
        let (own, global) = (self.gate.limits.active_series, self.gate.global.active_series);
        over(self.active, own, RefusalReason::TooManySeries)
            .or_else(|| over(self.active_globally, global, RefusalReason::TooManySeriesGlobally))
    }

    fn check_metric(&mut self, metric: &'a str) -> Option<RefusedSeries> {
        let limit = self.gate.limits.series_per_metric?;
        let parts = &self.parts;
        let there = *self.series.entry(metric).or_insert_with(|| series_of(parts, metric));
        let reason = RefusalReason::TooManySeriesOfMetric;
        (there >= limit).then(|| RefusedSeries::new(reason, limit))
    }

    fn check_value(&mut self, name: &'a str, value: &str) -> Option<RefusedSeries> {
        let limit = self.gate.limits.values_per_label?;
        let (parts, newcomers) = (&self.parts, self.newcomers);
        let values = self.values.entry(name).or_insert_with(|| {
            let most: u64 = parts.iter().map(|p| p.head().read().index().value_count(name)).sum();
            let is_near = most + newcomers > limit;
            Values { there: is_near.then(|| distinct::values(parts, name)), new: HashSet::new() }
        });
        let full = values.there.is_some_and(|there| there + values.new.len() as u64 >= limit);
        if !full || values.new.contains(value) || has_value(parts, name, value) {
            return None;
        }
        let reason = RefusalReason::TooManyLabelValues;
        Some(RefusedSeries { reason, limit, label: Some(name.into()) })
    }

    fn check_rate(&self) -> Option<RefusedSeries> {
        let gate = self.gate;
        let over = |rate: &crate::limits::Rate, limit: Option<u64>, reason| {
            let limit = limit.filter(|&limit| !rate.take(limit, gate.now_ms))?;
            Some(RefusedSeries::new(reason, limit))
        };
        let (own, global) = (gate.limits.new_series_per_second, gate.global.new_series_per_second);
        let (state, inner) = (gate.tenant.state(), gate.tenant.inner());
        over(&state.new_series, own, RefusalReason::NewSeriesTooFast)
            .or_else(|| over(&inner.new_series, global, RefusalReason::NewSeriesTooFastGlobally))
    }

    fn let_in(&mut self, labels: &'a Labels) {
        self.active = self.active.map(|there| there + 1);
        self.active_globally = self.active_globally.map(|there| there + 1);
        if let Some(there) = self.series.get_mut(labels.metric_name()) {
            *there += 1;
        }
        for (name, value) in labels.iter() {
            if let Some(values) = self.values.get_mut(name).filter(|values| values.there.is_some())
                && !has_value(&self.parts, name, value)
            {
                values.new.insert(value);
            }
        }
    }
}

/// The series of a metric in all shards.
fn series_of(parts: &[Arc<TenantShard>], metric: &str) -> u64 {
    let count = |part: &Arc<TenantShard>| {
        part.head().read().index().series_with(nunatak_index::METRIC_NAME, metric)
    };
    parts.iter().map(count).sum()
}

fn has_value(parts: &[Arc<TenantShard>], name: &str, value: &str) -> bool {
    parts.iter().any(|part| part.head().read().index().has_pair(name, value))
}
