//! Windows of samples: from a selector, or from a subquery.

use super::select::{keeps_name, unique};
use super::{Exec, Sink};
use crate::ast::Span;
use crate::column::{Column, Matrix, Row};
use crate::error::{QueryError, Result};
use crate::eval::select::Samples;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::key::{Interner, without_metadata};
use crate::plan::{
    RangePlan, Scan, SelectPlan, SubqueryInput, SubqueryPlan, WindowCall, has_one_name,
};
use crate::value::{MatrixSeries, Points};
use crate::window::{self, Frames, Remarks};
use nunatak::{SelectedSeries, Selector};
use nunatak_index::{Labels, METRIC_NAME, MatchOp, labels};

/// A series with its samples: labels, whether its name is due to go, and the samples.
type Taker<'a> = &'a mut dyn FnMut(&Labels, bool, &mut Samples) -> Result<()>;

/// How the series of a range selector are come by.
pub(super) enum Input {
    /// They are selected when they are needed.
    Unopened,
    Opened(Vec<SelectedSeries>),
    /// In any order, with those labels alone that are looked at.
    Scanned,
}

impl Exec<'_> {
    /// A function of windows.
    pub(super) fn window(&self, call: &WindowCall, grid: &Grid, sink: Sink) -> Result<()> {
        window::check_mode(call.func, call.range.mode())?;
        if self.window_of_buckets(call, grid, sink)?.is_some() {
            return Ok(());
        }
        let keeps_names = self.delayed_names || keeps_name(call.func);
        if let RangePlan::Select(select, range_ms) = &call.range {
            let unsorted = select.scan.is_unsorted();
            // What comes of each series of an instant query is small, and can be sorted later.
            let later = grid.count == 1 || select.scan == Scan::SortedLater;
            let scans = unsorted || (later && has_one_name(&select.matchers));
            if scans && (keeps_names || !self.has_types(select, grid, *range_ms)?) {
                if unsorted {
                    return self.windows(call, grid, Input::Scanned, sink);
                }
                let scan = &mut |sink: Sink| self.windows(call, grid, Input::Scanned, sink);
                return self.sorted(scan, sink);
            }
            let series = self.open(select, grid, *range_ms)?;
            if keeps_names || unique(&series) {
                return self.windows(call, grid, Input::Opened(series), sink);
            }
        }
        if keeps_names {
            return self.windows(call, grid, Input::Unopened, sink);
        }
        let matrix = self.gather(&mut |sink| self.windows(call, grid, Input::Unopened, sink))?;
        refuse_equal(&matrix)?;
        self.replay(matrix, sink)
    }

    fn windows(&self, call: &WindowCall, grid: &Grid, input: Input, sink: Sink) -> Result<()> {
        let params = call.params.iter().map(|param| self.scalar(param, grid));
        let params = params.collect::<Result<Vec<_>>>()?;
        let mut function = window::WindowFunction::new(call, params);
        // Ends and bounds of the windows and the column: 32 bytes a step.
        let mut held = self.held();
        self.take(&mut held, grid.count.saturating_mul(2))?;
        let mut frames = Frames::new(&call.range, grid, self.lookback_ms);
        let mut column = Column::default();
        let mut kept = 0;
        let counter = matches!(call.func, FunctionId::Rate | FunctionId::Increase);
        // The position of a subquery is lost in Prometheus' remarks.
        let is_subquery = matches!(call.range, RangePlan::Subquery(_));
        let span = if is_subquery { Span::default() } else { call.span };
        let keeps = keeps_name(call.func);
        // Series of a scan may come without their name, but it is the same for all.
        let name =
            metric_name_without_series(&call.range).filter(|_| matches!(input, Input::Scanned));
        self.each_samples(&call.range, grid, input, &mut |labels, name_due, samples| {
            column.reset(grid.count);
            let windows = frames.of(samples, &self.watch);
            if samples.histograms().is_empty() {
                function.evaluate(&windows, &mut column)?;
            } else {
                let metric = name.as_ref().unwrap_or(labels).metric_name();
                let remarks = Remarks { notes: &self.notes, metric, span };
                function.evaluate_mixed(&windows, samples.histograms(), &remarks, &mut column)?;
            }
            let more = (frames.kept() + function.kept()).saturating_sub(kept);
            if more > 0 {
                kept += more;
                self.take(&mut held, more)?;
            }
            if column.is_empty() {
                return Ok(());
            }
            function.remark(&column, &self.notes);
            if counter && !column.present.is_empty() {
                self.notes.possible_non_counter(name.as_ref().unwrap_or(labels), span);
            }
            let nameless = !keeps && !self.delayed_names && name.is_none();
            let labels = if nameless { without_metadata(labels) } else { labels.clone() };
            sink(Row { labels, drop_name: name_due || !keeps, column: &mut column })
        })
    }

    /// The samples of each series that some window may see, without the marks of ends.
    pub(super) fn each_samples(
        &self,
        range: &RangePlan,
        grid: &Grid,
        input: Input,
        take: Taker,
    ) -> Result<()> {
        let mut samples = self.samples();
        match range {
            RangePlan::Select(select, range_ms) => {
                let series = match input {
                    Input::Scanned => {
                        return self.scan(
                            select,
                            grid,
                            *range_ms,
                            false,
                            &mut |labels, samples| take(&labels, false, samples),
                        );
                    }
                    Input::Opened(series) => series,
                    Input::Unopened => self.open(select, grid, *range_ms)?,
                };
                for mut series in series {
                    self.read(&mut *series.cursor, &mut samples, false)?;
                    samples.find_hints(select);
                    take(&series.labels, false, &mut samples)?;
                }
                Ok(())
            }
            RangePlan::Subquery(subquery) => self.subquery(subquery, grid, &mut samples, take),
        }
    }

    /// Whether the storage may have series that differ in their types and units alone.
    pub(super) fn has_types(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        range_ms: i64,
    ) -> Result<bool> {
        let (selector, _) = self.asked(select, grid, range_ms);
        let all = Selector::new(Vec::new(), selector.range);
        for name in ["__type__", "__unit__"] {
            if !self.source.label_values(name, &all, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn subquery(
        &self,
        subquery: &SubqueryPlan,
        grid: &Grid,
        samples: &mut Samples,
        take: Taker,
    ) -> Result<()> {
        let inner =
            grid.subquery(subquery.at, subquery.offset_ms, subquery.range_ms, subquery.step_ms);
        self.admit(&inner)?;
        if inner.count == 0 {
            return Ok(());
        }
        match &subquery.input {
            SubqueryInput::Scalar(scalar) => {
                let values = self.scalar(scalar, &inner)?;
                let points = (0..inner.count).map(|step| (inner.time(step), values.get(step)));
                samples.refill(self, points)?;
                take(&Labels::empty(), false, samples)
            }
            SubqueryInput::Vector(vector) => self.stream(vector, &inner, &mut |row| {
                if row.column.histograms.is_empty() {
                    let points = row.column.iter();
                    samples.refill(self, points.map(|(step, value)| (inner.time(step), value)))?;
                } else {
                    self.refill_mixed(samples, row.column, &inner)?;
                }
                take(&row.labels, row.drop_name, samples)
            }),
        }
    }

    /// A whole expression of windows: the samples of each series at one instant.
    pub(crate) fn matrix(&self, range: &RangePlan, at: i64) -> Result<Vec<MatrixSeries>> {
        let grid = Grid::instant(at);
        let mut all = Vec::new();
        let mut held = self.held();
        let mut numbers = Interner::default();
        let mut frames = Frames::new(range, &grid, self.lookback_ms);
        self.each_samples(range, &grid, Input::Unopened, &mut |labels, name_due, samples| {
            let windows = frames.of(samples, &self.watch);
            let points = if samples.histograms().is_empty() {
                let (times, values) = window::cut(&windows, range.mode());
                Points { times, values, ..Points::default() }
            } else {
                let end = range.window_end(at);
                samples.points((end.saturating_sub(range.range_ms()), end))
            };
            if points.times.is_empty() {
                return Ok(());
            }
            self.take(&mut held, points.times.len())?;
            let drop = name_due && self.delayed_names;
            let labels = if drop { without_metadata(labels) } else { labels.clone() };
            if drop && !numbers.whole(&labels).1 {
                return Err(QueryError::same_labels());
            }
            all.push(points.into_series(labels));
            Ok(())
        })?;
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(all)
    }
}

/// The metric's name that a selector asks for, if nobody looks at those of its series.
fn metric_name_without_series(range: &RangePlan) -> Option<Labels> {
    let RangePlan::Select(select, _) = range else { return None };
    if !matches!(select.scan, Scan::Unsorted | Scan::By(_)) {
        return None;
    }
    let name = select.matchers.iter().find(|m| m.name() == METRIC_NAME && m.op() == MatchOp::Equal);
    name.map(|name| labels! { METRIC_NAME => name.value() })
}

/// Functions of windows refuse equal labels even if the series never meet at a step.
pub(super) fn refuse_equal(matrix: &Matrix) -> Result<()> {
    let mut numbers = Interner::default();
    let unique = matrix.series.iter().all(|series| numbers.whole(&series.labels).1);
    if unique { Ok(()) } else { Err(QueryError::same_labels()) }
}
