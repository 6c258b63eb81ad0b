//! Who has the most series, who grows, and which limits are near: what one asks when a flood of
//! series has come.

/// The largest by number of series in the heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// Series in the heads.
    pub series: u64,
    /// Distinct label pairs in the heads. Of labels with more than 128 values in a shard, some of
    /// them in several shards, this and the numbers of values are estimates, a few percent off.
    pub label_pairs: u64,
    /// Metric name and number of series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label name and number of series that have it.
    pub series_by_label: Vec<(String, u64)>,
    /// Label name and number of values.
    pub values_by_label: Vec<(String, u64)>,
    /// Label name and bytes of its values.
    pub bytes_by_label: Vec<(String, u64)>,
    /// `name=value` and number of series.
    pub series_by_pair: Vec<(String, u64)>,
}

/// The spans of time over which growth is told, in ms: 5 minutes, 1 hour, 1 day.
pub const GROWTH_SPANS_MS: [i64; 3] = [5 * 60_000, 3_600_000, 24 * 3_600_000];

/// By what a list is sorted, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RankBy {
    /// By what there is now.
    #[default]
    Count,
    /// By growth over one of [`GROWTH_SPANS_MS`], given by its place.
    Growth(usize),
}

/// A count and how it has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grown {
    /// The metric, the label, or the pair `name=value`; empty for all together.
    pub name: String,
    /// Now: series, or of a label its values.
    pub count: u64,
    /// By how much it is more than before each of [`GROWTH_SPANS_MS`]; negative if it is less. Of
    /// what was too small to be noted then, at least by so much.
    pub growth: [i64; 3],
}

/// Who has the most and who grows, of one tenant's series in the heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Growth {
    /// When the counts before were noted, in ms: for each of [`GROWTH_SPANS_MS`] at least as long
    /// ago, or as far back as the engine remembers; it forgets when it is closed. `None` before the
    /// first note.
    pub since_ms: [Option<i64>; 3],
    /// All series.
    pub series: Grown,
    /// Metrics, by series.
    pub metrics: Vec<Grown>,
    /// Labels, by values.
    pub labels: Vec<Grown>,
    /// Pairs, by series.
    pub pairs: Vec<Grown>,
}

/// One metric: which of its labels makes the series, since when, and from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricCardinality {
    /// Series in the heads, and their growth.
    pub series: Grown,
    /// Since when it has been rising, in ms: the last time before the rise at which its series were
    /// counted. `None` if it has not risen by a tenth and by 100.
    pub rising_since_ms: Option<i64>,
    /// Its series at times in ms, the oldest first.
    pub history: Vec<(i64, u64)>,
    /// From when on series count as new, in ms.
    pub new_since_ms: Option<i64>,
    /// Series that were made since then.
    pub new_series: u64,
    /// Its labels; the one with the most values among the new series first.
    pub labels: Vec<MetricLabel>,
    /// Where the new series (all, if none are new) come from, the largest first.
    pub sources: Vec<MetricSource>,
}

/// A label of a metric.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricLabel {
    /// The label's name.
    pub name: String,
    /// Its values among the metric's series; of more than 4,096 series in a shard an estimate.
    pub values: u64,
    /// Its values among the new series, likewise.
    pub new_values: u64,
    /// The values that most of the new series (of all, if none are new) have, with their series.
    pub top: Vec<(String, u64)>,
}

/// Who sends series: their `job` and `instance`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricSource {
    /// The label `job`, empty if there is none.
    pub job: String,
    /// The label `instance`, empty if there is none.
    pub instance: String,
    /// Series.
    pub series: u64,
}

/// How near a limit is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitUsage {
    /// The tenant, empty for the default one; `None` if the limit is on all tenants together.
    pub tenant: Option<String>,
    /// The limit's name: `active_series`, `series_per_metric`, `values_per_label`,
    /// `new_series_per_second`, or `memory_budget`.
    pub limit: &'static str,
    /// Who is nearest: the metric or the label; empty for limits on all series.
    pub culprit: String,
    /// What is used.
    pub used: u64,
    /// What may be used.
    pub allowed: u64,
}

impl LimitUsage {
    /// The part that is used, 1 at the limit.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.used as f64 / self.allowed.max(1) as f64
    }
}

/// New series that a limit or the memory budget refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedSeriesCount {
    /// The tenant, empty for the default one.
    pub tenant: String,
    /// Which limit.
    pub reason: crate::RefusalReason,
    /// The metric.
    pub metric: String,
    /// The label with too many values, empty for other limits.
    pub label: String,
    /// Samples that were refused with them.
    pub samples: u64,
    /// The last time, in ms.
    pub last_ms: i64,
}

/// The largest of all blocks of one window of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockCardinality {
    /// The window's first ms.
    pub start_ms: i64,
    /// Its last ms.
    pub end_ms: i64,
    /// Series; one that is in several blocks of the window counts in each.
    pub series: u64,
    /// Metric name and number of series, likewise.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label name and number of values; of a label with more than 128 in one block those that several
    /// shards have count in each.
    pub values_by_label: Vec<(String, u64)>,
}
