//! Aggregations that need one small accumulator for each group and step.

use super::groups::Groups;
use crate::ast::AggregateOp;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::math::{Mean, Sum};
use crate::plan::AggregatePlan;

/// One accumulator of an aggregation.
trait Accumulator: Clone {
    /// Of the first value.
    fn new(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn finish(&self) -> f64;
}

pub(super) fn fold(exec: &Exec, plan: &AggregatePlan, grid: &Grid, sink: Sink) -> Result<()> {
    match plan.op {
        AggregateOp::Sum => run::<Sum>(exec, plan, grid, sink),
        AggregateOp::Avg => run::<Mean>(exec, plan, grid, sink),
        AggregateOp::Min => run::<Min>(exec, plan, grid, sink),
        AggregateOp::Max => run::<Max>(exec, plan, grid, sink),
        AggregateOp::Count => run::<Count>(exec, plan, grid, sink),
        AggregateOp::Stddev => run::<Deviation>(exec, plan, grid, sink),
        AggregateOp::Stdvar => run::<Variance>(exec, plan, grid, sink),
        _ => run::<One>(exec, plan, grid, sink),
    }
}

/// The accumulators of a group.
struct Cells<A> {
    cells: Vec<Option<A>>,
}

/// How many samples of 16 bytes the accumulators of a group count as.
fn cost<A>(steps: usize) -> usize {
    steps.saturating_mul(size_of::<Option<A>>()).div_ceil(16)
}

fn run<A: Accumulator>(exec: &Exec, plan: &AggregatePlan, grid: &Grid, sink: Sink) -> Result<()> {
    let mut groups = Groups::default();
    let mut accumulators: Vec<Cells<A>> = Vec::new();
    let mut held = exec.held();
    exec.stream(&plan.input, grid, &mut |row| {
        let (group, new) = groups.of(plan, &row.labels, row.drop_name);
        if new {
            exec.take(&mut held, cost::<A>(grid.count))?;
            accumulators.push(Cells { cells: vec![None; grid.count] });
        }
        let cells = &mut accumulators[group].cells;
        for (step, value) in row.column.iter() {
            match &mut cells[step] {
                Some(cell) => cell.add(value),
                empty => *empty = Some(A::new(value)),
            }
        }
        Ok(())
    })?;
    let mut column = Column::default();
    let Groups { labels, drop_name, .. } = groups;
    for ((labels, drop_name), group) in labels.into_iter().zip(drop_name).zip(accumulators) {
        column.reset(grid.count);
        for (step, cell) in group.cells.iter().enumerate() {
            if let Some(cell) = cell {
                column.set(step, cell.finish());
            }
        }
        sink(Row { labels, drop_name, column: &mut column })?;
    }
    Ok(())
}

impl Accumulator for Sum {
    fn new(value: f64) -> Self {
        Self::new(value)
    }

    fn add(&mut self, value: f64) {
        self.add(value);
    }

    fn finish(&self) -> f64 {
        self.total()
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
