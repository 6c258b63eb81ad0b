//! The seam between storage and queries.
//!
//! A [`Source`] is a shard, a whole database, or anything else that holds series: PromQL sees
//! storage through this trait alone. A selection is lazy: series are listed at once, samples are
//! pulled batch by batch through a [`Cursor`], at most a chunk at a time, so that an aggregation
//! runs over them while they are in the processor's cache.

use std::fmt::Debug;
use std::sync::Arc;

use nunatak_codec::Histogram;
use nunatak_index::{Labels, Matcher};

use crate::aggregate::{Aggregation, OfSamples, VisitRollups, Windows};
use crate::error::Result;
use crate::gathered::Gathered;
use crate::time::TimeRange;

/// Which series, and which part of them.
#[derive(Debug, Clone)]
pub struct Selector {
    /// All of them must match; none selects every series.
    pub matchers: Vec<Matcher>,
    /// Samples outside are not returned.
    pub range: TimeRange,
}

impl Selector {
    /// The series that all `matchers` accept, with their samples in `range`.
    #[must_use]
    pub fn new(matchers: Vec<Matcher>, range: TimeRange) -> Self {
        Self { matchers, range }
    }
}

/// How an aggregation above the selector groups its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// `by (…)`
    By(Vec<String>),
    /// `without (…)`
    Without(Vec<String>),
}

/// What the caller will do with the samples. A source may use it to read less; the answer must
/// stay right if it does not.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Distance of the evaluation steps in ms, 0 for an instant query.
    pub step_ms: i64,
    /// Range of the range selector in ms, 0 for an instant selector.
    pub range_ms: i64,
    /// The function or aggregation right above the selector.
    pub function: Option<&'static str>,
    /// The grouping of the aggregation right above.
    pub grouping: Option<Grouping>,
    /// Return no more than so many series, 0 for all.
    pub limit: usize,
    /// Only labels are wanted: the cursors will not be read.
    pub labels_only: bool,
    /// The only labels that the caller looks at, sorted: a [scan](Source::scan) may leave out the
    /// others.
    pub labels: Option<Vec<String>>,
    /// Values do not matter but for the marks of ends: a [scan](Source::scan) may put others in
    /// their place.
    pub presence_only: bool,
}

/// Identity of a timestamp stream inside one selection: two batches with the same id have the
/// very same times, so what depends on times alone can be computed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Samples of one series in the order of time, as two columns of the same length, and native
/// histograms beside them.
#[derive(Debug, Clone, Default)]
pub struct SampleBatch {
    /// Milliseconds since the epoch, strictly ascending.
    pub times: Vec<i64>,
    /// Values, bit for bit as they were written; of no meaning where a histogram is.
    pub values: Vec<f64>,
    /// The histograms by the number of their row, ascending. A batch of floats alone has none and
    /// pays nothing for them. The mark of a series' end is a float, also behind a histogram.
    pub histograms: Vec<(usize, Arc<Histogram>)>,
    /// The timestamp stream that `times` is, if it is a whole shared one.
    pub stream: Option<StreamId>,
}

impl SampleBatch {
    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.stream = None;
    }

    /// Adds a sample at the end.
    pub fn push(&mut self, t: i64, v: f64) {
        self.times.push(t);
        self.values.push(v);
    }

    /// Adds a native histogram at the end.
    pub fn push_histogram(&mut self, t: i64, histogram: Arc<Histogram>) {
        self.histograms.push((self.times.len(), histogram));
        self.push(t, f64::NAN);
    }

    /// Keeps only the samples in `range`.
    pub fn trim(&mut self, range: TimeRange) {
        let end = self.times.partition_point(|&t| t <= range.end);
        let start = self.times.partition_point(|&t| t < range.start).min(end);
        if start == 0 && end == self.times.len() {
            return;
        }
        self.stream = None;
        self.times.truncate(end);
        self.values.truncate(end);
        self.times.drain(..start);
        self.values.drain(..start);
        self.histograms.retain_mut(|(row, _)| {
            let kept = (start..end).contains(row);
            *row = row.wrapping_sub(start);
            kept
        });
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether the batch has no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

/// Pulls the samples of one series, oldest first.
pub trait Cursor: Send {
    /// Replaces the content of `batch` by the next samples, none of them before the last of the
    /// batch before; `false` when there are no more (the batch is then empty).
    ///
    /// # Errors
    /// If the samples can't be read or decoded.
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool>;

    /// Adds what [`next_batch`](Self::next_batch) would return to the series that is being
    /// gathered; a cursor may have a way of doing so without copying times.
    ///
    /// # Errors
    /// If the samples can't be read or decoded.
    fn gather(&mut self, all: &mut Gathered) -> Result<bool> {
        let mut batch = all.lend_batch();
        let more = self.next_batch(&mut batch);
        if matches!(more, Ok(true)) {
            all.push_batch(&batch);
        }
        all.give_back(batch);
        more
    }
}

/// Takes the series of a scan one by one; whether to go on.
pub type Visit<'a> = &'a mut dyn FnMut(Labels, &mut dyn Cursor) -> bool;

/// One series of a selection.
pub struct SelectedSeries {
    /// Its whole label set.
    pub labels: Labels,
    /// Its samples in the selector's range, merged, without duplicates.
    pub cursor: Box<dyn Cursor>,
}

impl Debug for SelectedSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelectedSeries").field("labels", &self.labels).finish_non_exhaustive()
    }
}

/// The answer to a [`Selector`].
#[derive(Debug, Default)]
pub struct Selection {
    /// The series, sorted by label set, each label set once.
    pub series: Vec<SelectedSeries>,
    /// What the answer lacks and why: quarantined blocks with their shard and times.
    pub warnings: Vec<String>,
}

/// Something that holds series and can be asked for them.
pub trait Source: Send + Sync {
    /// The series that match, with their samples in the range.
    ///
    /// # Errors
    /// If the storage can't be read.
    fn select(&self, selector: &Selector, hints: &Hints) -> Result<Selection>;

    /// Hands the series that match to `visit`, in any order that is the same each time, until that
    /// says to stop; returns what the answer lacks and why. A source that knows a cheaper way than
    /// a list of series with all their labels takes it.
    ///
    /// # Errors
    /// If the storage can't be read.
    fn scan(&self, selector: &Selector, hints: &Hints, visit: Visit) -> Result<Vec<String>> {
        let selection = self.select(selector, hints)?;
        for mut series in selection.series {
            if !visit(series.labels, &mut *series.cursor) {
                break;
            }
        }
        Ok(selection.warnings)
    }

    /// Whether [`rollups`](Self::rollups) reads less than [`scan`](Self::scan) does for `windows`
    /// over samples in `range`.
    fn has_rollups(&self, range: TimeRange, windows: &Windows<'_>) -> bool {
        let _ = (range, windows);
        false
    }

    /// Hands the series that match, with all their labels, to `visit` as [`scan`](Self::scan) does,
    /// but as buckets, which no border of `windows` cuts and which have what is `wanted`.
    ///
    /// # Errors
    /// If the storage can't be read.
    fn rollups(
        &self,
        selector: &Selector,
        windows: &Windows<'_>,
        wanted: Aggregation,
        visit: VisitRollups<'_>,
    ) -> Result<Vec<String>> {
        let _ = (windows, wanted);
        self.scan(selector, &Hints::default(), &mut |labels, cursor| {
            visit(&labels, &mut OfSamples { cursor, batch: SampleBatch::default() })
        })
    }

    /// Names of the labels of the series that match and have samples near the range, sorted;
    /// at most `limit` (0: all).
    ///
    /// # Errors
    /// If the storage can't be read.
    fn label_names(&self, selector: &Selector, limit: usize) -> Result<Vec<String>>;

    /// Values of the label `name` of the series that match and have samples near the range,
    /// sorted; at most `limit` (0: all).
    ///
    /// # Errors
    /// If the storage can't be read.
    fn label_values(&self, name: &str, selector: &Selector, limit: usize) -> Result<Vec<String>>;

    /// What answers about `range` lack and why; for answers of labels, which have no place of
    /// their own for it.
    fn warnings(&self, range: TimeRange) -> Vec<String> {
        let _ = range;
        Vec::new()
    }
}
