//! Series that lie ready in memory: the cheapest source that there can be.

use std::sync::Arc;

use nunatak::{Cursor, Hints, Result, SampleBatch, SelectedSeries, Selection, Selector, Source};
use nunatak::{Labels, METRIC_NAME, Matcher, TimeRange};

/// Samples that a cursor hands out at a time, as many as a block's chunk has.
const CHUNK: usize = 480;

/// One series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) times: Vec<i64>,
    pub(crate) values: Vec<f64>,
}

/// Answers selections whose series have one metric name. A cursor copies as an engine's cursor
/// must; nothing is decoded.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// Sorted by labels.
    series: Vec<Arc<Series>>,
}

impl Shelf {
    pub(crate) fn new(series: impl IntoIterator<Item = Series>) -> Self {
        let mut series: Vec<_> = series.into_iter().map(Arc::new).collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self { series }
    }

    /// All series, for another source.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().map(Arc::as_ref)
    }
}

struct ShelfCursor {
    series: Arc<Series>,
    next: usize,
    end: usize,
}

impl ShelfCursor {
    fn new(series: &Arc<Series>, range: TimeRange) -> Self {
        let next = series.times.partition_point(|&t| t < range.start);
        let end = series.times.partition_point(|&t| t <= range.end);
        Self { series: Arc::clone(series), next, end }
    }
}

impl Cursor for ShelfCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        let to = self.end.min(self.next + CHUNK);
        let part = self.next..to.max(self.next);
        batch.times.extend_from_slice(&self.series.times[part.clone()]);
        batch.values.extend_from_slice(&self.series.values[part]);
        self.next = to;
        Ok(!batch.is_empty())
    }
}

impl Source for Shelf {
    fn select(&self, selector: &Selector, _: &Hints) -> Result<Selection> {
        let accepts = |labels: &Labels, matcher: &Matcher| {
            matcher.matches(labels.get(matcher.name()).unwrap_or(""))
        };
        // Most selectors of a bench select all series of one metric; a scan of the others' names
        // must not be what is measured.
        let name = selector.matchers.iter().find(|m| m.name() == METRIC_NAME);
        let from = name.map_or(0, |name| {
            self.series.partition_point(|series| series.labels.metric_name() < name.value())
        });
        let series = self.series[from..]
            .iter()
            .take_while(|series| name.is_none_or(|m| m.value() == series.labels.metric_name()))
            .filter(|series| selector.matchers.iter().all(|m| accepts(&series.labels, m)))
            .map(|series| SelectedSeries {
                labels: series.labels.clone(),
                cursor: Box::new(ShelfCursor::new(series, selector.range)),
            });
        Ok(Selection { series: series.collect(), warnings: Vec::new() })
    }

    fn label_names(&self, _: &Selector, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &Selector, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}
