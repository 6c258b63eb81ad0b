//! A handle on one tenant.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::append::Appender;
use super::background::Background;
use super::open::Inner;
use crate::batch::{Batch, Outcome};
use crate::cardinality::{
    BlockCardinality, Cardinality, Growth, LimitUsage, MetricCardinality, RankBy,
};
use crate::error::{Error, Result};
use crate::growth::History;
use crate::known::KnownSeries;
use crate::limits::{Rate, RefusalReason};
use crate::shard::DEFAULT_TENANT;

/// Longest name of a tenant.
const NAME_BYTES: usize = 64;

/// What all handles on a tenant share.
#[derive(Debug)]
pub(crate) struct TenantState {
    pub(crate) known: KnownSeries,
    pub(crate) new_series: Rate,
    /// What was how large when.
    pub(crate) growth: Mutex<History>,
    /// How near the limits were when they were looked at last.
    pub(crate) usage: Mutex<Vec<LimitUsage>>,
    name: Arc<str>,
    /// Time of the newest sample, `i64::MIN` if there is none.
    newest: AtomicI64,
}

impl TenantState {
    pub(crate) fn new(name: &str) -> Self {
        let newest = AtomicI64::new(i64::MIN);
        Self {
            known: KnownSeries::new(),
            new_series: Rate::default(),
            growth: Mutex::default(),
            usage: Mutex::default(),
            name: name.into(),
            newest,
        }
    }

    pub(crate) fn note_newest(&self, newest: Option<i64>) {
        if let Some(newest) = newest {
            self.newest.fetch_max(newest, Ordering::Relaxed);
        }
    }

    pub(crate) fn newest(&self) -> Option<i64> {
        Some(self.newest.load(Ordering::Relaxed)).filter(|&newest| newest != i64::MIN)
    }
}

/// One tenant of a [`Db`](crate::Db): its own series, index and blocks in the same log. Cheap to
/// clone; the database stays open as long as one is there.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Works as long as somebody may write.
    background: Arc<Background>,
    inner: Arc<Inner>,
    state: Arc<TenantState>,
}

impl Tenant {
    pub(super) fn new(background: Arc<Background>, inner: &Arc<Inner>, name: &str) -> Self {
        Self { background, inner: Arc::clone(inner), state: inner.tenant_state(name) }
    }

    pub(super) fn sibling(&self, name: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(allowed) {
            let what = format!(
                "tenant name {name:?} is not allowed; use 1 to {NAME_BYTES} of A-Z a-z 0-9 _ -"
            );
            return Err(Error::Invalid { what });
        }
        let name = if name == DEFAULT_TENANT { "" } else { name };
        Ok(Self::new(Arc::clone(&self.background), &self.inner, name))
    }

    pub(super) fn background(&self) -> &Background {
        &self.background
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(super) fn state(&self) -> &Arc<TenantState> {
        &self.state
    }

    /// The tenant's name, empty for the default one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Stores samples; as [`Db::append`](crate::Db::append).
    ///
    /// # Errors
    /// As [`Db::append`](crate::Db::append).
    pub fn append(&self, batch: &Batch) -> Result<Outcome> {
        let mut appender = self.appender();
        let series: Vec<_> = batch.series.iter().map(|s| appender.labels(s)).collect();
        for (number, time, value) in &batch.samples {
            match series.get(number.0 as usize) {
                Some(&series) => appender.push(series, *time, *value),
                None => appender.refuse(RefusalReason::InvalidLabels, 1, "series of another batch"),
            }
        }
        appender.commit()
    }

    /// For decoders of protocols; as [`Db::appender`](crate::Db::appender).
    #[must_use]
    pub fn appender(&self) -> Appender<'_> {
        Appender::new(self)
    }

    /// The `top` largest metrics, labels and pairs in the heads.
    #[must_use]
    pub fn cardinality(&self, top: usize) -> Cardinality {
        self.inner.cardinality(self.name(), top)
    }

    /// The `top` largest metrics, labels and pairs in the heads and their growth. Those that grow
    /// most are looked for among the 256 largest of each kind.
    #[must_use]
    pub fn growth(&self, top: usize, by: RankBy) -> Growth {
        self.inner.growth(self.name(), top, by)
    }

    /// Which labels make the series of a metric in the heads, since when, and from where; of each
    /// label the `top` values.
    #[must_use]
    pub fn metric_cardinality(&self, metric: &str, top: usize) -> MetricCardinality {
        self.inner.metric_cardinality(self.name(), metric, top)
    }

    /// The `top` values of a label that the most series in the heads have.
    #[must_use]
    pub fn largest_values(&self, label: &str, top: usize) -> Vec<(String, u64)> {
        self.inner.largest_values(self.name(), label, top)
    }

    /// The `top` largest metrics and labels in the blocks, the oldest window first.
    ///
    /// # Errors
    /// If an index can't be read.
    pub fn block_cardinality(&self, top: usize) -> Result<Vec<BlockCardinality>> {
        self.inner.check_open()?;
        self.inner.block_cardinality(self.name(), top)
    }
}
