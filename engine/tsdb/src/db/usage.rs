//! How near the limits are, and a word in the log when one is.

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::cardinality::Parts;
use super::open::Inner;
use crate::cardinality::{LimitUsage, RefusedSeriesCount};
use crate::limits::{Limits, Rate, RefusedSeries};

/// From here on a limit is near.
const NEAR: f64 = 0.8;
/// Below this it is far again, and may be told about anew.
const FAR: f64 = 0.7;
/// Most culprits that are counted.
const CULPRITS: usize = 100;

/// Who was refused by limits on series, and what was told about near ones.
#[derive(Debug, Default)]
pub(super) struct LimitWatch {
    culprits: Mutex<Vec<RefusedSeriesCount>>,
    /// Limits that were told about, by tenant and name.
    told: Mutex<HashMap<(Option<String>, &'static str), ()>>,
}

impl LimitWatch {
    /// Counts a refusal. If there are too many culprits the new one takes the place of the one with
    /// the fewest, and its count (the space-saving sketch of Metwally, Agrawal and El Abbadi, 2005).
    pub(super) fn refused(&self, tenant: &str, metric: &str, refused: &RefusedSeries, now_ms: i64) {
        let label = refused.label.as_deref().unwrap_or_default();
        let mut culprits = self.culprits.lock();
        let same = |c: &&mut RefusedSeriesCount| {
            c.reason == refused.reason
                && c.metric == metric
                && c.label == label
                && c.tenant == tenant
        };
        if let Some(culprit) = culprits.iter_mut().find(same) {
            culprit.samples += 1;
            culprit.last_ms = now_ms;
            return;
        }
        let mut culprit = RefusedSeriesCount {
            tenant: tenant.to_owned(),
            reason: refused.reason,
            metric: metric.to_owned(),
            label: label.to_owned(),
            samples: 1,
            last_ms: now_ms,
        };
        if culprits.len() < CULPRITS {
            culprits.push(culprit);
        } else if let Some(least) = culprits.iter_mut().min_by_key(|culprit| culprit.samples) {
            culprit.samples += least.samples;
            *least = culprit;
        }
    }

    /// Those that were refused, the most often refused first.
    pub(super) fn culprits(&self) -> Vec<RefusedSeriesCount> {
        let mut all = self.culprits.lock().clone();
        all.sort_by_key(|culprit| std::cmp::Reverse(culprit.samples));
        all
    }

    /// Writes a line when a limit has come near.
    fn tell(&self, usage: &LimitUsage) {
        let key = (usage.tenant.clone(), usage.limit);
        let mut told = self.told.lock();
        if usage.ratio() < FAR {
            told.remove(&key);
        } else if usage.ratio() >= NEAR && told.insert(key, ()).is_none() {
            tracing::warn!(
                limit = usage.limit,
                tenant = usage.tenant.as_deref().unwrap_or("all"),
                culprit = usage.culprit,
                used = usage.used,
                allowed = usage.allowed,
                "a limit is near: new series will be refused"
            );
        }
    }
}

impl Inner {
    /// How near the limits of all tenants are that were looked at last.
    pub(super) fn limit_usage(&self) -> Vec<LimitUsage> {
        let mut all = self.global_usage();
        for state in self.tenants.read().values() {
            all.extend(state.usage.lock().iter().cloned());
        }
        all
    }

    /// Looks how near a tenant's limits are.
    pub(super) fn note_usage(&self, tenant: &str) {
        let parts = Parts::of(self, tenant);
        let limits = self.limits_of(tenant);
        let state = self.tenant_state(tenant);
        let mut all = Vec::new();
        let mut add = |limit, allowed: Option<u64>, (culprit, used): (String, u64)| {
            let tenant = Some(tenant.to_owned());
            all.extend(allowed.map(|allowed| LimitUsage { tenant, limit, culprit, used, allowed }));
        };
        let Limits { active_series, series_per_metric, values_per_label, .. } = *limits;
        add("active_series", active_series, (String::new(), parts.series()));
        if series_per_metric.is_some() {
            let metric = parts.metrics(1).pop().unwrap_or_default();
            add("series_per_metric", series_per_metric, metric);
        }
        if values_per_label.is_some() {
            let label = parts.values(1).pop().unwrap_or_default();
            add("values_per_label", values_per_label, label);
        }
        all.extend(
            limits
                .new_series_per_second
                .map(|limit| self.rate_usage(Some(tenant.to_owned()), &state.new_series, limit)),
        );
        all.iter().chain(&self.global_usage()).for_each(|usage| self.watch.tell(usage));
        *state.usage.lock() = all;
    }

    /// How near the limits on all tenants are.
    fn global_usage(&self) -> Vec<LimitUsage> {
        let global = self.limits.read().of_all().clone();
        let whole = |limit, used, allowed| LimitUsage {
            tenant: None,
            limit,
            culprit: String::new(),
            used,
            allowed,
        };
        let (used, mark) = (self.pressure.bytes(), self.pressure.hard_mark());
        let mut all = vec![whole("memory_budget", used, mark)];
        all.extend(
            global
                .active_series
                .map(|allowed| whole("active_series", self.active_series(), allowed)),
        );
        all.extend(
            global
                .new_series_per_second
                .map(|limit| self.rate_usage(None, &self.new_series, limit)),
        );
        all
    }

    fn rate_usage(&self, tenant: Option<String>, rate: &Rate, limit: u64) -> LimitUsage {
        let (used, allowed) = rate.used(limit, self.now());
        let culprit = String::new();
        LimitUsage { tenant, limit: "new_series_per_second", culprit, used, allowed }
    }
}
