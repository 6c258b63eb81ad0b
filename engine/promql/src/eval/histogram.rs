//! `histogram_quantile` and its kin: of classic histograms, which are one series for each bucket,
//! and of native ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::Histogram as NativeHistogram;
use nunatak_index::{Labels, LabelsBuilder};

use super::{Exec, ScalarColumn, Sink};
use crate::ast::Span;
use crate::buckets::{self, Bucket};
use crate::column::{Column, Matrix, Row, Series};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::histogram::quantile as native;
use crate::key::{Interner, without_metadata};
use crate::number::format_open_metrics;
use crate::plan::{HistogramCall, HistogramKind};

/// The label with a bucket's upper bound.
const BUCKET: &str = "le";

/// One histogram: its buckets in the order of their bounds, or what it is at each step.
struct Histogram {
    labels: Labels,
    drop_name: bool,
    /// Upper bound, and the series with the counts.
    buckets: Vec<(f64, Column)>,
    native: BTreeMap<usize, Arc<NativeHistogram>>,
}

/// What a histogram is at one step.
enum Observed<'a> {
    Classic(&'a mut Vec<Bucket>),
    Native(&'a NativeHistogram),
}

/// A quantile, its place, and the label that it gets.
#[derive(Clone, Copy)]
struct Quantile<'a> {
    q: &'a ScalarColumn,
    span: Span,
    label: Option<&'a str>,
}

impl Exec<'_> {
    pub(super) fn histogram(&self, call: &HistogramCall, grid: &Grid, sink: Sink) -> Result<()> {
        let span = call.input_span;
        match &call.kind {
            HistogramKind::Quantile(q, q_span) => {
                let q = self.scalar(q, grid)?;
                let input = self.collect(&call.input, grid)?;
                self.check_quantile(&q, *q_span);
                let quantile = Quantile { q: &q, span: *q_span, label: None };
                self.each_histogram(input, span, sink, &mut |histogram, sink| {
                    self.quantile(histogram, quantile, span, grid, sink)
                })
            }
            HistogramKind::Fraction(lower, upper, lower_span) => {
                let (lower, upper) = (self.scalar(lower, grid)?, self.scalar(upper, grid)?);
                let input = self.collect(&call.input, grid)?;
                self.each_histogram(input, span, sink, &mut |histogram, sink| {
                    let mut column = Column::new(grid.count);
                    histogram.each_step(grid.count, |step, observed| {
                        let (lower, upper) = (lower.get(step), upper.get(step));
                        let fraction = match observed {
                            Observed::Classic(buckets) => buckets::fraction(lower, upper, buckets),
                            Observed::Native(h) => {
                                let (fraction, not_numbers) = native::fraction(lower, upper, h);
                                if not_numbers {
                                    let name = self.name_left(histogram);
                                    self.notes.not_numbers_in_fraction(name, *lower_span);
                                }
                                fraction
                            }
                        };
                        column.set(step, fraction);
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
                    quantiles.iter().try_for_each(|q| {
                        let quantile = Quantile { q, span, label: Some(label) };
                        self.quantile(histogram, quantile, span, grid, sink)
                    })
                })
            }
        }
    }

    fn check_quantile(&self, q: &ScalarColumn, span: Span) {
        for &q in q.distinct().iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.notes.invalid_quantile(q, span);
        }
    }

    /// The name that a native histogram still has when a remark is made on it.
    fn name_left<'a>(&self, histogram: &'a Histogram) -> &'a str {
        if self.delayed_names { histogram.labels.metric_name() } else { "" }
    }

    fn quantile(
        &self,
        histogram: &Histogram,
        quantile: Quantile,
        span: Span,
        grid: &Grid,
        sink: Sink,
    ) -> Result<()> {
        let Quantile { q, span: q_span, label } = quantile;
        let mut column = Column::new(grid.count);
        // Prometheus takes the name away after the first step.
        let mut name = histogram.labels.metric_name();
        histogram.each_step(grid.count, |step, observed| {
            let value = match observed {
                Observed::Classic(buckets) => {
                    let (value, forced) = buckets::quantile(q.get(step), buckets);
                    if forced {
                        self.notes.forced_monotonic(name, span);
                    }
                    value
                }
                Observed::Native(h) => {
                    let (value, not_numbers) = native::quantile(q.get(step), h);
                    if let Some(what) = not_numbers {
                        let name = self.name_left(histogram);
                        self.notes.not_numbers_in_quantile(what, name, q_span);
                    }
                    value
                }
            };
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
        let mut natives: Vec<Histogram> = Vec::new();
        for mut series in series {
            let native = std::mem::take(&mut series.column.histograms);
            if !native.is_empty() {
                let (labels, buckets) = (series.labels.clone(), Vec::new());
                natives.push(Histogram { labels, drop_name: true, buckets, native });
            }
            if series.column.is_empty() {
                continue;
            }
            let le = series.labels.get(BUCKET).unwrap_or("");
            let Some(bound) = buckets::parse_bound(le) else {
                self.notes.bad_bucket_label(le, series.labels.metric_name(), span);
                continue;
            };
            let (number, new) = numbers.number(&series.labels, |name| name != BUCKET);
            if new {
                let labels = series.labels.filtered(|name| name != BUCKET);
                let (buckets, native) = (Vec::new(), BTreeMap::new());
                histograms.push(Histogram { labels, drop_name: true, buckets, native });
            }
            histograms[number].buckets.push((bound, series.column));
        }
        for histogram in &mut histograms {
            histogram.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        for native in &mut natives {
            let (number, new) = numbers.whole(&native.labels);
            if let Some(classic) = histograms.get_mut(number).filter(|_| !new) {
                self.refuse_both(classic, native, span);
            }
        }
        histograms.append(&mut natives);
        histograms
    }

    /// Takes away the steps at which a histogram is there as a classic one and as a native one.
    fn refuse_both(&self, classic: &mut Histogram, native: &mut Histogram, span: Span) {
        let mut both = Vec::new();
        native.native.retain(|&step, _| {
            let meets = classic.buckets.iter().any(|(_, column)| column.present.contains(step));
            if meets {
                both.push(step);
            }
            !meets
        });
        if !both.is_empty() {
            self.notes.mixed_with_classic(native.labels.metric_name(), span);
        }
        for (_, column) in &mut classic.buckets {
            for &step in &both {
                column.present.remove(step);
            }
        }
    }
}

impl Histogram {
    /// Calls `compute` with the buckets of each step that has any.
    fn each_step(&self, steps: usize, mut compute: impl FnMut(usize, Observed)) {
        for (&step, histogram) in &self.native {
            compute(step, Observed::Native(histogram));
        }
        if self.buckets.is_empty() {
            return;
        }
        let mut buckets = Vec::with_capacity(self.buckets.len());
        for step in 0..steps {
            buckets.clear();
            let there = self.buckets.iter().filter_map(|(bound, column)| {
                Some(Bucket { upper: *bound, count: column.get(step)? })
            });
            buckets.extend(there);
            if !buckets.is_empty() {
                compute(step, Observed::Classic(&mut buckets));
            }
        }
    }

    fn row<'a>(&self, column: &'a mut Column) -> Row<'a> {
        Row { labels: self.labels.clone(), drop_name: self.drop_name, column }
    }
}
