//! Which new series the limits let in.
//!
//! Everything is counted in the heads when it is asked for, so there is nothing to keep in step
//! with replay, eviction or a change of the limits. Shards that are written to at the same moment
//! do not see each other's newcomers: a limit may be passed by what one request brings.

use hashbrown::{HashMap, HashSet};
use nunatak_index::{Labels, METRIC_NAME};

use super::cardinality::Parts;
use super::distinct;
use super::tenant::Tenant;
use crate::limits::{GlobalLimits, Limits, Rate, RefusalReason, RefusedSeries};
use crate::shard::Gate;

/// The limits that count series, for one request with series that may be new.
pub(super) struct SeriesGate<'a> {
    tenant: &'a Tenant,
    limits: &'a Limits,
    global: GlobalLimits,
    now_ms: i64,
}

impl<'a> SeriesGate<'a> {
    pub(super) fn new(tenant: &'a Tenant, limits: &'a Limits, now_ms: i64) -> Self {
        let global = tenant.inner().limits.read().of_all().clone();
        Self { tenant, limits, global, now_ms }
    }
}

impl Gate for SeriesGate<'_> {
    fn counts_series(&self) -> bool {
        self.limits.counts_series() || self.global != GlobalLimits::default()
    }

    fn note_refused(&self, labels: &Labels, refused: &RefusedSeries) {
        let watch = &self.tenant.inner().watch;
        watch.refused(self.tenant.name(), labels.metric_name(), refused, self.now_ms);
    }

    fn refuse(&self, newcomers: &[&Labels]) -> HashMap<Labels, RefusedSeries> {
        let mut round = Round::new(self, newcomers.len() as u64);
        let refused = newcomers.iter().copied().filter_map(|labels| {
            let refused = round.check(labels)?;
            Some((labels.clone(), refused))
        });
        refused.collect()
    }
}

/// One request's newcomers in one shard: what the heads have, and what was let in already.
struct Round<'a> {
    gate: &'a SeriesGate<'a>,
    parts: Parts,
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
        let parts = Parts::of(inner, name);
        Self {
            active: gate.limits.active_series.map(|_| parts.series()),
            active_globally: gate.global.active_series.map(|_| inner.active_series()),
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
        let there =
            *self.series.entry(metric).or_insert_with(|| parts.series_with(METRIC_NAME, metric));
        let reason = RefusalReason::TooManySeriesOfMetric;
        (there >= limit).then(|| RefusedSeries::new(reason, limit))
    }

    fn check_value(&mut self, name: &'a str, value: &str) -> Option<RefusedSeries> {
        let limit = self.gate.limits.values_per_label?;
        let (parts, newcomers) = (&self.parts, self.newcomers);
        let values = self.values.entry(name).or_insert_with(|| {
            let is_near = parts.values_at_most(name) + newcomers > limit;
            let count = || distinct::values(parts.all(), name, distinct::SAMPLED);
            Values { there: is_near.then(count), new: HashSet::new() }
        });
        let full = values.there.is_some_and(|there| there + values.new.len() as u64 >= limit);
        if !full || values.new.contains(value) || parts.has_pair(name, value) {
            return None;
        }
        let reason = RefusalReason::TooManyLabelValues;
        Some(RefusedSeries { reason, limit, label: Some(name.into()) })
    }

    fn check_rate(&self) -> Option<RefusedSeries> {
        let gate = self.gate;
        let over = |rate: &Rate, limit: Option<u64>, reason| {
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
                && !self.parts.has_pair(name, value)
            {
                values.new.insert(value);
            }
        }
    }
}
