//! `histogram_quantile` and its kin, of classic histograms: one series for each bucket.

use nunatak_index::{Labels, LabelsBuilder};

use super::{Exec, ScalarColumn, Sink};
use crate::ast::Span;
use crate::buckets::{self, Bucket};
use crate::column::{Column, Matrix, Row, Series};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::key::{Interner, without_metadata};
use crate::number::format_open_metrics;
use crate::plan::{HistogramCall, HistogramKind};

/// The label with a bucket's upper bound.
const BUCKET: &str = "le";

/// One histogram: its buckets in the order of their bounds.
struct Histogram {
    labels: Labels,
    drop_name: bool,
    /// Upper bound, and the series with the counts.
    buckets: Vec<(f64, Column)>,
}

impl Exec<'_> {
    pub(super) fn histogram(&self, call: &HistogramCall, grid: &Grid, sink: Sink) -> Result<()> {
        let span = call.input_span;
        match &call.kind {
            HistogramKind::Quantile(q, q_span) => {
                let q = self.scalar(q, grid)?;
                let input = self.collect(&call.input, grid)?;
                self.check_quantile(&q, *q_span);
                self.each_histogram(input, span, sink, &mut |histogram, sink| {
                    self.quantile(histogram, &q, span, None, sink)
                })
            }
            HistogramKind::Fraction(lower, upper) => {
                let (lower, upper) = (self.scalar(lower, grid)?, self.scalar(upper, grid)?);
                let input = self.collect(&call.input, grid)?;
                self.each_histogram(input, span, sink, &mut |histogram, sink| {
                    let mut column = Column::new(grid.count);
                    histogram.each_step(grid.count, |step, buckets| {
                        let (lower, upper) = (lower.get(step), upper.get(step));
                        column.set(step, buckets::fraction(lower, upper, buckets));
                    });
                    sink(histogram.row(&mut column))
                })
            }
            HistogramKind::Quantiles(label, quantiles) => {
                let spans = quantiles.iter().map(|(_, q_span)| *q_span);
                let quantiles = quantiles.iter().map(|(q, _)| self.scalar(q, grid));
                let quantiles = quantiles.collect::<Result<Vec<_>>>()?;
                let input = self.collect(&call.input, grid)?;
                quantiles.iter().zip(spans).for_each(|(q, span)| self.check_quantile(q, span));
                self.each_histogram(input, span, sink, &mut |histogram, sink| {
                    quantiles
                        .iter()
                        .try_for_each(|q| self.quantile(histogram, q, span, Some(label), sink))
                })
            }
        }
    }

    fn check_quantile(&self, q: &ScalarColumn, span: Span) {
        for &q in q.distinct().iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.notes.invalid_quantile(q, span);
        }
    }

    fn quantile(
        &self,
        histogram: &Histogram,
        q: &ScalarColumn,
        span: Span,
        label: Option<&str>,
        sink: Sink,
    ) -> Result<()> {
        let steps = histogram.buckets.first().map_or(0, |(_, column)| column.values.len());
        let mut column = Column::new(steps);
        // Prometheus takes the name away after the first step.
        let mut name = histogram.labels.metric_name();
        histogram.each_step(steps, |step, buckets| {
            let (value, forced) = buckets::quantile(q.get(step), buckets);
            if forced {
                self.notes.forced_monotonic(name, span);
            }
            if !self.delayed_names {
                name = "";
            }
            column.set(step, value);
        });
        let mut row = histogram.row(&mut column);
        if let Some(label) = label {
            let text = format_open_metrics(q.distinct().first().copied().unwrap_or(f64::NAN));
            let mut builder = LabelsBuilder::from_labels(&row.labels);
            builder.set(label, &text);
            row.labels =
                builder.build().map_err(|error| QueryError::execution(error.to_string()))?;
        }
        sink(row)
    }

    /// Puts the buckets of each histogram together and hands the results of `compute` on, without
    /// names.
    fn each_histogram(
        &self,
        input: Matrix,
        span: Span,
        sink: Sink,
        compute: &mut dyn FnMut(&Histogram, Sink) -> Result<()>,
    ) -> Result<()> {
        let Matrix { series, held } = input;
        let histograms = self.histograms(series, span);
        let mut all = self.gather(&mut |sink| {
            histograms.iter().try_for_each(|histogram| {
                self.tick()?;
                compute(histogram, sink)
            })
        })?;
        drop(held);
        if !self.delayed_names {
            for series in &mut all.series {
                series.labels = without_metadata(&series.labels);
            }
            all = self.merge_equal(all)?;
        }
        self.replay(all, sink)
    }

    fn histograms(&self, series: Vec<Series>, span: Span) -> Vec<Histogram> {
        let mut numbers = Interner::default();
        let mut histograms: Vec<Histogram> = Vec::new();
        for series in series {
            let le = series.labels.get(BUCKET).unwrap_or("");
            let Some(bound) = buckets::parse_bound(le) else {
                self.notes.bad_bucket_label(le, series.labels.metric_name(), span);
                continue;
            };
            let (number, new) = numbers.number(&series.labels, |name| name != BUCKET);
            if new {
                let labels = series.labels.filtered(|name| name != BUCKET);
                histograms.push(Histogram { labels, drop_name: true, buckets: Vec::new() });
            }
            histograms[number].buckets.push((bound, series.column));
        }
        for histogram in &mut histograms {
            histogram.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        histograms
    }
}

impl Histogram {
    /// Calls `compute` with the buckets of each step that has any.
    fn each_step(&self, steps: usize, mut compute: impl FnMut(usize, &mut Vec<Bucket>)) {
        let mut buckets = Vec::with_capacity(self.buckets.len());
        for step in 0..steps {
            buckets.clear();
            let there = self.buckets.iter().filter_map(|(bound, column)| {
                Some(Bucket { upper: *bound, count: column.get(step)? })
            });
            buckets.extend(there);
            if !buckets.is_empty() {
                compute(step, &mut buckets);
            }
        }
    }

    fn row<'a>(&self, column: &'a mut Column) -> Row<'a> {
        Row { labels: self.labels.clone(), drop_name: self.drop_name, column }
    }
}
