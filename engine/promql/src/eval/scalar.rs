//! Scalars: one number for each step.

use super::Exec;
use crate::binary::apply;
use crate::column::Held;
use crate::error::Result;
use crate::grid::Grid;
use crate::plan::ScalarPlan;

/// The numbers of a scalar at all steps.
#[derive(Debug)]
pub(crate) enum ScalarColumn {
    /// The same at every step.
    Constant(f64),
    /// The numbers, and the memory that they are charged for.
    Steps(Vec<f64>, Held),
}

impl ScalarColumn {
    pub(crate) fn get(&self, step: usize) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Steps(values, _) => values[step],
        }
    }

    /// The numbers of `count` steps; they must be charged by the caller.
    pub(crate) fn into_values(self, count: usize) -> Vec<f64> {
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Steps(values, _) => values,
        }
    }

    /// The numbers, a constant once.
    pub(crate) fn distinct(&self) -> &[f64] {
        match self {
            Self::Constant(value) => std::slice::from_ref(value),
            Self::Steps(values, _) => values,
        }
    }

    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        match &mut self {
            Self::Constant(value) => *value = f(*value),
            Self::Steps(values, _) => values.iter_mut().for_each(|value| *value = f(*value)),
        }
        self
    }

    /// The numbers of two columns, in the place of one of them.
    fn combine(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        match (self, other) {
            (lhs, Self::Constant(b)) => lhs.map(|a| f(a, b)),
            (Self::Constant(a), rhs) => rhs.map(|b| f(a, b)),
            (Self::Steps(mut values, held), Self::Steps(others, _)) => {
                values.iter_mut().zip(&others).for_each(|(a, b)| *a = f(*a, *b));
                Self::Steps(values, held)
            }
        }
    }
}

impl Exec<'_> {
    /// The numbers of a scalar at the steps of `grid`.
    pub(crate) fn scalar(&self, plan: &ScalarPlan, grid: &Grid) -> Result<ScalarColumn> {
        self.watch.work(grid.count)?;
        Ok(match plan {
            ScalarPlan::Number(value) => ScalarColumn::Constant(*value),
            ScalarPlan::Time => {
                let held = self.columns(1, grid)?;
                let seconds = |step| grid.time(step) as f64 / 1000.0;
                ScalarColumn::Steps((0..grid.count).map(seconds).collect(), held)
            }
            ScalarPlan::Negate(inner) => self.scalar(inner, grid)?.map(|value| -value),
            ScalarPlan::Binary(op, lhs, rhs) => {
                // One side waits for the other, at each level of a high tree.
                let mut held = self.held();
                self.take(&mut held, grid.count.div_ceil(2))?;
                let (lhs, rhs) = (self.scalar(lhs, grid)?, self.scalar(rhs, grid)?);
                lhs.combine(rhs, |a, b| apply::scalars(*op, a, b))
            }
            ScalarPlan::Extreme { max, a, b } => {
                let mut held = self.held();
                self.take(&mut held, grid.count.div_ceil(2))?;
                let (a, b) = (self.scalar(a, grid)?, self.scalar(b, grid)?);
                a.combine(b, |a, b| extreme(*max, a, b))
            }
            ScalarPlan::Invariant(inner) => {
                ScalarColumn::Constant(self.scalar(inner, &grid.first())?.get(0))
            }
            ScalarPlan::OfVector(vector) => {
                let held = self.columns(2, grid)?;
                let mut values = vec![f64::NAN; grid.count];
                let mut found = vec![0_u8; grid.count];
                self.stream(vector, grid, &mut |row| {
                    for (step, value) in row.column.iter() {
                        values[step] = if found[step] == 0 { value } else { f64::NAN };
                        found[step] = 1;
                    }
                    Ok(())
                })?;
                ScalarColumn::Steps(values, held)
            }
        })
    }
}

/// The smaller or larger number; NaN if one is NaN.
fn extreme(max: bool, a: f64, b: f64) -> f64 {
    match (a.is_nan() || b.is_nan(), max) {
        (true, _) => f64::NAN,
        (_, true) => a.max(b),
        (_, false) => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::MemorySource;
    use crate::budget::{MemoryShare, QueryMemory};
    use crate::notes::Notes;
    use crate::plan::VectorPlan;
    use crate::watch::Watch;

    #[test]
    fn columns_are_charged_before_they_are_made() {
        let source = MemorySource::new();
        let mut exec = Exec::new(&source, Notes::new(""), Watch::default(), 50_000_000);
        exec.share = Some(MemoryShare::new(Arc::new(QueryMemory::new(16 << 20))));
        let grid = Grid { start: 0, step: 1000, count: 49_000_000 };
        let time = || ScalarPlan::Time;
        assert!(exec.scalar(&time(), &grid).is_err());
        let of_vector = VectorPlan::OfScalar(ScalarPlan::Number(1.0));
        assert!(exec.stream(&of_vector, &grid, &mut |_| panic!("it has a column")).is_err());
        let small = Grid { count: 100_000, ..grid };
        // Both sides are there at once; afterwards nothing is held.
        let high = (0..20).fold(time(), |sum, _| {
            ScalarPlan::Binary(crate::ast::BinaryOp::Add, Box::new(time()), Box::new(sum))
        });
        assert!(exec.scalar(&high, &small).is_err());
        assert_eq!(exec.scalar(&time(), &small).unwrap().get(99_999), 99_999.0);
        assert_eq!(exec.bytes.get(), 0);
    }
}
