//! Evaluation: one series and all steps at a time.
//!
//! [`Exec::stream`] walks the plan and hands each series of the result, as a [`Row`] whose column
//! is reused for the next one, to a sink: a function of windows fills the column from the samples,
//! functions of values change it in place, an aggregation folds it into its groups, and nothing in
//! between keeps it. Operators that need more than one series at a time (joins, histograms, label
//! changes) [`collect`](Exec::collect) their input first.

mod absent;
mod buckets;
mod histogram;
mod info;
mod labels;
mod map;
mod native;
mod ranges;
mod scalar;
mod select;
mod sort;

use std::cell::Cell;
use std::rc::Rc;

use nunatak::Source;
use nunatak_index::Labels;

use crate::aggregate::aggregate;
use crate::ast::AggregateOp;
use crate::binary::{mixed, pair, set_operation};
use crate::budget::MemoryShare;
use crate::column::{Column, Held, Matrix, Row, Series};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::histogram::operate::scaled;
use crate::key::{Interner, is_metadata, without_metadata};
use crate::notes::Notes;
use crate::plan::VectorPlan;
use crate::profile::Profile;
use crate::watch::Watch;

pub(crate) use scalar::ScalarColumn;
pub(crate) use select::Samples;

/// What a sample counts as.
const SAMPLE_BYTES: u64 = 16;

/// What a step of a column that is being filled counts as.
const COLUMN_BYTES: u64 = 9;

/// Takes the series of a vector one by one.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Row<'_>) -> Result<()>;

/// Changes a series and hands it on.
pub(crate) type Stage<'a> = &'a mut dyn FnMut(Row<'_>, Sink) -> Result<()>;

/// One evaluation of one query.
pub(crate) struct Exec<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) notes: Notes,
    pub(crate) watch: Watch<'a>,
    max_samples: u64,
    pub(crate) lookback_ms: i64,
    /// Metric names go at the end of the query, not where they lose their meaning.
    pub(crate) delayed_names: bool,
    pub(crate) is_range_query: bool,
    live: Rc<Cell<u64>>,
    pub(crate) peak: Cell<u64>,
    pub(crate) samples_read: Cell<u64>,
    pub(crate) series_read: Cell<u64>,
    /// Bytes of label sets and cursors, held to the end of the query, and of columns that are filled.
    bytes: Rc<Cell<u64>>,
    pub(crate) peak_bytes: Cell<u64>,
    /// What the query has of the memory for all queries.
    pub(crate) share: Option<MemoryShare>,
    pub(crate) profile: Option<Profile>,
}

impl<'a> Exec<'a> {
    pub(crate) fn new(
        source: &'a dyn Source,
        notes: Notes,
        watch: Watch<'a>,
        max_samples: u64,
    ) -> Self {
        Self {
            source,
            notes,
            watch,
            max_samples,
            lookback_ms: 0,
            delayed_names: false,
            is_range_query: false,
            live: Rc::default(),
            peak: Cell::new(0),
            samples_read: Cell::new(0),
            series_read: Cell::new(0),
            bytes: Rc::default(),
            peak_bytes: Cell::new(0),
            share: None,
            profile: None,
        }
    }

    /// Counts one operation; stops a query that was cancelled or has run too long.
    pub(crate) fn tick(&self) -> Result<()> {
        self.watch.tick()
    }

    /// An empty account for samples that will be kept in memory.
    pub(crate) fn held(&self) -> Held {
        Held::new(Rc::clone(&self.live))
    }

    /// Charges samples to an account.
    pub(crate) fn take(&self, held: &mut Held, samples: usize) -> Result<()> {
        let live = held.take(samples as u64);
        self.peak.set(self.peak.get().max(live));
        if live > self.max_samples {
            return Err(QueryError::too_many_samples());
        }
        self.account(live)
    }

    /// Charges bytes that are no samples and stay to the end of the query.
    pub(crate) fn take_bytes(&self, bytes: u64) -> Result<()> {
        self.bytes.set(self.bytes.get() + bytes);
        self.account(self.live.get())
    }

    /// Charges columns that are about to be made, for as long as the account lives: a step is a number
    /// and a bit. They are no samples, so the limit of samples does not see them.
    pub(crate) fn columns(&self, columns: u64, grid: &Grid) -> Result<Held> {
        let mut held = Held::new(Rc::clone(&self.bytes));
        held.take(columns * COLUMN_BYTES * grid.count as u64);
        self.account(self.live.get())?;
        Ok(held)
    }

    /// Charges what the text of labels is longer than that of the labels which they are made from.
    pub(crate) fn take_text(&self, labels: &Labels, base: &Labels) -> Result<()> {
        let added = labels.text_len().saturating_sub(base.text_len());
        self.watch.work(added)?;
        self.take_bytes(added as u64)
    }

    /// Sees to it that the query has the memory for so many samples and what is beside them.
    fn account(&self, samples: u64) -> Result<()> {
        let bytes = samples.saturating_mul(SAMPLE_BYTES).saturating_add(self.bytes.get());
        self.peak_bytes.set(self.peak_bytes.get().max(bytes));
        if let Some(profile) = &self.profile {
            profile.hold(bytes);
        }
        self.share.as_ref().map_or(Ok(()), |share| share.cover(bytes))
    }

    /// Refuses a grid whose columns alone would be above the limit.
    pub(crate) fn admit(&self, grid: &Grid) -> Result<()> {
        if grid.count as u64 > self.max_samples {
            return Err(QueryError::too_many_samples());
        }
        Ok(())
    }

    /// All series of a vector at rest; series without values are left out.
    pub(crate) fn collect(&self, plan: &VectorPlan, grid: &Grid) -> Result<Matrix> {
        self.gather(&mut |sink| self.stream(plan, grid, sink))
    }

    /// Collects what `produce` hands to its sink.
    pub(crate) fn gather(&self, produce: &mut dyn FnMut(Sink) -> Result<()>) -> Result<Matrix> {
        let mut matrix = Matrix { series: Vec::new(), held: self.held() };
        produce(&mut |row| {
            if !row.column.is_empty() {
                self.take(&mut matrix.held, row.column.cost())?;
                let column = std::mem::take(row.column);
                matrix.series.push(Series { labels: row.labels, drop_name: row.drop_name, column });
            }
            Ok(())
        })?;
        Ok(matrix)
    }

    /// Hands series at rest to a sink.
    pub(crate) fn replay(&self, matrix: Matrix, sink: Sink) -> Result<()> {
        for mut series in matrix.series {
            self.watch.work(series.column.values.len())?;
            let (labels, drop_name) = (series.labels, series.drop_name);
            sink(Row { labels, drop_name, column: &mut series.column })?;
        }
        Ok(())
    }

    /// Hands the series of a vector to `sink`, one by one.
    pub(crate) fn stream(&self, plan: &VectorPlan, grid: &Grid, sink: Sink) -> Result<()> {
        if grid.count == 0 {
            return Ok(());
        }
        self.watch.work(grid.count)?;
        let _column = self.columns(u64::from(fills_a_column(plan)), grid)?;
        let Some(profile) = &self.profile else { return self.evaluate(plan, grid, sink) };
        let above = profile.enter(plan);
        let result = self.evaluate(plan, grid, &mut |row| {
            profile.hand_on(&row);
            let here = profile.switch(above);
            let result = sink(row);
            profile.switch(here);
            result
        });
        profile.switch(above);
        result
    }

    fn evaluate(&self, plan: &VectorPlan, grid: &Grid, sink: Sink) -> Result<()> {
        match plan {
            VectorPlan::Select(select) => self.select(select, grid, sink),
            VectorPlan::Window(call) => self.window(call, grid, sink),
            VectorPlan::Map(call) => self.map(call, grid, sink),
            VectorPlan::Timestamp(select) => self.timestamp(select, grid, sink),
            VectorPlan::OfScalar(scalar) => {
                let values = self.scalar(scalar, grid)?.into_values(grid.count);
                let mut column = Column::full(values);
                sink(Row { labels: Labels::empty(), drop_name: false, column: &mut column })
            }
            VectorPlan::Clock(func) => self.clock(*func, grid, sink),
            VectorPlan::Absent(input, labels) => self.absent(input, labels, grid, sink),
            VectorPlan::AbsentOverTime(range, labels) => {
                self.absent_over_time(range, labels, grid, sink)
            }
            VectorPlan::Labels(call) => self.edit_labels(call, grid, sink),
            VectorPlan::Sort(call) => self.sort(call, grid, sink),
            VectorPlan::Histogram(call) => self.histogram(call, grid, sink),
            VectorPlan::Info(call) => self.info(call, grid, sink),
            VectorPlan::Nothing(input) => self.stream(input, grid, &mut |_| Ok(())),
            VectorPlan::Negate(input) => self.dropping_names(
                input,
                grid,
                &mut |row, sink| {
                    row.column.map(|value| -value);
                    for h in row.column.histograms.values_mut() {
                        *h = scaled(h, -1.0).into();
                    }
                    sink(row)
                },
                sink,
            ),
            VectorPlan::Aggregate(plan) => aggregate(self, plan, grid, sink),
            VectorPlan::Mixed(plan) => mixed(self, plan, grid, sink),
            VectorPlan::Pair(plan) if plan.op.is_set() => set_operation(self, plan, grid, sink),
            VectorPlan::Pair(plan) => pair(self, plan, grid, sink),
            VectorPlan::Invariant(inner) => self.stream(inner, &grid.first(), &mut |row| {
                row.column.spread(grid.count);
                sink(row)
            }),
        }
    }

    /// Streams `input` through `stage` and takes the names of the metrics away, now or, with
    /// delayed name removal, later.
    pub(crate) fn dropping_names(
        &self,
        input: &VectorPlan,
        grid: &Grid,
        stage: Stage,
        sink: Sink,
    ) -> Result<()> {
        if self.delayed_names {
            return self.stream(input, grid, &mut |mut row| {
                row.drop_name = true;
                stage(row, sink)
            });
        }
        if let VectorPlan::Select(select) = input {
            return self.select_without_names(select, grid, stage, sink);
        }
        if unique_without_names(input) {
            return self.stream(input, grid, &mut |mut row| {
                row.labels = without_metadata(&row.labels);
                stage(row, sink)
            });
        }
        let matrix = self.gather(&mut |sink| {
            self.stream(input, grid, &mut |mut row| {
                row.labels = without_metadata(&row.labels);
                stage(row, sink)
            })
        })?;
        self.replay(self.merge_equal(matrix)?, sink)
    }

    /// Makes one series of those with equal labels.
    ///
    /// # Errors
    /// If two of them have a value at the same step.
    pub(crate) fn merge_equal(&self, matrix: Matrix) -> Result<Matrix> {
        let Matrix { series, held } = matrix;
        let mut numbers = Interner::default();
        let mut merged: Vec<Series> = Vec::with_capacity(series.len());
        for next in series {
            self.tick()?;
            let (number, new) = numbers.whole(&next.labels);
            if new {
                merged.push(next);
                continue;
            }
            let first = &mut merged[number];
            if first.column.there().first_common(&next.column.there()).is_some() {
                return Err(QueryError::same_labels());
            }
            first.column.absorb(&next.column);
        }
        Ok(Matrix { series: merged, held })
    }

    /// With delayed name removal: takes the names away that are due.
    pub(crate) fn drop_due_names(&self, mut matrix: Matrix) -> Result<Matrix> {
        if !self.delayed_names {
            return Ok(matrix);
        }
        for series in &mut matrix.series {
            if series.drop_name {
                series.labels = without_metadata(&series.labels);
            }
        }
        self.merge_equal(matrix)
    }
}

/// Whether the operator has a column of its own, instead of changing that of its input. Those of
/// selectors and windows are charged where they are filled.
fn fills_a_column(plan: &VectorPlan) -> bool {
    match plan {
        VectorPlan::Select(_)
        | VectorPlan::Timestamp(_)
        | VectorPlan::Window(_)
        | VectorPlan::Map(_)
        | VectorPlan::Labels(_)
        | VectorPlan::Sort(_)
        | VectorPlan::Info(_)
        | VectorPlan::Nothing(_)
        | VectorPlan::Negate(_)
        | VectorPlan::Mixed(_) => false,
        VectorPlan::OfScalar(_)
        | VectorPlan::Clock(_)
        | VectorPlan::Absent(..)
        | VectorPlan::AbsentOverTime(..)
        | VectorPlan::Histogram(_)
        | VectorPlan::Aggregate(_)
        | VectorPlan::Pair(_)
        | VectorPlan::Invariant(_) => true,
    }
}

/// Whether no two series of the result differ in the metric's name, type and unit alone, as far
/// as the plan tells.
fn unique_without_names(plan: &VectorPlan) -> bool {
    match plan {
        VectorPlan::Window(call) => !select::keeps_name(call.func),
        VectorPlan::Map(_) | VectorPlan::Negate(_) | VectorPlan::OfScalar(_) => true,
        VectorPlan::Aggregate(plan) => {
            use AggregateOp::{Bottomk, LimitRatio, Limitk, Topk};
            let keeps_names = matches!(plan.op, Topk | Bottomk | Limitk | LimitRatio);
            !keeps_names && !plan.without && !plan.grouping.iter().any(|label| is_metadata(label))
        }
        VectorPlan::Invariant(inner) => unique_without_names(inner),
        _ => false,
    }
}
