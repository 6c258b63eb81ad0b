//! Limits on what is stored, and the refusals that they cause.

use std::fmt;

/// Bounds on label sets and sample times; each has a generous default.
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            labels_per_series: 128,
            label_name_bytes: 1024,
            label_value_bytes: 64 * 1024,
            future_ms: 10 * 60 * 1000,
            out_of_order_ms: 60 * 60 * 1000,
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
