//! Aggregations that need one small accumulator for each group and step.

use nunatak_index::Labels;

use super::groups::Groups;
use crate::ast::AggregateOp;
use crate::column::{Bits, Column, Row};
use crate::error::Result;
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::histogram::aggregate::Groups as NativeGroups;
use crate::math::{Mean, Sum};
use crate::plan::{AggregatePlan, VectorPlan};

/// One accumulator of an aggregation.
trait Accumulator: Clone {
    /// Of the first value.
    fn new(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn finish(&self) -> f64;
}

pub(super) fn fold(exec: &Exec, plan: &AggregatePlan, grid: &Grid, sink: Sink) -> Result<()> {
    match plan.op {
        AggregateOp::Sum => run::<Sums>(exec, plan, grid, sink),
        AggregateOp::Avg => run::<Each<Mean>>(exec, plan, grid, sink),
        AggregateOp::Min => run::<Each<Min>>(exec, plan, grid, sink),
        AggregateOp::Max => run::<Each<Max>>(exec, plan, grid, sink),
        AggregateOp::Count => run::<Each<Count>>(exec, plan, grid, sink),
        AggregateOp::Stddev => run::<Each<Deviation>>(exec, plan, grid, sink),
        AggregateOp::Stdvar => run::<Each<Variance>>(exec, plan, grid, sink),
        _ => run::<Each<One>>(exec, plan, grid, sink),
    }
}

/// The accumulators of a group.
trait Cells {
    /// Those of so many steps.
    fn new(steps: usize) -> Self;
    fn add(&mut self, column: &Column);
    fn finish(&self, out: &mut Column);
    /// Bytes of one step.
    const BYTES: usize;
}

fn run<C: Cells>(exec: &Exec, plan: &AggregatePlan, grid: &Grid, sink: Sink) -> Result<()> {
    let mut groups = Groups::default();
    let mut accumulators: Vec<C> = Vec::new();
    let mut held = exec.held();
    let mut native = NativeGroups::new(plan.op, plan.span, &exec.notes);
    exec.stream(&plan.input, grid, &mut |row| {
        let (group, new) = groups.of(plan, &row.labels, row.drop_name);
        if new {
            // How many samples of 16 bytes they count as.
            exec.take(&mut held, grid.count.saturating_mul(C::BYTES).div_ceil(16))?;
            accumulators.push(C::new(grid.count));
        }
        if !row.column.histograms.is_empty() {
            native.take(group, metric_name(plan, &row.labels), row.column);
        }
        accumulators[group].add(row.column);
        Ok(())
    })?;
    let mut column = Column::default();
    let accumulators = accumulators.into_iter().enumerate().collect();
    for (labels, drop_name, (number, group)) in groups.with(plan, accumulators) {
        column.reset(grid.count);
        group.finish(&mut column);
        native.finish(number, &mut column);
        sink(Row { labels, drop_name, column: &mut column })?;
    }
    Ok(())
}

/// The metric's name for remarks on a series of the input.
fn metric_name<'a>(plan: &'a AggregatePlan, labels: &'a Labels) -> &'a str {
    match &plan.input {
        VectorPlan::Select(select) => select.metric_name(labels),
        _ => labels.metric_name(),
    }
}

/// One accumulator for each step.
struct Each<A>(Vec<Option<A>>);

impl<A: Accumulator> Cells for Each<A> {
    const BYTES: usize = size_of::<Option<A>>();

    fn new(steps: usize) -> Self {
        Self(vec![None; steps])
    }

    fn add(&mut self, column: &Column) {
        for (step, value) in column.iter() {
            match &mut self.0[step] {
                Some(cell) => cell.add(value),
                empty => *empty = Some(A::new(value)),
            }
        }
    }

    fn finish(&self, out: &mut Column) {
        for (step, cell) in self.0.iter().enumerate() {
            if let Some(cell) = cell {
                out.set(step, cell.finish());
            }
        }
    }
}

/// Sums of all steps: a column is added to them as a whole. What each lost stands apart from it, so
/// that several steps are loaded and stored at a time.
struct Sums {
    values: Vec<f64>,
    lost: Vec<f64>,
    present: Bits,
}

impl Sums {
    /// Adds the values of the steps from `first` on; for as many as there are values.
    fn add_all(&mut self, first: usize, values: &[f64]) {
        let sums = self.values[first..].iter_mut().zip(&mut self.lost[first..]);
        sums.zip(values).for_each(|((value, lost), &x)| add_to(value, lost, x));
    }
}

fn add_to(value: &mut f64, lost: &mut f64, x: f64) {
    let mut sum = Sum { value: *value, lost: *lost };
    sum.add(x);
    (*value, *lost) = (sum.value, sum.lost);
}

impl Cells for Sums {
    const BYTES: usize = size_of::<Sum>();

    fn new(steps: usize) -> Self {
        // −0 is what changes no sum, not even that of another −0.
        let (values, lost) = (vec![-0.0; steps], vec![0.0; steps]);
        Self { values, lost, present: Bits::new(steps) }
    }

    fn add(&mut self, column: &Column) {
        self.present.union(&column.present);
        if column.present.is_full() {
            return self.add_all(0, &column.values);
        }
        // Most series begin or end somewhere, and are there at all steps between.
        for (word, &bits) in column.present.words().iter().enumerate() {
            let first = word * 64;
            if bits == u64::MAX {
                self.add_all(first, &column.values[first..first + 64]);
                continue;
            }
            let mut rest = bits;
            while rest != 0 {
                let step = first + rest.trailing_zeros() as usize;
                add_to(&mut self.values[step], &mut self.lost[step], column.values[step]);
                rest &= rest - 1;
            }
        }
    }

    fn finish(&self, out: &mut Column) {
        for step in self.present.iter() {
            let sum = Sum { value: self.values[step], lost: self.lost[step] };
            out.set(step, sum.total());
        }
    }
}

impl Accumulator for Mean {
    fn new(value: f64) -> Self {
        let mut mean = Self::default();
        mean.add(value);
        mean
    }

    fn add(&mut self, value: f64) {
        self.add(value);
    }

    fn finish(&self) -> f64 {
        self.total()
    }
}

#[derive(Clone)]
struct Min(f64);

impl Accumulator for Min {
    fn new(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if self.0 > value || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn finish(&self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Max(f64);

impl Accumulator for Max {
    fn new(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if self.0 < value || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn finish(&self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Count(f64);

impl Accumulator for Count {
    fn new(_: f64) -> Self {
        Self(1.0)
    }

    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn finish(&self) -> f64 {
        self.0
    }
}

/// `group`
#[derive(Clone)]
struct One;

impl Accumulator for One {
    fn new(_: f64) -> Self {
        Self
    }

    fn add(&mut self, _: f64) {}

    fn finish(&self) -> f64 {
        1.0
    }
}

/// The population variance (Welford 1962).
#[derive(Clone)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Accumulator for Variance {
    fn new(value: f64) -> Self {
        let squares = if value.is_finite() { 0.0 } else { f64::NAN };
        Self { count: 1.0, mean: value, squares }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn finish(&self) -> f64 {
        self.squares / self.count
    }
}

#[derive(Clone)]
struct Deviation(Variance);

impl Accumulator for Deviation {
    fn new(value: f64) -> Self {
        Self(Variance::new(value))
    }

    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn finish(&self) -> f64 {
        self.0.finish().sqrt()
    }
}
