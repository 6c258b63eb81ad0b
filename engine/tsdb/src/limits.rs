//! Limits on what is stored, and the refusals that they cause.

mod check;
mod rate;
mod refused;
mod rules;

use std::fmt;

pub(crate) use check::check;
pub(crate) use rate::Rate;
pub(crate) use refused::RefusedSeries;
pub use rules::{GlobalLimits, LimitRules};

/// Bounds on what one tenant may store. Those on label sets and times are generous, those that
/// count series are off unless set: they bound the series in the heads, and an idle series that
/// went to disk is not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Labels of one series, the metric name included. Default: 128.
    pub labels_per_series: usize,
    /// Bytes of a label name. Default: 1,024.
    pub label_name_bytes: usize,
    /// Bytes of a label value. Default: 65,536.
    pub label_value_bytes: usize,
    /// How far ahead of the clock a sample may be, in ms. Default: 10 minutes.
    pub future_ms: i64,
    /// How far behind its series' newest sample a sample may be, in ms. Default: 1 hour.
    pub out_of_order_ms: i64,
    /// Series in the heads. Default: as many as the memory budget has room for.
    pub active_series: Option<u64>,
    /// Series of one metric name in the heads. Default: any number.
    pub series_per_metric: Option<u64>,
    /// Distinct values of one label name in the heads, metric names included. If more than 128
    /// values of it are in one shard, and some of them in several, this is estimated within a few
    /// percent. Default: any number.
    pub values_per_label: Option<u64>,
    /// New series a second, measured over ten: a burst may have ten times as many. Default: any
    /// number.
    pub new_series_per_second: Option<u64>,
}

impl Limits {
    /// Whether one of the limits counts series that are there already.
    pub(crate) fn counts_series(&self) -> bool {
        self.active_series.is_some()
            || self.series_per_metric.is_some()
            || self.values_per_label.is_some()
            || self.new_series_per_second.is_some()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            labels_per_series: 128,
            label_name_bytes: 1024,
            label_value_bytes: 64 * 1024,
            future_ms: 10 * 60 * 1000,
            out_of_order_ms: 60 * 60 * 1000,
            active_series: None,
            series_per_metric: None,
            values_per_label: None,
            new_series_per_second: None,
        }
    }
}

/// Why samples were refused for good: repeating the call can't help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The label set is not valid: a duplicate or empty name, invalid UTF-8, or no label at all.
    InvalidLabels,
    /// More labels than [`Limits::labels_per_series`].
    TooManyLabels,
    /// A name longer than [`Limits::label_name_bytes`].
    LabelNameTooLong,
    /// A value longer than [`Limits::label_value_bytes`].
    LabelValueTooLong,
    /// Further ahead of the clock than [`Limits::future_ms`].
    TooFarAhead,
    /// Further behind the series' newest sample than [`Limits::out_of_order_ms`].
    TooOld,
    /// Older than the retention.
    BeyondRetention,
    /// The memory budget has no room for a new series.
    MemoryBudget,
    /// The tenant has [`Limits::active_series`].
    TooManySeries,
    /// All tenants together have [`GlobalLimits::active_series`].
    TooManySeriesGlobally,
    /// The metric has [`Limits::series_per_metric`].
    TooManySeriesOfMetric,
    /// A label has [`Limits::values_per_label`], and this is another value.
    TooManyLabelValues,
    /// New series come faster than [`Limits::new_series_per_second`].
    NewSeriesTooFast,
    /// New series of all tenants come faster than [`GlobalLimits::new_series_per_second`].
    NewSeriesTooFastGlobally,
    /// A kind of data that is not stored yet (native histograms).
    Unsupported,
}

impl RefusalReason {
    /// A stable name, used as a label value in metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::InvalidLabels => "invalid_labels",
            Self::TooManyLabels => "too_many_labels",
            Self::LabelNameTooLong => "label_name_too_long",
            Self::LabelValueTooLong => "label_value_too_long",
            Self::TooFarAhead => "too_far_ahead",
            Self::TooOld => "too_old",
            Self::BeyondRetention => "beyond_retention",
            Self::MemoryBudget => "memory_budget",
            Self::TooManySeries => "too_many_series",
            Self::TooManySeriesGlobally => "too_many_series_globally",
            Self::TooManySeriesOfMetric => "too_many_series_of_metric",
            Self::TooManyLabelValues => "too_many_label_values",
            Self::NewSeriesTooFast => "new_series_too_fast",
            Self::NewSeriesTooFastGlobally => "new_series_too_fast_globally",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Samples of one call that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// How many samples.
    pub samples: u64,
    /// The first of them: series, value and limit, in words.
    pub example: String,
}

impl Refusal {
    /// A refusal of `samples` samples with its first example.
    #[must_use]
    pub fn new(reason: RefusalReason, samples: u64, example: String) -> Self {
        Self { reason, samples, example }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} samples): {}", self.reason.id(), self.samples, self.example)
    }
}
