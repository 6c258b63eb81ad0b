//! Series in memory, for tests and small tools.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nunatak::{
    Cursor, Hints, Histogram, Result, SampleBatch, SelectedSeries, Selection, Selector, Source,
};
use nunatak_index::{Labels, Matcher};

use crate::histogram::reset::hint_behind;

/// Samples that a cursor hands out at a time.
const BATCH: usize = 512;

/// A [`Source`] that keeps its series in memory.
///
/// ```
/// use nunatak_index::labels;
/// use nunatak_promql::{MemorySource, Value, query};
///
/// let mut source = MemorySource::new();
/// source.push(&labels! { "__name__" => "up", "job" => "node" }, 1_000, 1.0);
/// let Value::Vector(samples) = query(&source, "up == 1", 60_000)?.value else { panic!() };
/// assert_eq!(samples[0].v, 1.0);
/// # Ok::<(), nunatak_promql::QueryError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    series: BTreeMap<Labels, Series>,
}

#[derive(Debug, Clone, Default)]
struct Series {
    times: Vec<i64>,
    values: Vec<f64>,
    /// By time; the value beside it has no meaning.
    histograms: BTreeMap<i64, Arc<Histogram>>,
}

impl MemorySource {
    /// A source without series.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample at `t` ms since the epoch, in any order; of two samples at the same time the
    /// later one counts.
    pub fn push(&mut self, labels: &Labels, t: i64, v: f64) {
        if !self.series.contains_key(labels) {
            self.series.insert(labels.clone(), Series::default());
        }
        let Some(series) = self.series.get_mut(labels) else { return };
        series.histograms.remove(&t);
        match series.times.binary_search(&t) {
            Ok(at) => series.values[at] = v,
            Err(at) => {
                series.times.insert(at, t);
                series.values.insert(at, v);
            }
        }
    }

    /// Adds a native histogram at `t` ms since the epoch. Its hint becomes the one that Prometheus'
    /// storage would have: a counter went on if no count fell since the sample right before, and
    /// whether it began anew is for the reader to find out.
    pub fn push_histogram(&mut self, labels: &Labels, t: i64, mut histogram: Histogram) {
        self.push(labels, t, f64::NAN);
        let Some(series) = self.series.get_mut(labels) else { return };
        let at = series.times.partition_point(|&time| time < t);
        let before = at.checked_sub(1).map(|at| series.times[at]);
        let before = before.and_then(|time| series.histograms.get(&time));
        histogram.hint = hint_behind(&histogram, before.map(Arc::as_ref));
        series.histograms.insert(t, Arc::new(histogram));
    }

    /// Removes a series.
    pub fn remove(&mut self, labels: &Labels) {
        self.series.remove(labels);
    }

    /// Removes all series.
    pub fn clear(&mut self) {
        self.series.clear();
    }

    /// The series that match and have samples in the range.
    fn matching(&self, selector: &Selector) -> Vec<(&Labels, &Series, usize, usize)> {
        let accepts = |labels: &Labels, matcher: &Matcher| {
            matcher.matches(labels.get(matcher.name()).unwrap_or(""))
        };
        let mut found = Vec::new();
        for (labels, series) in &self.series {
            if !selector.matchers.iter().all(|matcher| accepts(labels, matcher)) {
                continue;
            }
            let from = series.times.partition_point(|&t| t < selector.range.start);
            let to = series.times.partition_point(|&t| t <= selector.range.end);
            if from < to {
                found.push((labels, series, from, to));
            }
        }
        found
    }
}

struct MemoryCursor {
    times: Vec<i64>,
    values: Vec<f64>,
    histograms: BTreeMap<i64, Arc<Histogram>>,
    next: usize,
}

impl Cursor for MemoryCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        let end = self.times.len().min(self.next + BATCH);
        batch.times.extend_from_slice(&self.times[self.next..end]);
        batch.values.extend_from_slice(&self.values[self.next..end]);
        if !self.histograms.is_empty() {
            let rows = batch.times.iter().enumerate();
            let histograms = rows.filter_map(|(row, t)| Some((row, self.histograms.remove(t)?)));
            batch.histograms.extend(histograms);
        }
        self.next = end;
        Ok(!batch.is_empty())
    }
}

impl Source for MemorySource {
    fn select(&self, selector: &Selector, hints: &Hints) -> Result<Selection> {
        let limit = if hints.limit == 0 { usize::MAX } else { hints.limit };
        let found = self.matching(selector).into_iter().take(limit);
        let series = found.map(|(labels, series, from, to)| {
            let (times, values) =
                (series.times[from..to].to_vec(), series.values[from..to].to_vec());
            let histograms = series.histograms.clone();
            let cursor = Box::new(MemoryCursor { times, values, histograms, next: 0 });
            SelectedSeries { labels: labels.clone(), cursor }
        });
        Ok(Selection { series: series.collect(), warnings: Vec::new() })
    }

    fn label_names(&self, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for (labels, ..) in self.matching(selector) {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        }
        Ok(limited(names, limit))
    }

    fn label_values(&self, name: &str, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        let found = self.matching(selector);
        let values = found.iter().filter_map(|(labels, ..)| labels.get(name));
        Ok(limited(values.map(str::to_owned).collect(), limit))
    }
}

fn limited(names: BTreeSet<String>, limit: usize) -> Vec<String> {
    names.into_iter().take(if limit == 0 { usize::MAX } else { limit }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::{ResetHint, TimeRange};
    use nunatak_index::{MatchOp, labels};

    fn source() -> MemorySource {
        let mut source = MemorySource::new();
        for (job, t) in [("a", 2), ("a", 1), ("b", 5)] {
            source.push(&labels! { "__name__" => "up", "job" => job }, t, t as f64);
        }
        source
    }

    #[test]
    fn selects_by_matchers_and_time() {
        let matcher = Matcher::new("job", MatchOp::Regex, "a|c").unwrap();
        let selector = Selector::new(vec![matcher], TimeRange::new(2, 9));
        let mut selection = source().select(&selector, &Hints::default()).unwrap();
        assert_eq!(selection.series.len(), 1);
        let mut batch = SampleBatch::default();
        assert!(selection.series[0].cursor.next_batch(&mut batch).unwrap());
        assert_eq!(batch.times, [2]);
    }

    #[test]
    fn histograms_come_with_their_rows() {
        let mut source = source();
        let labels = labels! { "job" => "a" };
        let histogram = |count| Histogram { count, ..Histogram::default() };
        source.push(&labels, 1, 1.0);
        source.push_histogram(&labels, 2, histogram(1.0));
        source.push_histogram(&labels, 3, histogram(2.0));
        source.push_histogram(&labels, 4, histogram(3.0));
        source.push(&labels, 4, 1.0);
        let all = Selector::new(Vec::new(), TimeRange::new(2, 9));
        let mut series = source.select(&all, &Hints::default()).unwrap().series;
        let mut batch = SampleBatch::default();
        assert!(
            series
                .iter_mut()
                .find(|s| s.labels == labels)
                .unwrap()
                .cursor
                .next_batch(&mut batch)
                .unwrap()
        );
        let rows: Vec<_> =
            batch.histograms.iter().map(|(row, h)| (*row, h.count, h.hint)).collect();
        assert_eq!(rows, [(0, 1.0, ResetHint::Unknown), (1, 2.0, ResetHint::NotReset)]);
        assert_eq!((batch.times.as_slice(), batch.values[2]), (&[2, 3, 4][..], 1.0));
    }

    #[test]
    fn lists_names_and_values() {
        let all = Selector::new(Vec::new(), TimeRange::ALL);
        assert_eq!(source().label_names(&all, 0).unwrap(), ["__name__", "job"]);
        assert_eq!(source().label_values("job", &all, 1).unwrap(), ["a"]);
    }
}
